"""Pacing: how fast one platform's messages may leave, pushes and answers together.

Two rules hold in every sliding window: the platform's overall rate, and the limits of each chat. The overall rate is
kept by a queue in which answers go first; a chat's limit never makes others wait, it only tells how long that chat
is to be left alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.subscription import Target

WINDOW = 1.01
"""Seconds in which at most `rate` sends are let out: a second, and the jitter of the way to the platform."""
CATCH_UP = 0.05
"""Seconds of lost time (a busy event loop) that may be made good by sending closer together."""

LONGEST_LIMIT = 60.0
"""Seconds after which no platform's limit looks back at a message."""


@dataclass(frozen=True, slots=True)
class ChatLimit:
    """At most `count` messages to one chat in any `seconds`."""

    count: int
    seconds: float


class Pacer:
    """The pace of one platform.

    Args:
        rate: messages a second, over all chats.
        limits: the limits of a target's chat.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        rate: int,
        limits: Callable[[Target], tuple[ChatLimit, ...]] = lambda _target: (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._limits = limits
        self._now = now
        self._interval = WINDOW / rate
        self._grants: deque[float] = deque(maxlen=rate)
        self._pledged = 0
        self._next_slot = now()
        self._paused_until = now()
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()
        self._left_alone: dict[str, float] = {}

    async def acquire(self, *, urgent: bool = False) -> None:
        """Wait for a turn to send one message. Answers to people are `urgent`: they go before every push."""
        turn = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._waiting).append(turn)
        self._pump()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pledged -= 1
                self._pump()
            raise
        # The moment counts in which the caller goes on, not the one in which it was told to.
        self._pledged -= 1
        self._grants.append(self._now())

    async def answer(self, target: Target) -> None:
        """Wait for the turn of one message that answers somebody, and count it for the target's chat."""
        await self.acquire(urgent=True)
        self.note(target)

    def pause(self, seconds: float) -> None:
        """Let nothing out for a while, as the platform asked."""
        self._paused_until = max(self._paused_until, self._now() + seconds)

    def leave_alone(self, target: Target, seconds: float) -> None:
        """Let nothing out to this chat for a while, as the platform asked."""
        self._left_alone[target.chat] = self._now() + seconds

    def note(self, target: Target) -> None:
        """Count a message that goes to the target's chat now."""
        now = self._now()
        most = max((limit.count for limit in self._limits(target)), default=1)
        log = self._sent.setdefault(target.chat, deque(maxlen=most))
        log.append(now)
        self._sent.move_to_end(target.chat)
        self._forget(now)

    def delay(self, target: Target) -> float:
        """Seconds until the target's chat may get its next message; 0 when it may now."""
        now = self._now()
        ready = self._left_alone.get(target.chat, now)
        log = self._sent.get(target.chat, ())
        for limit in self._limits(target):
            if len(log) >= limit.count:
                ready = max(ready, log[-limit.count] + limit.seconds)
        return max(0.0, ready - now)

    def _pump(self) -> None:
        """Let out whoever may go now, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue := self._next_queue():
            now = self._now()
            ready = self._ready(now)
            if ready > now:
                self._timer = asyncio.get_running_loop().call_later(ready - now, self._pump)
                return
            self._next_slot = max(self._next_slot, now - CATCH_UP) + self._interval
            self._pledged += 1
            queue.popleft().set_result(None)

    def _next_queue(self) -> deque[asyncio.Future[None]] | None:
        for queue in (self._urgent, self._waiting):
            while queue and queue[0].done():
                queue.popleft()
            if queue:
                return queue
        return None

    def _ready(self, now: float) -> float:
        """When the next message may leave, were it asked for now."""
        ready = max(self._next_slot, self._paused_until)
        taken = len(self._grants) + self._pledged
        if taken >= self._rate:
            # The grant that must leave the window first; pledged turns will be stamped now or later.
            oldest = taken - self._rate
            ready = max(ready, (self._grants[oldest] if oldest < len(self._grants) else now) + WINDOW)
        return ready

    def _forget(self, now: float) -> None:
        """Drop the chats whose messages are too old to count, so that memory follows the pace, not the audience."""
        while self._sent:
            chat, log = next(iter(self._sent.items()))
            if now - log[-1] <= LONGEST_LIMIT:
                break
            del self._sent[chat]
        for chat in [chat for chat, until in self._left_alone.items() if until <= now]:
            del self._left_alone[chat]
