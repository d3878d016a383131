"""The heartbeat: the row by which the process that delivers shows that its loop turns and its ledger takes writes.

The row also takes the ledger's time from one process to the next.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, func, select, true, update

from bot.model.subscription import PlatformName
from bot.storage.clock import SteadyClock, is_other_process, this_process
from bot.storage.database import Database, LedgerPart, insert
from bot.storage.records import Authority, DeliveryState, Versions
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    IS_PAUSED,
    broadcasts,
    deliveries,
    heartbeat,
    publications,
    subscriptions,
)

SLIP = dt.timedelta(seconds=5)
"""Difference between the ledger's clock and the machine's from which somebody must have set that one."""


class LedgerHeartbeat(LedgerPart):
    """The heartbeat in the ledger. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: SteadyClock) -> None:
        super().__init__(database, clock)
        self._steady = clock
        self._process = this_process()
        self.versions = Versions()
        """The config and the episodes of this process, for the others that share the ledger."""

    async def resume(self) -> None:
        """Set the clock to the ledger's time, which goes on from the last heartbeat."""
        self._steady.set(await self._database.read(_resumed, self._steady))

    async def follow(self) -> None:
        """Set the clock by the machine's if that was set and nothing in the ledger grows old."""
        if abs(self._steady.slip) >= SLIP:
            await self._database.write(_follow, self._steady)

    async def take(self) -> bool:
        """Begin the heartbeat of this process; return False if another one's goes on."""

        def step(connection: Connection) -> bool:
            before = connection.scalar(select(heartbeat.c.process))
            if before and is_other_process(before):
                return False
            begin = insert(connection, heartbeat).values(
                id=1, process=self._process, troubles=[], unreached=[], **_moment(self._steady)
            )
            again = begin.on_conflict_do_update(index_elements=["id"], set_=dict(begin.excluded.items()))
            connection.execute(again)
            return True

        return await self._database.write(step)

    async def beat(self, troubles: Sequence[str], unreached: Sequence[str] = ()) -> bool:
        """Show that the process lives, with the troubles that it knows of and the sentences on chats out of reach.

        Returns:
            False if another process took over.
        """

        def step(connection: Connection) -> bool:
            beat = {"troubles": list(troubles), "unreached": list(unreached), **_moment(self._steady)}
            mine = update(heartbeat).where(heartbeat.c.process == self._process)
            return connection.execute(mine.values(beat)).rowcount > 0

        return await self._database.write(step)

    async def unreached(self) -> list[str]:
        """Return the sentences of the last heartbeat on the admins and declared chats that cannot be reached."""
        kept: list[str] | None = await self._database.scalar(select(heartbeat.c.unreached))
        return kept or []

    async def end(self) -> None:
        """End the heartbeat of this process in order."""
        await self._database.change(update(heartbeat).where(heartbeat.c.process == self._process).values(process=""))

    async def authority(self) -> Authority:
        """Return the part of its channels that this process may declare."""
        return Authority.ALL

    async def note_declared(self) -> None:
        """Remember the config whose channels were declared last."""

    async def standstill(self, platform: PlatformName, due: dt.datetime | None) -> dt.timedelta:
        """Return for how long something has been due, or on its way, on the platform while nothing arrived there."""
        return await self._database.read(_standstill, platform, due, self._clock())


def _moment(clock: SteadyClock) -> dict[str, object]:
    """Return the moment of a heartbeat by each of the clocks."""
    uptime = clock.elapsed().total_seconds()
    return {"beat": clock(), "wall": clock.wall(), "boot": clock.boot, "uptime": uptime}


def _resumed(connection: Connection, clock: SteadyClock) -> dt.datetime:
    now, row = clock.wall(), connection.execute(select(heartbeat)).one_or_none()
    if row is not None:
        passed = clock.elapsed() - dt.timedelta(seconds=row.uptime)
        if not clock.boot or row.boot != clock.boot or passed < dt.timedelta():
            # Because nobody knows how long the machine was off if its clock went back, no time has passed.
            passed = max(dt.timedelta(), now - row.wall)
        now = row.beat + passed
    # Without a heartbeat, no push began in the future.
    opened: dt.datetime | None = connection.scalar(select(func.max(broadcasts.c.created)).where(BROADCAST_IS_OPEN))
    return now if opened is None else max(now, opened)


def _follow(connection: Connection, clock: SteadyClock) -> None:
    if connection.scalar(select(broadcasts.c.id).where(BROADCAST_IS_OPEN).limit(1)) is not None:
        return
    by = clock.slip
    # Few rows, whose moments each database would add up in its own way.
    for table, moment, which in ((publications, "due", true()), (subscriptions, "updated", IS_PAUSED)):
        for row in connection.execute(select(table.c.id, table.c[moment].label("moment")).where(which)).all():
            connection.execute(update(table).where(table.c.id == row.id).values({moment: row.moment + by}))
    clock.set(clock() + by)
    connection.execute(update(heartbeat).values(_moment(clock)))


def _standstill(
    connection: Connection, platform: PlatformName, due: dt.datetime | None, now: dt.datetime
) -> dt.timedelta:
    c, opened = deliveries.c, select(broadcasts.c.id).where(BROADCAST_IS_OPEN)
    is_on_its_way = (c.broadcast_id.in_(opened), c.state == DeliveryState.SENDING, c.platform == platform)
    claimed = connection.scalar(select(func.min(c.updated)).where(*is_on_its_way))
    waits = [moment for moment in (due, claimed) if moment is not None]
    arrived = connection.scalar(select(func.max(c.updated)).where(c.platform == platform, c.position > 0))
    return now - max(min(waits), arrived or min(waits)) if waits else dt.timedelta()
