"""The open database: its transactions, and its errors in plain words.

`sqlite`, `place` and the table options named `sqlite_…` hold all that is SQLite's own, and `postgres` all that is
PostgreSQL's; `backend` says what both must do. Every other statement runs on both.
"""

import asyncio
import contextlib
import contextvars
import copy
import datetime as dt
import functools
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, Select, Table, Update, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Delete

from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.storage import migrations, sqlite
from bot.storage.backend import WRITES, Backend, Insert
from bot.storage.place import DisplacedError, Place
from bot.storage.records import LedgerError
from bot.storage.tables import transfers

_P = ParamSpec("_P")
_Result = TypeVar("_Result")
_Step: TypeAlias = Callable[Concatenate[Connection, _P], _Result]
_Fence: TypeAlias = Callable[[Connection], Callable[[], None]]

RETRIES = 5
"""Times that a transaction is run which the server undoes for the sake of another one, or whose connection breaks."""
PATIENCE_OF_PEOPLE = 2.0
"""Seconds that a person's command waits for its turn, and as many for another process: five are over soon."""
PUT_BACK_AFTER = 10.0
"""Seconds without a file after which the bot puts its copy there: an admin who swaps files takes less."""
READERS = 4
"""Threads that read, so that a report on a million deliveries does not delay the answer to a command."""


class Database:
    """An open database. A step is a plain function of a connection and runs as one transaction on a thread.

    Every method that reads or writes raises `LedgerError` when the database cannot be used.
    """

    def __init__(self, url: URL) -> None:
        self._backend = _backend_of(url)
        self._engine = self._backend.engine(url)
        self._to_read = self._engine.execution_options(**self._backend.SNAPSHOT)
        self._to_write = self._engine.execution_options(**{WRITES: True})
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-read")
        # Because SQLite lets one connection write at a time and has the others poll, all writes take turns on one.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self._kept: list[Connection] = []
        self.observers: list[Callable[[str, float], None]] = []
        """Each hears whether a transaction read or wrote, and its seconds; views of the database have the same ones."""
        self._place: Place | None = None
        self._gone_since: float | None = None
        self._is_ahead = False
        self._patience: float | None = None
        self._fence: _Fence = _no_fence
        if url.get_backend_name() == "sqlite":
            self._place = place = Place(Path(str(url.database)))
            event.listen(self._engine, "do_connect", lambda *_arguments: place.check())
            event.listen(self._engine, "connect", lambda connection, _entry: sqlite.configure(connection))
            event.listen(self._engine, "connect", lambda *_arguments: place.note())
        event.listen(self._engine, "begin", self._backend.begin)

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
                    database._place.path.touch(0o600, exist_ok=False)
            if await database.read(_is_due):
                await database.write(migrations.apply)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def is_shared(self) -> bool:
        """Whether several machines may use the database."""
        return self._place is None

    async def close(self) -> None:
        """Close every connection and end every thread."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._close)
        self._writer.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def for_people(self) -> Self:
        """Return the same database for people's commands, which rather fail soon than wait long."""
        view = copy.copy(self)
        view._patience = PATIENCE_OF_PEOPLE  # noqa: SLF001 - of this class
        return view

    def under(self, fence: _Fence) -> Self:
        """Return the same database, in which each writing begins with the fence and is undone when that raises.

        The fence returns a function that is called when the writing is committed for certain.
        """
        view = copy.copy(self)
        view._fence = fence  # noqa: SLF001 - of this class
        return view

    def beside(self) -> Self:
        """Return the same database with threads and connections of its own, for what must not wait for the others'."""
        return type(self)(self._engine.url)

    async def read(self, step: _Step[_P, _Result], *args: _P.args, **kwargs: _P.kwargs) -> _Result:
        """Run the step in a transaction that sees one state of the database and changes nothing."""

        def transact() -> _Result:
            with self._to_read.connect() as connection, self._waiting(connection), connection.begin():
                return step(connection, *args, **kwargs)

        def run() -> _Result:
            self._check_place()
            with plain_errors(self._engine.url):
                return _repeated(transact, self._backend.is_undone)

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

    async def write_in_both(
        self,
        other: "Database",
        step: Callable[Concatenate[Connection, Connection, _P], _Result],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _Result:
        """Run a step as one transaction of this database and one of another; this one is committed first."""

        def run() -> _Result:
            return other._write(lambda theirs: self._write(lambda ours: step(ours, theirs, *args, **kwargs)))  # noqa: SLF001 - of this class

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

    async def _run(self, threads: ThreadPoolExecutor, job: Callable[[], _Result]) -> _Result:
        began = time.monotonic()
        try:
            return await self._in_turn(threads, job)
        finally:
            for observe in self.observers:
                observe("write" if threads is self._writer else "read", time.monotonic() - began)

    async def _in_turn(self, threads: ThreadPoolExecutor, job: Callable[[], _Result]) -> _Result:
        # With the context of the caller, whose language an error speaks.
        turn = threads.submit(contextvars.copy_context().run, job)
        waiting = asyncio.wrap_future(turn)
        if self._patience is not None:
            done, _late = await asyncio.wait({waiting}, timeout=self._patience)
            # A job that has begun cannot be cancelled and is waited for; one that has not will never be done.
            if not done and turn.cancel():
                raise self._backend.busy(self._engine.url)
        return await waiting

    def _write(self, step: Callable[[Connection], _Result]) -> _Result:
        def transact() -> _Result:
            try:
                connection = self._writing()
                with self._waiting(connection), connection.begin():
                    note_committed = self._fence(connection)
                    result = step(connection)
                note_committed()
            except BaseException:
                # A commit that failed may have left the driver in its transaction, which SQLAlchemy takes for over, and
                # a server that takes no writes may be another one by the next.
                self._let_go()
                raise
            return result

        with plain_errors(self._engine.url):
            return _repeated(transact, self._backend.is_undone)

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

    def _check_place(self) -> None:
        if self._place is not None:
            self._place.check()

    def _keep_place(self) -> None:
        if (place := self._place) is None:
            return
        try:
            place.check()
        except DisplacedError:
            with place.putting_back():
                self._copy(place)
                self._put_back(place)
        if place.has_copy():
            self._reopen()
        place.note()
        place.drop_copy()
        self._gone_since = None

    def _reopen(self) -> None:
        """Write all into the file that is back, and open it anew: the files beside it may have lost their names.

        Else a new connection would make others under these names, beside those that the old ones use.
        """
        with plain_errors(self._engine.url):
            driver: Any = self._writing().connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        self._let_go()
        self._engine.dispose()

    def _copy(self, place: Place) -> None:
        """Copy the open file beside its place, from within SQLite, unless the copy is up to date."""
        if place.has_copy() and not self._is_ahead:
            return
        self._is_ahead = False
        unready = place.path.with_name(f"{place.path.name}.copying")
        with plain_errors(self._engine.url):
            driver: Any = self._writing().connection.driver_connection
            sqlite.copy_whole(driver, unready)
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
    """Return an INSERT that knows ON CONFLICT, as `Backend.insert` says."""
    return _backend(connection.dialect.name).insert(table)


@contextlib.contextmanager
def plain_errors(url: URL) -> Iterator[None]:
    """Raise the errors of the driver that have a cure as `LedgerError`."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        trouble = _backend_of(url).trouble_of(url, error)
        if trouble is None:
            raise
        raise trouble from error


def _repeated(transact: Callable[[], _Result], is_undone: Callable[[DBAPIError], bool]) -> _Result:
    """Return the result of a transaction, which is run again where a server has undone it for no fault of its own."""
    for _time in range(RETRIES - 1):
        try:
            return transact()
        except DBAPIError as error:
            if not is_undone(error):
                raise
    return transact()


def _is_due(connection: Connection) -> bool:
    """Return whether migrations are due.

    Raises:
        LedgerError: the database cannot be used, or was copied elsewhere.
    """
    _backend(connection.dialect.name).check_version(connection)
    if migrations.are_due(connection):
        return True
    for copied_to, copied in connection.execute(select(transfers.c.copied_to, transfers.c.copied)):
        told = _("this database was copied to {place} on {date}, where the bot goes on")
        raise LedgerError(
            told.format(place=copied_to, date=spoken().date(copied.date())), _("name that one"), key="storage.url"
        )
    return False


def check(url: str) -> tuple[bool, list[LedgerError]]:
    """Look whether `Database.open` could open the database, without creating or changing it.

    Returns:
        True if it would create and change nothing either; and warnings about the server.

    Raises:
        LedgerError: the database could not be opened.
    """
    address = _address(url)
    with plain_errors(address):
        return _backend_of(address).check(address)


def is_made(url: str) -> bool:
    """Return whether the ledger is there, which `recap run` makes.

    Raises:
        LedgerError: the server cannot be asked, or there is no folder for the file.
    """
    address = _address(url)
    with plain_errors(address):
        return _backend_of(address).is_made(address)


def name_of(url: str) -> str:
    """Return what messages call the database: the path of its file, or its name and server, without the password."""
    address = make_url(url)
    return _backend_of(address).name_of(address)


def _address(text: str) -> URL:
    return make_url(text) if text.startswith("postgresql") else sqlite.address_of(text)


def _backend_of(url: URL) -> Backend:
    return _backend(url.get_backend_name())


@functools.cache
def _backend(name: str) -> Backend:
    """Return the backend by SQLAlchemy's name for it."""
    if name == "sqlite":
        return sqlite
    # Its dialect takes two megabytes, which a bot on SQLite does not need.
    from bot.storage import postgres  # noqa: PLC0415 - loaded where it is used

    return postgres


def _no_fence(_connection: Connection) -> Callable[[], None]:
    """Let every transaction pass, and note none."""
    return lambda: None
