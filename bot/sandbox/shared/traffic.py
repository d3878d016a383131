"""Log of requests, the measure of their rate, and flood control.

All times are seconds of a monotonic clock.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EVERYTHING = ""
"""Chat of a wait for every chat."""


@dataclass(slots=True)
class Request:
    """One request with its outcome.

    `number` is its place in the log. `processed` is the status by the platform's rules, None if a fault came first;
    `answered` is the status that left for the client, None if no answer left. A message whose answer was lost has a
    `processed` of 200 and an `answered` of None.
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
    """A pause that the platform asked for, from its answer to the end, in one chat or in `EVERYTHING`."""

    start: float
    end: float
    chat: str = EVERYTHING


def most(times: Sequence[float], seconds: float) -> int:
    """Return the greatest number of times in any window of that length.

    `times` are in order. A window includes its beginning and not its end: two times exactly `seconds` apart are in two
    windows.
    """
    best = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        best = max(best, last - first + 1)
    return best


class Traffic:
    """Log of one stand-in. `is_send` returns whether requests of a route count as sends."""

    def __init__(self, is_send: Callable[[str], bool]) -> None:
        self._is_send = is_send
        self.requests: list[Request] = []
        self.waits: list[Wait] = []

    def arrived(self, at: float, route: str, chat: str, body: Mapping[str, Any]) -> Request:
        """Log a request and return the entry."""
        request = Request(len(self.requests), at, route, chat, body)
        self.requests.append(request)
        return request

    @property
    def sends(self) -> list[Request]:
        """The sends in order of arrival, with any outcome."""
        return [request for request in self.requests if self._is_send(request.route)]

    def peak(self, seconds: float, chat: int | str | None = None) -> int:
        """Return the most sends in any sliding window of so many seconds, over all chats or in one."""
        return most([send.at for send in self.sends if chat is None or send.chat == str(chat)], seconds)

    def peak_by_chat(self, seconds: float) -> dict[str, int]:
        """Return the peak of every chat that got a send."""
        times = defaultdict(list)
        for send in self.sends:
            times[send.chat].append(send.at)
        return {chat: most(arrivals, seconds) for chat, arrivals in times.items()}

    def sends_in_waits(self, grace: float = 0.0) -> list[Request]:
        """Return the sends that arrived during a wait.

        Sends within `grace` seconds of the beginning of a wait do not count, because they may have left before.
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
    """Refusal of sends above a limit, and of all sends during the wait that follows.

    A refusal asks for whole seconds, at least one. Refused sends do not count.
    """

    def __init__(self) -> None:
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)
        self._waits: dict[str, Wait] = {}

    def admit(self, now: float, limits: Iterable[tuple[str, Limit]]) -> Wait | None:
        """Return None if the limits admit the send, else the wait that the send starts or meets.

        `limits` are the limits of the send, each with its chat or `EVERYTHING`.
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
        free = free_at(self._admitted[chat], limit, now)
        return None if free is None else Wait(now, now + max(1, math.ceil(free - now)), chat)


def free_at(times: deque[float], limit: Limit, now: float) -> float | None:
    """Return the time at which the limit admits one more, or None if now; remove the times that no longer count."""
    while times and now - times[0] >= limit.seconds:
        times.popleft()
    return times[0] + limit.seconds if len(times) >= limit.count else None
