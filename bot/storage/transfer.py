"""The copy of a whole ledger into another database, of the same kind or the other, in which the bot then goes on."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError
from bot.storage.backup import bots_kept_out
from bot.storage.clock import utc_now
from bot.storage.database import Database, is_made, name_of
from bot.storage.health import LATE
from bot.storage.records import LedgerError
from bot.storage.tables import HAS_ENDED, heartbeat, metadata, renderings, subscriptions, transfers
from bot.storage.tables import leases as leases_table
from bot.storage.tables import processes as processes_table

ROWS = 1000
"""Rows that are copied at a time, so that a ledger of a million deliveries needs no more memory than a small one."""

_OF_ONE_DATABASE = (leases_table, processes_table, transfers)
_COPIED = [table for table in metadata.sorted_tables if table not in _OF_ONE_DATABASE]


class TransferError(ExpectedError):
    """The error of a copy that would lose something, or be pushed from twice."""


async def copy(source: str, target: str) -> int:
    """Copy the ledger at one address to another, and mark the first one, which is not to be used any more.

    A push that is under way goes on in the copy where it was.

    Returns:
        The number of subscriptions that have not ended.

    Raises:
        TransferError: a bot runs on the first ledger, or the second one is not empty.
        LedgerError: one of the databases cannot be used, or the first one has been copied before.
    """
    if not is_made(source):
        raise TransferError(_("there is no database at {path}").format(path=name_of(source)))
    with _alone_in(source):
        async with await Database.open(source) as first:
            await first.read(_check_alone)
            async with await Database.open(target) as second:
                try:
                    return await first.write_in_both(second, _copy, name_of(target), utc_now())
                except LedgerError:
                    # Because the mark comes first, nobody pushes twice if the machine dies here; else it is taken back.
                    with contextlib.suppress(LedgerError):
                        await first.change(delete(transfers))
                    raise


@contextlib.contextmanager
def _alone_in(url: str) -> Iterator[None]:
    """Keep a bot from starting on the file, if it is one."""
    if url.startswith("postgresql"):
        yield
        return
    with bots_kept_out(Path(name_of(url))) as is_alone:
        if not is_alone:
            raise _delivers(name_of(url))
        yield


def _delivers(name: str) -> TransferError:
    return TransferError(_("a bot delivers from {path}: stop the bot first").format(path=name))


def _check_alone(connection: Connection) -> None:
    """Raise an error if a process works with the database."""
    lives = processes_table.c.beat > func.now() - dt.timedelta(seconds=LATE)
    works = leases_table.c.expires > func.now()
    if connection.dialect.name == "postgresql" and connection.scalar(
        select(select(processes_table).where(lives).exists() | select(leases_table).where(works).exists())
    ):
        raise _delivers(name_of(connection.engine.url.render_as_string(hide_password=False)))


def _copy(source: Connection, target: Connection, copied_to: str, now: dt.datetime) -> int:
    if source.dialect.name == "postgresql":
        # Nothing is written there from now on, and no process takes a lease.
        source.execute(text(f"LOCK TABLE {', '.join(metadata.tables)} IN EXCLUSIVE MODE"))
        _check_alone(source)
    for table in _COPIED:
        if table is not heartbeat and target.execute(select(table).limit(1)).first() is not None:
            told = _("{path} is not empty: name a database that no bot has used").format(path=copied_to)
            raise TransferError(told)
    for table in _COPIED:
        _copy_rows(source, target, table)
    # The process that delivered from the first one has ended.
    target.execute(update(heartbeat).values(process=""))
    source.execute(insert(transfers).values(copied_to=copied_to, copied=now))
    served = select(func.count()).select_from(subscriptions).where(~HAS_ENDED)
    return target.execute(served).scalar_one()


def _copy_rows(source: Connection, target: Connection, table: Table) -> None:
    target.execute(delete(table))
    everything = select(table).order_by(*table.primary_key).execution_options(yield_per=ROWS)
    fallbacks: dict[int, int | None] = {}
    for some in source.execute(everything).partitions():
        copies = [dict(zip(table.c.keys(), row, strict=True)) for row in some]
        if table is renderings:
            # Each is there before another one refers to it.
            fallbacks |= {copy["id"]: copy.pop("fallback_id") for copy in copies}
        target.execute(insert(table), copies)
    for rendering, fallback in fallbacks.items():
        if fallback is not None:
            target.execute(update(renderings).where(renderings.c.id == rendering).values(fallback_id=fallback))
    if target.dialect.name == "postgresql" and table.autoincrement_column is not None:
        ids, name = table.autoincrement_column, table.name
        last = target.scalar(select(func.max(ids)))
        # The next row gets the id after the last one.
        target.execute(select(func.setval(func.pg_get_serial_sequence(name, ids.name), last or 1, last is not None)))
