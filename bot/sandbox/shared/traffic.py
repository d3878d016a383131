"""What came in and how fast: the log of requests, the measure of their rate, and flood control.

All times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

EVERYTHING = ""
"""The chat of a wait that holds for every chat."""


@dataclass(slots=True)
class Request:
    """One request as it arrived, and what became of it.

    `number` is its place in the log. `processed` is the status the platform came to by its own rules, None when the
    request never got that far; `answered` is the status that left for the client, None when no answer did. A message
    whose answer was lost has a `processed` of 200 and an `answered` of None.
    """

    number: int
    at: float
    route: str
    chat: str
    body: Mapping[str, Any] = field(repr=False)
    processed: int | None = None
    answered: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause the platform asked for: from the answer that asked until it is over, in one chat or in `EVERYTHING`."""

    start: float
    end: float
    chat: str = EVERYTHING


def most(times: Sequence[float], seconds: float) -> int:
    """The most of the times that lie in any window of that length, wherever it begins.

    `times` are in order. A window holds its beginning and not its end: what happens exactly `seconds` apart is not in
    one window.
    """
    best = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        best = max(best, last - first + 1)
    return best


class Traffic:
    """The log of one stand-in. `is_send` tells by the route which requests count as sends."""

    def __init__(self, is_send: Callable[[str], bool]) -> None:
        self._is_send = is_send
        self.requests: list[Request] = []
        self.waits: list[Wait] = []

    def arrived(self, at: float, route: str, chat: str, body: Mapping[str, Any]) -> Request:
        """Log one more request."""
        request = Request(len(self.requests), at, route, chat, body)
        self.requests.append(request)
        return request

    @property
    def sends(self) -> list[Request]:
        """The sends in order of arrival, whatever became of them."""
        return [request for request in self.requests if self._is_send(request.route)]

    def peak(self, seconds: float, chat: int | str | None = None) -> int:
        """The most sends that arrived in any sliding window of so many seconds, of all chats or of one."""
        return most([send.at for send in self.sends if chat is None or send.chat == str(chat)], seconds)

    def peak_by_chat(self, seconds: float) -> dict[str, int]:
        """The same for every chat that was sent to."""
        times = defaultdict(list)
        for send in self.sends:
            times[send.chat].append(send.at)
        return {chat: most(arrivals, seconds) for chat, arrivals in times.items()}

    def sends_in_waits(self, grace: float = 0.0) -> list[Request]:
        """The sends that arrived while they had been told to wait.

        What arrives within `grace` seconds of the beginning of a wait may have been on its way already.
        """
        return [send for send in self.sends if any(_holds(wait, send, grace) for wait in self.waits)]


def _holds(wait: Wait, send: Request, grace: float) -> bool:
    return wait.chat in {EVERYTHING, send.chat} and wait.start + grace < send.at < wait.end


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` sends in any sliding window of `seconds`."""

    count: int
    seconds: float


class FloodControl:
    """Refuses what comes too fast, and everything during the wait that follows.

    A refusal asks for whole seconds, at least one, and refused sends do not count.
    """

    def __init__(self) -> None:
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)
        self._waits: dict[str, Wait] = {}

    def admit(self, now: float, limits: Iterable[tuple[str, Limit]]) -> Wait | None:
        """None when the send may pass, else the wait that it starts or runs into.

        `limits` are those that the send is under, each with the chat it holds for, or `EVERYTHING`.
        """
        limits = tuple(limits)
        for chat, limit in limits:
            wait = self._waits.get(chat)
            if wait is None or wait.end <= now:
                wait = self._exceeded(now, chat, limit)
            if wait is not None:
                self._waits[chat] = wait
                return wait
        for chat, _ in limits:
            self._admitted[chat].append(now)
        return None

    def _exceeded(self, now: float, chat: str, limit: Limit) -> Wait | None:
        recent = self._admitted[chat]
        while recent and now - recent[0] >= limit.seconds:
            recent.popleft()
        if len(recent) < limit.count:
            return None
        free = recent[0] + limit.seconds
        return Wait(now, now + max(1, math.ceil(free - now)), chat)
