"""A database of its own for each process of tests, on the PostgreSQL server that the environment names."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from bot.storage.ledger import Ledger
from bot.storage.tables import metadata
from tests.delivery.ledger_kit import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = os.environ.get("RECAP_TEST_POSTGRES", "")
"""The URL of a server on which the tests may create databases."""


@contextlib.contextmanager
def database(purpose: str = "test") -> Iterator[str]:
    """Create a database with the ledger's tables, and drop it at the end."""
    name = f"recap_{purpose}_{os.getpid()}"
    url = make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore] # a name of digits and letters
        try:
            asyncio.run(_create_tables(url))
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type, unused-ignore] # likewise


def empty(url: str) -> None:
    """Delete every row, and begin the ids anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")  # type: ignore[arg-type, unused-ignore] # our own tables


async def _create_tables(url: str) -> None:
    await (await Ledger.open(url, Clock())).close()
