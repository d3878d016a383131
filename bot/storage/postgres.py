"""All that is PostgreSQL's own: the way to the server, its errors in plain words, and the look of `recap check`."""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.dialects import postgresql as dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import OF_THE_SYSTEM
from bot.storage import migrations
from bot.storage.backend import WRITES
from bot.storage.clock import utc_now
from bot.storage.records import LedgerError
from bot.storage.tables import metadata

SNAPSHOT: Final[Mapping[str, object]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""The options of a connection that reads."""
insert = dialect.insert
"""The INSERT that knows ON CONFLICT."""
OLDEST = 14
"""The first version that the tests cover; its makers mend none that is older."""
CLOCKS_DIFFER = dt.timedelta(seconds=30)
"""Difference between the clocks of the server and of this machine that `recap check` tells."""
LONGEST_STOP = 5_000
"""Milliseconds for which a process may stand still in the middle of a transaction that others may wait for."""

_CONNECTING = {
    "application_name": "recap",
    # Seconds, for each of several servers.
    "connect_timeout": 10,
    # A server that has vanished is given up after these seconds without a sign of it, and after as many milliseconds in
    # which it takes nothing; else a transaction would wait for hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Settings of libpq, which an address may change. `prepare_threshold` is psycopg's own, see `engine`."""

_UNREACHED = (
    gettext_noop("cannot be reached ({reason})"),
    gettext_noop(
        "look whether the server runs, and whether host, database, user and password in storage.url are right; "
        "the bot tries again"
    ),
)
_CURES = {
    "08": _UNREACHED,
    "28": (
        gettext_noop("refuses this user or this password ({reason})"),
        gettext_noop("mend them in storage.url, or let the user in by the server's pg_hba.conf"),
    ),
    "3D": (gettext_noop("does not exist on that server"), gettext_noop("create it, or name another in storage.url")),
    "3F": (
        gettext_noop("has no schema for the tables"),
        gettext_noop("create the one that the user's search_path names"),
    ),
    "25006": (
        gettext_noop("takes no writes, its server is a standby or set to read only"),
        gettext_noop("name its primary in storage.url, or all servers and target_session_attrs=read-write"),
    ),
    "40": (
        gettext_noop("was changed by others at the same time too often"),
        gettext_noop("nothing is to be done, the bot tries again"),
    ),
    "42501": (
        gettext_noop("does not give this user the rights that the bot needs ({reason})"),
        gettext_noop("make the user of storage.url the owner of the database and its tables"),
    ),
    "53100": (gettext_noop("cannot grow, the disk is full"), gettext_noop("make room on it")),
    "53300": (
        gettext_noop("takes no more connections"),
        gettext_noop("raise max_connections of the server, or end other programs; each process of the bot takes a few"),
    ),
    "53": (
        gettext_noop("lacks what it needs to work ({reason})"),
        gettext_noop("give the server more memory or disk; the bot tries again"),
    ),
    "55": (
        gettext_noop("has been in use by another program for too long"),
        gettext_noop("close what has it open (a database browser, a backup), then try again"),
    ),
    "57014": (
        gettext_noop("took too long over a question"),
        gettext_noop("look what else the server does, and raise its statement_timeout; the bot tries again"),
    ),
    "57": (
        gettext_noop("has no server at the moment, which stops or starts ({reason})"),
        gettext_noop("start it if it does not come back; the bot tries again"),
    ),
    "58": (
        gettext_noop("cannot be read or written, its server reports an error ({reason})"),
        gettext_noop("look into the server's log, check the disk"),
    ),
    "XX": (gettext_noop("is damaged ({reason})"), gettext_noop("stop the bot and restore a backup")),
}
"""The mistake and its cure, by SQLSTATE or by its class, the first two characters."""
_UNDONE = ("40001", "40P01")
"""Serialisation failure and deadlock: the server has undone one of two transactions, which may run again at once."""


for _index in (each for table in metadata.tables.values() for each in table.indexes):
    # Because the word for it among the tables would load this dialect, which takes two megabytes, also for a bot on
    # SQLite, an index on a part of its table gets its condition here.
    _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]


def engine(url: URL) -> Engine:
    """Return the engine of a database on a server; nothing is connected yet.

    Raises:
        LedgerError: the driver is missing.
    """
    settings = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    try:
        return create_engine(
            # The name alone means another driver before SQLAlchemy 2.1.
            url.set(drivername="postgresql+psycopg"),
            # Behind PgBouncer the next transaction may be on another connection, where a statement is not prepared.
            connect_args={**settings, "prepare_threshold": None},
            # Else each connection begins with a question about a type that the ledger has not.
            use_native_hstore=False,
        )
    except ImportError as error:
        raise LedgerError(
            _("a PostgreSQL database needs psycopg, which is not installed here"),
            _('run `pip install -c constraints.txt ".[postgres]"` in the clone'),
            key="storage.url",
        ) from error


def begin(connection: Connection) -> None:
    """Have the server end a transaction that writes if this process stands still in it."""
    if not connection.get_execution_options().get(WRITES):
        return
    # In each transaction, because PgBouncer gives the session to another process afterwards.
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {LONGEST_STOP}")


def name_of(url: URL) -> str:
    """Return the name of the database and of its servers, as messages call it."""
    several = url.query.get("host", ())
    hosts = [url.host or "", *([several] if isinstance(several, str) else several)]
    return f"{url.database} ({', '.join(filter(None, hosts)) or 'localhost'})"


def is_undone(error: DBAPIError) -> bool:
    """Return whether nothing of the transaction has happened, and it may succeed at once.

    A connection that breaks at a commit, where the error has no statement, leaves open whether it has happened.
    """
    if getattr(error.orig, "sqlstate", None) in _UNDONE:
        return True
    return error.connection_invalidated and error.statement is not None


def trouble_of(url: URL, error: DBAPIError | sqlite3.Error) -> LedgerError | None:
    """Return the error in plain words; None if it is a bug of this program."""
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    # Several servers that cannot be reached have a line each.
    reason = "; ".join(filter(None, map(str.strip, str(error.orig).splitlines())))
    known = _CURES.get(state) or _CURES.get(state[:2])
    # Outside of a statement, a connection is made or a transaction ends.
    of_connection = error.connection_invalidated or error.statement is None
    if known is None and (of_connection or isinstance(error, OperationalError | InterfaceError)):
        known = _UNREACHED
    if known is None:
        return None
    message, cure = known
    if known is _UNREACHED and "host" not in url.query:
        # The server's library wraps the system's words in English ones. Several servers have several reasons.
        reason = next((_(words) for words in OF_THE_SYSTEM if words in reason), reason)
    return LedgerError(f"{name_of(url)} {_(message).format(reason=reason)}", _(cure))


def busy(url: URL) -> LedgerError:
    """Return the error of a database that others use for too long."""
    return _told(name_of(url), "55")


def is_made(url: URL) -> bool:
    """Return whether the ledger's tables are there."""
    with _asking(url) as connection:
        return bool(inspect(connection).get_table_names())


def check(url: URL) -> tuple[bool, list[LedgerError]]:
    """Look whether the database could be opened, as `Backend.check` says."""
    with _asking(url) as connection:
        return _look(connection)


@contextlib.contextmanager
def _asking(url: URL) -> Iterator[Connection]:
    """Yield a connection for a few questions."""
    own = engine(url)
    try:
        with own.connect() as connection:
            yield connection
    finally:
        own.dispose()


def _look(connection: Connection) -> tuple[bool, list[LedgerError]]:
    """Return whether the ledger is there and up to date, and what makes the server a worse one than it could be.

    Raises:
        LedgerError: the bot could not work on it.
    """
    check_version(connection)
    are_due, name = migrations.are_due(connection), name_of(connection.engine.url)
    tables = inspect(connection).get_table_names()
    row = connection.execute(_LOOK, {"tables": tables}).one()
    if row.is_read_only:
        raise _told(name, "25006")
    if are_due and (not row.may_create or row.foreign):
        raise _told(name, "42501", row.foreign or "CREATE")
    if not are_due and row.closed:
        raise _told(name, "42501", row.closed)
    differ = abs(row.now - utc_now())
    warnings, labelled = [], _("{name}: {text}")
    if differ > CLOCKS_DIFFER:
        told = _("the clocks of its server and of this machine differ by {seconds:.0f} s")
        warnings.append(
            LedgerError(
                labelled.format(name=name, text=told.format(seconds=differ.total_seconds())),
                _("set both by NTP, as timedatectl does"),
            )
        )
    for setting in ("fsync", "synchronous_commit"):
        if getattr(row, setting) == "off":
            told = _("its server forgets the last moments when it dies ({setting} = off)").format(setting=setting)
            warnings.append(
                LedgerError(
                    labelled.format(name=name, text=told),
                    _("set {setting} = on, or people may get those messages twice").format(setting=setting),
                )
            )
    return not are_due, warnings


def check_version(connection: Connection) -> None:
    """Raise an error if the server is older than the program can use.

    Raises:
        LedgerError: it is.
    """
    found = connection.dialect.server_version_info or ()
    if found < (OLDEST,):
        told = _("{database} is on PostgreSQL {version}").format(
            database=name_of(connection.engine.url), version=".".join(map(str, found))
        )
        raise LedgerError(told, _("use version {oldest} or newer").format(oldest=OLDEST))


def _told(name: str, state: str, reason: str = "") -> LedgerError:
    message, cure = _CURES[state]
    return LedgerError(f"{name} {_(message).format(reason=reason)}", _(cure))


_LOOK = text(
    """
SELECT clock_timestamp() AS now, current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('transaction_read_only') = 'on' AS is_read_only,
       has_schema_privilege(current_schema(), 'CREATE') AS may_create,
       (SELECT min(tablename) FROM pg_tables
        WHERE schemaname = current_schema() AND NOT pg_has_role(tableowner, 'USAGE')) AS foreign,
       (SELECT min(name || ': ' || needed)
        FROM unnest(CAST(:tables AS text[])) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed
        WHERE NOT has_table_privilege(quote_ident(name), needed)) AS closed
"""
)
