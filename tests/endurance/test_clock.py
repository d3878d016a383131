"""The clock test in a shorter form: a few pushes during which somebody sets the machine's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.runtime import heart
from tests.endurance.clock import jump

if TYPE_CHECKING:
    import pytest

PUSHES, TARGETS = 2, 30


async def test_however_the_clock_is_set_everyone_has_the_recap_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and back by a minute to forty days, while the bot runs and between two runs; and the admins are told."""
    monkeypatch.setattr(heart, "LOOK_EVERY", 0.2)
    figures = await jump(PUSHES, TARGETS)
    assert figures.jumps >= PUSHES
    assert (figures.missing, figures.twice) == (0, 0)
