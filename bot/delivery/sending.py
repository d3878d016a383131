"""The one way out: every request to a platform takes its turn, and is tried again while that is of use.

A push waits in the ledger between two attempts, so the worker makes each of its attempts by itself, `with turn:`.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import random
import time
from collections.abc import Hashable, Iterator
from typing import TypeVar
from weakref import WeakValueDictionary

from bot.delivery import retry
from bot.delivery.pacing import Pacer, Turn
from bot.model.i18n import gettext as _
from bot.model.subscription import Target
from bot.platforms.base import Entry, NotSentError, Rank, Sender, SendError, SendRequest, UnauthorisedError

log = logging.getLogger(__name__)

LONGEST_WAIT = 20.0
"""Seconds in which the rate must let out all answers that wait, because nobody waits longer."""
LONGEST_LINE = 1000
"""Questions that wait at once, whatever the rate, because each takes memory until it is answered."""
LINE_OF_A_CHAT = 20
"""Questions of one chat that wait at once: a group gets no more messages than that in a minute."""
COMPLAIN_EVERY = 60.0
"""Seconds between two entries of the log about questions that were turned away."""

T = TypeVar("T")


class PacedSender(Sender):
    """The way out to one platform, at the pace of its pacer."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._orders: WeakValueDictionary[Target, asyncio.Lock] = WeakValueDictionary()
        self._lines: dict[Target, list[Hashable]] = {}
        self._waiting = 0
        self._complained = float("-inf")

    @contextlib.contextmanager
    def in_line(self, target: Target, question: Hashable, *, changes: bool) -> Iterator[Entry]:
        """Keep the question's place in the line, as `Sender.in_line` says."""
        began = time.monotonic()
        with self._place(target, question, changes=changes) as entry:
            try:
                yield entry
            finally:
                if (observer := self._pacer.observer) is not None:
                    observer.asked(entry, time.monotonic() - began)

    @contextlib.contextmanager
    def _place(self, target: Target, question: Hashable, *, changes: bool) -> Iterator[Entry]:
        line = self._lines.get(target, [])
        if question in (line[-1:] if changes else line):
            yield Entry.REPEATED
            return
        # Because a chat without a place comes first, a few chats with many questions do not fill the line.
        longest = min(LONGEST_LINE, self._pacer.rate * LONGEST_WAIT) / (2 if line else 1)
        if self._waiting >= longest or len(line) >= LINE_OF_A_CHAT:
            self._complain(target)
            yield Entry.FULL
            return
        self._lines.setdefault(target, line).append(question)
        self._waiting += 1
        try:
            yield Entry.ADMITTED
        finally:
            self._waiting -= 1
            line.remove(question)
            if not line:
                del self._lines[target]

    def in_order(self, target: Target) -> asyncio.Lock:
        """Return the lock of the target, which tasks get in the order in which they ask for it."""
        return self._orders.setdefault(target, asyncio.Lock())

    async def send(self, request: SendRequest[T]) -> T:
        """Make the request in its turn, as `Sender.send` says."""
        attempt, began = 0, 0.0
        while True:
            turn = await self._turn(request)
            began = began or time.monotonic()
            try:
                with turn:
                    if not request.leaves and not turn.leave():
                        raise NotSentError(_("the message may not leave now"))
                    return await request.call(turn.leave)
            except SendError as refusal:
                if turn.refused:
                    if not self._pacer.lease.is_held():
                        # The process that took over answers from now on.
                        raise
                    continue
                attempt += 1
                # Because one refusal of the token is no verdict, it counts as any answer after which nothing was sent.
                error = NotSentError(str(refusal)) if isinstance(refusal, UnauthorisedError) else refusal
                decision = retry.decide(
                    error,
                    attempt=attempt,
                    age=dt.timedelta(seconds=time.monotonic() - began),
                    hold=request.hold,
                    luck=random.random(),  # noqa: S311 - spreads retries, guards nothing
                    worth=dt.timedelta(seconds=request.worth),
                )
                if decision.step is not retry.Step.RETRY:
                    raise error from error.__cause__
                pause = decision.pause.total_seconds()
                log.info("%s: %s; next try in %.1f s", request.target, error, pause)
            await asyncio.sleep(pause)

    def _complain(self, target: Target) -> None:
        if time.monotonic() - self._complained >= COMPLAIN_EVERY:
            self._complained = time.monotonic()
            log.warning("%s: more is asked than can be answered (%d wait)", target.platform, self._waiting)

    async def _turn(self, request: SendRequest[T]) -> Turn:
        target, pacer = request.target, self._pacer
        match request.rank:
            case Rank.ANSWER:
                return await pacer.answer(target)
            case Rank.PUSH:
                while (turn := await pacer.turn(target)) is None:  # noqa: ASYNC110 - the pacer knows when
                    await asyncio.sleep(pacer.delay(target))
                return turn
            case Rank.UNCOUNTED:
                await pacer.silence()
        return Turn(pacer, target)
