"""The test of corrections in a shorter form: a few kills, and a place of each kind with each fate."""

from __future__ import annotations

import sys

import pytest

from tests.endurance.corrections import correct

KILLS, TARGETS = 1, 8
LIFE = 0.3
"""Seconds at most from the first change to the kill: so many targets take longer."""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
async def test_whenever_the_program_is_killed_every_message_says_what_the_file_says() -> None:
    """Nothing stands twice, nobody hears a sound, and at most what is told as unknown is missing."""
    figures = await correct(TARGETS, KILLS, longest_life=LIFE)
    assert figures.kills == KILLS
    assert figures.wrong == []
    assert (figures.twice, figures.sounds) == (0, 0)
    assert figures.right + figures.left_aside == 2 * TARGETS
    assert figures.missing <= figures.unknown
