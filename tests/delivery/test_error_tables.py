"""Every row of the platforms' error tables, as the platforms say it, and what becomes of message and subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from bot.delivery.events import BroadcastStopped, PlatformStopped, TargetNotFound, TargetPaused
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Channel, Permission
from bot.sandbox.faults import Fault, Match, Reply
from bot.sandbox.telegram.model import Chat, Status
from bot.sandbox.telegram.server import TelegramStandIn
from bot.subscription import Choices, Subscription, SubscriptionState, Target
from tests.delivery.ledger_kit import tally
from tests.delivery.side import SEND

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.delivery.ledger import Ledger
    from tests.delivery.side import Side

ACTIVE, PAUSED, ENDED = SubscriptionState
Breakage: TypeAlias = "Callable[[Any], Chat | Channel]"


async def states(ledger: Ledger) -> dict[str, SubscriptionState]:
    """Every subscription's state by chat."""
    return {each.target.chat: each.state for each in await ledger.subscriptions.all()}


def blocked(town: TelegramStandIn) -> Chat:
    """A person who has blocked the bot."""
    chat = town.add_private(name="Ada")
    town.block(chat.person)
    return chat


def deactivated(town: TelegramStandIn) -> Chat:
    """A person whose account is gone."""
    chat = town.add_private(name="Ada")
    town.deactivate(chat.person)
    return chat


def kicked(town: TelegramStandIn) -> Chat:
    """A group that has thrown the bot out."""
    chat = town.add_group("La bande")
    town.kick(chat)
    return chat


def not_a_member(town: TelegramStandIn) -> Chat:
    """A channel that the bot has left."""
    chat = town.add_channel("Le récap")
    town.set_member(chat, town.bot, Status.LEFT)
    return chat


def deleted(town: TelegramStandIn) -> Chat:
    """A group that was deleted."""
    chat = town.add_group("La bande")
    town.delete(chat)
    return chat


def without_rights(town: TelegramStandIn) -> Chat:
    """A group in which the bot may not write."""
    chat = town.add_supergroup("La bande")
    town.set_member(chat, town.bot, Status.RESTRICTED)
    return chat


def without_posting_rights(town: TelegramStandIn) -> Chat:
    """A channel in which the bot is an admin who may not post."""
    chat = town.add_channel("Le récap")
    town.set_member(chat, town.bot, Status.ADMINISTRATOR, rights=["can_edit_messages"])
    return chat


def deleted_channel(town: DiscordStandIn) -> Channel:
    """10003: a channel that is no more."""
    channel = town.add_text(town.add_guild("Auditeurs"), "général")
    town.delete_channel(channel)
    return channel


def hidden_channel(town: DiscordStandIn) -> Channel:
    """50001: a channel that the bot cannot see."""
    channel = town.add_text(town.add_guild("Auditeurs"), "général")
    town.permit(channel, Permission(0))
    return channel


def silent_channel(town: DiscordStandIn) -> Channel:
    """50013: a channel in which the bot may not write."""
    channel = town.add_text(town.add_guild("Auditeurs"), "général")
    town.permit(channel, Permission.VIEW_CHANNEL)
    return channel


def refused_by_person(town: DiscordStandIn) -> Channel:
    """50007: a person who takes no messages from the bot."""
    guild = town.add_guild("Auditeurs")
    person = town.add_user("lectrice", accepts_dms=False)
    town.add_member(guild, person)
    return town.direct(person)


def shares_no_guild(town: DiscordStandIn) -> Channel:
    """50278: a person who has left every server of the bot's."""
    return town.direct(town.add_user("lectrice"))


def locked_thread(town: DiscordStandIn) -> Channel:
    """160005: a thread that was locked."""
    guild = town.add_guild("Auditeurs")
    thread = town.add_thread(town.add_text(guild, "général"), "le fil", town.add_user("lectrice"))
    town.change_thread(thread, locked=True)
    return thread


def locked_archive(town: DiscordStandIn) -> Channel:
    """50083: a thread that was archived and locked."""
    guild = town.add_guild("Auditeurs")
    thread = town.add_thread(town.add_text(guild, "général"), "le fil", town.add_user("lectrice"))
    town.change_thread(thread, archived=True, locked=True)
    return thread


async def push_past(side: Side, ledger: Ledger, broken: Chat | Channel) -> list[str]:
    """Push to one that is broken among four that are well; what the well ones got."""
    well = side.add(4)
    await side.subscribe(ledger, *well[:2], broken, *well[2:])
    assert await side.deliver(ledger, await side.open(ledger, "Bonjour")) == {"sent": 4, "failed": 1}
    return [text for place in well for text in side.received(place)]


@pytest.mark.parametrize("broken", [blocked, deactivated, kicked, not_a_member, deleted])
async def test_who_left_on_telegram_is_unsubscribed(telegram_side: Side, real_ledger: Ledger, broken: Breakage) -> None:
    """403: their subscription ends, nobody is alarmed, everybody else is served."""
    chat = broken(telegram_side.standin)
    assert await push_past(telegram_side, real_ledger, chat) == ["Bonjour"] * 4
    assert (await states(real_ledger)).pop(str(chat.id)) is ENDED
    assert telegram_side.told == []


@pytest.mark.parametrize("broken", [refused_by_person, shares_no_guild])
async def test_who_left_on_discord_is_unsubscribed(discord_side: Side, real_ledger: Ledger, broken: Breakage) -> None:
    """50007, 50278: the same for people on Discord."""
    channel = broken(discord_side.standin)
    assert await push_past(discord_side, real_ledger, channel) == ["Bonjour"] * 4
    assert (await states(real_ledger)).pop(str(channel.id)) is ENDED
    assert discord_side.told == []


@pytest.mark.parametrize("broken", [without_rights, without_posting_rights])
async def test_missing_rights_on_telegram_pause(telegram_side: Side, real_ledger: Ledger, broken: Breakage) -> None:
    """400 not enough rights: the subscription waits for the admins, who are told."""
    chat = broken(telegram_side.standin)
    assert await push_past(telegram_side, real_ledger, chat) == ["Bonjour"] * 4
    assert (await states(real_ledger)).pop(str(chat.id)) is PAUSED
    assert [(type(event), event.target) for event in telegram_side.told] == [  # type: ignore[union-attr]  # as asserted
        (TargetPaused, telegram_side.target(chat))
    ]


@pytest.mark.parametrize("broken", [hidden_channel, silent_channel, locked_thread, locked_archive])
async def test_missing_rights_on_discord_pause(discord_side: Side, real_ledger: Ledger, broken: Breakage) -> None:
    """50001, 50013, 160005, 50083: the same."""
    channel = broken(discord_side.standin)
    assert await push_past(discord_side, real_ledger, channel) == ["Bonjour"] * 4
    assert (await states(real_ledger)).pop(str(channel.id)) is PAUSED
    assert [(type(event), event.target) for event in discord_side.told] == [  # type: ignore[union-attr]  # as asserted
        (TargetPaused, discord_side.target(channel))
    ]


@pytest.mark.parametrize("closed", [False, True])
async def test_a_topic_that_is_closed_or_gone_pauses(telegram_side: Side, real_ledger: Ledger, *, closed: bool) -> None:
    """400 TOPIC_CLOSED and message thread not found: the topic's subscription waits, the admins are told."""
    assert isinstance(telegram_side.standin, TelegramStandIn)
    forum = telegram_side.standin.add_supergroup("Forum", topics={7: "Récap"})
    forum.topics[7].closed = closed
    topic = Target(telegram_side.name, str(forum.id), 7 if closed else 8)
    await real_ledger.subscriptions.save(Subscription(topic, "monday", Choices()))
    assert await telegram_side.deliver(real_ledger, await telegram_side.open(real_ledger, "Bonjour")) == {"failed": 1}
    assert await states(real_ledger) == {str(forum.id): PAUSED}
    assert [type(event) for event in telegram_side.told] == [TargetPaused]


async def test_a_chat_that_telegram_does_not_know_is_told_of(telegram_side: Side, real_ledger: Ledger) -> None:
    """400 chat not found: the subscription ends, and the admins should look at the id."""
    nowhere = Target(telegram_side.name, "999999")
    await real_ledger.subscriptions.save(Subscription(nowhere, "monday", Choices()))
    assert await telegram_side.deliver(real_ledger, await telegram_side.open(real_ledger, "Bonjour")) == {"failed": 1}
    assert await states(real_ledger) == {"999999": ENDED}
    assert telegram_side.told == [TargetNotFound(nowhere, "Chat not found")]


async def test_a_channel_that_discord_does_not_know_is_told_of(discord_side: Side, real_ledger: Ledger) -> None:
    """10003: likewise."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    channel = deleted_channel(discord_side.standin)
    assert await push_past(discord_side, real_ledger, channel) == ["Bonjour"] * 4
    assert (await states(real_ledger)).pop(str(channel.id)) is ENDED
    assert [type(event) for event in discord_side.told] == [TargetNotFound]


@pytest.mark.parametrize("both", [False, True])
async def test_a_group_that_moved_gets_it_once_at_its_new_id(
    telegram_side: Side, real_ledger: Ledger, *, both: bool
) -> None:
    """ChatMigrated: the id is rewritten, a subscription to the new id merged, the message sent there once."""
    assert isinstance(telegram_side.standin, TelegramStandIn)
    group = telegram_side.standin.add_group("La bande")
    new = telegram_side.standin.migrate(group)
    await telegram_side.subscribe(real_ledger, group, *([new] if both else []))
    assert await telegram_side.deliver(real_ledger, await telegram_side.open(real_ledger, "Bonjour")) == {"sent": 1}
    assert telegram_side.received(new) == ["Bonjour"]
    assert await states(real_ledger) == {str(new.id): ACTIVE}


@pytest.mark.parametrize("text", ["", "x" * 4097])
async def test_what_telegram_cannot_take_stops_the_push(telegram_side: Side, real_ledger: Ledger, text: str) -> None:
    """400 empty, too long: the content's fault. The push stops and says why, and every subscription stays."""
    await telegram_side.subscribe(real_ledger, *telegram_side.add(3))
    broadcast = await telegram_side.open(real_ledger, text)
    assert await telegram_side.deliver(real_ledger, broadcast) == {"failed": 3}
    assert set((await states(real_ledger)).values()) == {ACTIVE}
    assert [type(event) for event in telegram_side.told] == [BroadcastStopped]


async def test_what_discord_cannot_take_stops_the_push(discord_side: Side, real_ledger: Ledger) -> None:
    """50035: likewise."""
    await discord_side.subscribe(real_ledger, *discord_side.add(3))
    broadcast = await discord_side.open(real_ledger, "x" * 4001)
    assert await discord_side.deliver(real_ledger, broadcast) == {"failed": 3}
    assert set((await states(real_ledger)).values()) == {ACTIVE}
    assert [type(event) for event in discord_side.told] == [BroadcastStopped]


async def test_a_refused_token_stops_the_platform(either: Side, real_ledger: Ledger) -> None:
    """401: nothing more is sent there, the admins are told, and what was not sent waits for a better token."""
    await either.subscribe(real_ledger, *either.add(3))
    broadcast = await either.open(real_ledger, "Bonjour")
    reply = Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized", "message": "401", "code": 0})
    either.standin.faults.add(Fault(reply, Match(route=SEND[either.name]), times=None))
    async with either.delivering(real_ledger):
        await either.hears(PlatformStopped)
    assert await tally(real_ledger, broadcast) == {"pending": 3}
    assert set((await states(real_ledger)).values()) == {ACTIVE}


@pytest.mark.parametrize("code", [200000, 240000, 99999])
async def test_what_a_server_filters_fails_there_alone(discord_side: Side, real_ledger: Ledger, code: int) -> None:
    """200000, 240000, and whatever is not known: a rule of the place. It is reported, and nobody is unsubscribed."""
    places = discord_side.add(3)
    await discord_side.subscribe(real_ledger, *places)
    reply = Reply(400, {"message": "filtered", "code": code})
    discord_side.standin.faults.add(Fault(reply, Match(route=SEND[discord_side.name], chat=places[0].id)))
    broadcast = await discord_side.open(real_ledger, "Bonjour")
    assert await discord_side.deliver(real_ledger, broadcast) == {"sent": 2, "failed": 1}
    assert set((await states(real_ledger)).values()) == {ACTIVE}
    assert discord_side.told == []


async def test_opening_private_chats_too_fast_waits(
    discord_side: Side, real_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40003: Discord names no time; the message waits a while and is sent then."""
    monkeypatch.setattr("bot.platforms.discord.errors.DM_PAUSE", 0.2)
    places = discord_side.add(2)
    await discord_side.subscribe(real_ledger, *places)
    reply = Reply(400, {"message": "You are opening direct messages too fast.", "code": 40003})
    discord_side.standin.faults.add(Fault(reply, Match(route=SEND[discord_side.name], chat=places[0].id)))
    assert await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "Bonjour")) == {"sent": 2}
    assert [discord_side.received(place) for place in places] == [["Bonjour"]] * 2


async def test_a_server_in_an_outage_keeps_its_subscriptions(discord_side: Side, real_ledger: Ledger) -> None:
    """Discord says that a server is unavailable: nobody has left it."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    (channel,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, channel)
    guild = discord_side.standin.world.channels[channel.id].guild
    assert guild is not None
    discord_side.standin.remove_guild(guild, unavailable=True)
    assert await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "Bonjour")) == {"sent": 1}
    assert await states(real_ledger) == {str(channel.id): ACTIVE}
