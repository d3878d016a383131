"""The processes that share a ledger: each shows in a row that it lives, and with which config and episodes."""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, select, update

from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.storage.database import insert
from bot.storage.health import LATE
from bot.storage.heartbeat import LedgerHeartbeat
from bot.storage.leases import CLOCK
from bot.storage.records import Authority, Versions
from bot.storage.tables import MOMENT, leases, processes

if TYPE_CHECKING:
    from bot.storage.clock import SteadyClock
    from bot.storage.database import Database

REMEMBERED = dt.timedelta(days=1)
"""Time for which a process that died without an end in order counts as one whose config may be the newer one."""


def machine_name() -> str:
    """Return the name of this machine, or container, for people."""
    return socket.gethostname()


def process_name() -> str:
    """Return the name of this process for people: its machine, and its number there."""
    return f"{machine_name()} ({os.getpid()})"


@dataclass(frozen=True, slots=True)
class Process:
    """A process that shares the ledger. Without a heartbeat for a while it does not live."""

    name: str
    version: str
    started: dt.datetime
    beat: dt.datetime
    lives: bool
    versions: Versions
    troubles: Sequence[str]


class LedgerProcesses(LedgerHeartbeat):
    """The heartbeat of one of several processes. The server's clock is the clock of all of them."""

    def __init__(self, database: Database, clock: SteadyClock, *, follows: bool) -> None:
        super().__init__(database, clock)
        self.name = process_name()
        self._id = uuid.uuid4().hex
        self._follows = follows

    async def resume(self) -> None:
        """Set the clock to the server's."""
        await self.follow()

    async def follow(self) -> None:
        """Set the clock to the server's, which decides what is due and how old it is."""
        if self._follows:
            await self._database.read(_follow, self._steady)

    async def take(self) -> bool:
        """Begin the heartbeat of this process beside the others."""
        await self._database.write(self._clear)
        return await self.beat([])

    async def beat(self, troubles: Sequence[str], unreached: Sequence[str] = ()) -> bool:
        """Show that the process lives, as `LedgerHeartbeat.beat` says."""
        from importlib.metadata import version  # noqa: PLC0415 - on SQLite nothing else needs it

        mine = {
            "name": self.name,
            "version": version("monday-recap"),
            "beat": func.now(),
            "config": self.versions.config,
            "config_dated": self.versions.config_dated,
            "content": dict(self.versions.content),
            "troubles": list(troubles),
            "unreached": list(unreached),
        }

        def step(connection: Connection) -> bool:
            row = insert(connection, processes).values(id=self._id, started=func.now(), **mine)
            connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=mine))
            return True

        return await self._database.write(step)

    async def unreached(self) -> list[str]:
        """Return the sentences of all processes on places that cannot be reached, each once."""
        rows = await self._database.rows(select(processes.c.unreached).where(_LIVES).order_by(processes.c.started))
        return list(dict.fromkeys(sentence for (sentences,) in rows for sentence in sentences))

    async def end(self) -> None:
        """End the heartbeat of this process in order."""
        await self._database.change(delete(processes).where(processes.c.id == self._id))

    async def all(self) -> list[Process]:
        """Return the processes, the oldest first; those that died stay for a while."""
        c = processes.c
        shown = (c.name, c.version, c.started, c.beat, _LIVES, c.config, c.config_dated, c.content, c.troubles)
        rows, retell = await self._database.rows(select(*shown).order_by(c.started, c.id)), spoken().retell
        return [
            Process(name, version, started, beat, lives, Versions(config, dated, content), [*map(retell, troubles)])
            for name, version, started, beat, lives, config, dated, content, troubles in rows
        ]

    async def troubles_here(self) -> list[str]:
        """Return a sentence for each trouble of the processes on this machine; a process that stands by has none."""
        here = [each for each in await self.all() if each.lives and each.name.startswith(f"{machine_name()} (")]
        if not here:
            return [_("The bot is not running: `recap run` starts it.")]
        return [text for each in here for text in each.troubles]

    async def authority(self) -> Authority:
        """Return the part of its channels that this process may declare, given the configs of the others."""
        mine = self.versions
        for row in await self._database.rows(
            select(leases.c.config, leases.c.config_dated).where(leases.c.name == CLOCK)
        ):
            dates = mine.config_dated, row.config_dated
            if row.config not in {None, mine.config} and None not in dates and dates[0] < dates[1]:
                return Authority.NONE
        c = processes.c
        others = select(c.id).where(c.id != self._id, c.config != mine.config, c.beat > func.now() - REMEMBERED)
        return Authority.ADD if await self._database.rows(others.limit(1)) else Authority.ALL

    async def note_declared(self) -> None:
        """Remember the config whose channels were declared last."""
        mine = {"config": self.versions.config, "config_dated": self.versions.config_dated}
        await self._database.change(update(leases).where(leases.c.name == CLOCK).values(mine))

    def _clear(self, connection: Connection) -> None:
        """Forget the processes that died long ago, and one of this name: its container was started again."""
        c = processes.c
        connection.execute(delete(processes).where((c.name == self.name) | (c.beat <= func.now() - REMEMBERED)))


_LIVES = processes.c.beat > func.now() - dt.timedelta(seconds=LATE)


def _follow(connection: Connection, clock: SteadyClock) -> None:
    asked = clock.elapsed()
    now: dt.datetime = connection.execute(select(func.clock_timestamp(type_=MOMENT))).scalar_one()
    clock.set(now + (clock.elapsed() - asked) / 2)
