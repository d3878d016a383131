"""Plumbing of the REST API: routes, bodies, tokens, limits, the request log and error answers."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import web

from bot.sandbox.discord.errors import INVALID_JSON, METHOD_NOT_ALLOWED, NOT_FOUND, UNAUTHORISED, ApiError
from bot.sandbox.discord.limits import Limits, Scope, too_many
from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.faults import Flood, Reply
from bot.sandbox.shared.pipeline import Pipeline
from bot.sandbox.shared.traffic import EVERYTHING, Wait
from bot.sandbox.shared.webserver import Json

PREFIX = "/api/v10"
_TOO_MANY = 429
_JSON = "application/json"
_SENDS = ("POST /channels/{channel_id}/messages", "POST /channels/{channel_id}/threads")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as the handlers see it; `number` is its place in the request log. A form has `files` beside JSON."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    number: int
    files: Sequence[tuple[str, bytes]] = ()

    @property
    def form(self) -> Json:
        """The body if it is an object, else an empty object."""
        return self.body if isinstance(self.body, dict) else {}

    def id(self, name: str) -> int:
        """Return an id of the path; 0, which is no id, if the text is not a number."""
        text = self.path[name]
        return int(text) if text.isdecimal() else 0


Answer: TypeAlias = "Json | list[Json] | None"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of the API. `handle` returns the answer's JSON, None for no content. `open` routes need no token."""

    method: str
    path: str
    handle: Callable[[Ask], Answer]
    status: int = 200
    open: bool = False

    @property
    def name(self) -> str:
        """The name of the route in faults, limits and the log."""
        return f"{self.method} {self.path}"


class Rest:
    """Server of the REST API: log, faults, limits, token, handler and answer of every request."""

    def __init__(self, token: str, changes: Changes, monotonic: Callable[[], float], limits: Limits) -> None:
        self.pipeline = Pipeline(changes, lambda route: route in _SENDS)
        self.limits = limits
        self._authorisation = f"Bot {token}"
        self._monotonic = monotonic

    def serve(self, app: web.Application, routes: Iterable[Route]) -> None:
        """Serve the routes, and Discord's own errors for all other addresses."""
        for route in routes:
            app.router.add_route(route.method, PREFIX + route.path, self._handler(route))
        app.middlewares.append(_in_discords_way)

    def _handler(self, route: Route) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            at, place = self._monotonic(), _place(request.match_info)
            body, files = await _read(request)
            traffic = self.pipeline.traffic
            logged = traffic.arrived(at, route.name, place, body if isinstance(body, dict) else {"": body})
            ask = Ask(request.match_info, request.query, body, logged.number, files)
            process = functools.partial(self._process, request, route, ask, place)
            response = await self.pipeline.answer(request, logged, process, _flood)
            self._note_wait(response, route, place)
            return response

        return handle

    async def _process(self, request: web.Request, route: Route, ask: Ask, place: str) -> web.Response:
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
        """Log the wait that a 429 asks of sends. A wait of another route does not concern sends."""
        if response.status != _TOO_MANY or not response.text:
            return
        now, seconds = self._monotonic(), response.headers.get("Retry-After", "")
        # A 429 without JSON is a ban of the address.
        asked = {"global": True, "retry_after": int(seconds) if seconds.isdecimal() else 0}
        if response.content_type == _JSON:
            asked |= {"global": False, **json.loads(response.text)}
        elif not asked["retry_after"]:
            return
        if asked["global"] or route.name in _SENDS:
            chat = EVERYTHING if asked["global"] else place
            self.pipeline.traffic.waits.append(Wait(now, now + asked["retry_after"], chat))


async def _read(request: web.Request) -> tuple[object, list[tuple[str, bytes]]]:
    """Return the JSON of a request, and its files with their names."""
    if request.content_type != "multipart/form-data":
        return _parsed(await request.text()), []
    form = await request.post()
    files = [(each.filename, each.file.read()) for each in form.values() if isinstance(each, web.FileField)]
    return _parsed(str(form.get("payload_json", "{}"))), files


def _parsed(text: str) -> object:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None


def _place(path: Mapping[str, str]) -> str:
    """Return the parameter of the path that limits and faults go by."""
    return next((path[name] for name in ("channel_id", "guild_id", "interaction_token") if name in path), "")


def _flood(asked: Flood) -> web.Response:
    return _reply(too_many(asked.retry_after, Scope.GLOBAL if asked.everything else Scope.USER))


def _reply(reply: Reply, headers: Mapping[str, str] | None = None) -> web.Response:
    body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    found = {**(headers or {}), **reply.headers}
    return web.Response(text=body, status=reply.status, content_type=reply.content_type, headers=found)


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
        # Discord names no charset, and discord.py reads JSON only if none is named.
        response.charset = None
    return response
