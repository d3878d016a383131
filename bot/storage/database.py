"""The open database: its transactions, and its errors in plain words.

Everything that is SQLite's own stands here and in the table options marked so; the statements elsewhere run on
PostgreSQL as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy import URL, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from bot.storage import migrations
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import TypeAlias

    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    Insert: TypeAlias = sqlite.Insert | postgresql.Insert

_Result = TypeVar("_Result")

PATIENCE = 30
"""Seconds to wait for another process's transaction; the longest of the bot's own opens a broadcast to a million."""

_PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for the writer, nor the writer for them
    "synchronous = FULL",  # a commit survives a power cut: what was marked or recorded stays so
    "foreign_keys = ON",  # off by default
)
_WRITES = "recap_writes"

_CURES = {
    sqlite3.SQLITE_BUSY: "has been in use by another program for too long: "
    "close what has it open (a database browser, a backup), then try again",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that the user that runs recap may write to its folder",
    sqlite3.SQLITE_CORRUPT: "is damaged: stop the bot and restore a backup",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: make room on it",
    sqlite3.SQLITE_IOERR: "cannot be read or written, the disk reports an error: copy the file away, check the disk",
    sqlite3.SQLITE_NOTADB: "is no SQLite database: name another file in storage.url, or restore a backup",
    sqlite3.SQLITE_PERM: "may not be used: check the rights of the user that runs recap",
    sqlite3.SQLITE_READONLY: "cannot be written: check that the user that runs recap may write to it and its folder",
}
"""By SQLite's primary result code."""


class Database:
    """An open database.

    Within a process writers take turns, because SQLite lets one write at a time and would have the others poll.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(url.set(drivername=f"{url.get_backend_name()}+aiosqlite"))
        self._writer = self._engine.execution_options(**{_WRITES: True})
        self._turn = asyncio.Lock()
        self._express = create_engine(url).execution_options(**{_WRITES: True})
        self._kept: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        _set_up(self._engine.sync_engine)
        _set_up(self._express)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the database, make it if there is none, and bring it to the program's schema.

        Args:
            url: `sqlite:///` and a path. `?timeout=` changes how many seconds to wait for other programs.

        Raises:
            LedgerError: it cannot be used.
        """
        database = cls(_sqlite_url(url))
        try:
            database._probe()
            async with database.reading() as connection:
                due = await connection.run_sync(migrations.are_due)
            if due:
                async with database.writing() as connection:
                    await connection.run_sync(migrations.apply)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close_kept)
        self._thread.shutdown()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing.

        Raises:
            LedgerError: the database cannot be used.
        """
        with _plain_errors(self._engine.url):
            async with self._engine.begin() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends, and has never been when it raises.

        Raises:
            LedgerError: the database cannot be used.
        """
        with _plain_errors(self._engine.url):
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def transact(self, step: Callable[[Connection], _Result]) -> _Result:
        """Run the step as one transaction that writes, on the thread kept for it.

        For what every message passes through: a thread is entered once for the whole transaction here, and once for
        each statement in `writing`.

        Raises:
            LedgerError: the database cannot be used.
        """
        with _plain_errors(self._engine.url):
            async with self._turn:
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, step)

    def _run(self, step: Callable[[Connection], _Result]) -> _Result:
        connection = self._kept_open()
        try:
            with connection.begin():
                return step(connection)
        except BaseException:
            # A commit that failed may have left the driver inside of its transaction, which SQLAlchemy takes for over.
            self._let_go()
            raise

    def _kept_open(self) -> Connection:
        # Fetching one from the pool and putting it back would cost as much as the commit.
        if self._kept is None:
            self._kept = self._express.connect()
        return self._kept

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _close_kept(self) -> None:
        self._let_go()
        self._express.dispose()

    def _probe(self) -> None:
        # A file that cannot be opened at all is found out here: aiosqlite would tell, and then leave a thread behind
        # that prints a traceback of its own below the sentence meant for the admin.
        with _plain_errors(self._engine.url):
            sqlite3.connect(str(self._engine.url.database)).close()


def insert(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT, which both databases have and SQLAlchemy offers for each separately."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


@contextlib.contextmanager
def _plain_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The low byte is the primary code; the rest says more than there are cures for.
        cure = _CURES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        if cure is None:
            raise
        raise LedgerError(f"{url.database} {cure}") from error


def check(url: str) -> None:
    """Look whether `Database.open` could open it, without making or changing it.

    Raises:
        LedgerError: it could not.
    """
    address = _sqlite_url(url)
    path = Path(str(address.database)).absolute()
    try:
        # SQLite and the lock make files of their own beside the database. This one is gone with its last line.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise LedgerError(f"{address.database} {_CURES[sqlite3.SQLITE_CANTOPEN]}") from error
    if not path.exists():
        return
    if not os.access(path, os.W_OK):
        raise LedgerError(f"{address.database} {_CURES[sqlite3.SQLITE_READONLY]}")
    # Unlike "ro", this mode takes its files beside the database away again; and it makes no database either.
    engine = create_engine(address, creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True))
    try:
        with _plain_errors(address), engine.connect() as connection:
            migrations.are_due(connection)
    finally:
        engine.dispose()


def _sqlite_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = URL.create("")
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        # The address itself is not shown: that of another database holds a password.
        raise LedgerError("storage.url: the ledger is kept in an SQLite file: write sqlite:/// and its path")
    path = Path(str(url.database))
    if path.is_dir():
        raise LedgerError(f"storage.url: {path} is a folder: add the name of a file in it, such as recap.db")
    if not path.parent.is_dir():
        raise LedgerError(f"storage.url: there is no folder {path.parent}: make it, or name another")
    return url.set(query={"timeout": str(PATIENCE), **url.query})


def _set_up(engine: Engine) -> None:
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Left to itself, the driver begins at the first write only. But a transaction that reads and then writes fails at
    # once when another wrote in between: one that will write says so from the start, and waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")
