"""The requests to Discord: each takes its turn, none is made twice, and all keep the pauses that are asked for."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING, cast

import pytest

from bot.delivery.pacing import Pacer
from bot.model import facts
from bot.model.subscription import Target
from bot.platforms.base import FloodError, NotSentError, Post, SendError, UnknownOutcomeError
from bot.platforms.discord import NAME
from bot.platforms.discord.client import DiscordPlatform
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Match, Reply
from tests.clients import discord_client, is_ready
from tests.delivery.side import finished, ledger_in, side
from tests.platforms.discord.answering import listening
from tests.platforms.discord.test_client import message
from tests.platforms.telegram import wire
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.platforms.discord.gateway import HTTPClient
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

SEND = "POST /channels/{channel_id}/messages"
OPEN_POST = "POST /channels/{channel_id}/threads"
KIND = "GET /channels/{channel_id}"
ERROR = Reply(500, {"message": "500: Internal Server Error", "code": 0})


@pytest.fixture
async def discord() -> AsyncIterator[Side]:
    """The way out to Discord."""
    async with side(NAME) as made:
        yield made


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger on a file."""
    async with ledger_in(tmp_path) as opened:
        yield opened


def standin_of(discord: Side) -> DiscordStandIn:
    """The stand-in of Discord."""
    assert isinstance(discord.standin, DiscordStandIn)
    return discord.standin


def client_of(discord: Side) -> DiscordPlatform:
    """The bot's client."""
    assert isinstance(discord.platform, DiscordPlatform)
    return discord.platform


def times(standin: DiscordStandIn, route: str) -> list[float]:
    """When the requests of a route arrived."""
    return [each.at for each in standin.traffic.requests if each.route == route]


async def test_each_request_of_a_login_a_check_and_a_menu_takes_a_turn() -> None:
    """At five a second, ten requests take two seconds, though nobody asked for a turn."""
    async with DiscordStandIn() as standin:
        guild = standin.add_guild("Auditeurs")
        text = standin.add_text(guild, "salon")
        platform = discord_client(standin)
        platform.pace = Pacer(5)
        try:
            await platform.connect()
            for _ in range(2):
                await platform.inspect(Target(NAME, str(text.id)))
        finally:
            await platform.close()
        arrived = [each.at for each in standin.traffic.requests]
    assert len(arrived) == 10
    assert arrived[-1] - arrived[0] >= 9 * 0.15


async def test_a_request_that_never_left_takes_nothing_of_the_rate(discord: Side) -> None:
    """However often there was no connection, the next message leaves at the full rate."""
    now, platform = [1000.0], client_of(discord)
    platform.pace = pacer = Pacer(1, now=lambda: now[0])
    cast("HTTPClient", platform.client.http).api_url = "http://127.0.0.1:1"
    with pytest.raises(NotSentError):
        await platform.identify()
    now[0] += 2
    assert pacer.turn_at_once(Target(NAME, "5")) is not None


@pytest.mark.parametrize("error", [ERROR, BAD_GATEWAY])
async def test_a_post_that_was_made_although_the_answer_was_lost_is_not_made_again(
    discord: Side, ledger: Ledger, error: Reply
) -> None:
    """The library repeats nothing, and before the bot does it looks into the forum."""
    standin = standin_of(discord)
    guild = standin.add_guild("Auditeurs")
    forums = [standin.add_forum(guild, f"forum-{number}") for number in range(3)]
    await discord.subscribe(ledger, *forums)
    standin.faults.add(Fault(error, Match(OPEN_POST), times=3, after=True))
    assert await discord.deliver(ledger, await discord.open(ledger, "Un")) == {"sent": 3}
    assert [len(forum.threads) for forum in forums] == [1, 1, 1]
    assert len(times(standin, OPEN_POST)) == 3


async def test_a_forum_is_known_by_its_kind_from_the_gateway(discord: Side, ledger: Ledger) -> None:
    """No request is refused, and none asks for the kind."""
    standin = standin_of(discord)
    guild = standin.add_guild("Auditeurs")
    forums = [standin.add_forum(guild, f"forum-{number}", ["recap"], tag_required=True) for number in range(3)]
    await discord.subscribe(ledger, *forums)
    async with listening(client_of(discord)):
        await until(lambda: is_ready(client_of(discord)))
        assert await discord.deliver(ledger, await discord.open(ledger, "Un", "Deux")) == {"sent": 3}
    assert {each.answered for each in standin.traffic.sends} == {200, 201}
    assert times(standin, KIND) == []


async def test_one_odd_refusal_makes_no_forum_of_a_channel(discord: Side) -> None:
    """Its kind says what it is: the next message goes there as ever."""
    standin = standin_of(discord)
    (text,) = discord.add(1)
    odd = Reply(400, {"message": "Cannot send messages in a non-text channel", "code": 50008})
    standin.faults.add(Fault(odd, Match(SEND)))
    post = Post(discord.target(text), "", message("Salut"), nonce="1")
    with pytest.raises(Exception, match="50008"):
        await client_of(discord).send(post)
    await client_of(discord).send(post)
    assert discord.received(text) == ["Salut"]


@pytest.mark.parametrize("route", [KIND, "POST /users/@me/channels"])
async def test_a_look_without_an_answer_leaves_no_doubt_of_the_message(discord: Side, route: str) -> None:
    """The message was to come after it: nothing was sent."""
    standin = standin_of(discord)
    ada = standin.add_user("Ada")
    guild = standin.add_guild("Auditeurs")
    standin.add_member(guild, ada)
    forum = standin.add_forum(guild, "forum")
    standin.faults.add(Fault(ERROR, Match(route)))
    target = discord.target(forum)
    if route != KIND:
        target = target._replace(chat=f"@{ada.id}")
    with pytest.raises(NotSentError):
        await client_of(discord).send(Post(target, "Le récap", message("Salut"), nonce="1"))


async def test_a_message_in_doubt_is_found_behind_a_hundred_others(discord: Side, ledger: Ledger) -> None:
    """In a busy channel, long after: the look goes forward from the push's beginning."""
    standin = standin_of(discord)
    standin.limits.overall = None
    (busy,) = discord.add(1)
    await discord.subscribe(ledger, busy)
    standin.faults.add(Fault(ERROR, Match(SEND), after=True))
    broadcast = await discord.open(ledger, "Un")

    async with discord.delivering(ledger):
        await standin.wait_for(lambda: standin.traffic.sends)
        for number in range(250):
            post = Post(discord.target(busy), "", message(f"Bavardage {number}"), nonce=f"chat.{number}")
            await client_of(discord).send(post)
        standin._channels._nonces.clear()
        assert await finished(ledger, broadcast) == {"sent": 1}
    assert discord.received(busy).count("Un") == 1


@pytest.mark.parametrize("at_login", [False, True])
async def test_a_ban_of_the_address_is_one_pause_for_everything(
    discord: Side, ledger: Ledger, *, at_login: bool
) -> None:
    """As long as the proxy says, told to the admins; nothing is sent or asked meanwhile, and all of it afterwards."""
    standin = standin_of(discord)
    await discord.subscribe(ledger, *discord.add(60))
    discord.rate = 45
    broadcast = await discord.open(ledger, "Un")
    async with discord.delivering(ledger) as pacer:
        await standin.wait_for(lambda: len(standin.traffic.sends) >= 5)
        standin.limits.silence(2.0, is_ban=True)
        if at_login:
            with pytest.raises((FloodError, NotSentError)):
                await client_of(discord).connect()
        await discord.hears(facts.AddressBanned)
        assert pacer.pause() > 0
        assert await finished(ledger, broadcast) == {"sent": 60}
    refused = [each for each in standin.traffic.requests if each.answered == 429]
    # Some may be on their way when the first is refused; a bot that went on would have ninety refused.
    assert 1 <= len(refused) <= 9
    (told, *_others) = [fact for fact in discord.told if isinstance(fact, facts.AddressBanned)]
    assert told.pause >= dt.timedelta(seconds=1)


@pytest.mark.parametrize("header", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "nan", "-1", "soon"])
async def test_a_ban_that_names_no_time_is_kept_for_a_minute(discord: Side, header: str) -> None:
    """An odd header is no reason to go on, nor to wait for ever."""
    (text,) = discord.add(1)
    ban = Reply(429, "error code: 1015", "text/html", headers={"Retry-After": header} if header else {})
    standin_of(discord).faults.add(Fault(ban, Match(SEND)))
    with pytest.raises(FloodError) as caught:
        await client_of(discord).send(Post(discord.target(text), "", message("Salut"), nonce="1"))
    assert (caught.value.retry_after, caught.value.everything) == (60.0, True)


async def test_a_refusal_that_breaks_off_is_one_all_the_same(discord: Side) -> None:
    """Its first line said so: the message did not arrive, and the pause is kept."""
    (text,) = discord.add(1)
    cut = wire.saying(b"HTTP/1.1 429 Too Many\r\nRetry-After: 9\r\nContent-Length: 500\r\n\r\n{")
    async with wire.listening(cut) as server:
        cast("HTTPClient", client_of(discord).client.http).api_url = f"http://{wire.HOST}:{server.port}"
        with pytest.raises(FloodError) as caught:
            await client_of(discord).send(Post(discord.target(text), "", message("Salut"), nonce="1"))
    assert caught.value.retry_after == 9.0


@pytest.mark.parametrize(("status", "error"), [(429, FloodError), (503, UnknownOutcomeError)])
async def test_a_pause_that_the_header_alone_tells_is_kept(discord: Side, status: int, error: type[SendError]) -> None:
    """Neither less nor more, and by a Discord in trouble too."""
    (text,) = discord.add(1)
    refusal = Reply(status, {"message": "Slow down"}, headers={"Retry-After": "9"})
    standin_of(discord).faults.add(Fault(refusal, Match(SEND)))
    with pytest.raises(error) as caught:
        await client_of(discord).send(Post(discord.target(text), "", message("Salut"), nonce="1"))
    assert caught.value.retry_after == 9.0


@pytest.mark.parametrize("status", [302, 307])
async def test_a_message_is_carried_nowhere_else(discord: Side, status: int) -> None:
    """The answer of a place that somebody before Discord names is no word of Discord's on the channel."""
    (text,) = discord.add(1)
    elsewhere = Reply(status, "", headers={"Location": "/elsewhere"})
    standin_of(discord).faults.add(Fault(elsewhere, Match(SEND)))
    with pytest.raises(NotSentError, match=f"something before it, such as a proxy, answers .HTTP {status}."):
        await client_of(discord).send(Post(discord.target(text), "", message("Salut"), nonce="1"))


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(400, {"message": "Slowmode", "code": 20016, "retry_after": 0.3}),
        Reply(
            400,
            {
                "message": "Invalid Form Body",
                "code": 50035,
                "retry_after": 0.3,
                "errors": {"content": {"_errors": [{"code": "TOO_MANY_MESSAGES", "message": "Slow down."}]}},
            },
        ),
    ],
)
async def test_a_slow_channel_is_its_own_matter(discord: Side, ledger: Ledger, refusal: Reply) -> None:
    """It gets its message later; the others are not held up, and the push goes on."""
    standin = standin_of(discord)
    slow, *others = discord.add(5)
    await discord.subscribe(ledger, slow, *others)
    standin.faults.add(Fault(refusal, Match(SEND, chat=slow.id), times=2))
    began = time.monotonic()
    assert await discord.deliver(ledger, await discord.open(ledger, "Un")) == {"sent": 5}
    arrived = [each.at for each in standin.traffic.sends if each.chat == str(slow.id)]
    assert len(arrived) == 3
    assert arrived[-1] - began >= 0.6
    assert all(discord.received(each) == ["Un"] for each in (slow, *others))


@pytest.mark.parametrize("is_listening", [True, False])
async def test_a_place_is_named_by_its_channel_and_server(discord: Side, *, is_listening: bool) -> None:
    """From the gateway, or asked where there is none; a person has no name there."""
    standin, client = standin_of(discord), client_of(discord)
    news = standin.add_announcement(standin.add_guild("Auditeurs"), "annonces")
    ada = standin.add_user("Ada")
    async with listening(client) if is_listening else contextlib.nullcontext():
        await until(lambda: is_ready(client) or not is_listening)
        assert await client.name_of(discord.target(news)) == "#annonces, Auditeurs"
        assert await client.name_of(discord.target(standin.direct(ada))) == ""
        assert await client.name_of(Target(NAME, f"@{ada.id}")) == ""
    asked = times(standin, KIND)
    assert len(asked) == (1 if is_listening else 2)
