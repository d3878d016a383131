"""HTTP server of `recap demo`: the page's files, the stream of changes, and the actions.

`GET /` and the files it names, `GET /events?language=fr` (Server-Sent Events), `POST /do` (one action as JSON).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import ClientConnectionResetError, web
from pydantic import ValidationError

from bot.config.network import is_loopback
from bot.model.i18n import Language, speaking, spoken
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError, reason_of
from bot.sandbox.demo import files
from bot.sandbox.demo.actions import ACTION
from bot.sandbox.demo.guard import HEADERS, guard
from bot.sandbox.demo.shown import messages, place_wire
from bot.sandbox.shared.webserver import Json, WebServer

if TYPE_CHECKING:
    from bot.sandbox.demo.demo import Demo, Demos

RETRY_MILLISECONDS = 1000
"""Time after which a page looks again for a demo that has stopped. Browsers would wait for several seconds."""
QUIET_SECONDS = 15.0
"""Seconds without changes after which a comment goes out, which detects a closed page."""
MAX_BODY = 64 * 1024


class PageError(ExpectedError):
    """Address at which the page cannot be served."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket on which browsers can connect and wait even before the page is served.

    Raises:
        PageError: the address is invalid or taken.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PageError(
            _(
                "The page cannot be at {host}, port {port}: {reason}. "
                "Name another port with --port, or --port 0 for any free one."
            ).format(host=host, port=port, reason=reason_of(error))
        ) from error


class Page(WebServer):
    """Server of the page on the listener, for one start and stop; `url` is its address."""

    _DRAIN: ClassVar[float] = 0.5
    _CANCELS: ClassVar[bool] = False
    """An action goes on although its page was closed."""

    def __init__(self, demos: Demos, listener: socket.socket) -> None:
        self._demos = demos
        self._listener = listener
        self._host, self.port = listener.getsockname()[:2]
        self._stopping = asyncio.Event()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[guard(loopback=is_loopback(self._host))], client_max_size=MAX_BODY)
        app.router.add_get("/", _index)
        app.router.add_get("/events", self._events)
        app.router.add_post("/do", self._do)
        app.router.add_get("/{name}", _file)
        return app

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        return web.SockSite(runner, self._listener)

    @property
    def url(self) -> str:
        """The address to open on this machine."""
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104 - it is compared only
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    async def stop(self) -> None:
        """End the streams of all pages, and stop listening."""
        self._stopping.set()
        for demo in self._demos.begun:
            demo.changes.notify()
        await super().stop()

    async def _do(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _("An action is sent as application/json."))
        try:
            action = ACTION.validate_json(await request.read())
        except ValidationError:
            return _problem(HTTPStatus.BAD_REQUEST, _("This page is of another version of the demo: load it again."))
        with speaking(lambda: action.language):
            try:
                return web.json_response(await action.act(await self._demos.of(action.language)))
            except TimeoutError:
                return _problem(HTTPStatus.GATEWAY_TIMEOUT, _("The bot did not answer in time."))
            except (LookupError, ValueError) as error:
                return _problem(HTTPStatus.CONFLICT, str(error))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        demo = await self._demos.of(Language.pick(request.query.get("language"), Language.FRENCH))
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        # Because people close pages, a lost connection is no error.
        with contextlib.suppress(ClientConnectionResetError):
            async for event in self._news(demo):
                await response.write(event.encode())
        return response

    async def _news(self, demo: Demo) -> AsyncIterator[str]:
        """Yield the events of one page: the state now and after each change, with the changed messages."""
        changed = asyncio.Event()
        known: dict[str, str] = {}
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        with demo.changes.heard_by(changed.set):
            while not self._stopping.is_set():
                changed.clear()
                state = await _state(demo, known)
                yield f"data: {json.dumps(state)}\n\n"
                try:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    yield ": still here\n\n"


async def _index(_request: web.Request) -> web.Response:
    return web.Response(text=files.index(spoken().language), content_type="text/html")


async def _file(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    found = files.asset(name)
    if found is None:
        raise web.HTTPNotFound(text=_("There is no such file."), headers=HEADERS)
    return web.Response(body=found.data, content_type=found.content_type, charset="utf-8")


def _problem(status: HTTPStatus, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


async def _state(demo: Demo, known: dict[str, str]) -> Json:
    """Return the state of the page, with the messages that differ from those in `known`, and update `known`."""
    async with demo.steady:
        await demo.redraw()
        world, facts = demo.world, demo.facts()
        places: list[Json] = []
        fresh: dict[str, Any] = {}
        for place in world.places.values():
            keys = []
            for shown in messages(world, place):
                keys.append(shown.key)
                wire, mark = shown.wire(), f"{facts['session']}/{shown.key}"
                written = json.dumps(wire)
                if known.get(mark) != written:
                    known[mark], fresh[shown.key] = written, wire
            subscriptions = await demo.subscriptions(place.target)
            places.append(place_wire(world, place, subscriptions) | {"messages": keys})
        facts["problems"] = await demo.problems()
        return {"facts": facts, "places": places, "messages": fresh}
