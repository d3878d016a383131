"""The crash test in a shorter form: the program is killed a few times in its pushes, and goes on where it was."""

from __future__ import annotations

import sys

import pytest

from tests.endurance.crash import crash

TARGETS = 20
LIFE = 0.3
"""Seconds at most from the first message to the kill: so many targets take twice as long."""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(("hold", "kills"), [(False, 2), (True, 1)])
async def test_whenever_the_program_is_killed_everyone_has_the_recap(*, hold: bool, kills: int) -> None:
    """Discord never twice; Telegram twice at most what was in doubt, and with `hold` never, but told as unknown."""
    figures = await crash(TARGETS, kills, hold=hold, longest_life=LIFE)
    assert figures.kills == kills
    assert (figures.discord_missing, figures.discord_twice) == (0, 0)
    if hold:
        assert figures.telegram_twice == 0
        assert figures.telegram_missing <= figures.telegram_unknown <= figures.telegram_in_doubt
    else:
        assert figures.telegram_missing == figures.telegram_unknown == 0
        assert figures.telegram_twice <= figures.telegram_in_doubt
