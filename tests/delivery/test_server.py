"""A ledger on a PostgreSQL server: how it is reached, and what the server's troubles come to."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any
from unittest import mock

import psycopg
import pytest
from alembic import command
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from bot.storage import postgres as server
from bot.storage.database import RETRIES, Database, check, is_made, name_of
from bot.storage.ledger import Ledger
from bot.storage.migrations import config
from bot.storage.records import LedgerError
from bot.storage.tables import deliveries, leases, moves
from tests.delivery import postgres
from tests.delivery.ledger_kit import Clock, opened, push, subscribe, telegram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection
    from sqlalchemy.pool import PoolProxiedConnection


IN_MID_PUSH = """
INSERT INTO broadcasts SELECT 1, 1207, '', 'monday', 0, now(), now(), 'open', '', null, 'push', null;
INSERT INTO renderings SELECT 1, 1, 'telegram', '', '', '[]', null;
INSERT INTO deliveries SELECT n, 1, null, 'telegram', n::text, 0, 1, 'pending', 0, '[]', 0, now(), '', '', false, now()
FROM generate_series(1, 500) n;
"""
"""Rows of the schema of 0.1.0."""


@pytest.fixture
def asked(postgresql: str) -> Iterator[psycopg.Connection]:
    """A connection of the server's owner."""
    postgres.empty(postgresql)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        yield connection


@pytest.fixture
def bare(asked: psycopg.Connection, postgresql: str) -> Iterator[str]:
    """The address of a schema without a table."""
    asked.execute("CREATE SCHEMA bare")
    yield f"{postgresql}?options=-csearch_path%3Dbare"
    asked.execute("DROP SCHEMA bare CASCADE")


@contextlib.contextmanager
def other_user(asked: psycopg.Connection, url: str, rights: str = "") -> Iterator[str]:
    """The address for a user who owns nothing, and has these rights on the tables."""
    name = "recap_test_guest"
    asked.execute(f"CREATE ROLE {name} LOGIN")  # type: ignore[arg-type, unused-ignore] # a constant
    try:
        if rights:
            asked.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {name}")  # type: ignore[arg-type, unused-ignore] # likewise
        yield make_url(url).set(username=name, password="geheim").render_as_string(hide_password=False)
    finally:
        asked.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")  # type: ignore[arg-type, unused-ignore] # likewise


async def test_first_starts_at_once_make_the_tables_once(bare: str) -> None:
    """Each waits for the one that came first, and finds its work done."""
    assert (is_made(bare), check(bare)[0]) == (False, False)
    for ledger in await asyncio.gather(*(Ledger.open(bare, Clock()) for _ in range(4))):
        assert await ledger.broadcasts(1) == []
        await ledger.close()
    assert (is_made(bare), check(bare)[0]) == (True, True)


async def test_two_processes_migrate_a_ledger_in_mid_push_at_once(bare: str) -> None:
    """Each delivery of the schema before is there once, with its rank."""
    database = Database(make_url(bare))
    await database.write(lambda connection: command.upgrade(config(connection), "0003"))
    await database.write(lambda connection: connection.exec_driver_sql(IN_MID_PUSH))
    await database.close()
    first, second = await asyncio.gather(Ledger.open(bare, Clock()), Ledger.open(bare, Clock()))
    await first.close()
    ranks = select(deliveries.c.rank, func.count()).group_by(deliveries.c.rank)
    assert await second._database.rows(ranks) == [(3, 500)]
    await second.close()


async def test_a_server_that_is_not_there_is_told_with_the_address_but_not_with_the_password() -> None:
    """As a list, where there are several."""
    url = "postgresql://recap:geheim@/recap?host=127.0.0.1:1&host=127.0.0.1:2"
    for trying in (lambda: asyncio.to_thread(check, url), lambda: Ledger.open(url, Clock())):
        with pytest.raises(
            LedgerError, match=r"recap \(127.0.0.1:1, 127.0.0.1:2\) cannot be reached .*refused"
        ) as error:
            await trying()
        assert "whether host, database, user and password in storage.url are right" in str(error.value)
        assert "geheim" not in str(error.value)


def test_an_option_that_does_not_exist_is_told(postgresql: str) -> None:
    """Whatever stands behind the question mark of the address goes to the server's library."""
    with pytest.raises(LedgerError, match=r'cannot be reached .*invalid connection option "foo"'):
        check(f"{postgresql}?foo=1")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("08006", "cannot be reached"),
        ("25006", "takes no writes, its server is a standby.*target_session_attrs=read-write"),
        ("28P01", "refuses this user or this password"),
        ("3D000", "does not exist on that server"),
        ("42501", "does not give this user the rights"),
        ("53100", "the disk is full: make room"),
        ("53300", "takes no more connections: raise max_connections"),
        ("55P03", "in use by another program"),
        ("57014", "took too long over a question"),
        ("57P01", "has no server at the moment"),
        ("58030", "reports an error"),
        ("XX001", "is damaged"),
    ],
)
async def test_a_trouble_of_the_server_is_told_with_its_cure(postgresql: str, state: str, words: str) -> None:
    """By its code, which says the same in all languages of the server."""
    async with opened(postgresql) as ledger:
        with pytest.raises(LedgerError, match=rf"recap_test_\d+ \(127\.0\.0\.1\) .*{words}"):
            await ledger._database.write(_raising(state))


async def test_a_mistake_in_a_statement_is_a_bug_and_no_trouble(postgresql: str) -> None:
    """No cure of the server would help."""
    async with opened(postgresql) as ledger:
        for statement in ("SELECT nonsense", "SELECT 1 / 0"):
            with pytest.raises(Exception, match=r"nonsense|division") as error:
                await ledger._database.write(lambda connection: connection.exec_driver_sql(statement))  # noqa: B023 - used at once
            assert not isinstance(error.value, LedgerError)


@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.usefixtures("asked")
async def test_a_transaction_that_the_server_undid_runs_again_at_once_a_few_times(postgresql: str, state: str) -> None:
    """What another transaction came before is no trouble yet; one that never gets its turn is."""
    async with opened(postgresql) as ledger:
        times = [0]

        def step(connection: Connection, most: int) -> int:
            times[0] += 1
            connection.execute(moves.insert().values(platform="telegram", old_chat=f"1 {most}", new_chat=str(times[0])))
            if times[0] < most:
                _raising(state)(connection)
            return times[0]

        assert await ledger._database.write(step, 3) == 3
        assert [row.new_chat for row in await ledger._database.rows(select(moves))] == ["3"]
        times[0] = 0
        with pytest.raises(LedgerError, match="changed by others at the same time too often"):
            await ledger._database.write(step, 99)
        assert times[0] == RETRIES


async def test_after_the_server_came_back_nobody_notices_the_broken_connections(
    postgresql: str, asked: psycopg.Connection
) -> None:
    """A transaction that had not been committed runs again on a new connection."""
    async with opened(postgresql) as ledger:
        await subscribe(ledger, telegram(1))
        await asyncio.gather(*(ledger.broadcasts(1) for _ in range(4)))
        asked.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await push(ledger)
        assert await ledger.is_anything_open()


async def test_nothing_is_prepared_for_a_later_transaction(postgresql: str) -> None:
    """Behind PgBouncer that one is on another connection of the server, which knows no such statement."""

    def often(connection: Connection) -> int:
        for number in range(20):
            connection.execute(select(leases.c.name).where(leases.c.process == str(number)))
        count: int = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()
        return count

    async with opened(postgresql) as ledger:
        assert await ledger._database.read(often) == 0


async def test_a_commit_without_an_answer_is_not_made_twice(postgresql: str, asked: psycopg.Connection) -> None:
    """Nobody knows whether it has happened, so it is told."""
    async with opened(postgresql) as ledger:
        dialect = ledger._database._engine.dialect

        def lose(connection: PoolProxiedConnection) -> None:
            driver: Any = connection.driver_connection
            asked.execute("SELECT pg_terminate_backend(%s)", [driver.info.backend_pid])
            driver.commit()

        with mock.patch.object(dialect, "do_commit", lose), pytest.raises(LedgerError, match="no server at the moment"):
            await subscribe(ledger, telegram(1))
        await subscribe(ledger, telegram(1))


def test_check_tells_rights_that_are_missing(postgresql: str, asked: psycopg.Connection, bare: str) -> None:
    """Those to make the tables where there are none, and to use each of them where they are."""
    with (
        other_user(asked, bare) as guest,
        pytest.raises(LedgerError, match=r"rights .*make the user of storage.url") as no,
    ):
        check(guest)
    assert "geheim" not in str(no.value)
    with other_user(asked, postgresql, "SELECT, INSERT, UPDATE") as guest, pytest.raises(LedgerError, match="DELETE"):
        check(guest)
    with other_user(asked, postgresql, "SELECT, INSERT, UPDATE, DELETE") as guest:
        assert check(guest)[0]
    with pytest.raises(LedgerError, match="takes no writes"):
        check(f"{postgresql}?options=-cdefault_transaction_read_only%3Don")


@pytest.mark.parametrize(("setting", "told"), [("on", 0), ("off", 1)])
def test_check_warns_of_commits_that_a_crash_undoes(postgresql: str, setting: str, told: int) -> None:
    """Messages whose record is lost are sent again."""
    _, warnings = check(f"{postgresql}?options=-csynchronous_commit%3D{setting}")
    assert sum("synchronous_commit = off" in each.message for each in warnings) == told


def test_check_warns_of_clocks_that_differ(postgresql: str) -> None:
    """By more than half a minute."""
    for seconds, is_told in ((20, False), (40, True)):
        wrong = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        with mock.patch.object(server, "utc_now", return_value=wrong):
            assert any("the clocks" in each.message for each in check(postgresql)[1]) is is_told


async def test_an_old_server_is_refused(postgresql: str) -> None:
    """Before anything is made on it."""
    with mock.patch.object(server, "OLDEST", 99), pytest.raises(LedgerError, match=r"on PostgreSQL .*use version 99"):
        await Ledger.open(postgresql, Clock())


def test_without_the_driver_the_command_that_installs_it_is_told() -> None:
    """SQLite needs none, so it comes on demand."""
    with mock.patch.dict("sys.modules", psycopg=None), pytest.raises(LedgerError, match=r'"\.\[postgres\]"'):
        check("postgresql://recap@db/recap")


def test_a_database_is_called_by_its_name_and_servers() -> None:
    """Neither user nor password, and a socket has no server."""
    assert name_of("postgresql://recap:geheim@db.example:5433/lundi") == "lundi (db.example)"
    assert name_of("postgresql://recap:geheim@/lundi?password=geheim") == "lundi (localhost)"


def _raising(state: str) -> Callable[[Connection], None]:
    def step(connection: Connection) -> None:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")

    return step
