"""Rate limits, faults and the request log of the stand-in, as the real discord.py meets them."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.discord.limits import Bucket, Limits, Scope, too_many
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import BAD_GATEWAY, MALFORMED, Delay, Fault, Flood, Hook, Match, Reply, Reset, Silence
from bot.sandbox.shared.traffic import EVERYTHING, Limit, most
from tests.sandbox.discord_bot import Place, logged_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.shared.faults import Call

SEND = "POST /channels/{channel_id}/messages"
SENDS = Match(route=SEND)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A stand-in, and a client that waits out no rate limit above thirty seconds."""
    client = discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=30)
    async with DiscordStandIn() as standin, logged_in(standin, client):
        yield Place(standin, client)


async def test_a_bucket_is_told_in_headers_and_obeyed(place: Place) -> None:
    """discord.py reads the headers and never runs into the limit; each channel has a bucket of its own."""
    place.standin.limits.buckets.insert(0, Bucket(SEND, Limit(2, 0.2)))
    begin = time.monotonic()
    for _ in range(4):
        await place.at(place.text).send("Salut")
    assert time.monotonic() - begin >= 0.2
    await place.at(place.news).send("Salut")
    assert {request.answered for request in place.standin.traffic.requests} == {200}
    assert place.standin.traffic.sends_in_waits() == []


async def raw_send(place: Place, session: aiohttp.ClientSession) -> tuple[aiohttp.ClientResponse, dict[str, object]]:
    """A message sent without any care for limits."""
    url = f"{place.standin.api_url}/channels/{place.text.id}/messages"
    headers = {"Authorization": f"Bot {place.standin.token}"}
    async with session.post(url, json={"content": "Salut"}, headers=headers) as response:
        return response, await response.json()


async def test_a_client_that_ignores_a_bucket_is_refused(place: Place) -> None:
    """With Discord's headers and body; what came through before was counted down."""
    place.standin.limits.buckets.insert(0, Bucket(SEND, Limit(2, 60.0)))
    async with aiohttp.ClientSession() as session:
        answers = [await raw_send(place, session) for _ in range(3)]
    assert [answer.headers["X-RateLimit-Remaining"] for answer, _ in answers] == ["1", "0", "0"]
    refusal, body = answers[-1]
    assert (refusal.status, refusal.headers["X-RateLimit-Scope"], refusal.headers["Retry-After"]) == (429, "user", "60")
    assert refusal.headers["Via"]
    assert 59 < float(str(body["retry_after"])) <= 60
    assert body["global"] is False
    (wait,) = place.standin.traffic.waits
    assert wait.chat == str(place.text.id)
    assert len(place.text.messages) == 2


async def test_fifty_requests_a_second_are_the_most(place: Place) -> None:
    """The fifty-first is refused for everything; discord.py waits and then goes on."""
    channels = [place.standin.add_text(place.guild, f"c{number}") for number in range(60)]
    await asyncio.gather(*(place.at(channel).send("Salut") for channel in channels))
    traffic = place.standin.traffic
    refused = [request for request in traffic.requests if request.answered == 429]
    assert refused
    assert all(len(channel.messages) == 1 for channel in channels)
    assert {wait.chat for wait in traffic.waits} == {EVERYTHING}


@given(st.lists(st.floats(0, 0.1), min_size=100, max_size=200))
def test_no_sliding_second_holds_more_than_fifty(pauses: list[float]) -> None:
    """However the requests come; interactions are free and do not count."""
    now, admitted = 0.0, []
    limits = Limits(lambda: now)
    for pause in pauses:
        now += pause
        assert limits.admit("POST /interactions/{interaction_id}/{interaction_token}/callback", "token").refusal is None
        if limits.admit(SEND, "channel").refusal is None:
            admitted.append(now)
    assert most(admitted, 1.0) <= 50
    assert len(admitted) >= min(50, len(pauses))


async def test_the_global_limit_can_be_lifted(place: Place) -> None:
    """For measuring how fast a bot can be."""
    place.standin.limits.overall = None
    channels = [place.standin.add_text(place.guild, f"c{number}") for number in range(60)]
    await asyncio.gather(*(place.at(channel).send("Salut") for channel in channels))
    assert place.standin.traffic.peak(1.0) <= len(place.standin.traffic.sends) == 60
    assert place.standin.traffic.peak(60.0) == 60
    assert place.standin.traffic.waits == []


async def test_publishing_too_much_is_a_limit_shared_with_others(place: Place) -> None:
    """Ten an hour for each channel; no header tells beforehand, and discord.py says how long it would have to wait."""
    messages = [await place.at(place.news).send("Salut") for _ in range(11)]
    for message in messages[:10]:
        await message.publish()
    with pytest.raises(discord.RateLimited) as limited:
        await messages[10].publish()
    assert 3590 < limited.value.retry_after <= 3600
    await place.at(place.news).send("Salut")
    assert place.standin.traffic.sends_in_waits() == [], "a limit on publishing is none on sending"


async def test_a_flood_on_demand_is_waited_out(place: Place) -> None:
    """For one channel, for everything, or shared: discord.py waits as told and sends again, and the log shows it."""
    traffic = place.standin.traffic
    for fault in (Flood(0.05), Flood(0.05, everything=True), too_many(0.05, Scope.SHARED)):
        place.standin.faults.add(Fault(fault, SENDS))
        await place.at(place.text).send("Salut")
    assert [request.answered for request in traffic.sends] == [429, 200] * 3
    assert [wait.chat for wait in traffic.waits] == [str(place.text.id), EVERYTHING, str(place.text.id)]
    assert traffic.sends_in_waits() == []


async def test_a_send_inside_a_wait_is_noticed(place: Place) -> None:
    """A client that does not wait is seen in the log."""
    place.standin.faults.add(Fault(Flood(60.0), SENDS))
    async with aiohttp.ClientSession() as session:
        await raw_send(place, session)
        await raw_send(place, session)
    assert place.standin.traffic.sends_in_waits() == place.standin.traffic.sends[1:]


@pytest.mark.parametrize("reply", [BAD_GATEWAY, Reply(500, {"message": "500: Internal Server Error", "code": 0})])
async def test_broken_servers_are_tried_again(place: Place, reply: Reply) -> None:
    """discord.py does so by itself; with the same nonce even a processed message is not doubled."""
    place.standin.faults.add(Fault(reply, SENDS, after=True))
    await place.at(place.text).send("Salut", nonce="once")
    assert [request.answered for request in place.standin.traffic.sends] == [reply.status, 200]
    assert len(place.text.messages) == 1


async def test_an_unavailable_server_is_an_error(place: Place) -> None:
    """discord.py does not try again after a 503."""
    place.standin.faults.add(Fault(Reply(503, "upstream connect error", content_type="text/plain"), SENDS))
    with pytest.raises(discord.DiscordServerError) as error:
        await place.at(place.text).send("Salut")
    assert error.value.status == 503


async def test_an_answer_that_is_not_json_is_an_error(place: Place) -> None:
    """One that was cut off in the middle."""
    place.standin.faults.add(Fault(MALFORMED, SENDS, after=True))
    with pytest.raises(json.JSONDecodeError):
        await place.at(place.text).send("Salut")
    assert len(place.text.messages) == 1


async def test_a_ban_of_the_address_refuses_every_request_until_it_ends(place: Place) -> None:
    """A 429 without `Via` and JSON, which is an error for discord.py, and a wait for everything in the log."""
    place.standin.limits.silence(0.5, is_ban=True)
    for _ in range(2):
        with pytest.raises(discord.HTTPException, match="1015"):
            await place.client.fetch_channel(place.text.id)
    assert [wait.chat for wait in place.standin.traffic.waits] == [EVERYTHING] * 2
    await asyncio.sleep(0.5)
    await place.at(place.text).send("Salut")


async def test_a_ban_that_names_no_time_asks_for_no_wait(place: Place) -> None:
    """A 429 without `Via` and JSON is an error for discord.py, and no wait in the log."""
    place.standin.faults.add(Fault(Reply(429, "error code: 1015", content_type="text/plain"), SENDS))
    with pytest.raises(discord.HTTPException) as error:
        await place.at(place.text).send("Salut")
    assert (error.value.status, place.standin.traffic.waits) == (429, [])


@pytest.mark.parametrize("after", [False, True])
async def test_a_reset_loses_the_answer(place: Place, *, after: bool) -> None:
    """Before the message was stored or after it: the client cannot tell, the stand-in can."""
    place.standin.faults.add(Fault(Reset(), SENDS, after=after))
    with pytest.raises((aiohttp.ClientError, OSError)):
        await place.at(place.text).send("Salut")
    (request,) = place.standin.traffic.sends
    assert (request.processed, request.answered) == (200 if after else None, None)
    assert len(place.text.messages) == after


@pytest.mark.parametrize("after", [False, True])
async def test_silence_lasts_until_the_client_gives_up(place: Place, *, after: bool) -> None:
    """No answer ever comes, and the stand-in stops all the same."""
    place.standin.faults.add(Fault(Silence(), SENDS, after=after))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await place.at(place.text).send("Salut")
    assert len(place.text.messages) == after
    assert place.standin.faults.pending == ()


async def test_a_slow_answer_is_an_answer(place: Place) -> None:
    """Late, or when a test lets it go."""
    seen: list[Call] = []

    async def look(call: Call) -> None:
        seen.append(call)

    place.standin.faults.add(Fault(Delay(0.05), SENDS))
    place.standin.faults.add(
        Fault(Hook(look), Match(route=SEND, chat=place.text.id, where=lambda call: "nonce" in call.body))
    )
    begin = time.monotonic()
    await place.at(place.text).send("Salut", nonce="1")
    assert time.monotonic() - begin >= 0.05
    await place.at(place.text).send("Encore", nonce="2")
    assert [call.body["content"] for call in seen] == ["Encore"]


async def test_faults_find_their_channel(place: Place) -> None:
    """A fault of one channel leaves the others alone, and every method can be hit."""
    place.standin.faults.add(Fault(Reply(503, {}), Match(chat=place.news.id), times=None))
    await place.at(place.text).send("Salut")
    with pytest.raises(discord.DiscordServerError):
        await place.client.fetch_channel(place.news.id)


async def test_what_is_no_json_is_refused(place: Place) -> None:
    """A body that cannot be read is 50109."""
    url = f"{place.standin.api_url}/channels/{place.text.id}/messages"
    headers = {"Authorization": f"Bot {place.standin.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=b"{") as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)
    assert place.standin.traffic.sends[0].answered == 400
