"""All that is SQLite's own: its settings, its errors in plain words, and the look at a file before it is opened."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.storage import migrations
from bot.storage.backend import WRITES
from bot.storage.place import SIDES
from bot.storage.records import LedgerError

PATIENCE = 30
"""Seconds to wait for another process's transaction; the longest of the bot's own opens a broadcast to a million."""
SNAPSHOT: Final[Mapping[str, object]] = {}
"""None, because each of its transactions sees one state."""

insert = dialect.insert
"""The INSERT that knows ON CONFLICT."""

_PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for the writer, nor the writer for them
    "synchronous = FULL",  # a commit survives a power cut
    "foreign_keys = ON",  # off by default
)

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


def engine(url: URL) -> Engine:
    """Return the engine of a file; nothing is opened yet."""
    return create_engine(url)


def configure(connection: DBAPIConnection) -> None:
    """Give a new connection the program's settings."""
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin(connection: Connection) -> None:
    """Begin a transaction, and say at once whether it will write."""
    # Left to itself, the driver begins at the first write only. Because a transaction that reads and then writes fails
    # at once when another wrote in between, one that will write says so from the start, and waits.
    begin = "BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN"
    # Past SQLAlchemy, whose way to the driver takes as long as a statement of the ledger's.
    connection.connection.cursor().execute(begin)


def discard(path: Path) -> None:
    """Delete a database that nobody has open, if there is one, with the files beside it."""
    for end in SIDES:
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


def copy_whole(source: sqlite3.Connection, path: Path) -> None:
    """Copy the open database, from within SQLite, into one file that only its owner may read.

    The file is to get its name when it is whole.
    """
    discard(path)
    path.touch(0o600, exist_ok=False)
    with contextlib.closing(sqlite3.connect(path)) as target:
        source.backup(target)
        # Else the copy would want two more files beside it when somebody reads it.
        target.execute("PRAGMA journal_mode = DELETE")


def trouble_of(url: URL, error: DBAPIError | sqlite3.Error) -> LedgerError | None:
    """Return the error in plain words; None if it is a bug of this program."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    # The low byte is the primary code; the rest says more than there are cures for.
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _CURES:
        return trouble(url, code)
    # SQLite gives a mistake in a statement, which is a bug, the same class but a code of its own.
    if code == sqlite3.SQLITE_ERROR or not isinstance(error, OperationalError | sqlite3.OperationalError):
        return None
    # By its code, because SQLite's sentences are English.
    reason = getattr(cause, "sqlite_errorname", cause)
    told = _("{database} cannot be used ({reason})").format(database=url.database, reason=reason)
    return LedgerError(told, _("look whether it runs and has room; the bot tries again"))


def trouble(url: URL, code: int) -> LedgerError:
    """Return the error of a primary result code that has a cure."""
    message, cure = _CURES[code]
    return LedgerError(f"{url.database} {_(message)}", _(cure))


def is_undone(_error: DBAPIError) -> bool:
    """Return False, because SQLite undoes no transaction for the sake of another one."""
    return False


def busy(url: URL) -> LedgerError:
    """Return the error of a file that others use for too long."""
    return trouble(url, sqlite3.SQLITE_BUSY)


def name_of(url: URL) -> str:
    """Return the path of the file."""
    return str(Path(str(url.database)).absolute())


def is_made(url: URL) -> bool:
    """Return whether the file is there. Raises `LedgerError` if the system lets nobody look."""
    try:
        return Path(str(url.database)).exists()
    except OSError as error:
        raise trouble(url, sqlite3.SQLITE_CANTOPEN) from error


def check_version(_connection: Connection) -> None:
    """Let every version pass, because Python brings its own."""


def check(url: URL) -> tuple[bool, list[LedgerError]]:
    """Look whether the file could be opened, as `Backend.check` says; there is nothing to warn of.

    Raises:
        LedgerError: the file could not be opened.
    """
    path = Path(str(url.database)).absolute()
    try:
        # SQLite and the lock make files of their own beside the database. This one is gone with its last line.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise trouble(url, sqlite3.SQLITE_CANTOPEN) from error
    if not path.exists():
        return False, []
    if not os.access(path, os.W_OK):
        raise trouble(url, sqlite3.SQLITE_READONLY)
    # Unlike "ro", this mode takes its files beside the database away again; and it creates no database either.
    own = create_engine(url, creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True))
    try:
        with own.connect() as connection:
            return not migrations.are_due(connection), []
    finally:
        own.dispose()


def address_of(text: str) -> URL:
    """Return the address of a file.

    Raises:
        LedgerError: it is none, or there is no folder for the file.
    """
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
    if is_made(url) and path.is_dir():
        cure = _("add the name of a file in it, such as recap.db")
        raise LedgerError(_("{path} is a folder").format(path=path), cure, key="storage.url")
    if not path.parent.is_dir():
        raise LedgerError(
            _("there is no folder {folder}").format(folder=path.parent),
            _("make it, or name another"),
            key="storage.url",
        )
    return url.set(query={"timeout": str(PATIENCE), **url.query})
