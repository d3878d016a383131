"""The jobs after a message was sent: passing it on to its channel's followers, and pinning it; also after a restart.

Passing on may take an hour, because the platform allows few messages of a channel. Because doing either twice is no
error, what was done just before the process died is simply done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from bot.delivery import retry
from bot.delivery.waiting import wait_for_event
from bot.model.facts import Fact, NotPublished, Tell
from bot.model.shortfalls import NotPinned
from bot.model.subscription import PlatformName, Target
from bot.platforms.abilities import Pinner, Publisher
from bot.platforms.base import FloodError, NotSentError, Rank, Sender, SendError, SendRequest, UnknownOutcomeError
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.storage.pins import Pin
    from bot.storage.publications import Publication

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks at the ledger: few looks, because followers are in no hurry."""
GIVE_UP_AFTER = 20
"""Attempts, floods not counted, after which the admins are told: with growing pauses, some three hours."""


class FollowUp(Protocol):
    """The record of a message for which something is still to be done."""

    @property
    def target(self) -> Target:
        """The place of the message."""

    @property
    def attempts(self) -> int:
        """The number of tries so far."""


W = TypeVar("W", bound=FollowUp)
Step: TypeAlias = Callable[[Callable[[], bool]], Coroutine[Any, Any, None]]


class Queue(Protocol[W]):
    """The messages that wait in the ledger."""

    async def next(self, platform: PlatformName) -> W | None:
        """Return the one that has waited longest of those that may be tried now."""

    async def done(self, waiting: W) -> None:
        """Note that all is done for it."""

    async def drop(self, waiting: W) -> None:
        """Forget it, because nothing more can be done for it."""

    async def put_off(self, waiting: W, pause: dt.timedelta, *, whole_channel: bool) -> None:
        """Try it again after the pause; with `whole_channel`, all of its channel not before either."""


@dataclass(eq=False, kw_only=True)
class FollowUpJob(Generic[W]):
    """The job of one platform that does something for sent messages, for one after the other.

    Because the ledger keeps the pauses, each of the `steps` is one request to `sender`, on a `route` of its own. `tell`
    hears, as `failure` says it, of each message for which the platform refuses a step.
    """

    platform: PlatformName
    route: str
    queue: Queue[W]
    steps: Callable[[W], Sequence[Step]]
    failure: Callable[[Target, str], Fact]
    sender: Sender
    tell: Tell
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at the ledger now, because a message may have been sent."""
        self._wake.set()

    @contextlib.asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """Run as long as the block does."""
        task = asyncio.create_task(self.run(), name=f"{self.platform} {self.route}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def run(self) -> None:
        """Take the steps that are due, until cancelled. The next start goes on with the others."""
        while True:
            self._wake.clear()
            try:
                waiting = await self.queue.next(self.platform)
                if waiting is not None:
                    await self._follow_up(waiting)
                    continue
            except LedgerError as error:
                # Because the worker meets the same trouble and reports it, this is no warning.
                log.debug("%s: no %s now: %s", self.platform, self.route, error)
            except Exception:
                # Because nobody starts the job again before the worker, it goes on after a bug too.
                log.exception("%s: %s failed in a way that is not foreseen", self.platform, self.route)
            await wait_for_event(self._wake, LOOK_EVERY)

    async def _follow_up(self, waiting: W) -> None:
        error = await self._take_steps(waiting)
        attempt = waiting.attempts + 1
        match error:
            case None:
                await self.queue.done(waiting)
            case FloodError() if error.retry_after:
                # Because all who publish in a channel share its limit, all other publications of the channel wait too.
                pause = dt.timedelta(seconds=error.retry_after)
                await self.queue.put_off(waiting, pause, whole_channel=True)
            case NotSentError() | UnknownOutcomeError() if attempt < GIVE_UP_AFTER:
                await self.queue.put_off(waiting, retry.backoff(attempt, luck=1.0), whole_channel=False)
            case _:
                # Told first, because a stop in between would keep it from everybody. A second time in a day is none.
                await self.tell(self.failure(waiting.target, str(error)))
                await self.queue.drop(waiting)

    async def _take_steps(self, waiting: W) -> SendError | None:
        target = waiting.target
        # Because the route has a limit of its own, its pauses hold up no message to the channel.
        route = target._replace(chat=f"{target.chat}/{self.route}")
        try:
            for step in self.steps(waiting):
                await self.sender.send(SendRequest(route, step, Rank.PUSH, leaves=True))
        except SendError as error:
            log.info("%s: no %s: %s", target, self.route, error)
            return error
        except Exception as error:  # a bug must not keep the other messages waiting
            log.exception("%s: %s failed in a way that is not foreseen", target, self.route)
            return UnknownOutcomeError(f"{type(error).__name__} while sending")
        return None


def publishing(
    platform: PlatformName, publisher: Publisher, queue: Queue[Publication], sender: Sender, tell: Tell
) -> FollowUpJob[Publication]:
    """Return the job that passes messages of announcement channels on to the channels that follow."""

    def steps(waiting: Publication) -> Sequence[Step]:
        return [functools.partial(publisher.publish, waiting.target, waiting.message_id)]

    return FollowUpJob(
        platform=platform, route="publish", queue=queue, steps=steps, failure=NotPublished, sender=sender, tell=tell
    )


def pinning(platform: PlatformName, pinner: Pinner, queue: Queue[Pin], sender: Sender, tell: Tell) -> FollowUpJob[Pin]:
    """Return the job that pins the newest recap of a place, and then unpins the last one."""

    def steps(waiting: Pin) -> Sequence[Step]:
        last = waiting.pinned if waiting.pinned != waiting.wanted else None
        pin = functools.partial(pinner.pin, waiting.target, waiting.wanted, last=last)
        return [pin] if last is None else [pin, functools.partial(pinner.unpin, waiting.target, last)]

    return FollowUpJob(
        platform=platform, route="pin", queue=queue, steps=steps, failure=NotPinned, sender=sender, tell=tell
    )
