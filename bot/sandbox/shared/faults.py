"""Failures on demand of the answers of a stand-in.

A fault has a match (which requests), an action (what happens to their answers) and a moment (before the stand-in
processes the request, or after, so that the request has its effect). Both stand-ins have these faults, so that a test
of a lost answer reads the same for either platform.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from aiohttp import web

# Because SO_LINGER is on with a time of 0, closing the socket sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as faults see it.

    `route` is the platform's name of the method (`sendMessage`, `POST /channels/{channel_id}/messages`), `chat` the id
    of the request's chat or channel, empty for none, `body` the parameters.
    """

    route: str
    chat: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions of a fault, all of which must hold.

    `route` is a shell pattern (`send*`), `chat` an id or None for any, and `where` a further condition.
    """

    route: str = "*"
    chat: int | str | None = None
    where: Callable[[Call], bool] | None = None

    def __call__(self, call: Call) -> bool:
        """Return whether the request meets the conditions."""
        return (
            fnmatchcase(call.route, self.route)
            and (self.chat is None or str(self.chat) == call.chat)
            and (self.where is None or self.where(call))
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """Fixed answer; a mapping is written as JSON."""

    status: int
    body: str | Mapping[str, Any] = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


BAD_GATEWAY = Reply(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", content_type="text/html")
"""Answer of a proxy in front of the platform."""

MALFORMED = Reply(200, '{"ok": tru')
"""Answer that was cut off in the middle."""


@dataclass(frozen=True, slots=True)
class Flood:
    """429 in the platform's own form: wait `retry_after` seconds, in this chat or with `everything`."""

    retry_after: float
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """TCP reset of the connection."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer; the connection stays open until the client gives up."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Usual answer, `seconds` late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hook:
    """Usual answer after awaiting `callback`, which may hold the request or look at it."""

    callback: Callable[[Call], Awaitable[None]]


Action: TypeAlias = Reply | Flood | Reset | Silence | Delay | Hook


@dataclass(frozen=True, slots=True)
class Fault:
    """Action on the requests that match.

    The first `skip` requests pass, the next `times` are hit (None: all later ones). With `after`, the stand-in
    processes the request first: a message is stored although its answer is lost.
    """

    action: Action
    match: Match = Match()
    times: int | None = 1
    skip: int = 0
    after: bool = False


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.seen >= self.fault.skip + self.fault.times


class Faults:
    """Faults of one stand-in, in the order of their addition.

    At most one fault hits a request: the first that matches. Handlers that call `answer` need a server that cancels
    them when the client disconnects (aiohttp's `handler_cancellation`).
    """

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self._armed.clear()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that may still hit; one without `times` always may."""
        return tuple(armed.fault for armed in self._armed)

    def take(self, call: Call) -> Fault | None:
        """Return the fault that hits this request, and count the hit."""
        for armed in self._armed:
            if not armed.fault.match(call):
                continue
            armed.seen += 1
            if armed.seen > armed.fault.skip:
                if armed.spent:
                    self._armed.remove(armed)
                return armed.fault
        return None

    async def answer(
        self,
        request: web.Request,
        call: Call,
        process: Callable[[], Awaitable[web.Response]],
        flood: Callable[[Flood], web.Response],
    ) -> web.Response:
        """Return the answer to a request, spoilt by its fault if one hits.

        `process` carries the request out, `flood` writes a 429 in the platform's form.
        """
        fault = self.take(call)
        if fault is None:
            return await process()
        processed = await process() if fault.after else None
        match fault.action:
            case Reply() as reply:
                return _response(reply)
            case Flood() as wait:
                return flood(wait)
            case Reset():
                _reset(request)
                return web.Response()
            case Silence():
                await asyncio.Event().wait()
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Hook(callback):
                await callback(call)
        return await process() if processed is None else processed


def _response(reply: Reply) -> web.Response:
    body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    # Because both platforms name no charset, neither does this; else discord.py would read no JSON.
    headers = {"Content-Type": reply.content_type, **reply.headers}
    return web.Response(status=reply.status, body=body.encode(), headers=headers)


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
