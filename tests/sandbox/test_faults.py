"""Faults: which requests they hit, how often, and what the client sees of it; on real sockets."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.shared.faults import (
    BAD_GATEWAY,
    MALFORMED,
    Call,
    Delay,
    Fault,
    Faults,
    Flood,
    Hook,
    Match,
    Reply,
    Reset,
    Silence,
)
from bot.sandbox.shared.webserver import HOST, WebServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OK = Reply(200)


class Server(WebServer):
    """A server of one route that counts what it processed and puts every request past its faults."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.processed = 0
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()

    @property
    def url(self) -> str:
        """Its one address."""
        return f"http://{HOST}:{self.port}/"

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        """Process the request by way of the faults."""
        self.arrived.set()
        try:
            return await self.faults.answer(request, Call("send", "1"), self.process, self.flood)
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def process(self) -> web.Response:
        """Count and confirm."""
        self.processed += 1
        return web.json_response({"ok": True})

    @staticmethod
    def flood(flood: Flood) -> web.Response:
        """The 429 of a platform that does not exist."""
        return web.json_response({"wait": flood.retry_after, "all": flood.everything}, status=429)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """The server, listening on the loopback interface for as long as the test runs."""
    async with Server() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that repeats nothing on its own."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_without_a_fault_the_request_is_processed(server: Server, client: aiohttp.ClientSession) -> None:
    """No fault, no effect."""
    async with client.post(server.url) as response:
        assert await response.json() == {"ok": True}
    assert server.processed == 1


@pytest.mark.parametrize(
    ("reply", "status", "body", "content_type"),
    [
        (BAD_GATEWAY, 502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
        (MALFORMED, 200, '{"ok": tru', "application/json"),
        (Reply(500, {"ok": False}), 500, '{"ok": false}', "application/json"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
async def test_a_reply_takes_the_place_of_the_answer(
    server: Server,
    client: aiohttp.ClientSession,
    *,
    reply: Reply,
    status: int,
    body: str,
    content_type: str,
    after: bool,
) -> None:
    """The client reads exactly the reply, and whether the request was processed is the fault's choice."""
    server.faults.add(Fault(reply, after=after))
    async with client.post(server.url) as response:
        assert (response.status, await response.text(), response.content_type) == (status, body, content_type)
    assert server.processed == int(after)


async def test_a_reply_carries_its_headers(server: Server, client: aiohttp.ClientSession) -> None:
    """Headers that a client decides by can be given."""
    server.faults.add(Fault(Reply(429, {}, headers={"Via": "1.1 proxy"})))
    async with client.post(server.url) as response:
        assert response.headers["Via"] == "1.1 proxy"


async def test_a_flood_is_written_by_the_platform(server: Server, client: aiohttp.ClientSession) -> None:
    """How a 429 looks is the platform's, how long it lasts the fault's; nothing is processed."""
    server.faults.add(Fault(Flood(2.5, everything=True)))
    async with client.post(server.url) as response:
        assert (response.status, await response.json()) == (429, {"wait": 2.5, "all": True})
    assert server.processed == 0


@pytest.mark.parametrize("after", [False, True])
async def test_a_reset_reaches_the_client_as_a_reset(
    server: Server, client: aiohttp.ClientSession, after: bool
) -> None:
    """The connection ends with ECONNRESET, before or after the request was processed."""
    server.faults.add(Fault(Reset(), after=after))
    with pytest.raises(aiohttp.ClientOSError) as caught:
        await client.post(server.url)
    assert caught.value.errno == errno.ECONNRESET
    assert server.processed == int(after)


@pytest.mark.parametrize("after", [False, True])
async def test_silence_lasts_until_the_client_gives_up(
    server: Server, client: aiohttp.ClientSession, after: bool
) -> None:
    """No answer ever comes, and nothing waits any longer once the client has left."""
    server.faults.add(Fault(Silence(), after=after))
    request = asyncio.create_task(client.post(server.url))
    await server.arrived.wait()
    request.cancel()
    await asyncio.wait_for(server.left.wait(), 5)
    assert server.processed == int(after)


async def test_a_delayed_answer_comes_late(server: Server, client: aiohttp.ClientSession) -> None:
    """The answer is the usual one, not sooner than the delay."""
    server.faults.add(Fault(Delay(0.05)))
    start = asyncio.get_running_loop().time()
    async with client.post(server.url) as response:
        assert await response.json() == {"ok": True}
    assert asyncio.get_running_loop().time() - start >= 0.05
    assert server.processed == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_hook_holds_the_request(server: Server, client: aiohttp.ClientSession, after: bool) -> None:
    """The hook sees the call, and the request goes on when the hook returns, processed exactly once."""
    seen: list[tuple[Call, int]] = []
    release = asyncio.Event()

    async def hold(call: Call) -> None:
        seen.append((call, server.processed))
        await release.wait()

    server.faults.add(Fault(Hook(hold), after=after))
    request = asyncio.create_task(client.post(server.url))
    await server.arrived.wait()
    release.set()
    async with await request as response:
        assert await response.json() == {"ok": True}
    assert seen == [(Call("send", "1"), int(after))]
    assert server.processed == 1


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        (Match(), True),
        (Match("sendMessage"), True),
        (Match("send*"), True),
        (Match("sendmessage"), False),
        (Match("edit*"), False),
        (Match(chat=-100), True),
        (Match(chat="-100"), True),
        (Match(chat=100), False),
        (Match(where=lambda call: call.body["text"] == "hello"), True),
        (Match(where=lambda call: call.body["text"] == "bye"), False),
        (Match("send*", chat=5), False),
        (Match("edit*", chat=-100), False),
    ],
)
def test_a_match_names_route_chat_and_condition(match: Match, meant: bool) -> None:
    """Every condition that is given must hold."""
    assert match(Call("sendMessage", "-100", {"text": "hello"})) is meant


def test_the_first_matching_fault_hits() -> None:
    """Faults are tried in the order in which they were added, one per request."""
    faults = Faults()
    first, second = Fault(Reset()), Fault(Silence())
    faults.add(Fault(OK, Match("other")))
    faults.add(first)
    faults.add(second)
    assert [faults.take(Call("send")) for _ in range(3)] == [first, second, None]
    assert [fault.match.route for fault in faults.pending] == ["other"]


@given(skip=st.integers(0, 5), times=st.none() | st.integers(1, 5), requests=st.integers(0, 20))
def test_skip_and_times_say_which_requests_are_hit(skip: int, times: int | None, requests: int) -> None:
    """The first `skip` matching requests pass, the next `times` are hit, and others do not count."""
    faults = Faults()
    faults.add(Fault(OK, Match("send"), times=times, skip=skip))
    hit = []
    for _ in range(requests):
        assert faults.take(Call("other")) is None
        hit.append(faults.take(Call("send")) is not None)
    end = requests if times is None else skip + times
    assert hit == [skip <= index < end for index in range(requests)]
    assert bool(faults.pending) is (times is None or requests < end)


def test_faults_can_be_cleared() -> None:
    """Even one that is for ever."""
    faults = Faults()
    faults.add(Fault(OK, times=None))
    assert faults.take(Call("send"))
    faults.clear()
    assert faults.take(Call("send")) is None
