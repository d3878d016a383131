"""When the database cannot be used: what is said, and that nothing is lost meanwhile."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.records import LedgerError
from tests.delivery.ledger_kit import (
    Clock,
    due,
    opened,
    push,
    pushed_to,
    sent,
    subscribe,
    subscription,
    telegram,
    under,
    unwritable,
)
from tests.delivery.worker_kit import Round, failing_once
from tests.waiting import PATIENCE

FULL = "cannot grow, the disk is full: make room on it"
READ_ONLY = "cannot be written: check that the user that runs recap may write to it and its folder"


async def test_a_full_disk_says_so_and_what_did_not_fit_can_be_written_later(tmp_path: Path) -> None:
    """SQLite's own limit stands for the disk's: the sentence names file and cure, and nothing is half written."""
    async with opened(tmp_path) as ledger:
        saved = 0

        async def fill() -> None:
            nonlocal saved
            for chat in range(10_000):
                await ledger.subscriptions.save(subscription(telegram(chat + 1)))
                saved += 1

        full = under(ledger, "max_page_count = 1")
        with full, pytest.raises(LedgerError, match=f"recap.db {FULL}"):
            await fill()
        assert len(await ledger.subscriptions.all()) == saved
        await ledger.subscriptions.save(subscription(telegram(saved + 1)))
        assert len(await ledger.subscriptions.all()) == saved + 1


async def test_what_was_sent_while_nothing_could_be_written_is_recorded_later_and_sent_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker says what is wrong, sends nothing more, keeps what it knows, and goes on when there is room."""
    clock = Clock()
    everybody = [telegram(chat) for chat in range(1, 21)]
    async with opened(tmp_path, clock) as ledger:
        work = Round(ledger, clock)
        await subscribe(ledger, *everybody)
        await push(ledger)
        work.carrier.gate.clear()
        async with work.going(), asyncio.timeout(PATIENCE):
            while work.carrier.begun_sends < work.worker._window:
                work.worker.wake()
                await asyncio.sleep(0)
            with unwritable(ledger):
                work.carrier.gate.set()
                while not any("trying again in" in line for line in caplog.messages):
                    work.worker.wake()
                    await asyncio.sleep(0)
                assert "sent" not in await work.tally()
            await work.reaches(sent=len(everybody))
    assert work.carrier.taken == {target.chat: ["Bonjour"] for target in everybody}
    assert READ_ONLY in caplog.text
    assert not any(record.exc_info for record in caplog.records)


async def test_a_stop_in_the_middle_of_trouble_still_records_what_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try to write it down fails; what was in flight is recorded by the next, and comes once."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        work = Round(ledger, clock)
        await subscribe(ledger, *map(telegram, range(1, 21)))
        await push(ledger)
        work.carrier.gate.clear()
        async with work.going():
            await work.carrier.begun(work.worker._window)
            troubles = failing_once(monkeypatch, "record")
            stopping = asyncio.create_task(work.worker.stop())
            await asyncio.sleep(0)
            work.carrier.gate.set()
            await stopping
        assert not troubles
        assert await work.tally() == {"sent": len(work.carrier.taken), "pending": 20 - len(work.carrier.taken)}


async def test_a_commit_that_fails_is_nothing_done_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite may leave its transaction open after one; the next must find no trace of it."""

    def fail(*_whatever: object) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    async with opened(tmp_path) as ledger:
        (delivery,) = await pushed_to(ledger, telegram(1))
        with monkeypatch.context() as patch:
            patch.setattr(type(ledger._database._engine.dialect), "do_commit", fail)
            with pytest.raises(LedgerError, match="in use by another program"):
                await ledger.record([sent(delivery, "7")])
        assert len(await due(ledger)) == 1
        await ledger.record([sent(delivery, "7")])
        assert await due(ledger) == []


@pytest.mark.parametrize("code", [sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_NOMEM])
async def test_a_trouble_that_has_no_sentence_of_its_own_is_one_all_the_same(tmp_path: Path, code: int) -> None:
    """The parts of the bot wait for its end as for that of any other; only a mistake in a statement is a bug."""

    def fail(_connection: Connection) -> None:
        error = sqlite3.OperationalError("locking protocol")
        error.sqlite_errorcode = code
        raise error

    async with opened(tmp_path) as ledger:
        with pytest.raises(LedgerError, match=r"recap\.db cannot be used \(locking protocol\): look whether"):
            await ledger._database.write(fail)
        with pytest.raises(OperationalError, match="no such table"):
            await ledger._database.write(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))


async def test_claims_that_fail_once_are_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker says so, and goes on where it was."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        work = Round(ledger, clock)
        await subscribe(ledger, *map(telegram, range(1, 21)))
        await push(ledger)
        failing_once(monkeypatch, "claim")
        async with work.going():
            await work.reaches(sent=20)
    assert "the database is locked; trying again" in caplog.text


async def test_a_file_that_may_only_be_read_says_so(tmp_path: Path) -> None:
    """Whoever runs the bot may write neither to the file nor beside it."""
    async with opened(tmp_path) as ledger:
        with unwritable(ledger), pytest.raises(LedgerError, match=f"recap.db {READ_ONLY}"):
            await ledger.subscriptions.save(subscription(telegram(1)))


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a folder in which nobody can make a file")
def test_a_folder_in_which_no_lock_can_be_made_says_so() -> None:
    """The lock that keeps a second bot out needs a file of its own; a health check there finds no bot."""
    lock = DeliveryLock(Path("/sys/recap.db"))
    with pytest.raises(LedgerError, match=r"recap\.db\.lock cannot be written .*: check that the user that runs recap"):
        lock.acquire()
    assert not lock.is_held()


def test_a_lock_is_seen_by_others_and_looking_does_not_take_it(tmp_path: Path) -> None:
    """The health check and `recap status` look; they keep no bot from starting."""
    mine, other = DeliveryLock(tmp_path / "recap.db"), DeliveryLock(tmp_path / "recap.db")
    assert not other.is_held()
    assert mine.acquire()
    assert other.is_held()
    assert not other.acquire()
    mine.release()
    assert not other.is_held()
    assert other.acquire()
    other.release()


async def test_the_files_of_the_ledger_are_their_owners_alone(tmp_path: Path) -> None:
    """The database, and what SQLite and the lock write beside it."""
    async with await Ledger.open(f"sqlite:///{tmp_path}/recap.db", lambda: dt.datetime.now(dt.UTC)):
        lock = DeliveryLock(tmp_path / "recap.db")
        assert lock.acquire()
        rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}  # noqa: ASYNC240 - a folder of four files
        lock.release()
    assert rights == dict.fromkeys(("recap.db", "recap.db-wal", "recap.db-shm", "recap.db.lock"), 0o600)
