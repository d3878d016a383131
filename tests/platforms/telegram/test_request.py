"""Requests to the Bot API, over real connections: what the sender promises, and what the library's own class adds.

python-telegram-bot's own tests hold what its request class does.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import traceback
from typing import TYPE_CHECKING

import pytest
import trustme
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

from bot.platforms.telegram import request
from bot.platforms.telegram.request import ApiSender, ForeignError, NeverSentError, QuietRequest, ServerError
from tests.platforms.telegram import wire

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = 0.1
BODY = b'{"chat_id":5,"text":"\xc3\xa9t\xc3\xa9"}'
SENT = b'{"ok":true,"result":{"message_id":77,"chat":{"id":5},"text":"x"}}'
OK = wire.answering("200 OK", SENT)
NO_WAY_THROUGH = wire.answering("407 Proxy Authentication Required", b"")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies have no part in these tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def sender(
    place: wire.Wire | str, *, connections: int = 8, patience: float = 5.0, proxy: str | None = None
) -> ApiSender:
    """A sender to the server or the address."""
    url = place if isinstance(place, str) else place.url
    return ApiSender(url, connections, read_timeout=patience, proxy=proxy)


async def send(requests: ApiSender, body: bytes = BODY, leave: Callable[[], bool] = lambda: True) -> int:
    """Send one message."""
    return await requests.send("sendMessage", body, leave)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("200 OK", SENT),
        ("200 OK", b'{ "ok" : true, "result" : { "message_id" : 77 } }'),
        ("201 Created", b'{"result":{"chat":{"id":5,"message_id":1},"message_id":77},"ok":true}'),
    ],
)
async def test_a_prepared_body_is_sent_as_it_stands_and_the_id_comes_back(status: str, answer: bytes) -> None:
    """However the server writes its answer."""
    async with wire.listening(wire.answering(status, answer)) as server, wire.closing(sender(server)) as requests:
        assert await send(requests) == 77
    (received,) = server.received
    assert (received.method, received.path, received.body) == ("POST", f"{wire.PATH}/sendMessage", BODY)
    assert received.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"", b"[]", b"{}", b'{"ok":true,', b'{"ok":true,"result":true}', b'{"result":{"message_id":"x"}}'],
)
async def test_an_answer_without_the_messages_id_is_an_error(answer: bytes) -> None:
    """Nobody can tell what was sent."""
    async with wire.listening(wire.answering("200 OK", answer)) as server, wire.closing(sender(server)) as requests:
        with pytest.raises(TelegramError, match=r"^HTTP 200 in another form than Telegram's$") as failed:
            await send(requests)
    assert not isinstance(failed.value, NeverSentError)


async def test_a_call_needs_json_behind_its_success() -> None:
    """The page of a network that asks for a login first is no success."""
    done = wire.answering("200 OK", b'{"ok":true,"result":true}')
    async with wire.listening(done) as server, wire.closing(sender(server)) as requests:
        await requests.call("answerCallbackQuery", b"{}")
        server.answer = wire.answering("200 OK", b"<html>")
        with pytest.raises(TelegramError, match=r"^HTTP 200 in another form than Telegram's$"):
            await requests.call("answerCallbackQuery", b"{}")
    assert server.received[0].path == f"{wire.PATH}/answerCallbackQuery"


async def test_connections_are_kept() -> None:
    """One after the other, requests need one connection."""
    async with wire.listening(OK) as server, wire.closing(sender(server)) as requests:
        for _ in range(5):
            await send(requests)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            "400 Bad Request",
            b'{"ok":false,"description":"Bad Request: chat not found"}',
            BadRequest,
            "400 Bad Request: chat not found",
        ),
        ("400 Bad Request", b'{"ok":false,"description":"caf\xe9"}', BadRequest, "caf\N{REPLACEMENT CHARACTER}"),
        ("401 Unauthorized", b'{"ok":false,"description":"Unauthorized"}', InvalidToken, "Unauthorized"),
        ("403 Forbidden", b'{"ok":false,"description":"Forbidden: bot was blocked"}', Forbidden, "bot was blocked"),
        ("404 Not Found", b'{"ok":false,"description":"Not Found"}', InvalidToken, "Not Found"),
        ("400 Bad Request", b'{"ok":false,"parameters":{"migrate_to_chat_id":-9}}', ChatMigrated, "-9"),
        ("429 Too Many", b'{"ok":false,"parameters":{"retry_after":17}}', RetryAfter, "17"),
        ("500 Internal Server Error", b'{"ok":false,"description":"broken"}', ServerError, "broken"),
        ("502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1></html>", ForeignError, "HTTP 502 in another form"),
        ("502 Bad Gateway", b"", ForeignError, "HTTP 502 in another form"),
        ("503 Service Unavailable", b"\xff\xfe\x00 not text", ForeignError, "HTTP 503 in another form"),
        ("400 Bad Request", b"<html>", ForeignError, "HTTP 400 in another form"),
        ("302 Found", b"elsewhere", ForeignError, "HTTP 302 in another form"),
        ("403 Forbidden", b'{"error":"forbidden"}', ForeignError, "HTTP 403 in another form"),
        ("403 Forbidden", b'{"ok":false,"description":5}', ForeignError, "HTTP 403 in another form"),
        ("404 Not Found", b"<h1>404</h1>", ForeignError, "HTTP 404 in another form"),
        ("405 Not Allowed", b'{"ok":false,"description":"Not Allowed"}', BadRequest, "405 Not Allowed"),
        ("408 Timeout", b'{"ok":false,"description":"Timeout"}', Conflict, "408 Timeout"),
        ("409 Conflict", b'{"ok":false,"description":"Conflict"}', Conflict, "409 Conflict"),
        ("429 Too Many", b'{"ok":false,"description":"Too Many"}', Conflict, "429 Too Many"),
        ("999 Strange", b"[]", ForeignError, "HTTP 999 in another form"),
        # A proxy may answer all with a status of its own.
        ("200 OK", b'{"ok":false,"error_code":403,"description":"Forbidden: gone"}', Forbidden, "403 Forbidden: gone"),
        ("200 OK", b'{"ok":false,"error_code":"x"}', ServerError, "200 without a reason"),
        ("403 Forbidden", b'{"ok":true,"result":{"message_id":7}}', ForeignError, "HTTP 403 in another form"),
        *(
            ("400 Bad Request", b'{"ok":false,"parameters":{"migrate_to_chat_id":%b}}' % odd, BadRequest, "400")
            for odd in (b'"abc"', b"true", b"[]", b"null", b"7")
        ),
    ],
)
async def test_refusals_keep_their_kind_and_words(
    status: str, body: bytes, kind: type[TelegramError], text: str
) -> None:
    """Each status is the library's error for it, a page of a proxy is not repeated, and a redirect leads nowhere."""
    answer = wire.answering(status, body, "Location: http://127.0.0.1:1/elsewhere")
    async with wire.listening(answer) as server, wire.closing(sender(server)) as requests:
        with pytest.raises(TelegramError, match=text) as refused:
            await send(requests)
        assert type(refused.value) is kind
        assert "<" not in str(refused.value)
        assert len(server.received) == 1
        if status != "200 OK" or kind is Forbidden:
            with pytest.raises(TelegramError, match=text) as asked:
                await requests.call("editMessageText", BODY)
            assert type(asked.value) is kind


async def test_what_was_certainly_never_sent_is_told_from_what_may_have_been() -> None:
    """No listener, no name, no way through the proxy, no open sender; and on the other side no answer."""
    for place in (
        f"http://{wire.HOST}:{wire.closed_port()}",
        "http://telegram.invalid",
        "no address",
        "http://h:99999",
    ):
        async with wire.closing(sender(place)) as requests:
            with pytest.raises(NeverSentError):
                await send(requests)
    closed = sender("http://telegram.invalid")
    await closed.close()
    for ask in (send(closed), closed.download("documents/notes.txt", 9)):
        with pytest.raises(NeverSentError, match="closed"):
            await ask
    async with wire.listening(NO_WAY_THROUGH) as proxy:
        through = sender("https://telegram.invalid", proxy=f"http://{wire.HOST}:{proxy.port}")
        async with wire.closing(through) as requests:
            with pytest.raises(NeverSentError, match="the proxy answers 407"):
                await send(requests)
    assert proxy.received[0].method == "CONNECT"
    for answer in (wire.waiting, wire.resetting, wire.saying()):
        async with wire.listening(answer) as server, wire.closing(sender(server, patience=SHORT)) as requests:
            with pytest.raises(NetworkError) as unknown:
                await send(requests)
            assert not isinstance(unknown.value, NeverSentError)


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
async def test_a_broken_connection_is_a_network_error_and_nothing_is_sent_twice(answer: wire.Answer) -> None:
    """Nobody can tell whether the server did what it was asked to."""
    async with wire.listening(answer) as server, wire.closing(sender(server)) as requests:
        with pytest.raises(NetworkError) as broken:
            await send(requests)
    assert type(broken.value) is NetworkError
    assert len(server.received) == 1


async def test_connecting_takes_no_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the time in which a connection may become free; nothing was sent."""
    monkeypatch.setattr(request, "CONNECT_TIMEOUT", SHORT)
    with wire.unaccepting() as port:
        async with wire.closing(sender(f"http://{wire.HOST}:{port}")) as requests:
            with pytest.raises(NeverSentError):
                await asyncio.wait_for(send(requests), request.POOL_TIMEOUT)


async def test_an_answer_takes_no_longer_than_allowed() -> None:
    """Neither to begin nor to go on; but the limit is between two parts, not for the whole."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SENT)
    for answer in (wire.waiting, wire.saying(head, SENT[:9], pause=3600)):
        async with wire.listening(answer) as server, wire.closing(sender(server, patience=SHORT)) as requests:
            with pytest.raises(TimedOut, match=r"^Timed out$"):
                await send(requests)
    slow = wire.saying(head, *(SENT[place : place + 1] for place in range(len(SENT))), pause=0.02)
    async with wire.listening(slow) as server, wire.closing(sender(server, patience=0.9)) as requests:
        assert await send(requests) == 77


# Longer than any message, because the network of one machine takes that much without anybody reading.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_message_that_the_network_does_not_take_ends_in_time() -> None:
    """The limit of an answer holds for writing too."""
    with wire.unreading() as port:
        async with wire.closing(sender(f"http://{wire.HOST}:{port}", patience=SHORT)) as requests:
            with pytest.raises(TimedOut):
                await asyncio.wait_for(send(requests, b" " * 30_000_000), 10)


async def test_requests_wait_for_a_connection_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at once as there are connections; the next one waits a while, and then was never sent."""
    monkeypatch.setattr(request, "CONNECT_TIMEOUT", SHORT)
    monkeypatch.setattr(request, "POOL_TIMEOUT", SHORT)
    gate = asyncio.Event()

    async def when_opened(writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await OK(writer)

    async with wire.listening(when_opened) as server, wire.closing(sender(server, connections=2)) as requests:
        taken = [asyncio.create_task(send(requests)) for _ in range(2)]
        while len(server.received) < 2:  # noqa: ASYNC110 - each look lets the server work
            await asyncio.sleep(0)
        with pytest.raises(NeverSentError):
            await send(requests)
        patient = asyncio.create_task(send(requests))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(*taken, patient) == [77] * 3
    assert (server.connections, len(server.received)) == (2, 3)


async def test_a_cancelled_request_gives_its_connection_back() -> None:
    """It ends as cancelled, and the next one finds room."""
    async with wire.listening(wire.waiting) as server, wire.closing(sender(server, connections=1)) as requests:
        task = asyncio.create_task(send(requests))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.answer = OK
        assert await send(requests) == 77


async def test_a_message_leaves_when_there_is_a_connection_for_it() -> None:
    """It is asked once, on the open connection, before anything is written; withdrawn, it was certainly never sent."""
    asked: list[tuple[int, int]] = []

    def leave() -> bool:
        asked.append((server.connections, len(server.received)))
        return len(asked) != 2

    async with wire.listening(OK) as server, wire.closing(sender(server)) as requests:
        assert await send(requests, leave=leave) == 77
        with pytest.raises(NeverSentError, match="withdrawn"):
            await send(requests, leave=leave)
        assert await send(requests, leave=leave) == 77
    assert [received for _, received in asked] == [0, 1, 1]
    assert len(server.received) == 2
    async with wire.closing(sender(f"http://{wire.HOST}:{wire.closed_port()}")) as requests:
        with pytest.raises(NeverSentError):
            await send(requests, leave=leave)
    assert len(asked) == 3


async def test_a_message_leaves_in_the_step_in_which_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the event loop does besides must not come between counting a message and writing it."""
    happened: list[str] = []

    def leave() -> bool:
        happened.append("counted")
        asyncio.get_running_loop().call_soon(happened.append, "something else")
        return True

    for way in ("write", "writelines"):
        method = getattr(asyncio.selector_events._SelectorSocketTransport, way)  # type: ignore[attr-defined]

        def write(transport: asyncio.Transport, data: object, method: Callable[..., None] = method) -> None:
            if "counted" in happened:
                happened.append("written")
            method(transport, data)

        monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, way, write)  # type: ignore[attr-defined]
    async with wire.listening(OK) as server, wire.closing(sender(server)) as requests:
        await send(requests, leave=leave)
    assert happened[:2] == ["counted", "written"]


async def test_a_server_without_a_trusted_certificate_gets_nothing() -> None:
    """Neither from the sender nor from the library's requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(wire.HOST).configure_cert(context)
    async with wire.listening(OK, context) as server:
        async with wire.closing(sender(server)) as requests:
            with pytest.raises(NeverSentError, match="certificate is not one"):
                await send(requests)
        async with QuietRequest(httpx_kwargs={"verify": request.CERTIFICATES}) as library:
            with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED"):
                await library.post(server.url)
    assert server.received == []


async def test_a_proxy_is_used() -> None:
    """With its password."""
    async with wire.listening(OK) as proxy:
        through = sender("http://telegram.invalid/bot1:a", proxy=f"http://ada:lovelace@{wire.HOST}:{proxy.port}")
        async with wire.closing(through) as requests:
            assert await send(requests) == 77
    assert proxy.received[0].path == "http://telegram.invalid/bot1:a/sendMessage"
    assert proxy.received[0].headers["proxy-authorization"] == "Basic YWRhOmxvdmVsYWNl"


async def test_the_token_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """It stands in every address, and many errors of the network repeat the address."""
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException] = []

    async def fail(place: wire.Wire | str, body: bytes = BODY) -> None:
        async with wire.closing(sender(place, patience=SHORT)) as requests:
            with pytest.raises(NetworkError) as failed:
                await send(requests, body)
            assert wire.TOKEN not in repr(requests)
        errors.append(failed.value)

    for answer in (
        wire.waiting,
        wire.resetting,
        wire.saying(),
        wire.saying(b"nonsense\r\n\r\n"),
        wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        wire.answering("502 Bad Gateway", b"<html>"),
    ):
        async with wire.listening(answer) as server:
            await fail(server)
    async with wire.listening(wire.resetting) as server:
        await fail(server, b" " * (1 << 20))
    closed = f"{wire.HOST}:{wire.closed_port()}"
    for host in (closed, "telegram.invalid", "a b", "", "h:99999", "[::1"):
        await fail(f"http://{host}{wire.PATH}")
    for error in errors:
        assert wire.TOKEN not in "".join(traceback.format_exception(error)) + repr(error)
        assert wire.TOKEN not in repr(error.__context__) + repr(error.__cause__)
    assert wire.TOKEN not in caplog.text


async def test_the_librarys_requests_tell_a_refusal_in_the_same_way() -> None:
    """A number that its own class cannot take ends no look at a chat in another error."""
    refusal = wire.answering("429 Too Many", b'{"ok":false,"parameters":{"retry_after":1e20}}')
    async with wire.listening(refusal) as server, QuietRequest() as requests:
        with pytest.raises(RetryAfter, match="0:01:00"):
            await requests.post(server.url)


async def test_a_file_that_is_not_there_says_nothing_of_the_token() -> None:
    """Of any method, this answer would."""
    refusal = wire.answering("404 Not Found", b'{"ok":false,"error_code":404,"description":"Not Found"}')
    async with wire.listening(refusal) as server, wire.closing(sender(server)) as requests:
        with pytest.raises(BadRequest, match="404 Not Found"):
            await requests.download("documents/a.txt", 99)


async def test_a_connection_that_closes_as_a_request_leaves_is_told_without_its_address() -> None:
    """The library names the address, and so the token, in place of a reason. Nothing was sent."""
    async with wire.listening(OK) as server, wire.closing(sender(server)) as requests:

        def close() -> bool:
            assert requests._session.connector is not None
            for connection in requests._session.connector._acquired:
                connection.close()
            return True

        with pytest.raises(NeverSentError) as failed:
            await send(requests, leave=close)
    assert wire.TOKEN not in "".join(traceback.format_exception(failed.value))
    assert server.received == []


@pytest.mark.parametrize("answer", [b"<html>", b"", b"[]", b"\xff"])
async def test_the_librarys_requests_keep_quiet_about_an_answer_that_is_none(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an error of the library's own kind; a proxy's page does not fill the log with every poll."""
    async with wire.listening(wire.answering("200 OK", answer)) as server, QuietRequest() as requests:
        with pytest.raises(ForeignError, match="HTTP 200 in another form"):
            await requests.post(server.url)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
