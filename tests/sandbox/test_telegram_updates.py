"""How the Telegram of the sandbox gives out its updates, to the unmodified client library."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import pytest
from telegram import Bot, Update
from telegram.error import Conflict

from bot.sandbox.telegram.server import TelegramStandIn
from bot.sandbox.telegram.updates import KEPT

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Chat


async def test_a_poll_ends_without_news(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """After its time-out with nothing, or as soon as there is something."""
    assert await client.get_updates(timeout=1) == ()
    poll = asyncio.create_task(client.get_updates(timeout=50))
    await standin.wait_for(lambda: standin.updates.polled)
    standin.say(ada, ada.person, "hello")
    assert len(await poll) == 1


async def test_an_offset_confirms_what_is_before(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """What is not confirmed comes again; a limit cuts."""
    for text in "abcd":
        standin.say(ada, ada.person, text)
    first, second = await client.get_updates(limit=2)
    assert [update.update_id for update in await client.get_updates(limit=2)] == [first.update_id, second.update_id]
    assert len(await client.get_updates(offset=second.update_id)) == 3


async def test_only_kinds_that_were_asked_for_come(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """The choice holds for what happens from then on, until the next choice; an empty one is the default."""
    await client.get_updates(allowed_updates=[Update.CALLBACK_QUERY])
    standin.say(ada, ada.person, "unheard")
    await client.get_updates(allowed_updates=[])
    standin.say(ada, ada.person, "heard")
    assert [update.message and update.message.text for update in await client.get_updates()] == ["heard"]


async def test_of_two_polls_the_first_is_ended(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """With a conflict, and the second goes on."""
    first = asyncio.create_task(client.get_updates(timeout=50))
    await standin.wait_for(lambda: standin.updates.polled)
    async with Bot(standin.token, base_url=f"{standin.url}/bot") as other:
        second = asyncio.create_task(other.get_updates(timeout=50))
        with pytest.raises(Conflict, match="only one bot instance"):
            await first
        standin.say(ada, ada.person, "hello")
        assert len(await second) == 1


async def test_updates_are_kept_for_a_day() -> None:
    """What happened longer ago than that never arrives."""
    now = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
    async with TelegramStandIn(clock=lambda: now) as standin:
        ada = standin.add_private()
        standin.say(ada, ada.person, "old")
        now += KEPT
        standin.say(ada, ada.person, "new")
        async with Bot(standin.token, base_url=f"{standin.url}/bot") as client:
            assert len(await client.get_updates()) == 2
            now += dt.timedelta(seconds=1)
            assert [update.message and update.message.text for update in await client.get_updates()] == ["new"]


async def test_a_poll_whose_client_left_is_forgotten(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """It neither takes the next updates nor is in the way of the next poll."""
    poll = asyncio.create_task(client.get_updates(timeout=50))
    await standin.wait_for(lambda: standin.updates.polled)
    poll.cancel()
    await standin.wait_for(lambda: not standin.updates.polled)
    standin.say(ada, ada.person, "hello")
    assert len(await client.get_updates()) == 1
