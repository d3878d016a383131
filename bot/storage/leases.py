"""The leases: the right of one process at a time to work in a role, such as the delivery on a platform.

On PostgreSQL the right is a row that runs out unless it is renewed. On SQLite the process that has the lock of the file
has every role.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, bindparam, func, select, update

from bot.model.i18n import gettext as _
from bot.storage.database import Database, insert
from bot.storage.records import LedgerError
from bot.storage.tables import leases as table

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

CLOCK = "clock"
"""The role of the process that looks at the clock: it opens pushes, declares, reports and prunes."""

_OVER = dt.timedelta()
"""The end of a lease that is not held: the beginning of the clock by which leases go."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """The times of a lease, in seconds.

    It lasts for `lasts` by the server's clock. The process counts `led` by its own, from before it asked, and works no
    longer; the rest is for messages on their way and for clocks that go unevenly. `pause` follows an orderly end,
    because the platforms count what left in the last second.
    """

    lasts: float = 15.0
    led: float = 12.0
    renew_every: float = 3.0
    look_every: float = 1.0
    pause: float = 1.0


class LeaseLostError(LedgerError):
    """The error of a transaction whose lease another process may have. It is undone, and its process stands by."""


class Lease:
    """The right of this process to work in the role `name`. On SQLite it is never lost."""

    def __init__(self, name: str) -> None:
        self.name = name

    def is_held(self) -> bool:
        """Return whether the process may work in the role in this moment."""
        return True

    async def keep(self) -> None:
        """Renew the lease until it is lost."""
        await asyncio.Event().wait()

    async def give_up(self) -> None:
        """Let another process take the lease."""

    def check(self, _connection: Connection) -> Callable[[], None]:
        """Keep every other process from taking the lease before the end of the transaction.

        Returns:
            A function to be called when the transaction is committed.

        Raises:
            LeaseLostError: another process may have taken it, or the server has forgotten a transaction under it.
        """
        return lambda: None


class Leases:
    """The leases of the one process that has an SQLite file."""

    times = LeaseTimes()

    def first(self, role: str) -> Lease:
        """Return the lease with which this process begins: one that it has, or one that it has to take."""
        return Lease(role)

    async def take(self, role: str) -> Lease | None:
        """Take the lease of the role; return None if another process has it."""
        return self.first(role)

    async def holders(self) -> dict[str, str]:
        """Return the processes that hold leases now, by role."""
        return {}

    async def close(self) -> None:
        """Close the connection for the leases."""


class TimedLease(Lease):
    """A lease that is over when it was not renewed in time, and is then never held again."""

    def __init__(self, name: str, leases: SharedLeases) -> None:
        super().__init__(name)
        self._leases = leases
        # Another word at each taking: a count would repeat itself on a server that has lost the last seconds.
        self._holder = uuid.uuid4().hex
        self._is_mine = (table.c.name == name) & (table.c.holder == self._holder)
        self._until = _OVER
        self._expires = dt.datetime.min.replace(tzinfo=dt.UTC)
        # Because each transaction under the lease moves the end, a server that has forgotten one in a failover shows an
        # earlier end than is known. What it says is not believed. Built once, because it precedes every claim.
        self._move_end = (
            update(table)
            .where(self._is_mine, table.c.expires >= bindparam("known"))
            .values(expires=func.greatest(table.c.expires, _in(leases.times.lasts)))
            .returning(table.c.expires)
        )

    @property
    def left(self) -> float:
        """The seconds for which the lease is still held; 0 if it is not."""
        return max(0.0, (self._until - self._leases.elapsed()).total_seconds())

    def is_held(self) -> bool:
        """Return whether the process may work in the role in this moment."""
        return self._leases.elapsed() < self._until

    async def take(self) -> bool:
        """Take the lease; return False if another process has it.

        Raises:
            LedgerError: the database cannot be used.
        """
        return await self._extend(self._take)

    async def renew(self) -> None:
        """Hold the lease from now on for as long as a new one.

        Raises:
            LeaseLostError: another process may have it.
            LedgerError: the database cannot be used.
        """
        if not await self._extend(self._renew):
            raise self._lost()

    async def keep(self) -> None:
        """Renew the lease until it is lost, as `Lease.keep` says."""
        times = self._leases.times
        pause = times.renew_every
        while self.is_held():
            await asyncio.sleep(min(pause, self.left))
            pause = times.renew_every
            try:
                async with asyncio.timeout(self.left):
                    await self.renew()
            except LeaseLostError:
                return
            except (LedgerError, TimeoutError) as error:
                # Because the heart tells of a database in trouble, this is no warning.
                log.info("The lease of the role “%s” is not renewed: %s", self.name, str(error) or "no answer")
                pause = times.look_every

    async def give_up(self) -> None:
        """Let another process take the lease after a pause, unless it was lost.

        Raises:
            LedgerError: the database cannot be used; the lease runs out by itself.
        """
        self._until = _OVER
        over = {"holder": "", "expires": _in(self._leases.times.pause)}
        await self._leases.database.change(update(table).where(self._is_mine).values(over))

    def check(self, connection: Connection) -> Callable[[], None]:
        """Keep every other process from taking the lease, as `Lease.check` says."""
        expires = self._renew(connection)
        if expires is None:
            raise self._lost()
        return lambda: self._note(expires)

    async def _extend(self, step: Callable[[Connection], dt.datetime | None]) -> bool:
        # From before the question, because nobody knows when in between the server's time began.
        asked = self._leases.elapsed()
        expires = await self._leases.database.write(step)
        if expires is not None:
            self._until = asked + dt.timedelta(seconds=self._leases.times.led)
            self._note(expires)
        return expires is not None

    def _take(self, connection: Connection) -> dt.datetime | None:
        mine = {"holder": self._holder, "process": self._leases.process, "since": func.now()}
        mine["expires"] = _in(self._leases.times.lasts)
        take = insert(connection, table).values(name=self.name, **mine)
        take = take.on_conflict_do_update(index_elements=["name"], set_=mine, where=table.c.expires <= func.now())
        return connection.execute(take.returning(table.c.expires)).scalar_one_or_none()

    def _renew(self, connection: Connection) -> dt.datetime | None:
        return connection.execute(self._move_end, {"known": self._expires}).scalar_one_or_none()

    def _note(self, expires: dt.datetime) -> None:
        # Two threads note what they have committed, in any order.
        self._expires = max(self._expires, expires)

    def _lost(self) -> LeaseLostError:
        self._until = _OVER
        return LeaseLostError(_("another recap process works in the role “{role}” now").format(role=self.name))


class SharedLeases(Leases):
    """The leases in a database that several machines use.

    Args:
        database: one with threads and connections of its own, so that no long transaction delays a renewal.
        elapsed: the time since some moment, which goes on while the process stands still.
        process: the name of this process.
        times: the times of each lease.
    """

    def __init__(
        self, database: Database, elapsed: Callable[[], dt.timedelta], process: str, times: LeaseTimes = Leases.times
    ) -> None:
        self.database = database
        self.elapsed = elapsed
        self.process = process
        self.times = times

    def first(self, role: str) -> Lease:
        """Return a lease that is not held, because every one has to be taken."""
        return TimedLease(role, self)

    async def take(self, role: str) -> Lease | None:
        """Take the lease of the role, as `Leases.take` says.

        Raises:
            LedgerError: the database cannot be used.
        """
        # Because taking locks the row, which its holder needs too, a look comes first.
        if role in await self.holders():
            return None
        lease = TimedLease(role, self)
        return lease if await lease.take() else None

    async def holders(self) -> dict[str, str]:
        """Return the processes that hold leases now, by role.

        Raises:
            LedgerError: the database cannot be used.
        """
        held = select(table.c.name, table.c.process).where(table.c.expires > func.now(), table.c.holder != "")
        return dict(await self.database.rows(held))

    async def close(self) -> None:
        """Close the connection for the leases."""
        await self.database.close()


def _in(seconds: float) -> ColumnElement[dt.datetime]:
    return func.now() + dt.timedelta(seconds=seconds)
