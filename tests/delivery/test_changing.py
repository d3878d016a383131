"""The changes on each platform, as the stand-ins take them: old messages, archived threads, recordings, forums."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from bot.delivery.changing import Changer
from bot.model.correction import Text
from bot.model.document import Document, Layout, Paragraph, Section, Span
from bot.model.rendering import Message, Rendering
from bot.model.subscription import Target
from bot.platforms.base import ChatLimit, FloodError, Post
from bot.platforms.discord import row
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.registry import PLATFORMS
from bot.platforms.telegram.client import TelegramPlatform
from bot.sandbox.discord.messages import Pings
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import Fault, Match, Reset
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.corrections import Wanted
from bot.storage.records import Claim
from tests.delivery.ledger_kit import DISCORD
from tests.delivery.side import COMPONENTS, SEND, now

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Place, Side


def test_a_message_is_replaced_where_its_deletion_is_sure_to_be_refused() -> None:
    """A push takes up to a day itself, so that of two days ago some message may be younger than the limit."""
    at, limit = dt.datetime(2024, 11, 4, 7, tzinfo=dt.UTC), dt.timedelta(hours=48)
    claim = Claim(1, 1, Target(DISCORD, "5"), 1, 0, ("41",), 1, "", publish=False)
    changer = Changer(Mock(deletes_within=limit), lambda: at, lambda post: post)
    found = [changer._is_kept(claim, at - limit - dt.timedelta(hours=hours)) for hours in (0, 23, 24)]
    assert found == [False, False, True]


def shows(text: str) -> Message:
    """A message of Discord's."""
    return Message({"flags": COMPONENTS, "components": [{"type": 10, "content": text}]}, 1, 9)


def posted(side: Side, place: Place, nonce: str = "a", first_id: str | None = None) -> Post:
    """A message on its way there."""
    body = shows("avant") if side.name == "discord" else Message({"text": "avant"}, 1, 9)
    return Post(side.target(place), "Le récap", body, nonce, first_id)


async def test_telegram_keeps_a_message_of_three_days(telegram_side: Side) -> None:
    """The bot hears that it stays, and that one deleted by somebody is gone."""
    town, platform = telegram_side.standin, telegram_side.platform
    assert isinstance(town, TelegramStandIn)
    assert isinstance(platform, TelegramPlatform)
    chat = town.add_private(name="Ada")
    old, gone = [await platform.send(posted(telegram_side, chat)) for _ in range(2)]
    chat.history[int(old)].date -= dt.timedelta(days=3)
    chat.history[int(gone)].deleted = True
    target = telegram_side.target(chat)
    assert [await platform.delete(target, each) for each in (old, gone)] == [False, True]
    line = Message({"text": "retiré"}, 1, 9)
    assert [await platform.edit(target, each, line) for each in (old, gone)] == [True, False]
    assert chat.history[int(old)].text == "retiré"


async def test_an_archived_post_is_opened_for_its_correction(discord_side: Side) -> None:
    """Its first message, a further one and its title change; Discord refuses an edit in an archived thread."""
    town, platform = discord_side.standin, discord_side.platform
    assert isinstance(town, DiscordStandIn)
    assert isinstance(platform, DiscordPlatform)
    forum = town.add_forum(town.add_guild("Auditeurs"), "forum", ["récap"], tag_required=True)
    first = await platform.send(posted(discord_side, forum))
    more = await platform.send(posted(discord_side, forum, "b", first))
    (thread,) = forum.threads
    target = discord_side.target(forum)
    for message_id, title in ((more, None), (first, "Le bon titre")):
        thread.archived = True
        assert await platform.edit(target, message_id, shows("après"), first_id=first, title=title)
    assert [each.components[0]["content"] for each in thread.messages] == ["après", "après"]
    assert (thread.name, thread.archived) == ("Le bon titre", False)
    thread.messages[0].delete()
    assert not await platform.edit(target, first, shows("encore"), first_id=first, title="Le titre seul")
    assert thread.name == "Le titre seul"


async def test_a_role_is_pinged_once_whatever_happens_to_the_messages(discord_side: Side, real_ledger: Ledger) -> None:
    """The first message of each place says so; one is sent again, because its answer is lost, and all are corrected."""
    town, platform = discord_side.standin, discord_side.platform
    assert isinstance(town, DiscordStandIn)
    guild = town.add_guild("Auditeurs")
    role = town.add_role(guild, "Récap", mentionable=True)
    await discord_side.subscribe(real_ledger, town.add_text(guild, "a"), town.add_forum(guild, "b"))

    def recap(*subjects: str) -> Rendering:
        said = [Paragraph((Span(f"@everyone <@&{role.id}> {subject}"),)) for subject in subjects]
        sections = tuple(Section((each,)) for each in said)
        return platform.render(Document("T", sections, layout=Layout.SEGMENTS, mention=f"role:{role.id}"))

    town.faults.add(Fault(Reset(), Match(route=SEND[discord_side.name]), after=True))
    push = await discord_side.open_rendering(real_ledger, recap("un", "deux"))
    assert await discord_side.deliver(real_ledger, push) == {"sent": 2}
    channels = [each for each in town.world.channels.values() if each.messages]
    assert [[each.pings for each in channel.messages] for channel in channels] == [
        [Pings(roles=frozenset({role.id})), Pings()]
    ] * 2
    for channel in channels:
        channel.messages[0].pings = Pings()
    (broadcast,) = await real_ledger.broadcasts(1)
    after = dict.fromkeys(await real_ledger.corrections.looks(push), recap("UN", "DEUX", "TROIS"))
    wanted = Wanted(after, {discord_side.name: shows("retiré")}, Text("d", {}))
    correction = await real_ledger.corrections.correct(broadcast, wanted)
    assert correction is not None
    assert await discord_side.deliver(real_ledger, correction.id) == {"sent": 2}
    assert [[each.pings for each in channel.messages] for channel in channels] == [[Pings()] * 3] * 2


@pytest.mark.parametrize(("age", "is_published", "seconds"), [(0, True, 3600), (2, False, 6), (2, True, 3600)])
async def test_discord_says_how_long_an_edit_must_wait(
    discord_side: Side, age: int, is_published: bool, seconds: int
) -> None:
    """The fourth of messages that followers have, or that are older than an hour; other channels wait for nothing."""
    town, platform = discord_side.standin, discord_side.platform
    assert isinstance(town, DiscordStandIn)
    guild = town.add_guild("Auditeurs")
    news, other = (town.add_announcement(guild, name) for name in ("annonces", "autres"))
    sent = [
        (each, await platform.send(posted(discord_side, each, str(n)))) for n, each in enumerate([news] * 4 + [other])
    ]
    for message in (*news.messages, *other.messages):
        message.sent_at -= dt.timedelta(hours=age)
        if is_published:
            message.publish()
    refused = []
    for channel, message_id in sent:
        try:
            await platform.edit(discord_side.target(channel), message_id, shows("après"))
        except FloodError as error:
            refused.append((message_id, error))
    ((last, flood),) = refused
    assert (last, flood.everything) == (sent[3][1], False)
    assert seconds - 5 < flood.retry_after <= seconds


async def test_a_published_message_is_corrected_when_discord_takes_more_edits(
    discord_side: Side, real_ledger: Ledger
) -> None:
    """After three edits it waits in the ledger for the end of the hour, and holds up no other channel."""
    town, platform = discord_side.standin, discord_side.platform
    assert isinstance(town, DiscordStandIn)
    guild = town.add_guild("Auditeurs")
    news, other = town.add_announcement(guild, "annonces"), town.add_text(guild, "autres")
    await discord_side.subscribe(real_ledger, news, other)
    await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "avant"))
    (message,) = news.messages
    message.publish()
    for _ in range(3):
        assert await platform.edit(discord_side.target(news), str(message.id), shows("encore"))
    (broadcast,) = await real_ledger.broadcasts(1)
    looks = await real_ledger.corrections.looks(broadcast.id)
    after = dict.fromkeys(looks, Rendering("Le récap", (shows("après"),)))
    assert await real_ledger.corrections.correct(broadcast, Wanted(after, {discord_side.name: shows("–")}, None))
    async with discord_side.delivering(real_ledger):
        await town.wait_for(lambda: discord_side.received(other) == ["après"])
        due = now()
        while due < now() + dt.timedelta(minutes=50):
            await asyncio.sleep(0.01)
            due = await real_ledger.next_due(discord_side.name) or now()
    assert discord_side.received(news) == ["encore"]


async def test_an_added_message_in_doubt_is_looked_for_and_sent(
    discord_side: Side, real_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the pace of edits leaves no room for two requests at once: it holds for no message that is sent."""
    monkeypatch.setattr(row, "EDITS_OF_CHANNEL", (ChatLimit(1, 0.2),))
    (channel,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, channel)
    await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "un"))
    (broadcast,) = await real_ledger.broadcasts(1)
    looks = await real_ledger.corrections.looks(broadcast.id)
    after = dict.fromkeys(looks, Rendering("Le récap", (shows("un"), shows("deux"))))
    wanted = Wanted(after, {discord_side.name: shows("–")}, None)
    correction = await real_ledger.corrections.correct(broadcast, wanted)
    assert correction is not None
    discord_side.standin.faults.add(Fault(Reset(), Match(route=SEND[discord_side.name])))
    assert await discord_side.deliver(real_ledger, correction.id) == {"sent": 1}
    assert discord_side.received(channel) == ["un", "deux"]


async def test_edits_of_a_channel_have_a_pace_of_their_own(discord_side: Side) -> None:
    """Three in six seconds, and none of them holds up a message to the channel."""
    platform = discord_side.platform
    assert isinstance(platform, DiscordPlatform)
    row = PLATFORMS[discord_side.name]
    target = discord_side.target(discord_side.add(1)[0])
    (limit,) = row.limits(platform.route(target))
    assert (limit.count, limit.seconds, row.limits(target)) == (3, 6.0, ())
