"""The bot of the town, on the day after episode 1207.

It runs as long as the tests of a file need it, because its start costs more than most of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import inspect
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import time_machine

from bot.sandbox.discord.world import Permission
from tests.conversation import Talk, TelegramPerson, talking
from tests.world import MONDAY, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the tests of a file run in one event loop, that of the bot they share."""
    if inspect.iscoroutinefunction(getattr(item, "function", None)):
        item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


def tuesday() -> time_machine.travel:
    """The machine's clock on Tuesday the 5th of November 2024 at eight in Paris, going on from there."""
    return time_machine.travel(MONDAY + dt.timedelta(days=1), tick=True)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The machine's clock, which the test may turn."""
    with tuesday() as coordinates:
        yield coordinates


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """The running bot, with both platforms."""
    folder = tmp_path_factory.mktemp("running")
    with tuesday():
        async with town() as place, talking(place, folder) as started:
            yield started


@pytest.fixture
def talk(running: Talk) -> Iterator[Talk]:
    """The running bot, among people whom it has not met."""
    with newcomers(running) as started:
        yield started


@contextlib.contextmanager
def newcomers(running: Talk) -> Iterator[Talk]:
    """The running bot among people whom it has not met; what a test breaks is whole again after it."""
    place, ask = running.town, running.app.throttle.clock
    telegram, discord = place.telegram, place.discord
    reader, manager = discord.add_user("lectrice"), discord.add_user("gérante")
    discord.add_member(place.guild, reader)
    discord.add_member(place.guild, manager, Permission.MANAGE_GUILD | Permission.VIEW_CHANNEL)
    text = discord.add_text(place.guild, "général")
    for standin in (telegram, discord):
        standin.traffic.requests.clear()
        standin.traffic.waits.clear()
    yield Talk(running.app, dataclasses.replace(place, reader=reader, manager=manager, text=text))
    running.app.throttle.clock = ask
    for standin in (telegram, discord):
        standin.faults.clear()


@pytest_asyncio.fixture(loop_scope="module")
async def alone(clock: time_machine.Traveller, tmp_path: Path) -> AsyncIterator[Talk]:
    """A bot of one's own, where the test turns its clock or looks at all that it has."""
    del clock
    async with town() as place, talking(place, tmp_path) as started:
        yield started


@pytest.fixture
def anna(talk: Talk) -> TelegramPerson:
    """Somebody in a private chat on Telegram, whose app speaks French."""
    return talk.on_telegram()
