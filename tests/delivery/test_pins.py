"""Pinning: the newest recap of a place is pinned in place of the last one, and no push fails for it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from bot.delivery import publishing, retry
from bot.delivery.publishing import pinning
from bot.model.shortfalls import NotPinned
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import BOT, Permission
from bot.sandbox.shared.faults import Fault, Flood, Match
from bot.sandbox.telegram.model import Status
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.pins import Pin
from tests.delivery.ledger_kit import TELEGRAM, Clock, due, everything, push, subscribe, subscription, telegram
from tests.delivery.side import finished
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.sandbox.discord import world as discord_world
    from bot.sandbox.telegram import model as telegram_model
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Place, Side

PIN = {"telegram": "pinChatMessage", "discord": "PUT /channels/{channel_id}/messages/pins/{message_id}"}


@pytest.fixture(autouse=True)
def _eagerness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the ledger every tenth of a second."""
    monkeypatch.setattr(publishing, "LOOK_EVERY", 0.1)


def pinnable(side: Side, *, is_allowed: bool = True) -> Place:
    """A group or a channel, where the bot may pin or only write."""
    if isinstance(side.standin, TelegramStandIn):
        group = side.standin.add_supergroup("Auditeurs")
        if is_allowed:
            side.standin.set_member(group, side.standin.bot, Status.ADMINISTRATOR)
        return group
    rights = BOT | Permission.PIN_MESSAGES if is_allowed else BOT
    return side.standin.add_text(side.standin.add_guild("Auditeurs", rights), "récap")


def pinned(side: Side, place: Place) -> list[str]:
    """The texts of the messages that are pinned there."""
    texts = side.received(place)
    messages: Sequence[telegram_model.Message | discord_world.Message] = place.messages
    return [text for text, message in zip(texts, messages, strict=True) if message.pinned]


async def until_pinned(side: Side, place: Place, *texts: str) -> None:
    """Wait until exactly these messages are pinned there."""
    await until(lambda: pinned(side, place) == list(texts))


async def test_the_newest_recap_takes_the_place_of_the_last_one(either: Side, real_ledger: Ledger) -> None:
    """Its first message, also after a restart and a pause that the platform asks for."""
    place = pinnable(either)
    await either.subscribe(real_ledger, place, pin=True)
    await either.deliver(real_ledger, await either.open(real_ledger, "Un", "Deux"))
    either.standin.faults.add(Fault(Flood(0.1), Match(route=PIN[either.name]), times=1))
    async with either.delivering(real_ledger):
        await until_pinned(either, place, "Un")
        await either.open(real_ledger, "Trois", "Quatre", episode=1208)
        await until_pinned(either, place, "Trois")
    assert either.told == []


async def test_a_missing_right_is_told_and_fails_no_push(
    either: Side, real_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody has the recap; the admins hear at once which place has it unpinned."""
    monkeypatch.setattr(publishing, "LOOK_EVERY", 600)
    place = pinnable(either, is_allowed=False)
    await either.subscribe(real_ledger, place, pin=True)
    async with either.delivering(real_ledger):
        assert await finished(real_ledger, await either.open(real_ledger, "Un")) == {"sent": 1}
        await either.hears(NotPinned)
    (fact,) = either.told
    assert fact.places == (either.target(place),)
    assert pinned(either, place) == []


async def test_a_pin_that_was_taken_off_by_hand_is_no_trouble(either: Side, real_ledger: Ledger) -> None:
    """On Telegram it is not pinned any more; on Discord it is gone."""
    place = pinnable(either)
    await either.subscribe(real_ledger, place, pin=True)
    async with either.delivering(real_ledger):
        await either.open(real_ledger, "Un")
        await until_pinned(either, place, "Un")
        if isinstance(either.standin, DiscordStandIn):
            place.messages[0].delete()  # type: ignore[union-attr] # a message of Discord
        else:
            place.messages[0].pinned = False
        await either.open(real_ledger, "Deux", episode=1208)
        await until_pinned(either, place, "Deux")
    assert either.told == []


async def test_a_forum_pins_its_newest_post(discord_side: Side, real_ledger: Ledger) -> None:
    """It has room for one: the last one makes room, deleted or not; another person's post keeps its place."""
    discord = discord_side.standin
    assert isinstance(discord, DiscordStandIn)
    forum = discord.add_forum(discord.add_guild("Auditeurs", BOT | Permission.MANAGE_THREADS), "Épisodes")
    await discord_side.subscribe(real_ledger, forum, pin=True)

    def pinned_posts() -> list[int]:
        return [number for number, post in enumerate(forum.threads) if post.pinned]

    async with discord_side.delivering(real_ledger):
        for episode in range(3):
            await discord_side.open(real_ledger, "Un", "Deux", episode=episode)
            await until(lambda episode=episode: pinned_posts() == [episode])  # type: ignore[misc]
            await until(lambda: len(forum.threads[-1].messages) == 2)
        discord.world.remove_channel(forum.threads[2])
        await discord_side.open(real_ledger, "Un", episode=3)
        await until(lambda: [len(forum.threads), *pinned_posts()] == [3, 2])
        assert discord_side.told == []
        forum.threads[2].pinned, forum.threads[0].pinned = False, True
        await discord_side.open(real_ledger, "Un", episode=4)
        await discord_side.hears(NotPinned)
    assert pinned_posts() == [0]


async def test_only_the_newest_recap_waits_to_be_pinned(ledger: Ledger, clock: Clock) -> None:
    """One that a newer one has overtaken is never pinned, and that one is not lost when the first is done."""
    await ledger.subscriptions.save(subscription(telegram(-5, 7), pin=True))
    found = []
    for episode, message_id in ((1207, "1"), (1208, "2")):
        await push(ledger, "Un", "Deux", episode=episode)
        for part in (message_id, f"{message_id}-2"):
            (claim,) = await ledger.claim(TELEGRAM, 1)
            await ledger.record([retry.advance(claim, clock(), messages=2, message_id=part)])
        found.append(await ledger.pins.next(TELEGRAM))
    first, newer = found
    assert first == Pin(telegram(-5, 7), "1", None, 0)
    assert newer == Pin(telegram(-5, 7), "2", None, 0)
    await ledger.pins.done(first)
    second = await ledger.pins.next(TELEGRAM)
    assert second == Pin(telegram(-5, 7), "2", "1", 0)
    await ledger.pins.drop(second)
    assert await ledger.pins.next(TELEGRAM) is None
    await ledger.subscriptions.forget(telegram(-5))
    assert await everything(ledger, "pins") == ""


async def test_a_wait_of_a_chat_brings_no_pin_forward(ledger: Ledger, clock: Clock) -> None:
    """As for publications: one that waits for an hour in another thread still waits its hour."""
    await ledger.subscriptions.save_all(subscription(telegram(-5, thread), pin=True) for thread in (7, 8))
    await push(ledger)
    claims = await ledger.claim(TELEGRAM, 2)
    await ledger.record([retry.advance(claim, clock(), messages=1, message_id="1") for claim in claims])
    first = await ledger.pins.next(TELEGRAM)
    assert first is not None
    await ledger.pins.put_off(first, dt.timedelta(hours=1), whole_channel=False)
    second = await ledger.pins.next(TELEGRAM)
    assert second is not None
    await ledger.pins.put_off(second, dt.timedelta(minutes=10), whole_channel=True)
    clock.advance(minutes=10)
    assert await ledger.pins.next(TELEGRAM) == second
    await ledger.pins.drop(second)
    assert await ledger.pins.next(TELEGRAM) is None
    clock.advance(minutes=50)
    assert await ledger.pins.next(TELEGRAM) == dataclasses.replace(first, attempts=1)


def test_a_message_that_is_pinned_already_is_not_unpinned() -> None:
    """Its outcome may have been recorded twice, because an answer of the database was lost."""
    job = pinning(TELEGRAM, Mock(), Mock(), Mock(), Mock())
    assert len(job.steps(Pin(telegram(1), "2", "1", 0))) == 2
    assert len(job.steps(Pin(telegram(1), "2", "2", 0))) == 1


async def test_files_are_known_by_their_key_and_hold_back_first_messages_alone(ledger: Ledger, clock: Clock) -> None:
    """A recap that has begun goes on; those that were held back go as soon as the file is there."""
    assert await ledger.uploads.find(TELEGRAM, "k") is None
    for file_id in ("a", "b"):
        await ledger.uploads.keep(TELEGRAM, "k", file_id)
    assert await ledger.uploads.find(TELEGRAM, "k") == "b"
    await ledger.uploads.forget(TELEGRAM, "k")
    assert await ledger.uploads.find(TELEGRAM, "k") is None
    await subscribe(ledger, telegram(1), telegram(2))
    await push(ledger, "Un", "Deux")
    (claim,) = await ledger.claim(TELEGRAM, 1)
    await ledger.record([retry.advance(claim, clock(), messages=2, message_id="7")])
    await ledger.uploads.hold_back(claim.rendering_id, clock() + dt.timedelta(seconds=30))
    assert [each.target for each in await due(ledger)] == [claim.target]
    await ledger.uploads.let_go([claim.rendering_id])
    assert len(await due(ledger)) == 2
