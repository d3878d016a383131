"""A database that is moved, deleted or replaced under the running bot: nothing is lost, nothing said to be saved."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from bot.storage import database
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.place import DisplacedError, Place
from bot.storage.records import LedgerError
from tests.delivery.ledger_kit import (
    TELEGRAM,
    Clock,
    due,
    file_in,
    opened,
    pushed_to,
    sent,
    subscribe,
    subscription,
    tally,
    telegram,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bot.storage.records import Delivery


async def begun(ledger: Ledger) -> Delivery:
    """Push to two people, of whom the first has a message on its way."""
    first, _second = await pushed_to(ledger, telegram(1), telegram(2))
    await ledger.claim(TELEGRAM, 1)
    return first


async def refuses_everything(ledger: Ledger) -> None:
    """Assert that the ledger neither reads nor claims nor saves."""
    with pytest.raises(DisplacedError):
        await ledger.next_due(TELEGRAM)
    with pytest.raises(DisplacedError):
        await ledger.claim(TELEGRAM, 1)
    with pytest.raises(DisplacedError):
        await ledger.subscriptions.save(subscription(telegram(3)))


def copies(folder: Path) -> list[Path]:
    """The copies that the bot has made beside its place."""
    return sorted(folder.glob("recap.db.rescued-*"))


def delete(folder: Path) -> None:
    """Delete the database and the two files that SQLite keeps beside it."""
    for each in folder.glob("recap.db*"):
        each.unlink()


def counted(path: Path) -> dict[str, int]:
    """The states of all deliveries in a file, read by SQLite itself."""
    with closing(sqlite3.connect(path)) as file:
        return dict(file.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall())


async def test_a_file_that_is_moved_away_and_back_goes_on_where_it_was(tmp_path: Path) -> None:
    """Meanwhile nothing is read, claimed or saved; what has arrived is written down all the same."""
    path, elsewhere = tmp_path / "recap.db", tmp_path / "elsewhere.db"
    async with opened(tmp_path) as ledger:
        first = await begun(ledger)
        path.rename(elsewhere)
        await refuses_everything(ledger)
        await ledger.record([sent(first, "41")])
        with pytest.raises(DisplacedError, match=r"was deleted or moved away .*: move it back"):
            await ledger.keep_place()
        assert counted(copies(tmp_path)[0]) == {"sent": 1, "pending": 1}
        assert not path.exists()
        elsewhere.rename(path)
        await ledger.keep_place()
        assert copies(tmp_path) == []
        assert await tally(ledger, 1) == {"sent": 1, "pending": 1}
        await subscribe(ledger, telegram(3))


def test_what_stands_beside_another_database_stays(tmp_path: Path) -> None:
    """The names of the open files alone are taken away: another program's newest transactions are in its own."""
    path = tmp_path / "recap.db"
    beside, another = path.with_name("recap.db-wal"), path.with_name("another")
    for each in (path, beside, another):
        each.touch()
    place = Place(path)
    place.note()
    another.replace(beside)
    place.clear_beside()
    assert beside.exists()
    place.note()
    place.clear_beside()
    assert not beside.exists()


async def test_a_file_that_comes_back_during_the_copy_keeps_what_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest transactions stand in the file beside the database until SQLite moves them into it."""
    path, elsewhere = tmp_path / "recap.db", tmp_path / "elsewhere.db"
    async with opened(tmp_path) as ledger:
        await begun(ledger)
        path.rename(elsewhere)
        monkeypatch.setattr(database.Database, "_copy", lambda *_place: elsewhere.rename(path))
        await ledger.keep_place()
        await subscribe(ledger, telegram(3))
        assert path.with_name("recap.db-wal").exists()
        assert counted(path) == {"sending": 1, "pending": 1}


@pytest.mark.parametrize("has_second_names", [True, False])
async def test_a_file_that_is_deleted_is_put_back_with_all_that_the_bot_knew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_second_names: bool
) -> None:
    """After a while in which no other file came; the bot and everybody else go on with that file, its owner's alone.

    Also on a disk on which a file has one name, such as a stick or a share.
    """
    path = tmp_path / "recap.db"
    if not has_second_names:
        monkeypatch.setattr(os, "link", mock.Mock(side_effect=PermissionError(errno.EPERM, "not here")))
    async with opened(tmp_path) as ledger:
        first = await begun(ledger)
        delete(tmp_path)
        path.with_name("recap.db.copying").touch(0o644)
        await ledger.record([sent(first, "41")])
        with pytest.raises(DisplacedError):
            await ledger.keep_place()
        await refuses_everything(ledger)
        monkeypatch.setattr(database, "PUT_BACK_AFTER", 0.0)
        await ledger.keep_place()
        assert copies(tmp_path) == []
        assert path.stat().st_mode & 0o777 == 0o600
        (second,) = await due(ledger)
        await ledger.record([sent(second, "42")])
        assert counted(path) == {"sent": 2}
    assert counted(path) == {"sent": 2}


async def test_a_file_that_is_replaced_is_left_alone_and_the_admin_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup in its place knows too little: both files are kept, and neither is written into the other."""
    monkeypatch.setattr(database, "PUT_BACK_AFTER", 0.0)
    path, backup = tmp_path / "recap.db", tmp_path / "backup.db"
    async with opened(tmp_path) as ledger:
        first = await begun(ledger)
        with closing(sqlite3.connect(backup)) as other:
            other.execute("CREATE TABLE of_the_backup (id)")
        before = backup.read_bytes()
        backup.rename(path)
        await ledger.record([sent(first, "41")])
        for _ in range(2):
            with pytest.raises(DisplacedError, match=r"was replaced by another file .*: stop the bot; either put the"):
                await ledger.keep_place()
        await refuses_everything(ledger)
        assert path.read_bytes() == before
        assert not path.with_name("recap.db-wal").exists()
    (copy,) = copies(tmp_path)
    assert counted(copy) == {"sent": 1, "pending": 1}
    assert path.read_bytes() == before
    copy.rename(path)
    async with opened(tmp_path) as ledger:
        ledger.check_copies()
        assert await tally(ledger, 1) == {"sent": 1, "pending": 1}


async def test_a_file_that_was_replaced_and_is_back_has_all_that_the_bot_knew(tmp_path: Path) -> None:
    """Whoever opens it reads that, though the files beside it have lost their names meanwhile."""
    path, elsewhere = tmp_path / "recap.db", tmp_path / "elsewhere.db"
    async with opened(tmp_path) as ledger:
        first = await begun(ledger)
        path.rename(elsewhere)
        path.touch()
        await ledger.record([sent(first, "41")])
        with pytest.raises(DisplacedError):
            await ledger.keep_place()
        elsewhere.rename(path)
        await ledger.keep_place()
        assert counted(path) == {"sent": 1, "pending": 1}
        await subscribe(ledger, telegram(3))
        assert path.with_name("recap.db-wal").exists()


async def test_with_a_copy_beside_it_nobody_delivers_from_the_file(tmp_path: Path) -> None:
    """Else everybody who got the episode since the backup would get it again after a restart."""
    async with opened(tmp_path) as ledger:
        ledger.check_copies()
        (tmp_path / "recap.db.rescued-20241104-080000").touch()
        with pytest.raises(LedgerError, match=r"recap\.db\.rescued-20241104-080000 holds what the bot knew"):
            ledger.check_copies()


async def test_a_bot_that_was_stopped_before_it_could_put_the_file_back_does_so_at_the_next_start(
    tmp_path: Path,
) -> None:
    """What was written down last is in it too; nobody else makes an empty file in the meantime."""
    async with opened(tmp_path) as ledger:
        first = await begun(ledger)
        delete(tmp_path)
        lock = DeliveryLock(tmp_path / "recap.db")
        assert lock.acquire()
        with pytest.raises(DisplacedError):
            await ledger.keep_place()
        await ledger.record([sent(first, "41")])
        with pytest.raises(LedgerError, match=r"recap\.db is gone while the bot runs"):
            await Ledger.open(file_in(tmp_path), Clock())
        lock.release()
    async with opened(tmp_path) as ledger:
        assert await tally(ledger, 1) == {"sent": 1, "pending": 1}
    assert copies(tmp_path) == []


async def test_a_copy_that_the_system_lets_nobody_put_back_is_told_of(tmp_path: Path) -> None:
    """A start says why, as the bot that runs does, and the copy stays."""
    (tmp_path / "recap.db.rescued-20241104-080000").touch()
    (tmp_path / "recap.db-wal").mkdir()
    with pytest.raises(LedgerError, match=r"recap\.db cannot be put back \(.*\): make room, check the rights"):
        await Ledger.open(file_in(tmp_path), Clock())
    assert len(copies(tmp_path)) == 1


_TAKE_ALL = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('PRAGMA journal_mode = DELETE')"


async def test_no_look_at_the_file_takes_a_lock_off_it(tmp_path: Path) -> None:
    """Closing any descriptor of the file would, and another process could then take the database for itself."""
    path, elsewhere = tmp_path / "recap.db", tmp_path / "elsewhere.db"

    def taken() -> str:
        arguments = [sys.executable, "-c", _TAKE_ALL, str(path)]
        return subprocess.run(arguments, capture_output=True, text=True, check=False).stderr  # noqa: S603 - our own

    async with opened(tmp_path) as ledger:
        await begun(ledger)
        await ledger.keep_place()
        path.rename(elsewhere)
        with pytest.raises(DisplacedError):
            await ledger.keep_place()
        elsewhere.rename(path)
        await ledger.keep_place()
        await ledger.next_due(TELEGRAM)
        assert "database is locked" in taken()
    assert taken() == ""
