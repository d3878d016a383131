"""The courier of one platform: claims what is due, sends it, records what became of it.

The order of the three steps is the promise: a message is marked in the ledger before it leaves and its outcome is
recorded after, so that a process that dies in between leaves a trace of exactly what nobody can know.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import hashlib
import logging
import random
from typing import TYPE_CHECKING

from bot.delivery import retry
from bot.delivery.events import BroadcastStopped, Listener, PlatformStopped, TargetNotFound, TargetPaused, nobody
from bot.delivery.records import Broadcast, Delivery, DeliveryState, Outcome
from bot.platforms.base import FloodError, Post, SendError, TargetGoneError, TargetNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.delivery.ledger import Ledger
    from bot.delivery.pacing import Pacer
    from bot.platforms.base import Platform, Publisher, Rendering

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks at the ledger when nothing is due: another process may have opened a broadcast."""
DRAIN = 8.0
"""Seconds that sends in flight get to finish on shutdown, of the ten the program has."""
PUBLISH_ATTEMPTS = 5
"""Tries to publish one message before the admin is told; the message itself has long been sent."""


class Courier:
    """Delivers one platform's share of every open broadcast.

    Args:
        platform: where the messages go.
        ledger: where they come from.
        pacer: the platform's pace.
        clock: the time, aware, in UTC.
        window: messages under way at once.
        hold: whether a message of unknown outcome stays unsent rather than be sent twice.
        publisher: passes messages on to followers, on platforms that can.
        finished: called for every broadcast that has no delivery left to make.
        tell: hears what the admins should know.
    """

    def __init__(
        self,
        *,
        platform: Platform,
        ledger: Ledger,
        pacer: Pacer,
        clock: Callable[[], dt.datetime],
        window: int,
        hold: bool,
        publisher: Publisher | None = None,
        finished: Callable[[Broadcast], None] = lambda _broadcast: None,
        tell: Listener = nobody,
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._pacer = pacer
        self._clock = clock
        self._window = window
        self._hold = hold
        self._publisher = publisher
        self._finished = finished
        self._tell = tell
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._publishing: set[asyncio.Task[None]] = set()
        self._renderings: dict[int, Rendering] = {}
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Look at the ledger now: something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop`, or until the platform refuses the token."""
        recovered = await self._ledger.recover(self._platform.name, hold=self._hold)
        if recovered:
            log.warning("%s: %d messages were in flight when the bot last stopped", self._platform.name, recovered)
        while not self._stopping:
            self._wake.clear()
            if not await self._start_due():
                await self._report_finished()
                await self._wait(LOOK_EVERY)

    async def stop(self) -> None:
        """Send nothing new; finish and record what is in flight."""
        self._stopping = True
        self.wake()
        tasks = {*self._under_way.values(), *self._publishing}
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=DRAIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._report_finished()

    async def _start_due(self) -> bool:
        """Begin as many deliveries as the window allows; whether there may be more to begin at once."""
        if len(self._under_way) >= self._window:
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
        due = await self._ledger.due(self._platform.name, limit=self._window)
        fresh = [delivery for delivery in due if delivery.id not in self._under_way]
        for delivery in fresh[: self._window - len(self._under_way)]:
            task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.id}")
            self._under_way[delivery.id] = task
            task.add_done_callback(self._done)
        if not fresh and self._under_way:
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
            return True
        return bool(fresh)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way = {key: other for key, other in self._under_way.items() if other is not task}
        self._publishing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def _deliver(self, delivery: Delivery) -> None:
        """Send one message of the delivery and record what became of it."""
        if wait := await self._pacer.turn(delivery.target):
            await self._ledger.record([self._later(delivery, dt.timedelta(seconds=wait))])
            return
        if self._stopping or not await self._ledger.mark_sending([delivery.id]):
            return
        rendering = await self._rendering(delivery.rendering_id)
        post = Post(
            target=delivery.target,
            title=rendering.title,
            message=rendering.messages[delivery.position],
            nonce=nonce(delivery),
            first_id=next(iter(delivery.message_ids), None),
        )
        try:
            message_id = await self._platform.send(post)
        except SendError as error:
            await self._after_error(delivery, rendering, error)
        else:
            await self._ledger.record([self._advanced(delivery, rendering, message_id)])
            if delivery.publish and self._publisher is not None:
                self._publish(self._publisher, delivery, message_id)

    async def _after_error(self, delivery: Delivery, rendering: Rendering, error: SendError) -> None:
        decision = retry.decide(
            error,
            attempt=delivery.attempts + 1,
            age=self._clock() - delivery.opened,
            hold=self._hold,
            luck=random.random(),  # noqa: S311 - spreads retries, guards nothing
            fallback=rendering.fallback is not None,
        )
        log.info("%s: %s (%s)", delivery.target, error, type(decision).__name__)
        if isinstance(error, FloodError):
            self._pacer.heed(error, delivery.target)
        match decision:
            case retry.Retry(after):
                await self._ledger.record([self._later(delivery, after, error)])
            case retry.Hold():
                await self._ledger.record([self._advanced(delivery, rendering, None)])
            case retry.Redirect(chat):
                await self._ledger.record([self._later(delivery, dt.timedelta(), error)])
                await self._ledger.subscriptions.move(delivery.target, chat)
            case retry.UseFallback():
                await self._ledger.fall_back(delivery.id)
            case retry.StopPlatform():
                await self._ledger.record([self._later(delivery, dt.timedelta(), error)])
                await self._stop_platform(error)
            case _:
                await self._fail(delivery, decision, error)

    async def _fail(self, delivery: Delivery, decision: retry.Decision, error: SendError) -> None:
        reason = str(error)
        failed = dataclasses.replace(unchanged(delivery), state=DeliveryState.FAILED, code=error.code, reason=reason)
        await self._ledger.record([failed])
        match decision:
            case retry.EndSubscription():
                if isinstance(error, TargetGoneError):
                    await self._ledger.subscriptions.left(delivery.target, reason)
                else:
                    await self._ledger.subscriptions.end(delivery.target, reason)
                if isinstance(error, TargetNotFoundError):
                    await self._tell(TargetNotFound(delivery.target, reason))
            case retry.PauseSubscription():
                if await self._ledger.subscriptions.pause(delivery.target, reason):
                    await self._tell(TargetPaused(delivery.target, reason))
            case retry.StopBroadcast():
                log.error("%s refuses the message itself; the broadcast stops: %s", self._platform.name, error)
                if await self._ledger.stop(delivery.broadcast_id, reason):
                    await self._tell(BroadcastStopped(delivery.broadcast_id, self._platform.name, reason))

    async def _stop_platform(self, error: SendError) -> None:
        if not self._stopping:
            self._stopping = True
            log.critical("%s refuses the token; nothing more is sent there", self._platform.name)
            await self._tell(PlatformStopped(self._platform.name, str(error)))

    def _later(self, delivery: Delivery, pause: dt.timedelta, error: SendError | None = None) -> Outcome:
        """The same message again after a pause; an error counts as an attempt, waiting for the chat's turn does not."""
        later = dataclasses.replace(unchanged(delivery), state=DeliveryState.PENDING, due=self._clock() + pause)
        if error is None:
            return later
        return dataclasses.replace(later, attempts=delivery.attempts + 1, code=error.code, reason=str(error))

    def _advanced(self, delivery: Delivery, rendering: Rendering, message_id: str | None) -> Outcome:
        """On to the next message, or the end of the delivery. Without an id nobody knows whether this one arrived."""
        message_ids = (*delivery.message_ids, message_id)
        position = delivery.position + 1
        if position < len(rendering.messages):
            state = DeliveryState.PENDING
        else:
            state = DeliveryState.UNKNOWN if None in message_ids else DeliveryState.SENT
        return Outcome(
            delivery_id=delivery.id,
            state=state,
            position=position,
            message_ids=message_ids,
            due=self._clock() + dt.timedelta(seconds=self._pacer.delay(delivery.target)),
            attempts=0,
        )

    async def _rendering(self, rendering_id: int) -> Rendering:
        if rendering_id not in self._renderings:
            self._renderings[rendering_id] = await self._ledger.rendering(rendering_id)
        return self._renderings[rendering_id]

    def _publish(self, publisher: Publisher, delivery: Delivery, message_id: str) -> None:
        task = asyncio.create_task(self._publish_one(publisher, delivery, message_id), name=f"publish {message_id}")
        self._publishing.add(task)
        task.add_done_callback(self._done)

    async def _publish_one(self, publisher: Publisher, delivery: Delivery, message_id: str) -> None:
        """Pass a message on to the followers. A job of its own: the platform may make it wait for an hour."""
        for attempt in range(1, PUBLISH_ATTEMPTS + 1):
            try:
                await publisher.publish(delivery.target, message_id)
            except FloodError as error:
                await asyncio.sleep(error.retry_after)
            except SendError as error:
                log.warning("%s: not published (attempt %d): %s", delivery.target, attempt, error)
                await asyncio.sleep(retry.backoff(attempt, luck=1.0).total_seconds())
            else:
                return
        log.error("%s: message %s was sent but not published", delivery.target, message_id)

    async def _report_finished(self) -> None:
        if not self._under_way:
            for broadcast in await self._ledger.finish():
                self._finished(broadcast)
                self._renderings.clear()

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return


def unchanged(delivery: Delivery) -> Outcome:
    """The outcome that leaves a delivery as it was."""
    return Outcome(
        delivery_id=delivery.id,
        state=delivery.state,
        position=delivery.position,
        message_ids=delivery.message_ids,
        due=delivery.due,
        attempts=delivery.attempts,
        code=delivery.code,
        reason=delivery.reason,
    )


def nonce(delivery: Delivery) -> str:
    """The same for the same message to the same target, always; Discord takes up to 25 characters."""
    message = f"{delivery.rendering_id}/{delivery.id}/{delivery.position}/{delivery.target}"
    return hashlib.blake2s(message.encode(), digest_size=12).hexdigest()
