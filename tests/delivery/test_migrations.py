"""Migrations and opening: what the ledger does to the file that it is given."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import bot
from bot.storage import backup
from bot.storage.database import check
from bot.storage.health import troubles_of
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.migrations import REVISIONS, config
from bot.storage.records import DeliveryRank, LedgerError
from bot.storage.tables import metadata
from tests.delivery.ledger_kit import Clock, opened, subscription, telegram

if TYPE_CHECKING:
    from sqlalchemy import Connection


async def open_error(url: str) -> str:
    """Return the error of opening the ledger at `url`, which is also that of checking it beforehand."""
    with pytest.raises(LedgerError) as foretold:
        check(url)
    with pytest.raises(LedgerError) as error:
        await Ledger.open(url, Clock())
    assert str(foretold.value) == str(error.value)
    return str(error.value)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder, and what is in it."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def schema(path: Path) -> dict[str, str]:
    """Every table and index of the file, and how it was made."""
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT name, sql FROM sqlite_master"))


def parts(path: Path) -> dict[str, object]:
    """Every table's columns and references as SQLite knows them, and every index as it was made."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(path)) as database:
        for kind, name, made in database.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
            if kind == "table":
                columns = database.execute(
                    'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', [name]
                )
                asked = 'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?)'
                references = database.execute(asked, [name])
                found[name] = set(columns), set(references)
            else:
                found[name] = made
    return found


def migrate_anew(connection: Connection) -> None:
    """Drop the tables, and have all the migrations make them."""
    metadata.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")
    command.upgrade(config(connection), "head")


async def test_migrations_make_the_tables(ledger: Ledger) -> None:
    """The migrations make, on an empty database of each kind, what the code takes the tables to be."""

    def differences(connection: Connection) -> object:
        migrate_anew(connection)
        # PostgreSQL compares no JSON, which is the default of one column.
        defaults = connection.dialect.name == "sqlite"
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": defaults}
        )
        return compare_metadata(context, metadata)

    assert await ledger._database.write(differences) == []


async def test_a_new_database_is_made_as_the_migrations_make_it(tmp_path: Path) -> None:
    """To the last reference and index; only the order of columns may differ."""
    async with opened(tmp_path) as ledger:
        made = parts(tmp_path / "recap.db")
        await ledger._database.write(migrate_anew)
    assert parts(tmp_path / "recap.db") == made


async def test_a_thread_of_the_largest_number_is_kept(ledger: Ledger) -> None:
    """Discord's ids have 64 bits."""
    await ledger.subscriptions.save(subscription(thread := telegram(1, 2**63 - 1)))
    assert [each.target for each in await ledger.subscriptions.all()] == [thread]


def test_the_revisions_are_those_of_the_files() -> None:
    """In the order in which Alembic applies them; by this list the ledger is opened without it."""
    newest_first = ScriptDirectory.from_config(config()).walk_revisions()
    assert [script.revision for script in newest_first][::-1] == list(REVISIONS)


async def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    """A ledger that is opened again holds what it held, on the same schema."""
    async with opened(tmp_path) as ledger:
        await ledger.subscriptions.save(subscription(telegram(1), "tiktok"))
    before = schema(tmp_path / "recap.db")
    async with opened(tmp_path) as ledger:
        assert await ledger.subscriptions.all() == [subscription(telegram(1), "tiktok")]
    assert schema(tmp_path / "recap.db") == before


async def test_two_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits for the first to make the tables, and finds them."""
    url = f"sqlite:///{tmp_path / 'recap.db'}"
    ledgers = await asyncio.gather(*(Ledger.open(url, Clock()) for _ in range(4)))
    for ledger in ledgers:
        assert await ledger.broadcasts(1) == []
        await ledger.close()


async def test_a_commit_survives_a_power_cut_and_readers_never_wait(tmp_path: Path) -> None:
    """WAL mode, a full sync at each commit, references enforced, and half a minute of patience with other programs."""
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")

    def ask(connection: Connection) -> dict[str, object]:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    async with opened(tmp_path) as ledger:
        settings = await ledger._database.read(ask)
        assert settings == await ledger._database.write(ask)
    full, milliseconds = 2, 30_000
    assert settings == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": milliseconds,
    }


async def test_migrating_leaves_logging_alone(tmp_path: Path) -> None:
    """Opening sets up no logging: that is the program's to do."""
    root, migration = logging.getLogger(), logging.getLogger("alembic")
    before = (root.level, list(root.handlers), migration.level, list(migration.handlers))
    async with opened(tmp_path):
        pass
    assert (root.level, list(root.handlers), migration.level, list(migration.handlers)) == before


async def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """A program that is older than the ledger does not touch it, and says what to do."""
    async with opened(tmp_path):
        pass
    path = tmp_path / "recap.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert await open_error(f"sqlite:///{path}") == (
        f"{path} was last used by a newer version of this program (revision 9999): "
        "update the program, or restore a backup made before"
    )


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database with tables of something else is left as it is."""
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE photos (id INTEGER)")
    assert "is the database of another program: name one of its own" in await open_error(f"sqlite:///{path}")
    assert list(schema(path)) == ["photos"]


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_look_at_where_the_ledger_will_be_leaves_no_trace(tmp_path: Path, is_there: bool) -> None:
    """Neither a database nor the files beside it; and one that is there stays as it is."""
    if is_there:
        async with opened(tmp_path):
            pass
    before = contents(tmp_path)
    check(f"sqlite:///{tmp_path / 'recap.db'}")
    assert contents(tmp_path) == before


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path into a folder that is not there says which folder."""
    folder = tmp_path / "nowhere"
    assert await open_error(f"sqlite:///{folder / 'recap.db'}") == (
        f"storage.url: there is no folder {folder}: make it, or name another"
    )


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A path that is a folder says that a file's name is missing."""
    assert await open_error(f"sqlite:///{tmp_path}") == (
        f"storage.url: {tmp_path} is a folder: add the name of a file in it, such as recap.db"
    )


async def test_a_place_that_nobody_may_look_at_is_told_of(tmp_path: Path) -> None:
    """The system refuses the look at a name that is too long, as it does at a closed folder, where root may look."""
    path = tmp_path / ("a" * 300)
    told = f"{path} cannot be opened: check that the user that runs recap may write to its folder"
    assert await open_error(f"sqlite:///{path}") == told
    with pytest.raises(LedgerError, match="cannot be opened: check that"):
        backup.save(path, tmp_path / "copy.db")
    assert troubles_of(path) == ["The database cannot be read (File name too long)."]


@pytest.mark.parametrize("url", ["mysql://recap:hunter2@host/recap", "sqlite://", "sqlite:///:memory:", "hunter2"])
async def test_anything_but_a_file_is_refused(url: str) -> None:
    """Another database, memory or no address at all is refused, without repeating a password in it."""
    message = await open_error(url)
    assert message == "storage.url: the ledger is kept in an SQLite file: write sqlite:/// and its path"


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of something else is named, and left as it is."""
    path = tmp_path / "recap.db"
    path.write_text("[show]\n" * 1000)
    assert await open_error(f"sqlite:///{path}") == (
        f"{path} is no SQLite database: name another file in storage.url, or restore a backup"
    )
    assert path.read_text() == "[show]\n" * 1000
    lock = DeliveryLock(path)
    assert lock.acquire()
    # By its code, because SQLite's sentence is English.
    assert troubles_of(path) == ["The database cannot be read (SQLITE_NOTADB)."]
    lock.release()


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """A ledger whose pages are garbage says so and asks for the backup."""
    async with opened(tmp_path):
        pass
    path = tmp_path / "recap.db"
    content = bytearray(path.read_bytes())
    header = 100
    content[header:] = b"\xff" * (len(content) - header)
    path.write_bytes(content)
    assert await open_error(f"sqlite:///{path}") == f"{path} is damaged: stop the bot and restore a backup"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can make a file")
async def test_an_unwritable_folder_is_refused() -> None:
    """A folder in which no file can be made, not even by root, is said to be unwritable.

    No thread is left behind: it would print a traceback when the program ends.
    """
    threads = set(threading.enumerate())
    assert await open_error("sqlite:////proc/recap.db") == (
        "/proc/recap.db cannot be opened: check that the user that runs recap may write to its folder"
    )
    assert set(threading.enumerate()) <= threads


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_an_unwritable_file_is_refused(tmp_path: Path) -> None:
    """A file that may only be read is said to be unwritable."""
    async with opened(tmp_path):
        pass
    path = tmp_path / "recap.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM alembic_version")
        database.execute("PRAGMA journal_mode = DELETE")
    path.chmod(0o444)
    assert await open_error(f"sqlite:///{path}") == (
        f"{path} cannot be written: check that the user that runs recap may write to it and its folder"
    )


async def test_looking_into_a_ledger_waits_for_nobody(tmp_path: Path) -> None:
    """`recap status` can be asked while the bot is writing: a ledger that is up to date is only read to open it."""
    async with opened(tmp_path):
        pass
    path = tmp_path / "recap.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with await Ledger.open(f"sqlite:///{path}?timeout=0.05", Clock()) as ledger:
            assert await ledger.broadcasts(1) == []


async def test_a_locked_ledger_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """What another program has open for writing is waited for, and in the end named with the cure."""
    async with opened(tmp_path):
        pass
    path = tmp_path / "recap.db"
    async with await Ledger.open(f"sqlite:///{path}?timeout=0.05", Clock()) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerError, match="has been in use by another program for too long: close what has"):
                await ledger.subscriptions.save(subscription(telegram(1)))
        await ledger.subscriptions.save(subscription(telegram(1)))
        assert await ledger.subscriptions.all() == [subscription(telegram(1))]


def test_migrations_travel_with_the_package(tmp_path: Path) -> None:
    """An installed copy, away from the repository and from the working folder, finds its migrations."""
    site = tmp_path / "site%20packages"
    shutil.copytree(Path(bot.__file__).parent, site / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    program = """
import asyncio, datetime, bot.storage.ledger

async def main():
    async with await bot.storage.ledger.Ledger.open("sqlite:///recap.db", datetime.datetime.now):
        print(bot.storage.ledger.__file__)

asyncio.run(main())
"""
    result = subprocess.run(  # noqa: S603 - the program is the constant above
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.stderr == ""
    assert Path(result.stdout.strip()).is_relative_to(site)
    assert "broadcasts" in schema(tmp_path / "recap.db")


async def test_a_push_in_the_middle_is_ranked(tmp_path: Path) -> None:
    """A database of before the ranks: notices and singles first, then what has begun, what was tried, and the rest."""
    path = tmp_path / "recap.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((Path(__file__).parents[1] / "data" / "recap-0.1.0.sql").read_text(encoding="utf-8"))
    async with opened(tmp_path):
        pass
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(
            "SELECT b.kind, d.position > 0, d.attempts > 0, d.rank FROM deliveries d JOIN broadcasts b"
            " ON b.id = d.broadcast_id WHERE d.state IN ('pending', 'sending')"
        ).fetchall()
    assert {(kind, begun, tried): rank for kind, begun, tried, rank in found} == {
        ("single", False, False): DeliveryRank.FIRST,
        ("push", True, True): DeliveryRank.BEGUN,
        ("push", False, True): DeliveryRank.AGAIN,
        ("push", False, False): DeliveryRank.LAST,
    }
