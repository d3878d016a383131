"""The open database: its transactions, and its errors in plain words.

This file and the table options named `sqlite_…` hold all that is SQLite's own. Every other statement runs on PostgreSQL
as well.
"""

import asyncio
import contextlib
import contextvars
import copy
import datetime as dt
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, Select, Table, Update, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.dml import Delete

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import reason_of
from bot.storage import migrations
from bot.storage.place import SIDES, DisplacedError, Place
from bot.storage.records import LedgerError

_P = ParamSpec("_P")
_Result = TypeVar("_Result")
_Step: TypeAlias = Callable[Concatenate[Connection, _P], _Result]
Insert: TypeAlias = sqlite.Insert | postgresql.Insert

PATIENCE = 30
"""Seconds to wait for another process's transaction; the longest of the bot's own opens a broadcast to a million."""
PATIENCE_OF_PEOPLE = 2.0
"""Seconds that a person's command waits for its turn, and as many for another process: five are over soon."""
PUT_BACK_AFTER = 10.0
"""Seconds without a file after which the bot puts its copy there: an admin who swaps files takes less."""
READERS = 4
"""Threads that read, so that a report on a million deliveries does not delay the answer to a command."""

_PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for the writer, nor the writer for them
    "synchronous = FULL",  # a commit survives a power cut
    "foreign_keys = ON",  # off by default
)
_WRITES = "recap_writes"
_SNAPSHOT: dict[str, dict[str, Any]] = {
    "sqlite": {},  # each of its transactions sees one state
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}

_CURES = {
    sqlite3.SQLITE_BUSY: (
        gettext_noop("has been in use by another program for too long"),
        gettext_noop("close what has it open (a database browser, a backup), then try again"),
    ),
    sqlite3.SQLITE_CANTOPEN: (
        gettext_noop("cannot be opened"),
        gettext_noop("check that the user that runs recap may write to its folder"),
    ),
    sqlite3.SQLITE_CORRUPT: (gettext_noop("is damaged"), gettext_noop("stop the bot and restore a backup")),
    sqlite3.SQLITE_FULL: (gettext_noop("cannot grow, the disk is full"), gettext_noop("make room on it")),
    sqlite3.SQLITE_IOERR: (
        gettext_noop("cannot be read or written, the disk reports an error"),
        gettext_noop("copy the file away, check the disk"),
    ),
    sqlite3.SQLITE_NOTADB: (
        gettext_noop("is no SQLite database"),
        gettext_noop("name another file in storage.url, or restore a backup"),
    ),
    sqlite3.SQLITE_PERM: (
        gettext_noop("may not be used"),
        gettext_noop("check the rights of the user that runs recap"),
    ),
    sqlite3.SQLITE_READONLY: (
        gettext_noop("cannot be written"),
        gettext_noop("check that the user that runs recap may write to it and its folder"),
    ),
}
"""The mistake of the file and its cure, by SQLite's primary result code."""


class Database:
    """An open database. A step is a plain function of a connection and runs as one transaction on a thread.

    Every method that reads or writes raises `LedgerError` when the database cannot be used.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url)
        self._to_read = self._engine.execution_options(**_SNAPSHOT[url.get_backend_name()])
        self._to_write = self._engine.execution_options(**{_WRITES: True})
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-read")
        # Because SQLite lets one connection write at a time and has the others poll, all writes take turns on one.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self._kept: list[Connection] = []
        self._place: Place | None = None
        self._gone_since: float | None = None
        self._is_ahead = False
        self._patience: float | None = None
        if url.get_backend_name() == "sqlite":
            self._place = Place(Path(str(url.database)))
            event.listen(self._engine, "do_connect", lambda *_arguments: self._check_place())
            event.listen(self._engine, "connect", self._configure)
            event.listen(self._engine, "begin", _begin)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the database, create it if it is missing, and bring it to the program's schema.

        Args:
            url: `sqlite:///` and a path, where `?timeout=` changes how many seconds to wait for other programs; or the
                `postgresql://` address of a database.

        Raises:
            LedgerError: the database cannot be used.
        """
        address = _address(url)
        database = cls(address)
        try:
            if database._place is not None:
                database._place.adopt()
                # SQLite gives its files beside the database the rights of the database, which is for its owner alone.
                with contextlib.suppress(OSError):
                    os.close(os.open(database._place.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            if await database.read(migrations.are_due):
                await database.write(migrations.apply)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection and end every thread."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._close)
        self._writer.shutdown()

    def for_people(self) -> Self:
        """Return the same database for people's commands, which rather fail soon than wait long."""
        view = copy.copy(self)
        view._patience = PATIENCE_OF_PEOPLE  # noqa: SLF001 - of this class
        return view

    async def read(self, step: _Step[_P, _Result], *args: _P.args, **kwargs: _P.kwargs) -> _Result:
        """Run the step in a transaction that sees one state of the database and changes nothing."""

        def run() -> _Result:
            self._check_place()
            with (
                plain_errors(self._engine.url),
                self._to_read.connect() as connection,
                self._waiting(connection),
                connection.begin(),
            ):
                return step(connection, *args, **kwargs)

        return await self._run(self._readers, run)

    async def rows(self, statement: Select[Any]) -> Sequence[Any]:
        """Return every row that the statement finds."""
        return await self.read(lambda connection: connection.execute(statement).all())

    async def scalar(self, statement: Select[Any]) -> Any:  # noqa: ANN401 - the column's own
        """Return the first value that the statement finds, None without any."""
        return await self.read(lambda connection: connection.scalar(statement))

    async def write(self, step: _Step[_P, _Result], *args: _P.args, **kwargs: _P.kwargs) -> _Result:
        """Run the step in a transaction that is committed at its end, and undone when the step raises."""

        def run() -> _Result:
            self._check_place()
            return self._write(lambda connection: step(connection, *args, **kwargs))

        return await self._run(self._writer, run)

    async def write_anywhere(self, step: _Step[_P, _Result], *args: _P.args, **kwargs: _P.kwargs) -> _Result:
        """Run the step like `write`, also in a file that is not in its place: what has happened must be known."""

        def run() -> _Result:
            self._is_ahead = True
            return self._write(lambda connection: step(connection, *args, **kwargs))

        return await self._run(self._writer, run)

    async def change(self, statement: Update | Delete) -> int:
        """Return how many rows the statement changed."""
        return await self.write(lambda connection: connection.execute(statement).rowcount)

    async def keep_place(self) -> None:
        """Keep a copy of a file that is not in its place, and put it there when no other file has come for a while.

        Raises:
            DisplacedError: the file is not in its place; nothing is read or written until it is there again.
            LedgerError: the copy cannot be made.
        """
        await self._run(self._writer, self._keep_place)

    def check_copies(self) -> None:
        """Raise an error if an admin has to choose between the file and a copy beside it.

        Raises:
            LedgerError: there is such a copy.
        """
        if self._place is not None:
            self._place.check_copies()

    async def _run(self, threads: ThreadPoolExecutor, job: Callable[..., _Result], *args: object) -> _Result:
        # With the context of the caller, whose language an error speaks.
        turn = threads.submit(contextvars.copy_context().run, job, *args)
        waiting = asyncio.wrap_future(turn)
        if self._patience is not None:
            done, _late = await asyncio.wait({waiting}, timeout=self._patience)
            # A job that has begun cannot be cancelled and is waited for; one that has not will never be done.
            if not done and turn.cancel():
                raise _trouble(self._engine.url, sqlite3.SQLITE_BUSY)
        return await waiting

    def _write(self, step: Callable[[Connection], _Result]) -> _Result:
        with plain_errors(self._engine.url):
            try:
                connection = self._writing()
                with self._waiting(connection), connection.begin():
                    return step(connection)
            except BaseException:
                # A commit that failed may have left the driver in its transaction, which SQLAlchemy takes for over.
                self._let_go()
                raise

    @contextlib.contextmanager
    def _waiting(self, connection: Connection) -> Iterator[None]:
        """Have SQLite wait for other processes no longer than a person would."""
        if self._patience is None or self._place is None:
            yield
            return
        usual = float(str(self._engine.url.query["timeout"]))
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(min(usual, self._patience) * 1000)}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(usual * 1000)}")
            cursor.close()

    def _configure(self, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        if self._place is not None:
            self._place.note()

    def _check_place(self) -> None:
        if self._place is not None:
            self._place.check()

    def _keep_place(self) -> None:
        if (place := self._place) is None:
            return
        try:
            place.check()
        except DisplacedError:
            try:
                self._copy(place)
                self._put_back(place)
            except OSError as error:
                raise LedgerError(
                    _("{path} cannot be put back ({reason})").format(path=place.path, reason=reason_of(error)),
                    _("make room, check the rights"),
                ) from error
        place.note()
        place.drop_copy()
        self._gone_since = None

    def _copy(self, place: Place) -> None:
        """Copy the open file beside its place, from within SQLite, unless the copy is up to date."""
        if place.has_copy() and not self._is_ahead:
            return
        self._is_ahead = False
        unready = place.path.with_name(f"{place.path.name}.copying")
        with plain_errors(self._engine.url):
            driver: Any = self._writing().connection.driver_connection
            copy_whole(driver, unready)
        unready.replace(place.copy_to())

    def _put_back(self, place: Place) -> None:
        """Put the copy into its place and open it there, if no file has been there for a while.

        Raises:
            DisplacedError: a file is there, or may still come.
        """
        if not place.is_empty():
            self._gone_since = None
            try:
                place.check()
            except DisplacedError:
                place.clear_beside()
                raise
            # Because a copy takes its time, the file may be back; then the ones beside it belong to it.
            return
        self._gone_since = self._gone_since or time.monotonic()
        if time.monotonic() - self._gone_since < PUT_BACK_AFTER:
            place.check()
        place.move_in()
        self._let_go()
        self._engine.dispose()

    def _writing(self) -> Connection:
        # Because taking a connection from the pool costs as much as the commit, the writer keeps its own.
        if not self._kept:
            self._kept.append(self._to_write.connect())
        return self._kept[0]

    def _let_go(self) -> None:
        while self._kept:
            self._kept.pop().close()

    def _close(self) -> None:
        self._readers.shutdown()
        if self._place is not None and self._place.has_copy():
            with contextlib.suppress(LedgerError, OSError):
                self._copy(self._place)
        self._let_go()
        self._engine.dispose()


class LedgerPart:
    """A part of the ledger, by the clock. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock


def insert(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that knows ON CONFLICT, which SQLAlchemy offers for each database separately."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def discard(path: Path) -> None:
    """Delete a database that nobody has open, if there is one, with the files beside it."""
    for end in SIDES:
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def copy_whole(source: sqlite3.Connection, path: Path) -> None:
    """Copy the open database, from within SQLite, into one file that only its owner may read.

    The file is to get its name when it is whole.
    """
    discard(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(path)) as target:
        source.backup(target)
        # Else the copy would want two more files beside it when somebody reads it.
        target.execute("PRAGMA journal_mode = DELETE")


@contextlib.contextmanager
def plain_errors(url: URL) -> Iterator[None]:
    """Raise the errors of the driver that have a cure as `LedgerError`."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The low byte is the primary code; the rest says more than there are cures for.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _CURES:
            raise _trouble(url, code) from error
        # SQLite gives a mistake in a statement, which is a bug, the same class but a code of its own.
        if code != sqlite3.SQLITE_ERROR and isinstance(error, OperationalError | sqlite3.OperationalError):
            cure = _("look whether it runs and has room; the bot tries again")
            raise LedgerError(
                _("{database} cannot be used ({reason})").format(database=url.database, reason=str(cause).strip()), cure
            ) from error
        raise


def _trouble(url: URL, code: int) -> LedgerError:
    message, cure = _CURES[code]
    return LedgerError(f"{url.database} {_(message)}", _(cure))


def check(url: str) -> bool:
    """Look whether `Database.open` could open the file, without creating or changing it.

    Returns:
        True if it would create and change nothing either.

    Raises:
        LedgerError: the file could not be opened.
    """
    address = _file(url)
    path = Path(str(address.database)).absolute()
    try:
        # SQLite and the lock make files of their own beside the database. This one is gone with its last line.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _trouble(address, sqlite3.SQLITE_CANTOPEN) from error
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):
        raise _trouble(address, sqlite3.SQLITE_READONLY)
    # Unlike "ro", this mode takes its files beside the database away again; and it creates no database either.
    engine = create_engine(address, creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True))
    try:
        with plain_errors(address), engine.connect() as connection:
            return not migrations.are_due(connection)
    finally:
        engine.dispose()


def _address(text: str) -> URL:
    if text.startswith("postgresql://"):
        # The name alone means another driver before SQLAlchemy 2.1.
        return make_url(text).set(drivername="postgresql+psycopg")
    return _file(text)


def _file(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = URL.create("")
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        # The address itself is not shown: that of another database holds a password.
        raise LedgerError(
            _("the ledger is kept in an SQLite file"), _("write sqlite:/// and its path"), key="storage.url"
        )
    path = Path(str(url.database))
    if path.is_dir():
        cure = _("add the name of a file in it, such as recap.db")
        raise LedgerError(_("{path} is a folder").format(path=path), cure, key="storage.url")
    if not path.parent.is_dir():
        raise LedgerError(
            _("there is no folder {folder}").format(folder=path.parent),
            _("make it, or name another"),
            key="storage.url",
        )
    return url.set(query={"timeout": str(PATIENCE), **url.query})


def _begin(connection: Connection) -> None:
    # Left to itself, the driver begins at the first write only. Because a transaction that reads and then writes fails
    # at once when another wrote in between, one that will write says so from the start, and waits.
    begin = "BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN"
    # Past SQLAlchemy, whose way to the driver takes as long as a statement of the ledger's.
    connection.connection.cursor().execute(begin)
