"""The changes of the ledger's schema.

Every change of `bot.storage.tables` comes with a new file in `versions/`, written by hand against the last one. A test
compares the tables with what the files make; an empty database gets the tables at once. A file that has been released
is never edited again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, func, insert, inspect, select

from bot.model.i18n import gettext as _
from bot.storage.records import LedgerError
from bot.storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = ("0001", "0002", "0004", "0003", "0005")
"""The revisions in `versions/`, in the order in which they are applied; a test compares them with the files."""
_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which Alembic keeps the revision, as Alembic makes it."""
_LOCK = int.from_bytes(b"recap")
"""The number of the lock around the migrations; it is of one database, and others may take other numbers."""


def are_due(connection: Connection) -> bool:
    """Return whether the database lacks migrations that the program has.

    Because Alembic takes ten megabytes, which the process would keep, this does without.

    Raises:
        LedgerError: a newer version, or another program, made the database.
    """
    tables = inspect(connection).get_table_names()
    applied = set(connection.scalars(select(_VERSION.c.version_num))) if _VERSION.name in tables else set()
    unknown = applied - set(REVISIONS)
    if unknown:
        raise LedgerError(
            _("{database} was last used by a newer version of this program (revision {revision})").format(
                database=connection.engine.url.database, revision=", ".join(sorted(unknown))
            ),
            _("update the program, or restore a backup made before"),
        )
    if not applied and tables:
        raise LedgerError(
            _("{database} is the database of another program").format(database=connection.engine.url.database),
            _("name one of its own in storage.url"),
        )
    return applied != {REVISIONS[-1]}


def apply(connection: Connection) -> None:
    """Bring the database to the program's schema, within the transaction that the connection is in."""
    if connection.dialect.name == "postgresql":
        # Two processes that start at once take turns; SQLite has one writer anyway. Of the transaction, because behind
        # PgBouncer a session is not the process's own.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if not inspect(connection).get_table_names():
        # Because this takes a tenth of the time that all migrations take, and no Alembic.
        metadata.create_all(connection)
        _VERSION.create(connection)
        connection.execute(insert(_VERSION).values(version_num=REVISIONS[-1]))
        return
    from alembic import command  # noqa: PLC0415 - see `are_due`

    command.upgrade(config(connection), "head")


def config(connection: Connection | None = None) -> Config:
    """Return the settings of Alembic: the place of the migrations, and the connection for them."""
    from alembic.config import Config  # noqa: PLC0415 - likewise

    # Without an ini file, because reading one sets up the logging of the whole process.
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", "bot.storage:migrations")
    return made
