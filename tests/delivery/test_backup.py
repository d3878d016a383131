"""Backups: whole while the bot writes, refused where they are of no use, and restored without a second Monday."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from bot.config import Schedule
from bot.delivery.broadcast import Broadcaster
from bot.delivery.reasons import explain
from bot.delivery.report import describe
from bot.model.facts import MayHaveGone, Restored
from bot.model.i18n import Language, words
from bot.model.problems import ExpectedError
from bot.runtime.clock import Timetable
from bot.storage import backup
from bot.storage.backup import BackupError
from bot.storage.clock import _boot, _started
from bot.storage.lock import DeliveryLock
from bot.storage.place import Place
from bot.storage.records import Gap, LedgerError
from bot.storage.tables import heartbeat
from tests.delivery.ledger_kit import (
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    opened,
    push,
    pushed_to,
    sent,
    subscribe,
    tally,
    telegram,
)
from tests.delivery.test_broadcast import PARIS, broadcaster

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.model.facts import Fact
    from bot.storage.ledger import Ledger

DUMP = Path(__file__).parents[1] / "data" / "recap-0.1.0.sql"
ENGLISH = words(Language.ENGLISH)
AN_HOUR = dt.timedelta(hours=1)


async def restore(path: Path, database: Path, now: dt.datetime = MONDAY + AN_HOUR) -> list[Path]:
    """As `recap restore` does."""
    found = backup.read(path)
    gap = None if backup.is_rescued(path, database) else Gap(found.until, now)
    fact = Restored(found.until, now, found.unfinished)
    return await backup.restore(path, database, gap, fact.key_on(now.date()), describe(fact, ENGLISH))


def names(folder: Path) -> set[str]:
    """The files in the folder."""
    return {path.name for path in folder.iterdir()}


def of_another(path: Path, *scripts: str) -> None:
    """A database that these statements make."""
    with closing(sqlite3.connect(path)) as made:
        for script in scripts:
            made.executescript(script)


def cut(path: Path) -> None:
    """The first half of a backup."""
    backup.save(path.with_name("recap.db"), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8192 * 4096])


async def test_a_backup_is_whole_while_the_bot_writes(tmp_path: Path) -> None:
    """With what has just been committed and nothing that is half done, in one file that only its owner may read."""
    copy = tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        await pushed_to(ledger, telegram(1), telegram(2))
        with closing(sqlite3.connect(tmp_path / "recap.db")) as other:
            other.execute("DELETE FROM deliveries")
            found = backup.save(tmp_path / "recap.db", copy)
        await ledger.claim(TELEGRAM, 1)
        assert names(tmp_path) == {"copy.db", "recap.db", "recap.db-shm", "recap.db-wal"}
    assert found == backup.read(copy) == backup.Backup(until=MONDAY, subscriptions=2, unfinished=2)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == {"copy.db", "recap.db"}


async def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    """A name that is taken, a folder that is missing and a database that is missing are told, and nothing is made."""
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
    (there := tmp_path / "there").write_text("mine", encoding="utf-8")
    before = names(tmp_path)
    for database, path, told in (
        ("recap.db", there, "there exists already: name another file, or move that one away first"),
        ("recap.db", Path("/"), "/ exists already"),
        ("recap.db", tmp_path / "no" / "copy.db", r"copy.db cannot be written \(No such file or directory\)"),
        ("recap.db", tmp_path / ("b" * 250), r"b cannot be written \(File name too long\): name a file"),
        ("other.db", tmp_path / "copy.db", "there is no database at .*other.db"),
    ):
        with pytest.raises(ExpectedError, match=told):
            backup.save(tmp_path / database, path)
    assert there.read_text(encoding="utf-8") == "mine"
    assert names(tmp_path) == before


async def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    """The copy is read in full, because SQLite copies a damaged page without a word."""
    path = tmp_path / "recap.db"
    async with opened(tmp_path) as ledger:
        await pushed_to(ledger, *map(telegram, range(1, 100)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(BackupError, match=r"recap\.db is damaged"):
        backup.save(path, tmp_path / "copy.db")
    assert names(tmp_path) == {"recap.db"}


async def test_a_restored_ledger_sends_nothing_that_may_have_arrived_since(tmp_path: Path) -> None:
    """What was under way is of unknown outcome; what had arrived has arrived; what was replaced is kept beside it."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        first, *_others = await pushed_to(ledger, telegram(1), telegram(2), telegram(3))
        await ledger.record([sent(first, "41")])
        await ledger.claim(TELEGRAM, 1)
        assert await ledger.heartbeat.take()
        backup.save(database, copy)
        for each in await due(ledger):
            await ledger.record([sent(each, "42")])
        await subscribe(ledger, telegram(4))
    (kept,) = await restore(copy, database)
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("SELECT count(*) FROM subscriptions").fetchone() == (4,)
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT process FROM heartbeat").fetchone() == ("",)
    assert database.stat().st_mode & 0o777 == 0o600
    async with opened(tmp_path) as ledger:
        assert await due(ledger) == []
        assert await tally(ledger, 1) == {"sent": 1, "unknown": 2}
        assert await ledger.subscriptions.count("monday") == 3
        finished = await ledger.finish()
        (ended,) = [each for each in finished if each.episode == 1207]
        outcome = await ledger.notices.outcome(ended)
        assert (outcome.sent, outcome.unknown, outcome.total) == (1, 2, 3)
        (line,) = explain(outcome.unserved, ENGLISH)
        assert line.startswith(
            "Telegram: 2 may or may not have it: the database was restored from a backup meanwhile. (telegram:"
        )
        (notice,) = await ledger.notices.latest(5)
        assert notice.text.splitlines()[0] == "The database was restored from a backup"
        assert "2 messages were on their way then." in notice.text


async def test_a_database_that_somebody_looks_into_is_replaced_with_what_stands_beside_it(tmp_path: Path) -> None:
    """Else SQLite would write its last transactions into the new database; they are kept with the old one."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
        backup.save(database, copy)
        browser = sqlite3.connect(database)
        browser.execute("SELECT count(*) FROM subscriptions").fetchone()
        await subscribe(ledger, telegram(2))
    (kept,) = await restore(copy, database)
    browser.close()
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("SELECT count(*) FROM subscriptions").fetchone() == (2,)
    async with opened(tmp_path) as ledger:
        assert await ledger.subscriptions.count("monday") == 1
    assert names(tmp_path) == {"copy.db", "recap.db", "recap.db.lock", kept.name}


async def test_a_database_of_0_1_0_can_be_restored(tmp_path: Path) -> None:
    """And is brought to today's schema on the way."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript(DUMP.read_text(encoding="utf-8"))
    assert await restore(tmp_path / "old.db", tmp_path / "recap.db") == []
    async with opened(tmp_path) as ledger:
        assert await due(ledger) == []
        assert len(await ledger.subscriptions.all()) > 10


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.touch(), "is no database of this program"),
        (lambda path: path.write_text("[telegram]\n", encoding="utf-8"), "is damaged, or no database"),
        (lambda path: path.mkdir(), r"cannot be read \(Is a directory\)"),
        (lambda _path: None, r"cannot be read \(No such file or directory\)"),
        (lambda path: of_another(path, "CREATE TABLE songs (id)"), "is no database of this program"),
        (
            lambda path: of_another(path, DUMP.read_text("utf-8"), "UPDATE alembic_version SET version_num = '9'"),
            "newer",
        ),
        (cut, "is damaged"),
    ],
    ids=["empty", "text", "folder", "missing", "another program's", "newer", "cut"],
)
async def test_what_is_no_backup_is_refused(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    """With the reason, and nothing is changed."""
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
    make(path := tmp_path / "copy.db")
    before = (tmp_path / "recap.db").read_bytes(), names(tmp_path)
    with pytest.raises(ExpectedError, match=rf"copy\.db {told}|copy\.db was last used by a {told}"):
        await restore(path, tmp_path / "recap.db")
    assert ((tmp_path / "recap.db").read_bytes(), names(tmp_path)) == before


async def test_nothing_is_restored_while_a_bot_delivers(tmp_path: Path) -> None:
    """The lock tells; where somebody has deleted its file, the heartbeat does."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
        await ledger.heartbeat.take()
        backup.save(database, copy)
        with pytest.raises(BackupError, match="is the database itself"):
            await restore(database, database)
        parent = os.getppid()
        alive = update(heartbeat).values(process=f"{_boot()} {parent} {_started(parent)}")
        await ledger._database.change(alive)
        with pytest.raises(LedgerError, match=r"a bot delivers from .*: stop the bot first"):
            await restore(copy, database)
        await ledger._database.change(update(heartbeat).values(process=""))
    bot = DeliveryLock(database)
    assert bot.acquire()
    with pytest.raises(LedgerError, match=r"a bot delivers from .*: stop the bot first"):
        await restore(copy, database)
    bot.release()
    assert len(await restore(copy, database)) == 1
    assert not bot.is_held()


async def test_a_rescued_copy_is_the_database_itself(tmp_path: Path) -> None:
    """It knows all that was pushed, so that what it has not sent yet is sent; the file that replaced it is kept."""
    database = tmp_path / "recap.db"
    async with opened(tmp_path) as ledger:
        first, _second = await pushed_to(ledger, telegram(1), telegram(2))
        await ledger.record([sent(first, "41")])
    rescued = database.with_name("recap.db.rescued-20241104-080000")
    older = database.with_name("recap.db.rescued-20241103-080000")
    backup.save(database, older)
    database.rename(rescued)
    assert not backup.is_rescued(older, database)
    of_another(database, "CREATE TABLE of_the_backup (id)")
    kept = await restore(rescued, database)
    assert [path.name.partition("-")[0] for path in kept] == ["recap.db.replaced", "recap.db.replaced"]
    Place(database).check_copies()
    async with opened(tmp_path) as ledger:
        assert await tally(ledger, 1) == {"sent": 1, "pending": 1}
        assert await ledger.notices.gaps() == []


async def test_a_backup_of_three_files_is_read_with_its_last_commits(tmp_path: Path) -> None:
    """As somebody makes one who copies the database of a running bot by hand."""
    (tmp_path / "copies").mkdir()
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1), telegram(2))
        for end in ("", "-wal"):
            name = f"recap.db{end}"
            (tmp_path / "copies" / name).write_bytes((tmp_path / name).read_bytes())
        await subscribe(ledger, telegram(3))
    await restore(tmp_path / "copies" / "recap.db", tmp_path / "recap.db")
    async with opened(tmp_path) as ledger:
        assert await ledger.subscriptions.count("monday") == 2


async def test_a_restore_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the copy that was to become the database, and the database is as it was."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
    backup.save(database, copy)
    before = database.read_bytes()

    def full(*_paths: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Place, "replace", full)
    with pytest.raises(LedgerError, match=r"recap\.db cannot be replaced \(No space left on device\): make room"):
        await restore(copy, database)
    assert (database.read_bytes(), names(tmp_path)) == (before, {"copy.db", "recap.db", "recap.db.lock"})
    assert not DeliveryLock(database).is_held()


async def test_a_restore_that_is_killed_leaves_a_whole_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step on the disk, what is in the place is all of the database before, or all of the backup."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
        backup.save(database, copy)
        await subscribe(ledger, telegram(2))
    steps, limit = 0, 0

    def counted(do: Callable[..., object]) -> Callable[..., object]:
        def done(*arguments: object, **options: object) -> object:
            nonlocal steps
            if steps == limit:
                # Nothing is done by a process that is dead.
                raise KeyboardInterrupt
            result = do(*arguments, **options)
            steps += 1
            if steps == limit:
                raise KeyboardInterrupt
            return result

        return done

    for owner, name in ((os, "link"), (os, "chown"), (Path, "unlink"), (Path, "replace"), (Path, "rename")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    seen = []
    while limit == steps:
        steps, limit = 0, limit + 1
        with contextlib.suppress(KeyboardInterrupt):
            await restore(copy, database)
        with closing(sqlite3.connect(database)) as there:
            seen += there.execute("SELECT count(*) FROM subscriptions").fetchone()
    assert len(seen) > 5
    assert set(seen) == {1, 2}
    assert seen == sorted(seen, reverse=True)


DAILY = Schedule(name="daily", cron="0 8 * * *", timezone=PARIS, max_age=dt.timedelta(days=6))
MONDAYS = Schedule(name="monday", cron="0 8 * * mon", timezone=PARIS)


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A moment in the week of episode 1207, whose Monday is the 4th."""
    return dt.datetime(2024, 11, day, hour, minute, tzinfo=PARIS).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("schedule", "moments", "is_pushed"),
    [
        (MONDAYS, (at(4, 7), at(4, 9), at(4, 9, 1)), False),
        (MONDAYS, (at(4, 7), at(4, 7, 30), at(4, 8)), True),
        (MONDAYS, (at(3, 23), at(4, 7, 59), at(4, 8)), True),
        (MONDAYS, (at(1, 12), at(2, 12), at(4, 8)), True),
        # The episode may have come late on Monday, after the backup.
        (MONDAYS, (at(4, 9), at(4, 10), at(4, 10, 1)), False),
        # Tuesday's occurrence would push Monday's episode again.
        (DAILY, (at(4, 7), at(4, 9), at(5, 8)), False),
        (DAILY, (at(4, 15), at(4, 16), at(5, 8)), True),
        (DAILY, (at(3, 7), at(3, 9), at(4, 8)), True),
    ],
)
async def test_an_episode_that_may_have_gone_since_the_backup_is_not_pushed_unasked(
    ledger: Ledger, clock: Clock, schedule: Schedule, moments: tuple[dt.datetime, ...], is_pushed: bool
) -> None:
    """An occurrence between the backup and its restoring counts. The admins hear of it once, and can send it."""
    until, restored, looks = moments
    told: list[Fact] = []

    async def tell(fact: Fact) -> None:
        told.append(fact)

    await subscribe(ledger, telegram(1))
    fact = Restored(until, restored, 0)
    await ledger._database.write(
        backup._mark, Gap(until, restored), fact.key_on(restored.date()), describe(fact, ENGLISH)
    )
    clock.now = looks
    timetable = Timetable([schedule], clock)
    pushing: Broadcaster = broadcaster(ledger, clock, tell=tell, last_run=timetable.last_run)
    occurrence = timetable.last_run(schedule.name)
    assert occurrence is not None
    assert (await pushing.push(schedule, occurrence) is not None) is is_pushed
    assert told == ([] if is_pushed else [MayHaveGone(schedule.name, 1207, until)])
    if not is_pushed:
        await push(ledger, schedule=schedule.name)
        assert await pushing.push(schedule, occurrence) is None
        assert len(told) == 1
