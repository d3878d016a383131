"""The ledger's schema through time.

Every change of `bot.storage.tables` comes with a new file in `versions/`, written by hand against the last one; a
test compares what they make with the tables. A file that has been released is never edited again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Connection


def are_due(connection: Connection) -> bool:
    """Whether the database lacks migrations that the program has.

    Raises:
        LedgerError: a newer program made the database, or something that is no ledger at all.
    """
    scripts = ScriptDirectory.from_config(_config())
    applied = set(MigrationContext.configure(connection).get_current_heads())
    unknown = applied - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise LedgerError(
            f"{connection.engine.url.database} was last used by a newer version of this program "
            f"(revision {', '.join(sorted(unknown))}): update the program, or restore a backup made before"
        )
    if not applied and inspect(connection).get_table_names():
        raise LedgerError(
            f"{connection.engine.url.database} is the database of another program: "
            "name a file of its own in storage.url; it is made at the first start"
        )
    return applied != set(scripts.get_heads())


def apply(connection: Connection) -> None:
    """Bring the database to the program's schema, within the transaction that the connection is in."""
    command.upgrade(_config(connection), "head")


def _config(connection: Connection | None = None) -> Config:
    # No ini file: reading one would set up the logging of the whole process.
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "bot.storage:migrations")
    return config
