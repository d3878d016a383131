"""The one way out: every request to a platform takes its turn, and is tried again while that is of use.

A push waits in the ledger between two attempts, so the worker makes each of its attempts by itself, `with turn:`.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from typing import TypeVar
from weakref import WeakValueDictionary

from bot.delivery import retry
from bot.delivery.pacing import Pacer, Turn
from bot.model.subscription import Target
from bot.platforms.base import Rank, Sender, SendError, SendRequest

log = logging.getLogger(__name__)

T = TypeVar("T")


class PacedSender(Sender):
    """The way out to one platform, at the pace of its pacer."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._orders: WeakValueDictionary[Target, asyncio.Lock] = WeakValueDictionary()

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
                    if not request.leaves:
                        turn.leave()
                    return await request.call(turn.leave)
            except SendError as error:
                if turn.refused:
                    continue
                attempt += 1
                decision = retry.decide(
                    error,
                    attempt=attempt,
                    age=dt.timedelta(seconds=time.monotonic() - began),
                    hold=request.hold,
                    luck=random.random(),  # noqa: S311 - spreads retries, guards nothing
                    worth=dt.timedelta(seconds=request.worth),
                )
                if decision.step is not retry.Step.RETRY:
                    raise
                pause = decision.pause.total_seconds()
                log.info("%s: %s; next try in %.1f s", request.target, error, pause)
            await asyncio.sleep(pause)

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
