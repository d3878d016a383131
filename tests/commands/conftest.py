"""The bot of the town, on the day after episode 1207."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import time_machine

from tests.conversation import Talk, TelegramPerson, talking
from tests.world import MONDAY, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The machine's clock, on Tuesday the 5th of November 2024 at eight in Paris, going on from there."""
    with time_machine.travel(MONDAY + dt.timedelta(days=1), tick=True) as coordinates:
        yield coordinates


@pytest.fixture
async def talk(clock: time_machine.Traveller, tmp_path: Path) -> AsyncIterator[Talk]:
    """The running bot, with both platforms."""
    del clock
    async with town() as place, talking(place, tmp_path) as started:
        yield started


@pytest.fixture
def anna(talk: Talk) -> TelegramPerson:
    """Somebody in a private chat on Telegram, whose app speaks French."""
    return talk.on_telegram()
