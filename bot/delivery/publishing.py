"""The job that passes messages of announcement channels on to their followers, also after a restart.

It may take an hour, because the platform allows few of them in a channel. Publishing twice is no error, so a message
that was passed on just before the process died is simply passed on again.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.delivery import retry
from bot.model.facts import NotPublished, Tell
from bot.model.subscription import PlatformName
from bot.platforms.base import (
    FloodError,
    NotSentError,
    Publisher,
    Rank,
    Sender,
    SendError,
    SendRequest,
    UnknownOutcomeError,
)
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.storage.publications import LedgerPublications, Publication

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks at the ledger: few looks, because followers are in no hurry."""
GIVE_UP_AFTER = 20
"""Attempts, floods not counted, after which the admins are told: with growing pauses, some three hours."""


@dataclass(eq=False, kw_only=True)
class PublishingJob:
    """The job of one platform, which passes on its messages one after the other.

    Because the ledger keeps the pauses, each attempt is one request to `sender`. `tell` hears of each message that
    could not be passed on.
    """

    platform: PlatformName
    publisher: Publisher
    sender: Sender
    publications: LedgerPublications
    tell: Tell
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at the ledger now, because a message may have been sent."""
        self._wake.set()

    @contextlib.asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        """Run as long as the block does."""
        task = asyncio.create_task(self.run(), name=f"{self.platform} publishing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def run(self) -> None:
        """Pass on the messages that are due, until cancelled. The next start goes on with the others."""
        while True:
            self._wake.clear()
            try:
                publication = await self.publications.next(self.platform)
                if publication is not None:
                    await self._pass_on(publication)
                    continue
            except LedgerError as error:
                # Because the worker meets the same trouble and reports it, this is no warning.
                log.debug("%s: nothing is published now: %s", self.platform, error)
            except Exception:
                # Because nobody starts the job again before the worker, it goes on after a bug too.
                log.exception("%s: publishing failed in a way that is not foreseen", self.platform)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)

    async def _pass_on(self, publication: Publication) -> None:
        error = await self._publish(publication)
        attempt = publication.attempts + 1
        match error:
            case None:
                await self.publications.over(publication)
            case FloodError():
                # Because all who publish in a channel share its limit, all other publications of the channel wait too.
                pause = dt.timedelta(seconds=error.retry_after)
                await self.publications.put_off(publication, pause, whole_channel=True)
            case NotSentError() | UnknownOutcomeError() if attempt < GIVE_UP_AFTER:
                await self.publications.put_off(publication, retry.backoff(attempt, luck=1.0), whole_channel=False)
            case _:
                await self.publications.over(publication)
                await self.tell(NotPublished(publication.target, str(error)))

    async def _publish(self, publication: Publication) -> SendError | None:
        target = publication.target
        # Because publishing has a limit of its own, its pauses hold up no message to the channel.
        route = target._replace(chat=f"{target.chat}/publish")
        publish = SendRequest(
            route, lambda leave: self.publisher.publish(target, publication.message_id, leave), Rank.PUSH, leaves=True
        )
        try:
            await self.sender.send(publish)
        except SendError as error:
            log.info("%s: message %s is not published: %s", publication.target, publication.message_id, error)
            return error
        except Exception as error:  # a bug must not keep the other messages from being passed on
            log.exception("%s: publishing failed in a way that is not foreseen", publication.target)
            return UnknownOutcomeError(f"{type(error).__name__} while publishing")
        return None
