"""Stand-in of Telegram: the Bot API on the loopback interface, for the unmodified client library.

The client connects with `base_url(f"{standin.url}/bot")`. The stand-in checks every request by the real server's rules,
refuses in its words, keeps and measures all messages, and limits or fails on demand.
"""

import datetime as dt
import inspect
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import BodyPartReader, web

from bot.sandbox.shared.faults import Flood
from bot.sandbox.shared.pipeline import Pipeline
from bot.sandbox.shared.traffic import EVERYTHING, FloodControl, Limit, Request, Wait
from bot.sandbox.shared.webserver import HOST, WebServer
from bot.sandbox.telegram.errors import ApiError, too_many_requests
from bot.sandbox.telegram.methods import Methods
from bot.sandbox.telegram.model import ChatType
from bot.sandbox.telegram.rules import Arguments, Uploaded
from bot.sandbox.telegram.world import BOT_ID, TelegramWorld


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """Limits of sends: over all, to one person, to one group or channel."""

    overall: Limit
    private: Limit
    group: Limit

    def of(self, chat_type: ChatType) -> Limit:
        """Return the limit of one chat."""
        return self.private if chat_type is ChatType.PRIVATE else self.group


TELEGRAM_LIMITS = FloodLimits(overall=Limit(30, 1.0), private=Limit(1, 1.0), group=Limit(20, 60.0))
"""Limits that Telegram publishes."""
KEPT_MAX = 1 << 21
"""Bytes that are kept of a file in a form."""


class TelegramStandIn(TelegramWorld, WebServer):
    """Telegram with one bot, from `start` to `stop`; the world outlives a `stop`.

    `faults` spoils answers, `traffic` logs and measures the requests, `flood_limits` switches flood control on. `clock`
    returns the dates of messages, `monotonic` the times of the log and of flood control.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        username: str = "recap_bot",
        flood_limits: FloodLimits | None = None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock, username)
        # Because the config checks the form of tokens, this is well-formed; else the config would refuse it.
        self.token = f"{BOT_ID}:loopback-opens-nothing-but-this-one"
        self._pipeline = Pipeline(self.changes, _is_send)
        self.faults, self.traffic = self._pipeline.faults, self._pipeline.traffic
        self.flood_limits = flood_limits
        self._monotonic = monotonic
        self._flood_control = FloodControl()
        self._methods = Methods(self)
        self.port = port

    @property
    def url(self) -> str:
        """The address in place of https://api.telegram.org, constant after the first start."""
        return f"http://{HOST}:{self.port}"

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/documents/{name}", self._serve_file)
        app.router.add_route("*", "/{other:.*}", _not_found)
        return app

    async def _handle(self, http: web.Request) -> web.Response:
        arrived = self._monotonic()
        values = await _values(http)
        name = http.match_info["method"]
        route = self._methods.names.get(name.lower(), name)
        request = self.traffic.arrived(arrived, route, self._chat_id(values), values)

        return await self._pipeline.answer(
            http,
            request,
            lambda: self._process(request, http.match_info["token"]),
            lambda wanted: self._refuse_flood(request, wanted),
        )

    async def _serve_file(self, http: web.Request) -> web.Response:
        found = self.contents.get(http.match_info["name"])
        if http.match_info["token"] != self.token or found is None:
            return await _not_found(http)
        return web.Response(body=found, content_type="application/octet-stream")

    def _chat_id(self, values: Mapping[str, Any]) -> str:
        reference = str(values.get("chat_id", ""))
        chat = self.find(reference)
        return reference if chat is None else str(chat.id)

    async def _process(self, request: Request, token: str) -> web.Response:
        if token != self.token:
            return _answer(ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized"))
        try:
            self._limit(request)
            result = self._methods.call(request.route, Arguments(request.body, request.number))
            if inspect.isawaitable(result):
                result = await result
        except ApiError as error:
            return _answer(error)
        return web.json_response({"ok": True, "result": result})

    def _limit(self, request: Request) -> None:
        chat = self.find(request.chat)
        if self.flood_limits is None or chat is None or not _is_send(request.route):
            return
        limits = ((EVERYTHING, self.flood_limits.overall), (request.chat, self.flood_limits.of(chat.type)))
        wait = self._flood_control.admit(request.at, limits)
        if wait is not None:
            if wait.start == request.at:
                self.traffic.waits.append(wait)
            raise too_many_requests(math.ceil(wait.end - request.at))

    def _refuse_flood(self, request: Request, flood: Flood) -> web.Response:
        now = self._monotonic()
        chat = EVERYTHING if flood.everything else request.chat
        self.traffic.waits.append(Wait(now, now + flood.retry_after, chat))
        return _answer(too_many_requests(flood.retry_after))


def _is_send(route: str) -> bool:
    return route.startswith("send") and route != "sendChatAction"


async def _values(http: web.Request) -> Mapping[str, Any]:
    """Return the parameters of the address and of the form or JSON body."""
    values: dict[str, Any] = dict(http.query)
    if http.content_type == "application/json":
        try:
            body = json.loads(await http.read() or b"{}")
        except ValueError:
            return values
        return values | body if isinstance(body, dict) else values
    if not http.content_type.startswith("multipart/"):
        return values | dict(await http.post())
    # Because an upload may be large, only its beginning is kept.
    async for part in await http.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            values[part.name] = await part.text()
            continue
        size, data = 0, b""
        while chunk := await part.read_chunk(1 << 16):
            size += len(chunk)
            data += chunk if size <= KEPT_MAX else b""
        values[part.name] = Uploaded(part.filename, size, data)
    return values


async def _not_found(_http: web.Request) -> web.Response:
    return _answer(ApiError(HTTPStatus.NOT_FOUND, "Not Found"))


def _answer(error: ApiError) -> web.Response:
    headers = {"Retry-After": str(seconds)} if (seconds := error.parameters.get("retry_after")) else {}
    return web.json_response(error.body(), status=error.code, headers=headers)
