"""A connection: one platform with its pace, its worker and its commands, from the first connection to the last."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.problems import ExpectedError
from bot.model.subscription import Target
from bot.platforms.base import Account, FloodError, Handlers, UnauthorisedError

log = logging.getLogger(__name__)

CLOSE_WITHIN = 9.0
"""Seconds in which a platform must have finished and closed, of the ten that Docker gives the program."""


@dataclass(eq=False, kw_only=True)
class Connection:
    """One platform, its pace, its worker and its commands.

    `make_worker` makes a worker in place of each that has failed. `refused` is called once when the platform refuses
    the token, which is then the `refusal`. `tried` is set after the first attempt to connect.
    """

    platform: Account
    pacer: Pacer
    make_worker: Callable[[], Worker]
    handlers: Handlers
    refused: Callable[[], Awaitable[None]]
    refusal: UnauthorisedError | None = None
    is_closed: bool = False
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _is_refused: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.name = self.platform.name
        self.worker = self.make_worker()

    async def deliver(self) -> None:
        """Deliver until stopped, or until the platform refuses the token.

        Raises:
            ExpectedError: the platform cannot be reached, or the database cannot be used.
        """
        try:
            if not self._ready.is_set():
                await self._after_pause(self.platform.connect)
                self._ready.set()
        except UnauthorisedError as error:
            await self.refuse(error)
        finally:
            self.tried.set()
        if self.refusal is not None:
            return
        self.worker = self.make_worker()
        try:
            await self.worker.run()
        except UnauthorisedError as error:
            await self.refuse(error)
        finally:
            await self.worker.stop()

    async def listen(self) -> None:
        """Answer commands until cancelled, or until the platform refuses the token.

        Raises:
            SendError: the platform has sent the bot away.
        """
        await self._ready.wait()
        listening = asyncio.create_task(self._after_pause(self.platform.listen), name=f"{self.name} listening")
        refused = asyncio.create_task(self._is_refused.wait())
        try:
            await asyncio.wait({listening, refused}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
        except UnauthorisedError as error:
            await self.refuse(error)
            await self.worker.stop()
        finally:
            for task in (listening, refused):
                task.cancel()
            await asyncio.gather(listening, refused, return_exceptions=True)

    async def refuse(self, error: UnauthorisedError) -> None:
        """Deliver and listen no more, because the platform refuses the token."""
        if self.refusal is None:
            self.refusal = error
            self._is_refused.set()
            await self.refused()

    async def close(self, silence: Callable[[], Awaitable[None]]) -> None:
        """Finish and record what is in flight, end both services by `silence`, and close the account.

        A platform that hangs is left behind, and errors are logged.
        """
        self.is_closed = True
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                ends = await asyncio.gather(self.worker.stop(), silence(), return_exceptions=True)
                await self.platform.close()
        except TimeoutError:
            log.warning("%s did not close in time; the ledger knows what was sent", self.name)
            return
        for error in ends:
            if isinstance(error, Exception):
                expected = isinstance(error, ExpectedError)
                log.error("%s did not end well: %s", self.name, error, exc_info=None if expected else error)

    async def _after_pause(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take the step, but not into a pause, and let a pause that the platform asks for here hold for everything."""
        await self.pacer.silence()
        try:
            await step()
        except FloodError as error:
            asked = FloodError(str(error), retry_after=error.retry_after, everything=True)
            self.pacer.note_flood(asked, Target(self.name, ""))
            raise
