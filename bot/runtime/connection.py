"""A connection: one platform with its pace, its worker and its commands, from the first connection to the last."""

import asyncio
import datetime as dt
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from bot.delivery import retry
from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.facts import AddressBanned, MadeToWait, Tell, tell_nobody
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError
from bot.model.subscription import Target
from bot.platforms.base import Account, BannedError, FloodError, Handlers, NotSentError, SendError, UnauthorisedError
from bot.runtime.roles import Role
from bot.storage.leases import Lease

log = logging.getLogger(__name__)

AT_START = (2, 0.0)
"""Answers, and seconds from the first to the last of them, after which a refusal of the token is certain at the start,
where a mistyped token must not take minutes."""
LATER = (4, 120.0)
"""The same for a token that the platform took before: a proxy in trouble may answer so for a while."""
TOLD_FROM = dt.timedelta(minutes=1)
"""Length from which a pause is told; a shorter one is over when somebody reads of it."""
CLOSE_WITHIN = 9.0
"""Seconds in which a platform must have finished and closed, of the ten that Docker gives the program."""


class OnRefusal(Protocol):
    """A hearer of refused tokens."""

    async def __call__(self, *, is_over: bool) -> None:
        """Take note that the platform refuses the token, or that it takes the token again."""


@dataclass(eq=False, kw_only=True)
class Connection:
    """One platform, its pace, its worker and its commands.

    `role` is that of the one process that sends and receives on the platform. `make_worker` makes a worker in place of
    each that has failed or lost its lease, and `remember` counts what another process sent just before. `refusal` is
    that of the token, as long as it lasts; `on_refusal` is called at its beginning and at its end. `tell` hears of long
    pauses that the platform asks for. `tried` is set after the first attempt to connect. `now` is a monotonic clock, in
    seconds, and `sleep` waits for so many.
    """

    platform: Account
    pacer: Pacer
    role: Role
    make_worker: Callable[[], Worker]
    remember: Callable[[], Awaitable[None]]
    handlers: Handlers
    on_refusal: OnRefusal
    refusal: UnauthorisedError | None = None
    is_closed: bool = False
    tell: Tell = tell_nobody
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.name = self.platform.name
        self.worker = self.make_worker()
        self._leading = asyncio.Lock()
        self._led: Lease | None = None

    @property
    def was_accepted(self) -> bool:
        """Whether the platform has taken the token since the start."""
        return self._ready.is_set()

    async def deliver(self) -> None:
        """Deliver until stopped, whenever this process has the role.

        While the platform refuses the token, ask it from time to time.

        Raises:
            ExpectedError: the platform cannot be reached, or took the token again, or the database cannot be used.
        """
        try:
            if not self._ready.is_set():
                await self._until_accepted(self.platform.connect, *AT_START)
                self._ready.set()
                # Only now, because a process that is not connected would keep the role from one that is.
                self.role.ready.set()
        finally:
            self.tried.set()
        while True:
            lease = await self._lead()
            self.worker = self.make_worker()
            try:
                await self.worker.run()
            except UnauthorisedError as error:
                await self._ask_again(error)
            finally:
                await self.worker.stop()
            if lease.is_held():
                return

    async def listen(self) -> None:
        """Answer commands until cancelled, whenever this process has the role.

        While the platform refuses the token, ask it from time to time.

        Raises:
            SendError: the platform has sent the bot away, or took the token again.
        """
        await self._ready.wait()
        try:
            await self.role.while_held(self._listen)
        except UnauthorisedError as error:
            await self._ask_again(error)

    async def _listen(self) -> None:
        await self._lead()
        await self._after_pause(self.platform.listen)

    async def _lead(self) -> Lease:
        """Return the lease as soon as this process has it, and let the turns of from now on be under it."""
        async with self._leading:
            lease = await self.role.held()
            if lease is not self._led:
                await self.remember()
                self.pacer.lease = self._led = lease
            return lease

    async def _ask_again(self, error: UnauthorisedError) -> NoReturn:
        await self._until_accepted(self.platform.identify, *LATER)
        # Because a platform may contradict itself for long, the supervisor begins anew after a pause that grows.
        raise NotSentError(_("{error}, and takes it when asked").format(error=error)) from error

    async def _until_accepted(self, ask: Callable[[], Awaitable[None]], answers: int, seconds: float) -> None:
        """Ask until the platform takes the token. The `refusal` is certain after so many answers and so much time.

        Raises:
            SendError: the platform does not tell, and has not refused the token.
        """
        began, refusals = self.now(), 0
        for attempt in itertools.count(1):
            try:
                await self._after_pause(ask)
            except UnauthorisedError as error:
                refusals += 1
                if refusals >= answers and self.now() - began >= seconds and self.refusal is None:
                    self.refusal = error
                    await self.on_refusal(is_over=False)
                    # Because the program ends when every platform refuses, this comes after the telling of the refusal.
                    self.tried.set()
            except SendError as error:
                self.pacer.note_end(error)
                if not refusals:
                    raise
                log.info("%s: %s; the token is in doubt", self.name, error)
            else:
                break
            await self.sleep(retry.backoff(attempt, luck=random.random()).total_seconds())  # noqa: S311 - guards nothing
        if self.refusal is not None:
            self.refusal = None
            await self.on_refusal(is_over=True)

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
        except SendError as error:
            if error.retry_after:
                asked = FloodError(str(error), retry_after=error.retry_after, everything=True)
                self.pacer.note_flood(asked, Target(self.name, ""))
                pause = dt.timedelta(seconds=error.retry_after)
                if isinstance(error, BannedError):
                    await self.tell(AddressBanned(self.name, pause))
                elif pause >= TOLD_FROM:
                    await self.tell(MadeToWait(self.name, pause))
            raise
