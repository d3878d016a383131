"""What the bot's requests to the Bot API do beyond those of python-telegram-bot's own class."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from telegram.error import NetworkError, TelegramError

from bot.platforms.telegram.request import AiohttpRequest, NeverSentError, ProxyError
from tests.platforms.telegram import wire

if TYPE_CHECKING:
    from telegram.request import RequestData

SHORT = 0.1
TOKEN = wire.TOKEN.partition(":")[2]


async def test_what_was_certainly_never_sent_is_told_from_what_may_have_been() -> None:
    """No connection, none in time, none free, no way through the proxy; and on the other side no answer."""
    with wire.unaccepting() as port:
        async with AiohttpRequest(connect_timeout=SHORT, pool_timeout=0, connection_pool_size=1) as requests:
            slow = asyncio.create_task(requests.post(f"http://{wire.HOST}:{port}/", wire.parameters(a=1)))
            await asyncio.sleep(0)
            with pytest.raises(NeverSentError, match="Pool timeout"):
                await requests.post(f"http://{wire.HOST}:{port}/", wire.parameters(a=1))
            with pytest.raises(NeverSentError, match="Timed out"):
                await slow
            with pytest.raises(NeverSentError):
                await requests.post(f"http://{wire.HOST}:{wire.closed_port()}/", wire.parameters(a=1))
            with pytest.raises(NeverSentError):
                await requests.post("no address", wire.parameters(a=1))
    refusing = wire.answering("407 Proxy Authentication Required", b"")
    async with wire.listening(refusing) as proxy, AiohttpRequest(proxy=f"{wire.HOST}:{proxy.port}") as requests:
        with pytest.raises(NeverSentError):
            await requests.post("https://telegram.invalid/", wire.parameters(a=1))
    for answer in (wire.waiting, wire.resetting, wire.saying()):
        async with wire.listening(answer) as server, AiohttpRequest(read_timeout=SHORT) as requests:
            with pytest.raises(NetworkError) as unknown:
                await requests.post(server.url, wire.parameters(a=1))
            assert not isinstance(unknown.value, NeverSentError)


async def test_a_proxy_that_does_not_speak_http_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sent, wherever it is named."""
    with pytest.raises(ProxyError, match="socks5 proxy: name one that speaks HTTP"):
        AiohttpRequest(proxy="socks5://127.0.0.1:1080")
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(ProxyError, match="socks5"):
        AiohttpRequest()


async def test_the_token_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """It stands in every address, and many errors of the network repeat the address."""
    caplog.set_level(logging.DEBUG)
    long = wire.parameters(text="x" * 30_000_000)
    failures: list[tuple[wire.Answer, RequestData]] = [
        (wire.waiting, wire.parameters(a=1)),
        (wire.resetting, wire.parameters(a=1)),
        (wire.resetting, long),
        (wire.saying(), wire.parameters(a=1)),
        (wire.saying(b"nonsense\r\n\r\n"), wire.parameters(a=1)),
        (wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), wire.parameters(a=1)),
        (wire.answering("502 Bad Gateway", b"<html>"), wire.parameters(a=1)),
    ]
    errors: list[BaseException] = []
    for answer, data in failures:
        async with wire.listening(answer) as server, AiohttpRequest(read_timeout=SHORT) as requests:
            with pytest.raises(NetworkError) as failed:
                await requests.post(server.url, data)
            errors.append(failed.value)
            assert TOKEN not in repr(requests)
    with wire.unaccepting() as port:
        for place in (
            f"{wire.HOST}:{port}",
            f"{wire.HOST}:{wire.closed_port()}",
            "telegram.invalid",
            "a b",
            "",
            "h:99999",
            "[::1",
        ):
            async with AiohttpRequest(connect_timeout=SHORT) as requests:
                with pytest.raises(NetworkError) as failed:
                    await requests.post(f"http://{place}{wire.PATH}", wire.parameters(a=1))
            errors.append(failed.value)
    for error in errors:
        assert TOKEN not in "".join(traceback.format_exception(error)) + repr(error)
        assert TOKEN not in repr(error.__context__) + repr(error.__cause__)
    assert TOKEN not in caplog.text


async def test_a_prepared_body_is_sent_as_it_stands_and_only_the_id_is_read() -> None:
    """Not a byte of it is looked at again."""
    body = b'{"chat_id":5,"text":"\xc3\xa9t\xc3\xa9"}'
    for status, answer in (
        ("200 OK", b'{"ok":true,"result":{"message_id":77,"chat":{"id":5},"text":"x"}}'),
        ("200 OK", b'{ "ok" : true, "result" : { "message_id" : 77 } }'),
        ("201 Created", b'{"result":{"chat":{"id":5,"message_id":1},"message_id":77},"ok":true}'),
    ):
        async with wire.listening(wire.answering(status, answer)) as server, AiohttpRequest() as requests:
            assert await requests.send(server.url, body) == 77
        assert server.received[0].body == body
        assert server.received[0].values == {"chat_id": 5, "text": "été"}


@pytest.mark.parametrize(
    "answer", [b"[]", b"{}", b'{"ok":true}', b'{"ok":true,"result":true}', b'{"ok":true,"result":{"message_id":"x"}}']
)
async def test_an_answer_without_the_messages_id_is_an_error(answer: bytes) -> None:
    """Nobody can tell what was sent, and it says so."""
    async with wire.listening(wire.answering("200 OK", answer)) as server, AiohttpRequest() as requests:
        with pytest.raises(TelegramError, match="Invalid server response"):
            await requests.send(server.url, b'{"chat_id":5,"text":"x"}')
