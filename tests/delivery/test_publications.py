"""Publishing: messages of announcement channels reach the channels that follow, however long that takes."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import time
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select

from bot.delivery import publishing, retry
from bot.delivery.pacing import Pacer
from bot.delivery.sending import PacedSender
from bot.model.facts import NotPublished
from bot.model.subscription import Target
from bot.platforms.base import FloodError, NotSentError, RefusedError, SendError
from bot.sandbox.discord.messages import Flag
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import Fault, Hook, Match, Reply
from bot.storage.publications import LedgerPublications, Publication
from bot.storage.records import LedgerError
from bot.storage.tables import publications
from tests.delivery.ledger_kit import DISCORD, Clock, push, rendering, subscription
from tests.delivery.side import SEND, finished, now
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel
    from bot.sandbox.shared.faults import Call
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

CROSSPOST = "POST /channels/{channel_id}/messages/{message_id}/crosspost"


@pytest.fixture(autouse=True)
def _eagerness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the ledger every tenth of a second."""
    monkeypatch.setattr(publishing, "LOOK_EVERY", 0.1)


@pytest.fixture
async def news(discord_side: Side, real_ledger: Ledger) -> Channel:
    """An announcement channel that is subscribed with publishing."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    channel = discord_side.standin.add_announcement(discord_side.standin.add_guild("Auditeurs"), "annonces")
    await discord_side.subscribe(real_ledger, channel, publish=True)
    return channel


def is_published(channel: Channel) -> bool:
    """Whether every message there was passed on."""
    return bool(channel.messages) and all(Flag.PUBLISHED in message.flags for message in channel.messages)


async def until_published(side: Side, channel: Channel) -> None:
    """Wait until every message there was passed on."""
    assert isinstance(side.standin, DiscordStandIn)
    await side.standin.wait_for(lambda: is_published(channel))


async def until_waiting(ledger: Ledger, number: int, at_least: dt.timedelta = dt.timedelta()) -> None:
    """Wait until so many messages wait to be passed on, for at least so long."""
    due: list[dt.datetime] | None = None
    async with asyncio.timeout(PATIENCE):
        while due is None or len(due) != number or any(each < now() + at_least for each in due):
            await asyncio.sleep(0.02)
            due = await ledger._database.read(lambda connection: [*connection.scalars(select(publications.c.due))])


async def test_messages_are_passed_on_after_they_were_sent(
    discord_side: Side, real_ledger: Ledger, news: Channel
) -> None:
    """Each of them; then nothing is left to do."""
    await discord_side.open(real_ledger, "Un", "Deux")
    async with discord_side.delivering(real_ledger):
        await discord_side.standin.wait_for(lambda: len(news.messages) == 2)
        await until_published(discord_side, news)
        await until_waiting(real_ledger, 0)


async def test_publishing_survives_a_restart_and_what_was_published_before(
    discord_side: Side, real_ledger: Ledger, news: Channel
) -> None:
    """Nobody knows whether the answer that was lost said yes; asking again is no error (40033)."""
    lost = Fault(Reply(500, "{}"), Match(route=CROSSPOST), times=None, after=True)
    discord_side.standin.faults.add(lost)
    broadcast = await discord_side.open(real_ledger, "Bonjour")
    async with discord_side.delivering(real_ledger):
        await until_published(discord_side, news)
        assert (await real_ledger.tally(broadcast)) is not None
        await until_waiting(real_ledger, 1, at_least=dt.timedelta(seconds=1))
    discord_side.standin.faults.clear()
    async with discord_side.delivering(real_ledger):
        await until_waiting(real_ledger, 0)
    assert discord_side.told == []


@pytest.mark.parametrize(
    "trouble", [LedgerError("the disk is full"), ZeroDivisionError("a bug"), LookupError("another")]
)
async def test_publishing_goes_on_after_trouble_of_ours(
    discord_side: Side, real_ledger: Ledger, news: Channel, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """A database that cannot be used for a while, a bug: neither ends the job until the next start."""
    owner, name = (
        (type(discord_side.platform), "publish")
        if isinstance(trouble, ZeroDivisionError)
        else (LedgerPublications, "done")
    )
    works, troubles = getattr(owner, name), [trouble]

    async def fail_once(*arguments: object) -> None:
        if troubles:
            raise troubles.pop()
        await works(*arguments)

    monkeypatch.setattr(owner, name, fail_once)
    monkeypatch.setattr("bot.delivery.retry.FIRST_PAUSE", dt.timedelta())
    await discord_side.open(real_ledger, "Bonjour")
    async with discord_side.delivering(real_ledger):
        await until_published(discord_side, news)
        await until_waiting(real_ledger, 0)
    assert not troubles


async def test_the_true_wait_is_waited_by_the_channel_and_by_no_push(
    discord_side: Side, real_ledger: Ledger, news: Channel
) -> None:
    """Only the refusal's body says how long: an hour. No send hangs meanwhile, and nothing is tried before."""
    shared = {"message": "The resource is being rate limited.", "retry_after": 3600.0, "global": False}
    headers = {"Via": "1.1 google", "X-RateLimit-Scope": "shared", "Retry-After": "3600"}
    discord_side.standin.faults.add(Fault(Reply(429, shared, headers=headers), Match(route=CROSSPOST)))
    await discord_side.open(real_ledger, "Un", "Deux")
    async with discord_side.delivering(real_ledger):
        await until_waiting(real_ledger, 2, at_least=dt.timedelta(minutes=30))
        (other,) = discord_side.add(1)
        await discord_side.subscribe(real_ledger, other)
        broadcast = await discord_side.open(real_ledger, "Encore", episode=1208)
        assert await finished(real_ledger, broadcast) == {"sent": 2}
    assert not is_published(news)
    assert len([request for request in discord_side.standin.traffic.requests if request.route == CROSSPOST]) == 1


async def test_a_wait_of_a_channel_brings_no_publication_forward(ledger: Ledger, clock: Clock) -> None:
    """The channel asks for ten minutes while one of its messages waits for an hour: that one still waits its hour."""
    channel = Target(DISCORD, "5")
    await ledger.subscriptions.save(subscription(channel, publish=True))
    await push(ledger, "Un", "Deux")
    for message_id in ("1", "2"):
        (claim,) = await ledger.claim(DISCORD, 1)
        await ledger.record([retry.advance(claim, clock(), messages=2, message_id=message_id)])
    first = await ledger.publications.next(DISCORD)
    assert first is not None
    await ledger.publications.put_off(first, dt.timedelta(hours=1), whole_channel=False)
    second = await ledger.publications.next(DISCORD)
    assert second is not None
    await ledger.publications.put_off(second, dt.timedelta(minutes=10), whole_channel=True)
    clock.advance(minutes=10)
    assert await ledger.publications.next(DISCORD) == second
    await ledger.publications.done(second)
    assert await ledger.publications.next(DISCORD) is None
    clock.advance(minutes=50)
    assert await ledger.publications.next(DISCORD) == dataclasses.replace(first, attempts=1)


@pytest.mark.parametrize(
    ("error", "attempts", "put_off", "told"),
    [
        (NotSentError("no connection"), publishing.GIVE_UP_AFTER - 2, [False], 0),
        (NotSentError("no connection"), publishing.GIVE_UP_AFTER - 1, [], 1),
        (FloodError("slow down", retry_after=600.0), publishing.GIVE_UP_AFTER + 9, [True], 0),
        (RefusedError("no followers"), 0, [], 1),
    ],
)
async def test_a_pause_is_waited_for_and_trouble_has_an_end(
    error: SendError, attempts: int, put_off: list[bool], told: int
) -> None:
    """A pause that is asked for is the whole channel's and ends nothing; other trouble is the message's own."""
    queue, tell, publisher = AsyncMock(), AsyncMock(), AsyncMock()
    publisher.publish.side_effect = error
    job = publishing.publishing(DISCORD, publisher, queue, PacedSender(Pacer(1000)), tell)
    waiting = Publication(1, Target(DISCORD, "5"), "41", attempts)
    await job._follow_up(waiting)
    assert [call.kwargs["whole_channel"] for call in queue.put_off.await_args_list] == put_off
    assert [each.args[0] for each in queue.drop.await_args_list] == [waiting] * told
    assert [type(each.args[0]) for each in tell.await_args_list] == [NotPublished] * told


async def test_a_recall_keeps_no_other_message_from_the_followers(ledger: Ledger, clock: Clock) -> None:
    """Only those of the recalled episode are passed on no more."""
    await ledger.subscriptions.save(subscription(Target(DISCORD, "5"), publish=True))
    for episode, message_id in ((1207, "1"), (1208, "2")):
        await push(ledger, episode=episode)
        (claim,) = await ledger.claim(DISCORD, 1)
        await ledger.record([retry.advance(claim, clock(), messages=1, message_id=message_id)])
    recalled = await ledger.broadcast_of(1207, "monday")
    assert recalled is not None
    await ledger.corrections.recall(recalled, {DISCORD: rendering("Retiré").messages[0]})
    left = await ledger.publications.next(DISCORD)
    assert left is not None
    assert (left.message_id, await ledger.publications.waiting()) == ("2", 1)


async def test_publishing_waits_for_a_pause_like_everything_else(
    discord_side: Side, real_ledger: Ledger, news: Channel
) -> None:
    """Discord asks for one as soon as the message is there: the message is passed on after it."""
    asked: list[float] = []
    async with discord_side.delivering(real_ledger) as pacer:

        async def ask(_call: Call) -> None:
            asked.append(time.monotonic())
            pacer.note_flood(FloodError("slow down", retry_after=1.0, everything=True), discord_side.target(news))

        discord_side.standin.faults.add(Fault(Hook(ask), Match(route=SEND[discord_side.name]), after=True))
        await discord_side.open(real_ledger, "Bonjour")
        await until_published(discord_side, news)
    published = [request.at for request in discord_side.standin.traffic.requests if request.route == CROSSPOST]
    assert published[0] - asked[0] >= 1.0


async def test_what_cannot_be_passed_on_is_told(discord_side: Side, real_ledger: Ledger) -> None:
    """A channel that has no followers: the message stays where it is, and the admins know."""
    (text,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, text, publish=True)
    await discord_side.open(real_ledger, "Bonjour")
    async with discord_side.delivering(real_ledger):
        await discord_side.hears(NotPublished)
        await until_waiting(real_ledger, 0)
    assert discord_side.received(text) == ["Bonjour"]


async def test_a_channel_without_followers_is_told_once(discord_side: Side, real_ledger: Ledger) -> None:
    """Not for each of its messages."""
    (text,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, text, publish=True)
    await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "Un", "Deux"))
    async with discord_side.delivering(real_ledger):
        await discord_side.hears(NotPublished, times=2)
    refused = [fact for fact in discord_side.told if isinstance(fact, NotPublished)]
    assert len({fact.key_on(now().date()) for fact in refused}) == 1


@pytest.mark.usefixtures("news")
async def test_what_still_waits_stands_in_the_report(discord_side: Side, real_ledger: Ledger) -> None:
    """Discord passes on ten messages of a channel in an hour: two of twelve are left when everybody has the recap."""
    texts = [f"Sujet {number}" for number in range(12)]
    broadcast = await discord_side.open(real_ledger, *texts)
    async with discord_side.delivering(real_ledger):
        assert await finished(real_ledger, broadcast) == {"sent": 1}
        await until_waiting(real_ledger, 2, at_least=dt.timedelta(minutes=50))
        (push_of_twelve,) = await real_ledger.broadcasts(1)
        assert (await real_ledger.notices.outcome(push_of_twelve)).publishing == 2
