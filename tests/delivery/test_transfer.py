"""`recap storage copy`: the whole ledger in another database, in which the bot goes on where it was."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
import typer
from sqlalchemy import select

from bot.cli import storage as command
from bot.storage import transfer
from bot.storage.database import Database
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.records import LedgerError
from bot.storage.tables import metadata, transfers
from bot.storage.transfer import TransferError, copy
from tests.delivery import postgres
from tests.delivery.ledger_kit import (
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    file_in,
    opened,
    push,
    rendering,
    sent,
    subscribe,
    tally,
    telegram,
    with_fallbacks,
)

COPIED = [table.name for table in metadata.sorted_tables if table.name not in {"leases", "processes", "transfers"}]


@pytest.fixture
def server(postgresql: str) -> str:
    """The address of an empty database on the server."""
    postgres.empty(postgresql)
    return postgresql


@pytest.fixture(params=["to the server", "from the server", "between files"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two databases: two kinds, or one."""
    file, other = file_in(tmp_path), f"sqlite:///{tmp_path / 'other.db'}"
    if request.param == "between files":
        return file, other
    address: str = request.getfixturevalue("server")
    return (file, address) if request.param == "to the server" else (address, file)


async def rows(ledger: Ledger) -> dict[str, object]:
    """Every row that is copied."""
    return {
        name: sorted(map(tuple, await ledger._database.rows(select(metadata.tables[name]))), key=repr)
        for name in COPIED
    }


async def test_a_push_in_the_middle_goes_on_in_the_copy(ways: tuple[str, str]) -> None:
    """What was sent, is on its way, waits or has failed is there as it was, with its ids, and new rows get others."""
    first, second = ways
    async with opened(first) as ledger:
        await subscribe(ledger, *map(telegram, range(1, 6)))
        await ledger.subscriptions.move(telegram(5), "-1005")
        await ledger.subscriptions.end(telegram(4), "left")
        await push(ledger, "Un", "Deux")
        first_claim, _second_claim = await ledger.claim(TELEGRAM, 2)
        await ledger.record([sent(first_claim, "7", None)])
        rich = with_fallbacks(rendering("Riche"), rendering("Simple"))
        await ledger.create_single(episode=1, title="É", target=telegram(9), rendering=rich)
        (single,) = await ledger.claim(TELEGRAM, 1)
        await ledger.fall_back(single.id)
        before = await rows(ledger)
    assert await copy(first, second) == 4
    async with opened(second) as ledger:
        assert await rows(ledger) == before
        assert await tally(ledger, 1) == {"pending": 2, "sending": 1, "sent": 1}
        assert await ledger.recover(TELEGRAM, hold=False) == 1
        assert len(await due(ledger)) == 4
        await subscribe(ledger, telegram(6))
        await push(ledger, episode=1208)
        assert len({each.id for each in await due(ledger)}) == 4 + 5


async def test_a_copy_of_a_large_ledger_is_made_in_parts(
    ways: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is left out or copied twice where two parts meet."""
    monkeypatch.setattr(transfer, "ROWS", 3)
    first, second = ways
    async with opened(first) as ledger:
        await subscribe(ledger, *map(telegram, range(1, 8)))
    assert await copy(first, second) == 7
    async with opened(second) as ledger:
        assert [each.target for each in await ledger.subscriptions.all()] == [*map(telegram, range(1, 8))]


async def test_the_old_database_says_where_the_bot_went(server: str, tmp_path: Path) -> None:
    """No bot starts on it any more, nobody is subscribed there, and it is not copied a second time."""
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
    await copy(file_in(tmp_path), server)
    with pytest.raises(LedgerError, match=r"storage.url: this database was copied to recap_test_\d+ \(127.0.0.1\) on"):
        await Ledger.open(file_in(tmp_path), Clock())
    with pytest.raises(LedgerError, match="this database was copied to"):
        await copy(file_in(tmp_path), f"sqlite:///{tmp_path}/third.db")


async def test_while_a_bot_delivers_nothing_is_copied(ways: tuple[str, str]) -> None:
    """By the lock of the file, or by the leases and heartbeats on the server."""
    first, second = ways
    async with opened(first) as ledger:
        await subscribe(ledger, telegram(1))
        await ledger.heartbeat.take()
        lock = DeliveryLock(Path(first.removeprefix("sqlite:///")))
        if not ledger.is_shared:
            assert lock.acquire()
        with pytest.raises(TransferError, match=r"a bot delivers from .*: stop the bot first"):
            await copy(first, second)
        lock.release()
        await ledger.heartbeat.end()
    assert await copy(first, second) == 1


async def test_a_database_in_use_is_not_written_over(ways: tuple[str, str]) -> None:
    """One subscription is enough; the first ledger stays in use."""
    first, second = ways
    for url, chat in ((first, 1), (second, 2)):
        async with opened(url) as ledger:
            await subscribe(ledger, telegram(chat))
    with pytest.raises(TransferError, match="is not empty: name a database that no bot has used"):
        await copy(first, second)
    for url, chat in ((first, 1), (second, 2)):
        async with opened(url) as ledger:
            assert [each.target for each in await ledger.subscriptions.all()] == [telegram(chat)]


async def test_a_copy_that_fails_at_its_end_leaves_the_first_ledger_in_use(server: str, tmp_path: Path) -> None:
    """The mark is taken back, and the second try succeeds."""
    async with opened(tmp_path) as ledger:
        await subscribe(ledger, telegram(1))
    with (
        mock.patch.object(Database, "write_in_both", _failing_after_the_first),
        pytest.raises(LedgerError, match="no answer"),
    ):
        await copy(file_in(tmp_path), server)
    assert await copy(file_in(tmp_path), server) == 1


async def _failing_after_the_first(first: Database, _second: Database, *_rest: object) -> int:
    await first.write(lambda connection: connection.execute(transfers.insert().values(copied_to="x", copied=MONDAY)))
    raise LedgerError("no answer")


async def test_what_is_not_there_is_not_copied(tmp_path: Path) -> None:
    """And not made either."""
    with pytest.raises(TransferError, match="there is no database at"):
        await copy(file_in(tmp_path), f"sqlite:///{tmp_path}/other.db")
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - of a local folder


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("recap.db", "postgresql://recap:geheim@db/recap", "no address of an SQLite file"),
        ("sqlite:///recap.db", "postgresql://recap:gehe/im@db/recap", "%40 %3A %2F"),
        ("postgres://recap:geheim@db/recap", "postgresql://recap:geheim@db/recap", "both are the same database"),
    ],
)
def test_addresses_are_read_as_in_the_config_and_not_shown(source: str, target: str, told: str) -> None:
    """They may hold passwords."""
    with pytest.raises(typer.BadParameter, match=told) as refused:
        command.copy(source, target)
    assert "gehe" not in str(refused.value)
