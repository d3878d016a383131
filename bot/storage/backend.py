"""The contract between the database and its two backends, the modules `sqlite` and `postgres`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import URL, Connection, Engine, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.exc import DBAPIError

    from bot.storage.records import LedgerError

Insert: TypeAlias = "SqliteInsert | PostgresInsert"

WRITES = "recap_writes"
"""The option of a connection that will write."""


class Backend(Protocol):
    """All that one kind of database does in its own way. Both modules have these functions."""

    @property
    def SNAPSHOT(self) -> Mapping[str, object]:  # noqa: N802 - a constant of the module
        """The options of a connection whose transactions see one state and change nothing."""

    def engine(self, url: URL) -> Engine:
        """Return the engine; nothing is connected yet. Raises `LedgerError` if its driver is missing."""

    def begin(self, connection: Connection) -> None:
        """Begin a transaction."""

    def insert(self, table: Table) -> Insert:
        """Return an INSERT that knows ON CONFLICT, which SQLAlchemy offers for each kind of database separately."""

    def trouble_of(self, url: URL, error: DBAPIError | sqlite3.Error) -> LedgerError | None:
        """Return the error in plain words; None if it is a bug of this program."""

    def is_undone(self, error: DBAPIError) -> bool:
        """Return whether nothing of the transaction has happened, and it may succeed at once."""

    def busy(self, url: URL) -> LedgerError:
        """Return the error of a database that others use for too long."""

    def check_version(self, connection: Connection) -> None:
        """Raise `LedgerError` if the server is older than the program can use."""

    def check(self, url: URL) -> tuple[bool, list[LedgerError]]:
        """Look whether the database could be opened, without creating or changing it.

        Returns True if opening would create and change nothing either; and warnings about the server. Raises
        `LedgerError` or the driver's error if it could not be opened.
        """

    def is_made(self, url: URL) -> bool:
        """Return whether the ledger is there. Raises `LedgerError` or the driver's error if nobody can tell."""

    def name_of(self, url: URL) -> str:
        """Return the name of the database in messages, without its password."""
