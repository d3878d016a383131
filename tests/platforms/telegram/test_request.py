"""Requests to the Bot API: what python-telegram-bot's own request class does, the bot's does too.

Every test runs against both, over real connections. What only the bot's does is in test_request_own.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest
from telegram import InputFile
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import BaseRequest, HTTPXRequest

from bot.platforms.telegram.request import AiohttpRequest, NeverSentError
from tests.platforms.telegram import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., BaseRequest]

SHORT = 0.1


@pytest.fixture(params=[AiohttpRequest, HTTPXRequest], ids=["ours", "the library's"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Either class of requests, on a machine without proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # The library's coming default, which the bot has opted in to.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    made: Make = request.param
    return made


async def test_parameters_arrive_as_they_are(make: Make) -> None:
    """Texts, numbers and objects mean the same on the other side; the answer's result comes back."""
    values: dict[str, Any] = {"text": "Été & « demain » = 100 %\n+", "chat_id": -100, "entities": [{"type": "bold"}]}
    async with wire.listening(wire.OK) as server, make() as requests:
        assert await requests.post(server.url, wire.parameters(**values, on=True)) == {"id": 7}
        assert await requests.post(server.url) == {"id": 7}
    said, bare = server.received
    assert (said.method, said.path, said.values) == ("POST", wire.PATH, {**values, "on": True})
    assert "python-telegram-bot" in said.headers["user-agent"]
    assert (bare.method, bare.body) == ("POST", b"")


async def test_connections_are_kept(make: Make) -> None:
    """One after the other, requests need one connection."""
    async with wire.listening(wire.OK) as server, make() as requests:
        for _ in range(5):
            await requests.post(server.url, wire.parameters(a=1))
    assert server.connections == 1


async def test_a_file_is_retrieved(make: Make) -> None:
    """By GET, as bytes, whatever they are."""
    async with wire.listening(wire.answering("200 OK", b"\x00\xff\xfe")) as server, make() as requests:
        assert await requests.retrieve(server.url) == b"\x00\xff\xfe"
    assert server.received[0].method == "GET"


@pytest.mark.parametrize("from_handle", [False, True], ids=["bytes", "handle"])
async def test_files_are_uploaded(make: Make, *, from_handle: bool) -> None:
    """With the other parameters beside them, under their own name, in any size."""
    content = bytes(range(256)) * 2000
    file = InputFile(io.BytesIO(content), filename="été.mp3", read_file_handle=not from_handle)
    async with wire.listening(wire.OK) as server, make() as requests:
        await requests.post(server.url, wire.parameters(chat_id=5, caption="« Été »", audio=file))
    parts = server.received[0].parts
    assert parts["audio"][0] == content
    assert "mp3" in str(parts["audio"][1])
    assert {name: parts[name][0] for name in ("chat_id", "caption")} == {"chat_id": 5, "caption": "« Été »"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        ("400 Bad Request", b'{"ok":false,"description":"Bad Request: chat not found"}', BadRequest, "Chat not found"),
        ("401 Unauthorized", b'{"ok":false,"description":"Unauthorized"}', InvalidToken, "Unauthorized"),
        ("403 Forbidden", b'{"ok":false,"description":"Forbidden: bot was blocked"}', Forbidden, "bot was blocked"),
        ("404 Not Found", b'{"ok":false,"description":"Not Found"}', InvalidToken, "Not Found"),
        ("409 Conflict", b'{"ok":false,"description":"Conflict: two pollers"}', Conflict, "two pollers"),
        ("400 Bad Request", b'{"ok":false,"parameters":{"migrate_to_chat_id":-9}}', ChatMigrated, "-9"),
        ("429 Too Many", b'{"ok":false,"parameters":{"retry_after":17}}', RetryAfter, "17"),
        ("500 Internal Server Error", b'{"ok":false,"description":"broken"}', NetworkError, "broken"),
        ("502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1></html>", NetworkError, "Bad Gateway"),
        ("502 Bad Gateway", b"", NetworkError, "Bad Gateway"),
        ("503 Service Unavailable", b"\xff\xfe\x00 not text", NetworkError, "Service Unavailable"),
        ("302 Found", b"elsewhere", NetworkError, "Found"),
        ("999 Strange", b"{}", NetworkError, "999"),
    ],
)
async def test_refusals_keep_their_kind_and_words(
    make: Make, status: str, body: bytes, kind: type[TelegramError], text: str
) -> None:
    """Each status is the library's error for it; a redirect leads nowhere."""
    answer = wire.answering(status, body, "Location: http://127.0.0.1:1/elsewhere")
    async with wire.listening(answer) as server, make() as requests:
        with pytest.raises(TelegramError, match=text) as refused:
            await requests.post(server.url, wire.parameters(a=1))
    assert type(refused.value) is kind
    assert len(server.received) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"ok":true,', b"\xff"])
async def test_an_answer_that_is_none_is_an_error(make: Make, body: bytes) -> None:
    """Success without JSON behind it is no success."""
    async with wire.listening(wire.answering("200 OK", body)) as server, make() as requests:
        with pytest.raises(TelegramError, match="Invalid server response"):
            await requests.post(server.url, wire.parameters(a=1))


async def test_a_description_in_broken_unicode_is_read_as_far_as_it_goes(make: Make) -> None:
    """What is no UTF-8 in a text becomes a replacement character."""
    body = b'{"ok":false,"description":"Bad Request: caf\xe9 closed"}'
    async with wire.listening(wire.answering("400 Bad Request", body)) as server, make() as requests:
        with pytest.raises(BadRequest, match="Caf\N{REPLACEMENT CHARACTER} closed"):
            await requests.post(server.url, wire.parameters(a=1))


async def test_nobody_listening_is_a_network_error(make: Make) -> None:
    """Its text says which error it was underneath, and of which library."""
    async with make() as requests:
        with pytest.raises(NetworkError, match=r"^(aiohttp|httpx)\.\w*Connect\w*: .+") as refused:
            await requests.post(f"http://{wire.HOST}:{wire.closed_port()}/", wire.parameters(a=1))
    assert type(refused.value) in {NetworkError, NeverSentError}


async def test_connecting_takes_no_longer_than_allowed(make: Make) -> None:
    """The request's own patience goes before that of all requests."""
    with wire.unaccepting() as port:
        url = f"http://{wire.HOST}:{port}/"
        async with make(connect_timeout=SHORT) as requests:
            with pytest.raises(TimedOut):
                await requests.post(url, wire.parameters(a=1))
        async with make() as requests:
            with pytest.raises(TimedOut):
                await requests.post(url, wire.parameters(a=1), connect_timeout=SHORT)


async def test_an_answer_takes_no_longer_than_allowed(make: Make) -> None:
    """Neither to begin nor to go on; `None` waits for ever."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n"
    begun = wire.saying(head, b'{"ok":', pause=3600)
    for answer in (wire.waiting, begun):
        async with wire.listening(answer) as server, make(read_timeout=SHORT) as requests:
            assert requests.read_timeout == SHORT
            with pytest.raises(TimedOut, match=r"^Timed out$"):
                await requests.post(server.url, wire.parameters(a=1))
    slow = wire.saying(head, b'{"ok":true,', b'"result":{"id":7}}', pause=3 * SHORT)
    async with wire.listening(slow) as server, make(read_timeout=SHORT) as requests:
        assert await requests.post(server.url, wire.parameters(a=1), read_timeout=None) == {"id": 7}


async def test_each_part_of_an_answer_may_take_its_time(make: Make) -> None:
    """The limit is between two parts, not for the whole."""
    parts = [bytes([byte]) for byte in b'{"ok":true,"result":{"id":7}}']
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n"
    slow = wire.saying(head, *parts, pause=0.02)
    async with wire.listening(slow) as server, make(read_timeout=0.4) as requests:
        assert await requests.post(server.url, wire.parameters(a=1)) == {"id": 7}


async def test_an_upload_that_the_network_does_not_take_ends_in_time(make: Make) -> None:
    """The limit of uploads is one of its own; a request may say another."""
    with wire.unreading() as port:
        url = f"http://{wire.HOST}:{port}/"
        for kind, given in ((make(media_write_timeout=SHORT), {}), (make(), {"write_timeout": SHORT})):
            async with kind as requests:
                with pytest.raises(TimedOut, match=r"^Timed out$"):
                    await requests.post(url, wire.parameters(audio=InputFile(b"x" * 30_000_000)), **given)


async def test_a_long_text_that_the_network_does_not_take_ends_in_time(make: Make) -> None:
    """Without files it is the ordinary limit that holds."""
    with wire.unreading() as port:
        async with make(write_timeout=SHORT, media_write_timeout=3600) as requests:
            with pytest.raises(TimedOut, match=r"^Timed out$"):
                await requests.post(f"http://{wire.HOST}:{port}/", wire.parameters(text="x" * 30_000_000))


async def test_requests_wait_for_a_connection_and_not_for_ever(make: Make) -> None:
    """As many at once as the pool has connections; the next one waits so long, and says that it was never sent."""
    gate = asyncio.Event()

    async def when_opened(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await wire.OK(writer)

    async with wire.listening(when_opened) as server, make(connection_pool_size=2, pool_timeout=SHORT) as requests:
        taken = [asyncio.create_task(requests.post(server.url, wire.parameters(a=1))) for _ in range(2)]
        while len(server.received) < 2:  # noqa: ASYNC110 - each look lets the server work
            await asyncio.sleep(0)
        with pytest.raises(TimedOut, match=r"^Pool timeout: .*not"):
            await requests.post(server.url, wire.parameters(a=1))
        patient = asyncio.create_task(requests.post(server.url, wire.parameters(a=1), pool_timeout=None))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(*taken, patient) == [{"id": 7}] * 3
    assert (server.connections, len(server.received)) == (2, 3)


@pytest.mark.parametrize(
    "answer",
    [
        wire.resetting,
        wire.saying(),
        wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        wire.saying(b"nonsense\r\n\r\n"),
        wire.saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"),
    ],
    ids=["reset", "closed", "cut short", "no HTTP", "no gzip"],
)
async def test_a_broken_connection_is_a_network_error_and_nothing_is_sent_twice(
    make: Make, answer: wire.Answer
) -> None:
    """Nobody can tell whether the server did what it was asked to."""
    async with wire.listening(answer) as server, make() as requests:
        with pytest.raises(NetworkError) as broken:
            await requests.post(server.url, wire.parameters(a=1))
    assert type(broken.value) is NetworkError
    assert len(server.received) == 1


async def test_a_cancelled_request_gives_its_connection_back(make: Make) -> None:
    """It ends as cancelled, and the next one finds room."""
    async with wire.listening(wire.waiting) as server, make(connection_pool_size=1) as requests:
        task = asyncio.create_task(requests.post(server.url, wire.parameters(a=1)))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answer = wire.OK
        assert await requests.post(server.url, wire.parameters(a=1)) == {"id": 7}


async def test_it_can_be_shut_down_and_started_again_any_number_of_times(make: Make) -> None:
    """It works from the start, not after its shutdown, and again after the next start."""
    async with wire.listening(wire.OK) as server:
        requests = make()
        assert await requests.post(server.url) == {"id": 7}
        await requests.shutdown()
        await requests.shutdown()
        with pytest.raises(NetworkError, match="RuntimeError"):
            await requests.post(server.url)
        await requests.initialize()
        await requests.initialize()
        assert await requests.post(server.url) == {"id": 7}
        await requests.shutdown()


@pytest.mark.parametrize("how", ["named", "http_proxy", "all_proxy"])
async def test_a_proxy_is_used(make: Make, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The one that was named or that the environment names, with its password."""
    async with wire.listening(wire.OK) as proxy:
        address = f"http://ada:lovelace@{wire.HOST}:{proxy.port}"
        if how != "named":
            monkeypatch.setenv(how, address)
        async with make(**({"proxy": address} if how == "named" else {})) as requests:
            assert await requests.post("http://telegram.invalid/bot1:a/getMe", wire.parameters(a=1)) == {"id": 7}
    assert proxy.received[0].path == "http://telegram.invalid/bot1:a/getMe"
    assert proxy.received[0].headers["proxy-authorization"] == "Basic YWRhOmxvdmVsYWNl"


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*"])
async def test_the_environment_may_exempt_hosts_from_its_proxy(
    make: Make, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """They are asked directly."""
    monkeypatch.setenv("http_proxy", f"http://{wire.HOST}:{wire.closed_port()}")
    monkeypatch.setenv("no_proxy", exempt)
    async with wire.listening(wire.OK) as server, make() as requests:
        assert await requests.post(server.url, wire.parameters(a=1)) == {"id": 7}


async def test_a_proxy_that_refuses_is_a_network_error(make: Make) -> None:
    """The way to an encrypted server is one that it would have to open."""
    refusing = wire.answering("407 Proxy Authentication Required", b"")
    async with wire.listening(refusing) as proxy, make(proxy=f"http://{wire.HOST}:{proxy.port}") as requests:
        with pytest.raises(NetworkError, match="407 Proxy Authentication Required"):
            await requests.post("https://telegram.invalid/bot1:a/getMe", wire.parameters(a=1))
    assert proxy.received[0].method == "CONNECT"
