"""Requests to the Bot API: a sender for methods that write, python-telegram-bot's own request class for all others.

On a send, that class costs several times the processor time of all else in a push, and more per request in flight.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import json
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import IO, Any, Final
from urllib.parse import quote

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import _SSL_CONTEXT_VERIFIED
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
from telegram.request import HTTPXRequest

from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.model.rendering import JsonObject
from bot.platforms.base import pause_in

CONNECT_TIMEOUT: Final = 5.0
"""Seconds that opening a connection may take, encryption included."""
UPLOAD_WITHIN: Final = 900.0
"""Seconds for an upload: 50 MB at half a megabit a second."""
_CHUNK: Final = 1 << 16
POOL_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection while all are in use."""
CERTIFICATES: Final = _SSL_CONTEXT_VERIFIED
"""The certificates of the machine, or of `SSL_CERT_FILE`, as aiohttp has read them. Because all requests share them,
they are not read and kept once more, which would take 30 ms and nearly a megabyte."""

_SUCCESS: Final = range(200, 300)
# A 404 is for a token of the wrong form, and for a method that the server does not know. After the three of `Conflict`
# (a request that came too slowly, beside another, too soon) another attempt may succeed.
_REFUSALS: dict[int, type[TelegramError]] = {
    401: InvalidToken,
    403: Forbidden,
    404: InvalidToken,
    **dict.fromkeys((408, 409, 429), Conflict),
}
_NEVER_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    # The connection was closing when the request was to be written.
    aiohttp.ClientConnectionResetError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
# Because the Bot API server begins its answer to a send with the new message's id, no answer is parsed whole.
_MESSAGE_ID = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\s*,\s*"result"\s*:\s*\{\s*"message_id"\s*:\s*(\d+)\s*[,}]')


class NeverSentError(NetworkError):
    """A request that certainly never left, for want of a connection or because it was withdrawn."""


class ServerError(NetworkError):
    """A failure of Telegram's own server, which may ask to `wait`."""

    def __init__(self, text: str, wait: object = None) -> None:
        super().__init__(text)
        self.wait = wait


class ForeignError(NetworkError):
    """An answer in another form than Telegram's, such as the page of a proxy."""

    def __init__(self, payload: bytes = b"", status: int = HTTPStatus.OK, wait: str | None = None) -> None:
        super().__init__(_("HTTP {status} in another form than Telegram's").format(status=status))
        self.status = status
        self.payload = payload
        self.wait = wait
        """The answer's `Retry-After`."""


_asked_wait: ContextVar[str | None] = ContextVar("asked wait", default=None)


async def note_wait(response: httpx.Response) -> None:
    """Note the `Retry-After` of an answer, of which the library keeps no headers."""
    _asked_wait.set(response.headers.get("Retry-After"))


class QuietRequest(HTTPXRequest):
    """python-telegram-bot's requests, without its log entries that quote each answer that is no JSON."""

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:  # noqa: ANN401 - the library's own
        """Return the status and the content of the answer.

        Raises:
            TelegramError: no answer came, or a refusal, or one in another form than Telegram's.
        """
        _asked_wait.set(None)
        status, payload = await super().do_request(*args, **options)
        parse(payload, status, _asked_wait.get())
        return status, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return the answer's JSON object."""
        return parse(payload)


def parse(payload: bytes, status: int = HTTPStatus.OK, wait: str | None = None) -> dict[str, Any]:
    """Return the answer of a success as Telegram wrote it; `wait` is the answer's `Retry-After`.

    Raises:
        TelegramError: Telegram refused the request, or the answer is not in Telegram's form.
    """
    try:
        answer: Any = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"ok": True, "result": _} if status in _SUCCESS:
            return dict(answer)
        case {"ok": False, **rest}:
            words, parameters = rest.get("description", "without a reason"), rest.get("parameters", {})
            if isinstance(words, str) and isinstance(parameters, dict):
                # Because a proxy may answer all with its own 200, the code in the answer counts then.
                code = rest.get("error_code") if status in _SUCCESS else status
                raise _refusal(code if isinstance(code, int) else status, words, parameters, wait)
    raise ForeignError(payload, status, wait)


class ApiSender:
    """A client for the methods of the Bot API that write. Each takes its JSON as bytes.

    `url` is the address of the API and holds the token, so no error and no log entry may repeat it. `read_timeout` is
    the seconds to wait for the next part of an answer.
    """

    def __init__(self, url: str, connections: int, *, read_timeout: float, proxy: str | None = None) -> None:
        self._url = url
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(
            connect=POOL_TIMEOUT + CONNECT_TIMEOUT, sock_connect=CONNECT_TIMEOUT, sock_read=read_timeout
        )
        self._proxy = proxy

    async def send(self, method: str, body: bytes, leave: Callable[[], bool]) -> int:
        """Send one message and return its id.

        The step that writes the request asks `leave`, and withdraws the request when `leave` says no.

        Raises:
            NeverSentError: the message certainly did not arrive.
            TelegramError: Telegram refused the message, or its outcome is unknown.
        """
        payload = await self._post(method, _Body(body, leave))
        if (match := _MESSAGE_ID.match(payload)) is not None:
            return int(match[1])
        match parse(payload)["result"]:
            case {"message_id": int(number)} if number is not True:
                return number
        raise ForeignError

    async def upload(self, method: str, form: Form, leave: Callable[[], bool]) -> tuple[int, str]:
        """Send a message with a file, and return the ids of both.

        Raises:
            NeverSentError: the message certainly did not arrive, because the form was not written whole.
            TelegramError: as `send` says.
        """
        form.leave = leave
        try:
            async with asyncio.timeout(UPLOAD_WITHIN):
                payload = await self._post(method, form)
        except (TelegramError, TimeoutError) as error:
            failure = TimedOut() if isinstance(error, TimeoutError) else error
        else:
            return _ids_in(payload)
        # A form that breaks off is no request. A refusal may come before all of it is written.
        is_broken_off = type(failure) in {NetworkError, ServerError, TimedOut} and not form.is_whole
        told = _("the file was not sent whole ({reason})")
        raise NeverSentError(told.format(reason=failure)) if is_broken_off else failure

    async def call(self, method: str, body: bytes, leave: Callable[[], bool] = lambda: True) -> Any:  # noqa: ANN401 - each method has a result of its own
        """Call a method and return its result. `leave` is that of `send`.

        Raises:
            TelegramError: as `send` says.
        """
        return parse(await self.fetch(method, body, leave))["result"]

    async def fetch(self, method: str, body: bytes, leave: Callable[[], bool] = lambda: True) -> bytes:
        """Call a method and return its answer, unread. `leave` is that of `send`.

        Raises:
            TelegramError: as `send` says.
        """
        return await self._post(method, _Body(body, leave))

    async def download(self, path: str, limit: int) -> bytes:
        """Return the file at the path that `getFile` tells, at most `limit` bytes and some more.

        Raises:
            TelegramError: there is no such file, or it did not come whole.
        """
        # Because this address holds the token as the other one does, no error and no log entry may repeat it either.
        base, _slash, bot = self._url.rpartition("/")
        try:
            return await self._exchange("GET", f"{base}/file/{bot}/{quote(path)}", limit=limit)
        except InvalidToken as refusal:
            # Of a file this says nothing about the token.
            raise BadRequest(refusal.message) from None

    async def close(self) -> None:
        """Close the connections. No request may follow."""
        await self._session.close()

    @functools.cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Because a session needs the running event loop, the first use makes it.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            proxy=self._proxy,
        )

    async def _post(self, method: str, body: aiohttp.Payload) -> bytes:
        return await self._exchange("POST", f"{self._url}/{method}", body)

    async def _exchange(
        self, verb: str, address: str, body: aiohttp.Payload | None = None, limit: int | None = None
    ) -> bytes:
        """Return the content of a successful answer, at most `limit` bytes and some more."""
        if self._session.closed:
            raise NeverSentError(_("the connections are closed"))
        status, payload, wait, failure = int(HTTPStatus.OK), b"", None, None
        try:
            async with self._session.request(verb, address, data=body, allow_redirects=False) as response:
                status, wait = response.status, response.headers.get("Retry-After")
                payload = await (response.read() if limit is None else _beginning(response, limit))
        except (aiohttp.ClientError, OSError) as error:
            failure = _failure(error)
        # Because the error above can hold the address, it must not become the context of this one.
        if status not in _SUCCESS:
            # An answer that breaks off has told by then that it is a refusal.
            parse(payload, status, wait)
        if failure is not None:
            raise failure
        return payload


async def _beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > limit:
            break
    return bytes(content)


def _ids_in(payload: bytes) -> tuple[int, str]:
    match parse(payload)["result"]:
        case (
            {"message_id": int(number), "audio": {"file_id": str(file_id)}}
            | {
                "message_id": int(number),
                "document": {"file_id": str(file_id)},
            }
            | {"message_id": int(number), "photo": [*_, {"file_id": str(file_id)}]}
        ) if number is not True:
            return number, file_id
    raise ForeignError


class _Body(aiohttp.BytesPayload):
    """The JSON of one request, which is written only if `leave` agrees."""

    def __init__(self, value: bytes, leave: Callable[[], bool]) -> None:
        super().__init__(value, content_type="application/json")
        self._leave = leave

    async def write_with_length(self, writer: AbstractStreamWriter, _length: int | None) -> None:
        """Write the body, and with it the headers, which aiohttp holds back until then."""
        if not self._leave():
            raise NeverSentError(_("the request was withdrawn before it was sent"))
        # Because asyncio's buffer takes the body whole, the read time-out covers a network that takes none of it.
        await writer.write(self._value, drain=False)  # type: ignore[call-arg] # only the interface leaves it out


class Form(aiohttp.MultipartWriter):
    """The form of an upload, which is written only if `leave` agrees, and knows whether all of it was written."""

    def __init__(self, fields: JsonObject, files: Mapping[str, tuple[str, IO[bytes]]]) -> None:
        super().__init__("form-data")
        self.leave: Callable[[], bool] = lambda: True
        self.is_whole = False
        for name, value in fields.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self.append(text).set_content_disposition("form-data", name=name)
        for name, (filename, file) in files.items():
            # Because Telegram takes a file for music by the end of its name, the name comes along.
            self.append(file).set_content_disposition("form-data", name=name, filename=filename)

    async def write(self, writer: AbstractStreamWriter, close_boundary: bool = True) -> None:  # noqa: FBT002
        """Write the form, and with it the headers."""
        if not self.leave():
            raise NeverSentError(_("the request was withdrawn before it was sent"))
        await super().write(writer, close_boundary)
        self.is_whole = True


def _refusal(status: int, words: str, parameters: Mapping[str, object], wait: str | None) -> TelegramError:
    """Return the library's error for a refusal of Telegram's."""
    match parameters.get("migrate_to_chat_id"):
        case int(chat) if chat < 0:
            return ChatMigrated(chat)
    refusal = _REFUSALS.get(status, BadRequest) if status in range(400, 500) else ServerError
    asked = parameters.get("retry_after", wait if refusal in {Conflict, ServerError} else None)
    # Because the library changes words that begin with those of a status, the number comes first.
    words = f"{status} {words}"
    if refusal is ServerError:
        return ServerError(words, asked)
    return refusal(words) if asked is None else RetryAfter(dt.timedelta(seconds=pause_in(asked)))


def _failure(error: Exception) -> TelegramError:
    """Return the library's error for one of the network's, without the address that its text may hold."""
    if isinstance(error.__cause__, NeverSentError):
        return error.__cause__
    if isinstance(error, TimeoutError) and not isinstance(error, _NEVER_SENT):
        return TimedOut()
    if isinstance(error, aiohttp.ClientHttpProxyError):
        reason = _("the proxy answers {status}").format(status=error.status)
    else:
        reason = reason_of(error, type(error).__name__)
    is_unsent = isinstance(error, _NEVER_SENT) or isinstance(error.__cause__, _NEVER_SENT)
    return (NeverSentError if is_unsent else NetworkError)(reason)
