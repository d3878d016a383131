"""Failures on demand: what a stand-in does to a request in place of, or beside, answering it.

A fault is a match (which requests), an action (what happens to them) and a moment (before the request was processed,
or after: then its effect stays and only the answer suffers). Both stand-ins take their faults from here, so that a
test of a lost answer reads the same for either platform.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

# SO_LINGER switched on with no time to linger: closing then sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as faults see it.

    `route` is the platform's name of what is asked (`sendMessage`, `POST /channels/{channel_id}/messages`), `chat`
    the id of the chat or channel it is about, empty when it is about none, `body` the parameters.
    """

    route: str
    chat: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a fault is for: all conditions must hold.

    `route` is a shell pattern (`send*`), `chat` an id, None for any, and `where` any further condition.
    """

    route: str = "*"
    chat: int | str | None = None
    where: Callable[[Call], bool] | None = None

    def __call__(self, call: Call) -> bool:
        """Whether the request is meant."""
        return (
            fnmatchcase(call.route, self.route)
            and (self.chat is None or str(self.chat) == call.chat)
            and (self.where is None or self.where(call))
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers with this, as it stands; a mapping is written as JSON."""

    status: int
    body: str | Mapping[str, Any] = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


BAD_GATEWAY = Reply(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", content_type="text/html")
"""A proxy in front of the platform answers instead of it."""

MALFORMED = Reply(200, '{"ok": tru')
"""An answer that was cut off in the middle."""


@dataclass(frozen=True, slots=True)
class Flood:
    """Answers 429 in the platform's own form: wait `retry_after` seconds, in this chat or with `everything`."""

    retry_after: float
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Cuts the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answers; the connection stays open until the client gives up."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Answers as if nothing were wrong, but `seconds` late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hook:
    """Awaits `callback` and then answers as if nothing were wrong: to hold a request, or to look at it."""

    callback: Callable[[Call], Awaitable[None]]


Action: TypeAlias = Reply | Flood | Reset | Silence | Delay | Hook


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the requests that match.

    The first `skip` of them pass unharmed, the next `times` are hit (None = every one from then on). With `after`,
    the request is processed first: a message is stored although its answer is lost.
    """

    action: Action
    match: Match = Match()
    times: int | None = 1
    skip: int = 0
    after: bool = False

    def __post_init__(self) -> None:
        if self.after and isinstance(self.action, Flood):
            raise ValueError("A flood answer means that nothing was processed: use it without `after`.")
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError("`times` must be at least 1, or None for every request, and `skip` at least 0.")


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.seen >= self.fault.skip + self.fault.times


class Faults:
    """The faults of one stand-in, in the order in which they were added.

    A request meets at most one fault: the first that matches and has not passed or been used up. Handlers that go
    through `answer` must run in a server that cancels them when the client leaves (aiohttp's `handler_cancellation`).
    """

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Arm one more fault."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm all of them."""
        self._armed.clear()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that may still hit: empty when a test has seen all it armed, unless one is for ever."""
        return tuple(armed.fault for armed in self._armed)

    def take(self, call: Call) -> Fault | None:
        """The fault that hits this request, counted as used."""
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
        """The answer to a request, by way of its fault if it has one.

        `process` does what was asked, `flood` writes a 429 in the platform's form.
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
    return web.Response(status=reply.status, text=body, content_type=reply.content_type, headers=dict(reply.headers))


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
