"""The roles: the parts of the work that one process at a time does, and this process's turns in them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from bot.delivery.waiting import wait_for_event
from bot.storage.leases import Lease, Leases
from bot.storage.records import LedgerError

log = logging.getLogger(__name__)


class Role:
    """A role of this process, which `keep` gets for it as often as it is free.

    Args:
        name: a platform's name, or that of the clock.
        leases: the leases of the ledger.
        may_take: tells whether this process is fit for the role now.
    """

    def __init__(self, name: str, leases: Leases, may_take: Callable[[], bool] = lambda: True) -> None:
        self.name = name
        self.ready = asyncio.Event()
        """Set from outside as soon as this process can work in the role."""
        self.tried = asyncio.Event()
        """Set as soon as this process has the role, or knows that it has to stand by."""
        self.leases = leases
        self._may_take = may_take
        self.lease = leases.first(name)
        """The last lease of this process, which it may have lost."""
        self._taken, self._over = asyncio.Event(), asyncio.Event()
        if self.lease.is_held():
            self.tried.set()
            self._taken.set()

    def is_held(self) -> bool:
        """Return whether this process may work in the role in this moment."""
        return self.lease.is_held()

    async def keep(self) -> NoReturn:
        """Take the lease whenever it is free, and renew it, until cancelled; then let another process take it."""
        await self.ready.wait()
        while True:
            lease = await self._take()
            self.tried.set()
            if lease is None:
                await asyncio.sleep(self.leases.times.look_every)
                continue
            log.debug("%s: this process has the role", self.name)
            self.lease = lease
            self._over = asyncio.Event()
            self._taken.set()
            try:
                await lease.keep()
                log.warning("%s: another process may have the role now; this one stands by", self.name)
            except asyncio.CancelledError:
                with contextlib.suppress(LedgerError):
                    await lease.give_up()
                raise
            finally:
                self._taken.clear()
                self._over.set()

    async def held(self) -> Lease:
        """Return the lease as soon as this process has it."""
        while not self.lease.is_held():
            if self._taken.is_set():
                # The lease was lost just now, which `keep` is about to see.
                await self._over.wait()
            await self._taken.wait()
        return self.lease

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds, or until this process gets the role."""
        await wait_for_event(self._over if self._taken.is_set() else self._taken, seconds)

    async def while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while this process has the role, from its beginning at each time, until the work ends."""
        while True:
            await self.held()
            tasks = [asyncio.ensure_future(work()), asyncio.ensure_future(self._over.wait())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if tasks[0].done():
                    tasks[0].result()
                    return
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> Lease | None:
        if not self._may_take():
            return None
        try:
            return await self.leases.take(self.name)
        except LedgerError as error:
            # Because the heart tells of a database in trouble, this is no warning.
            log.debug("%s: the role cannot be taken now: %s", self.name, error)
            return None
