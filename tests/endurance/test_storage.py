"""The storage test in a shorter form: a push for each way of taking the database away from under the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.runtime import heart
from bot.storage import database, sqlite
from tests.endurance.storage import KINDS, trouble

if TYPE_CHECKING:
    import pytest

TARGETS = 15


async def test_without_its_database_the_bot_loses_and_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted, moved, restored, locked, full: everyone has the recap once, and what people were told is so."""
    for module, name, seconds in (
        (heart, "LOOK_EVERY", 0.2),
        (database, "PUT_BACK_AFTER", 2.0),
        (sqlite, "PATIENCE", 3),
    ):
        monkeypatch.setattr(module, name, seconds)
    figures = await trouble(len(KINDS), TARGETS)
    assert set(figures.kinds) == set(KINDS)
    assert (figures.missing, figures.twice, figures.untrue) == (0, 0, [])
    assert figures.unsaved >= len(KINDS) - 1
