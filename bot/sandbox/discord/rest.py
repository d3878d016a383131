"""The plumbing of the REST API: routes, bodies, tokens, limits, faults, the request log and error answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import BodyPartReader, web

from bot.sandbox.discord.errors import INVALID_JSON, METHOD_NOT_ALLOWED, NOT_FOUND, UNAUTHORISED, ApiError
from bot.sandbox.discord.limits import Limits, Scope, too_many
from bot.sandbox.discord.messages import Upload
from bot.sandbox.shared.faults import Call, Faults
from bot.sandbox.shared.traffic import EVERYTHING, Traffic, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bot.sandbox.discord.world import Json
    from bot.sandbox.shared.changes import Changes
    from bot.sandbox.shared.faults import Flood, Reply

PREFIX = "/api/v10"
MAX_BODY = 25 * 1024 * 1024
"""Bytes of one request with its files, as Discord allows them."""
_TOO_MANY = 429
_JSON = "application/json"
_SENDS = ("POST /channels/{channel_id}/messages", "POST /channels/{channel_id}/threads")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as the handlers see it; `number` is its place in the request log."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: tuple[Upload, ...]
    number: int

    @property
    def form(self) -> Json:
        """The body of a request that sends an object."""
        return self.body if isinstance(self.body, dict) else {}

    def id(self, name: str) -> int:
        """An id from the path; 0, which is nobody's, for what is no number."""
        text = self.path[name]
        return int(text) if text.isdecimal() else 0


Answer: TypeAlias = "Json | list[Json] | None"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of the API. `handle` returns the answer's JSON, None for no content. `open` routes want no token."""

    method: str
    path: str
    handle: Callable[[Ask], Answer]
    status: int = 200
    open: bool = False

    @property
    def name(self) -> str:
        """The name that faults, limits and the log know it by."""
        return f"{self.method} {self.path}"


class Rest:
    """Takes every request through log, limits, token and faults to its handler, and answers."""

    def __init__(self, token: str, changes: Changes, monotonic: Callable[[], float], limits: Limits) -> None:
        self.faults = Faults()
        self.limits = limits
        self.traffic = Traffic(lambda route: route in _SENDS)
        self._authorisation = f"Bot {token}"
        self._changes = changes
        self._monotonic = monotonic

    def serve(self, app: web.Application, routes: Iterable[Route]) -> None:
        """Serve the routes, and Discord's own errors for all others."""
        for route in routes:
            app.router.add_route(route.method, PREFIX + route.path, self._handler(route))
        app.middlewares.append(_in_discords_way)

    def _handler(self, route: Route) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            at, place = self._monotonic(), _place(request.match_info)
            body, files = await _read(request)
            logged = self.traffic.arrived(at, route.name, place, body if isinstance(body, dict) else {"": body})
            ask = Ask(request.match_info, request.query, body, files, logged.number)

            async def process() -> web.Response:
                processed = self._process(request, route, ask, place)
                logged.processed = processed.status
                self._changes.notify()
                return processed

            def flood(asked: Flood) -> web.Response:
                return _reply(too_many(asked.retry_after, Scope.GLOBAL if asked.everything else Scope.USER))

            call = Call(route.name, place, logged.body)
            response = await self.faults.answer(request, call, process, flood)
            if request.transport is not None and not request.transport.is_closing():
                logged.answered = response.status
            self._note_wait(response, route, place)
            self._changes.notify()
            return response

        return handle

    def _process(self, request: web.Request, route: Route, ask: Ask, place: str) -> web.Response:
        verdict = self.limits.admit(route.name, place)
        if verdict.refusal is not None:
            return _reply(verdict.refusal, verdict.headers)
        if not route.open and request.headers.get("Authorization") != self._authorisation:
            return _refused(ApiError(UNAUTHORISED), verdict.headers)
        if ask.body is None:
            return _refused(ApiError(INVALID_JSON), verdict.headers)
        try:
            answer = route.handle(ask)
        except ApiError as error:
            return _refused(error, verdict.headers)
        if answer is None:
            return web.Response(status=204, headers=verdict.headers)
        return web.json_response(answer, status=route.status, headers=verdict.headers)

    def _note_wait(self, response: web.Response, route: Route, place: str) -> None:
        """Log a wait that sends are to respect.

        Not one of another route, and not a 429 without JSON: that is a ban by the proxy, which names no time.
        """
        if (response.status, response.content_type) != (_TOO_MANY, _JSON) or not response.text:
            return
        asked, now = json.loads(response.text), self._monotonic()
        if asked["global"] or route.name in _SENDS:
            self.traffic.waits.append(Wait(now, now + asked["retry_after"], EVERYTHING if asked["global"] else place))


async def _read(request: web.Request) -> tuple[Any, tuple[Upload, ...]]:
    """The JSON of the request, None for what is none, and its files."""
    if request.content_type != "multipart/form-data":
        return _parsed(await request.text()), ()
    body: Any = {}
    files = []
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "payload_json":
            body = _parsed(await part.text())
        elif isinstance(part, BodyPartReader):
            files.append(Upload(part.filename or "unknown", bytes(await part.read())))
    return body, tuple(files)


def _parsed(text: str) -> object:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None


def _place(path: Mapping[str, str]) -> str:
    """What a request is about as far as limits and faults are concerned."""
    for name in ("channel_id", "guild_id", "interaction_token"):
        if name in path:
            return path[name]
    return ""


def _reply(reply: Reply, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(reply.body, status=reply.status, headers={**(headers or {}), **reply.headers})


def _refused(error: ApiError, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(error.body, status=error.refusal.status, headers=headers)


@web.middleware
async def _in_discords_way(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPNotFound:
        response = _refused(ApiError(NOT_FOUND))
    except web.HTTPMethodNotAllowed:
        response = _refused(ApiError(METHOD_NOT_ALLOWED))
    if response.content_type == _JSON:
        # Discord names no charset, and discord.py reads JSON only where none is named.
        response.charset = None
    return response
