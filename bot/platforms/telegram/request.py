"""python-telegram-bot's requests over aiohttp, and send requests whose body was prepared beforehand.

The library brings its own on httpx, which spends several times the processor time of everything else in a push, the
more the more requests are under way at once.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import re
import urllib.request
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yarl
from multidict import CIMultiDict
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.model.problems import ExpectedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter
    from telegram._utils.types import ODVInput

    Seconds = float | None
    Given = ODVInput[float]

WRITTEN_AT_ONCE: Final = 1 << 16
"""Bytes that asyncio takes off one's hands without waiting for the network."""

# Made once, as aiohttp would make it of a dict for every request; so are addresses and timeouts below.
_JSON: Final = CIMultiDict({"Content-Type": "application/json"})
_SECONDS: Final = (int, float)
_TAKEN: Final = range(200, 300)
_NOTHING: Final = RequestData()
_ARRIVED: Final = b'{"result":true}'  # what is left of an answer whose message id has been read

# The Bot API server begins its answer to a send with the new message's id. Whatever else a message is, what begins
# like this is one with this id.
_MESSAGE_ID = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\s*,\s*"result"\s*:\s*\{\s*"message_id"\s*:\s*(\d+)\s*[,}]')


class ProxyError(ExpectedError):
    """The proxy named in the environment cannot be used."""


class NeverSentError(NetworkError):
    """The request certainly never left: there was no connection to send it on."""


class NeverSentInTimeError(TimedOut, NeverSentError):
    """The same, because there was no connection in time."""


@dataclass(slots=True)
class _Sending:
    """One message that `AiohttpRequest.send` sends, and its id when there is one."""

    body: bytes
    leave: Callable[[], bool]
    message_id: int = 0


_SENDING: Final[ContextVar[_Sending]] = ContextVar("sending")
"""What the request under way sends. In the context, because neither library takes along what it does not know."""


class AiohttpRequest(BaseRequest):
    """What `telegram.request.HTTPXRequest` does, with the same errors for the same reasons.

    It differs where it tells more or keeps more to itself: what was certainly never sent is a `NeverSentError`, and no
    error holds the address, which would hold the token. Certificates are checked against those that Python finds on
    the machine (`SSL_CERT_FILE` names others). HTTP/1.1 only.

    Args:
        connection_pool_size: connections at once.
        read_timeout: seconds to wait for the next part of an answer.
        write_timeout: seconds to wait until the network takes the next part of a request.
        connect_timeout: seconds to wait for a connection, its encryption included.
        pool_timeout: seconds to wait while every connection is taken.
        media_write_timeout: the same as `write_timeout`, for requests with files.
        proxy: the address of a proxy. Without, `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are heeded.

    Raises:
        ProxyError: the proxy is none that speaks HTTP.
    """

    def __init__(
        self,
        *,
        connection_pool_size: int = 256,
        read_timeout: Seconds = 5.0,
        write_timeout: Seconds = 5.0,
        connect_timeout: Seconds = 5.0,
        pool_timeout: Seconds = 1.0,
        media_write_timeout: Seconds = 20.0,
        proxy: str | None = None,
    ) -> None:
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._connect_timeout = connect_timeout
        self._pool_timeout = pool_timeout
        self._media_write_timeout = media_write_timeout
        self._proxies = _Proxies(proxy)
        # aiohttp's own limit does not tell waiting for a connection that is taken from waiting for a new one.
        self._pool = asyncio.Semaphore(connection_pool_size)
        self._session: aiohttp.ClientSession | None = None
        self._is_shut_down = False

    @property
    def read_timeout(self) -> Seconds:
        """Seconds to wait for the next part of an answer where a request says nothing else."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Make requests possible; they are from the start, but no more after `shutdown`."""
        self._is_shut_down = False

    async def shutdown(self) -> None:
        """Close the connections. Harmless when there are none."""
        self._is_shut_down = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, url: str, body: bytes, leave: Callable[[], bool] = lambda: True) -> int:
        """Make the request that sends one message, with the whole of its JSON as it stands; the message's id.

        Nothing else is read of the answer. `leave` is asked in the moment before the request is written, and it goes
        only when that says yes.

        Raises:
            TelegramError: the message was not sent, or nobody knows, as the library's own methods tell it.
        """
        sending = _Sending(body, leave)
        before = _SENDING.set(sending)
        try:
            await self.post(url, _NOTHING)
        finally:
            _SENDING.reset(before)
        return sending.message_id

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer's JSON object.

        Raises:
            TelegramError: it is none. Nothing is logged: whoever gets the error knows best whether it is news.
        """
        if payload is _ARRIVED:
            return {"result": True}
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        return answer

    async def do_request(  # noqa: PLR0917 - the library's own signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Given = BaseRequest.DEFAULT_NONE,
        write_timeout: Given = BaseRequest.DEFAULT_NONE,
        connect_timeout: Given = BaseRequest.DEFAULT_NONE,
        pool_timeout: Given = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Make one request; the status and the body of its answer.

        Raises:
            NetworkError: there was no answer, or none in time.
        """
        if self._is_shut_down:
            raise RuntimeError("no request is possible after shutdown")
        body: bytes | None = None
        headers: Mapping[str, str] = {}
        is_upload = False
        sending = _SENDING.get(None)
        if sending is not None:
            body, headers = sending.body, _JSON
        elif request_data is not None:
            is_upload = request_data.contains_files
            body, headers = await _multipart(request_data) if is_upload else (request_data.json_payload, _JSON)
        timeout = _timeout(_or(connect_timeout, self._connect_timeout), _or(read_timeout, self._read_timeout))
        if self._pool.locked():
            await self._wait_for_turn(_or(pool_timeout, self._pool_timeout))
        else:
            await self._pool.acquire()
        try:
            if body is None or len(body) <= WRITTEN_AT_ONCE:
                status, payload = await self._exchange(method, url, body, headers, timeout)
            else:
                patience = _or(write_timeout, self._media_write_timeout if is_upload else self._write_timeout)
                async with asyncio.timeout(None) as writing:
                    parts = _in_parts(body, patience, writing)
                    headers = {**headers, "Content-Length": str(len(body))}
                    status, payload = await self._exchange(method, url, parts, headers, timeout)
        except (aiohttp.ClientError, OSError) as error:
            failure = _failure(error)
        else:
            if sending is None or status not in _TAKEN:
                return status, payload
            sending.message_id = _message_id(payload)
            return status, _ARRIVED
        finally:
            self._pool.release()
        # Out here, because the error above is to be no part of this one, not even as its context: it holds the address.
        raise failure

    async def _exchange(
        self,
        method: str,
        url: str,
        data: bytes | AsyncIterator[bytes] | None,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own name, for more than one time
    ) -> tuple[int, bytes]:
        async with self._opened().request(
            method,
            _address(url),
            data=data,
            headers=headers,
            timeout=timeout,
            proxy=self._proxies.of(url),
            allow_redirects=False,
        ) as response:
            return response.status, await response.read()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
                request_class=_Request,
            )
        return self._session

    async def _wait_for_turn(self, patience: Seconds) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._pool.acquire()
        except TimeoutError:
            raise NeverSentInTimeError(
                "Pool timeout: every connection was taken, and the request was not sent"
            ) from None


class _Request(aiohttp.ClientRequest):
    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: aiohttp.connector.Connection, content_length: int | None = None
    ) -> None:
        """Write the body, and with it the headers, which have waited for it, to the connection that there is by now.

        It may run a while after the request was made: aiohttp makes a task of it.
        """
        sending = _SENDING.get(None)
        if sending is None or sending.leave():
            await super().write_bytes(writer, conn, content_length)
        elif conn.protocol is not None:
            # Whoever waits for the answer is told.
            conn.protocol.set_exception(NeverSentError("the request was withdrawn before it was sent"))


class _Proxies:
    """Which proxy leads to an address: the one that was named, else what the environment says, as httpx reads it."""

    def __init__(self, named: str | None) -> None:
        found = {"all": named} if named else urllib.request.getproxies()
        self._by_scheme = {
            scheme: proxy if "://" in proxy else f"http://{proxy}"
            for scheme, proxy in found.items()
            if scheme in {"http", "https", "all"}
        }
        for proxy in self._by_scheme.values():
            kind = proxy.partition("://")[0]
            if kind not in {"http", "https"}:
                raise ProxyError(f"the bot cannot use a {kind} proxy: name one that speaks HTTP")
        self._is_named = named is not None
        self._of_origin: dict[str, str | None] = {}

    def of(self, url: str) -> str | None:
        """The proxy for requests to the address; None when they go there directly."""
        if not self._by_scheme:
            return None
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._of_origin:
            self._of_origin[origin] = self._look_up(yarl.URL(origin))
        return self._of_origin[origin]

    def _look_up(self, origin: yarl.URL) -> str | None:
        if not self._is_named and urllib.request.proxy_bypass(origin.host or ""):
            return None
        return self._by_scheme.get(origin.scheme, self._by_scheme.get("all"))


def _or(given: Given, default: Seconds) -> Seconds:
    # What was not given is an object of the library's that is private to it.
    return given if given is None or isinstance(given, _SECONDS) else default


@functools.lru_cache(maxsize=64)
def _address(url: str) -> yarl.URL:
    return yarl.URL(url)


@functools.lru_cache(maxsize=16)
def _timeout(connect: Seconds, read: Seconds) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=connect, sock_read=read)


async def _multipart(request_data: RequestData) -> tuple[bytes, Mapping[str, str]]:
    form = aiohttp.FormData(request_data.json_parameters, quote_fields=False)
    for name, (filename, content, mime_type) in request_data.multipart_data.items():
        # aiohttp warns of large bodies that are bytes, which would go out in one piece; this one will not.
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, file, filename=filename, content_type=mime_type)
    payload = form()
    return await payload.as_bytes(), {"Content-Type": payload.headers["Content-Type"]}


async def _in_parts(body: bytes, patience: Seconds, writing: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The body in parts, each of which the network must take within `patience`, or `writing` is over."""
    loop = asyncio.get_running_loop()
    for start in range(0, len(body), WRITTEN_AT_ONCE):
        writing.reschedule(None if patience is None else loop.time() + patience)
        yield body[start : start + WRITTEN_AT_ONCE]
    writing.reschedule(None)


def _message_id(payload: bytes) -> int:
    """The message's id in an answer to a send, without a look at all that nobody reads."""
    match = _MESSAGE_ID.match(payload)
    if match is not None:
        return int(match[1])
    try:
        return int(AiohttpRequest.parse_json_payload(payload)["result"]["message_id"])
    except (LookupError, TypeError, ValueError):
        raise TelegramError("Invalid server response") from None


def _failure(error: Exception) -> NetworkError:
    """The library's error for one of the network's, without the address that may be in the text of that."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return NeverSentInTimeError()
        case TimeoutError():
            return TimedOut()
        case aiohttp.ClientConnectorError():
            return NeverSentError(_text(error, str(error)))
        case aiohttp.ClientHttpProxyError():
            return NeverSentError(_text(error, f"{error.status} {error.message}"))
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return NeverSentError(_text(error))
        case aiohttp.ClientResponseError() | aiohttp.ServerDisconnectedError():
            return NetworkError(_text(error, str(error.message)))
        case OSError(errno=int() as number):
            return NetworkError(_text(error, os.strerror(number)))
        case _:
            return NetworkError(_text(error))


def _text(error: Exception, more: str = "") -> str:
    # The name of the class, because some of these errors say nothing else.
    name = f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
    return f"{name}: {more}" if more else name
