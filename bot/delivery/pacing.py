"""Pacing: how fast one platform's messages may leave, pushes and answers together.

Two rules hold in every sliding window: the platform's overall rate, and the limits of each chat. Answers to people go
before pushes. A message that must wait for its chat holds up no other chat: an answer waits in a line of its chat, and
a push in the ledger, with the time that it has to wait.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from bot.delivery.observer import Observer
from bot.model.subscription import Target
from bot.platforms.base import ChatLimit, FloodError, NotSentError, SendError, UnknownOutcomeError
from bot.storage.leases import Lease

PACE = 1.0075
"""Seconds over which `rate` messages are spread: 99 % of the rate, which leaves time to make good a delay."""
GUARD = 1.006
"""Seconds in which never more than `rate` messages leave, even to make good a busy event loop. The part beyond one
second allows for the time on the network; a message counts when it is written, so nothing else varies."""
CATCH_UP = 0.05
"""Seconds of lost time that may be made good by sending closer together."""
CLOSER = 0.8
"""The distance then, as a part of the usual one. All at once would be late together, and so would the messages that
wait for these to leave the window of the rate, again every second."""
AT_ONCE = 0.003
"""Seconds of which the messages may leave together, because the event loop's timers are no finer than a millisecond."""
ANSWERS_IN_A_ROW = 4
"""Answers that may pass a push that waits, so that pushes keep a fifth of the rate however much is asked."""
IDLE = 1.0
"""Seconds without a message after which no time counts as lost, because nobody waited."""
CHAT_SLACK = 0.02
"""Seconds added to a chat's limits, because two messages may arrive closer together than they left."""
LONGEST_LIMIT = 60.0
"""Seconds after which no platform's limit looks back at a message."""
ASKED_LATELY = 900.0
"""Seconds after a request without an answer in which another one follows, if there is still something to say."""
SAME_FLOOD = 2.0
"""Seconds within which refusals of several chats are taken to be one: the bot as a whole was too fast."""

_NONE_NEEDED = Lease("")


@dataclass(frozen=True, slots=True)
class _Wait:
    """A message that waits. The result of `turn` is None if the chat may not have a turn yet."""

    target: Target
    turn: asyncio.Future[Turn | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turn:
    """The turn of one request: the one attempt that every way of sending makes.

        with turn:
            await platform.send(Post(…, leave=turn.leave))

    A turn that is given counts as a message that may leave at any moment, until the message has left. Leaving the
    context counts the message if nothing failed, tells the pacer of a flood, and gives back an unused turn. `refused`
    is True if the platform asked for a pause, or this process lost the platform's lease, after the turn was given.
    Without `given` the turn counts nowhere.
    """

    __slots__ = ("_given", "_is_open", "_pacer", "_target", "lease", "refused")

    def __init__(self, pacer: Pacer, target: Target, given: float | None = None) -> None:
        self._pacer = pacer
        self._target = target
        self._given = given or 0.0
        self._is_open = given is not None
        self.lease = pacer.lease
        self.refused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._pacer.note_end(error)
        if error is None:
            # Because a platform may not have asked, the message counts now at the latest.
            self.leave()
        elif isinstance(error, FloodError):
            self._pacer.note_flood(error, self._target)
        self.give_back()

    def leave(self) -> bool:
        """Count the message as leaving in this moment, unless it may not leave any more. The first answer holds.

        Returns:
            Whether the message may leave.
        """
        if self._is_open:
            self._is_open = False
            # The last look before the message is written: a process that stood still may have been replaced meanwhile.
            may_leave = self.lease.is_held()
            self.refused = not self._pacer._leave(self._target, self._given, may_leave)  # noqa: SLF001 - a part of the pacer
        return not self.refused

    def give_back(self) -> None:
        """Leave the turn to another message, unless the message has left."""
        if self._is_open:
            self._is_open = False
            self._pacer._take_back(self._target, self._given)  # noqa: SLF001 - a part of the pacer


@dataclass(frozen=True, slots=True)
class _Flood:
    """A chat that gets nothing before `until`. If `guessed`, the platform did not say that it means this chat."""

    asked: float
    until: float
    guessed: bool


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
        self.rate = rate
        self.lease = Lease("")
        """The right to send on the platform, which the turns of from now on need in the moment of leaving."""
        self._limits = limits
        self._now = now
        self._interval = PACE / rate
        self._left: deque[float] = deque(maxlen=rate)
        self._pledged = 0
        self._next_slot = now()
        self._soonest = now()
        self._paused_until = now()
        self._answers: OrderedDict[str, deque[_Wait]] = OrderedDict()
        self._pushes: deque[_Wait] = deque()
        self._in_a_row = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sent: OrderedDict[str, list[float]] = OrderedDict()
        self._floods: dict[str, _Flood] = {}
        self._answered = self._unanswered = now()
        self.left = 0
        """The messages that have left since the start."""
        self.observer: Observer | None = None

    def change_rate(self, rate: int) -> None:
        """Keep another overall rate from now on. Messages that left before that still count."""
        self.rate = rate
        self._interval = PACE / rate
        self._left = deque(self._left, maxlen=rate)
        self._pump()

    async def turn(self, target: Target, *, looks: bool = False) -> Turn | None:
        """Wait for the turn of one pushed message. It has not left before `Turn.leave`.

        A request that only `looks` needs no lease.

        Returns:
            None if the target's chat, or every chat, gets nothing for as long as `delay` says.
        """
        turn = await self._turn(target)
        if turn is not None and looks:
            turn.lease = _NONE_NEEDED
        return turn

    async def _turn(self, target: Target) -> Turn | None:
        while not self.delay(target):
            if (turn := self.turn_at_once(target)) is not None:
                return turn
            wait = _Wait(target)
            self._pushes.append(wait)
            if (turn := await self._given(wait)) is not None:
                return turn
        return None

    def turn_at_once(self, target: Target) -> Turn | None:
        """Return the turn of one pushed message if it is free now; None if the message has to wait."""
        now = self._now()
        if self._answers or self._pushes or self._ready(now) > now or self._delay(target, now):
            return None
        return self._give(target, now)

    async def answer(self, target: Target) -> Turn:
        """Wait for the turn of one message that answers somebody: before the pushes, within every limit."""
        while True:
            wait = _Wait(target)
            self._answers.setdefault(target.chat, deque()).append(wait)
            if (turn := await self._given(wait)) is not None:
                if not self.pause():
                    return turn
                turn.give_back()

    def note_flood(self, flood: FloodError, target: Target) -> None:
        """Let nothing out for as long as the platform asked, to the target's chat or at all.

        A platform that does not say means all chats if no other message went to this one within a minute, so that no
        limit of the chat can be the reason, or if the platform asks the same of another chat at the same time.
        """
        now = self._now()
        if self.observer is not None:
            self.observer.asked_to_wait(flood.retry_after)
        until = now + flood.retry_after
        self._floods = {chat: other for chat, other in self._floods.items() if other.until > now}
        if flood.everything or (flood.everything is None and self._means_all(flood.retry_after, target, now)):
            self._paused_until = max(self._paused_until, until)
            for wait in self._pushes:
                if not wait.turn.done():
                    wait.turn.set_result(None)
        else:
            self._floods[target.chat] = _Flood(now, until, guessed=flood.everything is None)

    def note_end(self, error: BaseException | None) -> None:
        """Note whether the platform answered a request; a refusal is an answer."""
        if isinstance(error, NotSentError | UnknownOutcomeError) and not isinstance(error, FloodError):
            self._unanswered = self._now()
        elif error is None or isinstance(error, SendError):
            self._answered = self._now()

    def unanswered(self) -> float:
        """Return the seconds since the platform answered last; 0 if it did, or if nothing was asked lately."""
        now = self._now()
        is_asked = self._unanswered > self._answered and now - self._unanswered <= ASKED_LATELY
        return now - self._answered if is_asked else 0.0

    def remember(self, sent: Iterable[tuple[Target, dt.timedelta, int]]) -> None:
        """Count messages of an earlier process: the chat, the time since the last of them left, and their number."""
        now, left = self._now(), list(self._left)
        for target, ago, count in sorted(sent, key=lambda each: -each[1]):
            moments = [now - ago.total_seconds()] * count
            self._sent[target.chat] = sorted([*self._sent.get(target.chat, []), *moments])
            self._sent.move_to_end(target.chat)
            left += moments
        # Because the earlier process may have sent a moment ago, its messages are in the window of the rate too.
        self._left = deque(sorted(left), maxlen=self.rate)

    @property
    def waiting(self) -> dict[str, int]:
        """The messages that wait for their turn, by kind."""
        return {"answer": sum(map(len, self._answers.values())), "push": len(self._pushes)}

    def pause(self) -> float:
        """Return the seconds left of a pause in which the platform wants no message at all."""
        return max(0.0, self._paused_until - self._now())

    async def silence(self) -> None:
        """Wait for the end of the pause that `pause` tells of."""
        while pause := self.pause():  # noqa: ASYNC110 - only the clock ends it
            await asyncio.sleep(pause)

    def until_free(self) -> float:
        """Return the seconds until the rate lets out another push, if no answer comes first."""
        now = self._now()
        return max(0.0, self._ready(now) - now)

    def delay(self, target: Target) -> float:
        """Return the seconds until the target's chat may get its next message, the rate aside."""
        return self._delay(target, self._now())

    def _delay(self, target: Target, now: float) -> float:
        flood = self._floods.get(target.chat)
        ready = max(self._paused_until, flood.until if flood is not None else now)
        log = self._sent.get(target.chat, ())
        for limit in self._limits(target):
            if len(log) >= limit.count:
                ready = max(ready, log[-limit.count] + limit.seconds + CHAT_SLACK)
        return max(0.0, ready - now)

    async def _given(self, wait: _Wait) -> Turn | None:
        """Wait for the turn, and return None if the caller has to ask again."""
        self._pump()
        try:
            return await wait.turn
        except asyncio.CancelledError:
            if wait.turn.done() and not wait.turn.cancelled() and (turn := wait.turn.result()) is not None:
                turn.give_back()
            self._pump()
            raise

    def _give(self, target: Target, now: float) -> Turn:
        lost = now - self._next_slot
        self._next_slot = (now if lost > IDLE else max(self._next_slot, now - CATCH_UP)) + self._interval
        self._soonest = max(self._soonest, now - AT_ONCE) + self._interval * CLOSER
        self._pledged += 1
        self._log(target, now)
        return Turn(self, target, now)

    def _leave(self, target: Target, given: float, may_leave: bool) -> bool:
        now = self._now()
        if now < self._paused_until or not may_leave:
            self._take_back(target, given)
            return False
        self._pledged -= 1
        self.left += 1
        self._left.append(now)
        log = self._sent.get(target.chat)
        if log and log[-1] == given:
            log[-1] = now
        else:
            self._forget(target, given)
            self._log(target, now)
        return True

    def _take_back(self, target: Target, given: float) -> None:
        self._pledged -= 1
        self._forget(target, given)
        self._pump()

    def _pump(self) -> None:
        """Give every turn that is due, and come back when the next one is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (found := self._next()) is not None:
            queue, ready = found
            now = self._now()
            ready = max(ready, self._ready(now))
            if ready > now:
                self._timer = asyncio.get_running_loop().call_later(ready - now, self._pump)
                return
            self._let_out(queue, now)

    def _let_out(self, queue: deque[_Wait], now: float) -> None:
        wait = queue.popleft()
        self._in_a_row = 0 if queue is self._pushes else self._in_a_row + 1
        if queue is not self._pushes:
            # Because chats take turns, a chat with many questions does not keep the others waiting.
            self._answers.move_to_end(wait.target.chat)
        elif self.delay(wait.target):
            wait.turn.set_result(None)
            return
        wait.turn.set_result(self._give(wait.target, now))

    def _next(self) -> tuple[deque[_Wait], float] | None:
        """Return the line of the next message and the moment at which its chat is ready.

        First come answers to chats that are ready, then pushes, then the other answers.
        """
        now = self._now()
        soonest: tuple[deque[_Wait], float] | None = None
        _drop_gone(self._pushes)
        if self._pushes and self._in_a_row >= ANSWERS_IN_A_ROW:
            return self._pushes, now
        for chat, line in list(self._answers.items()):
            _drop_gone(line)
            if not line:
                del self._answers[chat]
                continue
            delay = self.delay(line[0].target)
            if not delay:
                return line, now
            if soonest is None or now + delay < soonest[1]:
                soonest = line, now + delay
        return (self._pushes, now) if self._pushes else soonest

    def _ready(self, now: float) -> float:
        """Return the moment at which the next message may leave, were it asked for now."""
        ready = max(self._next_slot, self._soonest, self._paused_until)
        taken = len(self._left) + self._pledged
        if taken >= self.rate:
            # The oldest must leave the window first; a pledged turn counts from now on at the earliest.
            oldest = taken - self.rate
            ready = max(ready, (self._left[oldest] if oldest < len(self._left) else now) + GUARD)
        return ready

    def _log(self, target: Target, now: float) -> None:
        """Count a message to the target's chat, at the moment of its turn until it has left."""
        log = self._sent.setdefault(target.chat, [])
        log.append(now)
        self._sent.move_to_end(target.chat)
        # Because entries too old to count are dropped, memory follows the pace, not the audience.
        while now - log[0] > LONGEST_LIMIT + CHAT_SLACK:
            del log[0]
        while now - next(iter(self._sent.values()))[-1] > LONGEST_LIMIT + CHAT_SLACK:
            self._sent.popitem(last=False)

    def _forget(self, target: Target, given: float) -> None:
        log = self._sent.get(target.chat, [])
        if given in log:
            log.remove(given)
        if not log:
            self._sent.pop(target.chat, None)

    def _means_all(self, retry_after: float, target: Target, now: float) -> bool:
        others = (flood for chat, flood in self._floods.items() if chat != target.chat and flood.guessed)
        if any(now - other.asked < SAME_FLOOD for other in others):
            return True
        lately = [moment for moment in self._sent.get(target.chat, ()) if now - moment <= LONGEST_LIMIT]
        # Because a group's slow mode looks back for up to an hour, a longer pause may be the chat's own.
        return len(lately) <= 1 and retry_after <= LONGEST_LIMIT


def _drop_gone(line: deque[_Wait]) -> None:
    while line and line[0].turn.done():
        line.popleft()
