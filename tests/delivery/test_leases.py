"""The leases on PostgreSQL: one process has a role at a time, and another one's work is undone."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy import select, text, update

from bot.storage.leases import LeaseLostError, LeaseTimes, SharedLeases, TimedLease
from bot.storage.records import LedgerError
from bot.storage.tables import leases
from tests.delivery import postgres
from tests.delivery.ledger_kit import (
    PENDING,
    SENDING,
    TELEGRAM,
    change_expires,
    opened,
    pushed_to,
    sent,
    tally,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.storage.ledger import Ledger

LASTING = LeaseTimes(lasts=60, led=40)


class Machine:
    """A process on a machine of its own: a ledger on the same server, and leases by a clock that the test turns."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.uptime = dt.timedelta(hours=1)
        assert isinstance(ledger.leases, SharedLeases)
        self.leases = ledger.leases
        self.leases.elapsed = lambda: self.uptime
        self.leases.times = LASTING

    async def take(self) -> TimedLease | None:
        """Take Telegram's lease."""
        lease = await self.leases.take(TELEGRAM)
        assert lease is None or isinstance(lease, TimedLease)
        return lease

    async def leads(self) -> TimedLease:
        """Take Telegram's lease, which is free."""
        lease = await self.take()
        assert lease is not None
        return lease

    async def expires(self, **ago: float) -> None:
        """Let every lease have run out by the server's clock, or let the server have forgotten that much."""
        await change_expires(self.ledger, dt.timedelta(**ago))


@contextlib.asynccontextmanager
async def machine_at(url: str) -> AsyncIterator[Machine]:
    """One more process on the server."""
    async with opened(url) as ledger:
        yield Machine(ledger)


@pytest.fixture
async def machines(postgresql: str) -> AsyncIterator[tuple[Machine, Machine]]:
    """Two processes on one empty database."""
    postgres.empty(postgresql)
    async with machine_at(postgresql) as one, machine_at(postgresql) as other:
        yield one, other


async def test_one_of_two_has_a_role_until_its_lease_has_run_out(machines: tuple[Machine, Machine]) -> None:
    """The other one takes it then, and the first one does not get it back."""
    one, other = machines
    first = await one.leads()
    assert await other.take() is None
    await one.expires(minutes=2)
    second = await other.leads()
    assert await one.take() is None
    with pytest.raises(LeaseLostError, match="works in the role “telegram” now"):
        await first.renew()
    assert (first.is_held(), second.is_held()) == (False, True)


async def test_of_many_that_take_it_at_once_one_gets_it(machines: tuple[Machine, Machine]) -> None:
    """Whether the row is new, or that of a process that died."""
    one, other = machines
    for _round in range(3):
        taken = await asyncio.gather(*(machine.take() for machine in (one, other) * 4))
        assert sum(lease is not None for lease in taken) == 1
        await one.expires(minutes=2)


async def test_a_process_that_stood_still_is_no_leader_when_it_wakes(machines: tuple[Machine, Machine]) -> None:
    """It counts from before it asked, by a clock that went on meanwhile; a renewal in time extends the time."""
    one, _other = machines
    lease = await one.leads()
    one.uptime += dt.timedelta(seconds=39)
    assert lease.is_held()
    await lease.renew()
    one.uptime += dt.timedelta(seconds=39)
    assert lease.is_held()
    one.uptime += dt.timedelta(seconds=1)
    assert not lease.is_held()


async def test_an_end_in_order_hands_over_after_a_pause(machines: tuple[Machine, Machine]) -> None:
    """Not at once, because a platform counts the messages of the last second; nobody has the role meanwhile."""
    one, other = machines
    lease = await one.leads()
    await lease.give_up()
    assert not lease.is_held()
    assert await other.take() is None
    assert await other.leases.holders() == {}
    await one.expires(seconds=LASTING.pause)
    await other.leads()


async def test_a_lease_that_was_lost_is_not_given_up(machines: tuple[Machine, Machine]) -> None:
    """The end of the process before does not end the lease of the next one."""
    one, other = machines
    lease = await one.leads()
    await one.expires(minutes=2)
    await other.leads()
    await lease.give_up()
    assert list(await other.leases.holders()) == [TELEGRAM]


async def test_a_server_that_lost_the_last_seconds_is_not_believed(machines: tuple[Machine, Machine]) -> None:
    """After a failover the lease shows an earlier end: what was recorded since may be lost too, so all begins anew."""
    one, _other = machines
    lease = await one.leads()
    await one.expires(seconds=3)
    with pytest.raises(LeaseLostError):
        await lease.renew()
    assert not lease.is_held()


async def test_a_server_that_lost_one_transaction_is_not_believed(machines: tuple[Machine, Machine]) -> None:
    """Also between two renewals: each transaction leaves its trace. One that was undone is not missed."""
    one, _other = machines
    ledger = one.ledger.under(lease := await one.leads())
    await pushed_to(one.ledger, telegram(1), telegram(2), telegram(3))
    with pytest.raises(ZeroDivisionError):
        await ledger._database.write(lambda _connection: 1 / 0)
    assert len(await ledger.claim(TELEGRAM, 1)) == 1
    before = await one.ledger._database.scalar(select(leases.c.expires))
    assert len(await ledger.claim(TELEGRAM, 1)) == 1
    await one.ledger._database.change(update(leases).values(expires=before))
    with pytest.raises(LeaseLostError):
        await ledger.claim(TELEGRAM, 1)
    assert not lease.is_held()


async def test_nothing_is_claimed_or_recorded_without_the_lease(machines: tuple[Machine, Machine]) -> None:
    """Whatever the process wants to write is undone, so that it spoils nothing of the one that took over."""
    one, other = machines
    lease = await one.leads()
    (delivery, _second) = await pushed_to(one.ledger, telegram(1), telegram(2))
    ledger = one.ledger.under(lease)
    (claim,) = await ledger.claim(TELEGRAM, 1)
    await one.expires(minutes=2)
    await other.leads()
    for write in (
        lambda: ledger.claim(TELEGRAM, 1),
        lambda: ledger.record([sent(claim, "1")]),
        lambda: ledger.claim(TELEGRAM, 1, [sent(claim, "1")]),
        lambda: ledger.recover(TELEGRAM, hold=True),
        lambda: ledger.fall_back(claim.id),
    ):
        with pytest.raises(LeaseLostError):
            await write()
    assert await tally(other.ledger, delivery.broadcast_id) == {SENDING: 1, PENDING: 1}


async def test_no_other_process_takes_the_lease_during_a_transaction(machines: tuple[Machine, Machine]) -> None:
    """Else the outcome of the old leader could come between the recovery of the new one and its first message."""
    one, other = machines
    # By the server's clock it has run out at once, and by that of the process it lasts.
    one.leases.times = LeaseTimes(lasts=-1, led=40)
    lease = await one.leads()
    events, began = [], asyncio.Event()
    loop = asyncio.get_running_loop()
    waits = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")

    def write(connection: Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        for _look in range(1000):
            if connection.scalar(waits):
                break
            connection.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.005)"))
        events.append("written")

    async def take() -> None:
        await began.wait()
        await other.leads()
        events.append("taken")

    async with asyncio.timeout(20):
        await asyncio.gather(one.ledger.under(lease)._database.write(write), take())
    assert events == ["written", "taken"]


async def test_the_server_ends_the_transaction_of_a_process_that_stands_still(
    machines: tuple[Machine, Machine],
) -> None:
    """In each transaction that locks something, and in none beside: a session may be another process's next."""
    one, _other = machines
    show = text("SHOW idle_in_transaction_session_timeout")
    written = await one.ledger._database.write(lambda connection: connection.scalar(show))
    read = await one.ledger._database.read(lambda connection: connection.scalar(show))
    assert (written, read) == ("5s", "0")


async def test_a_process_keeps_its_lease_by_renewing_it(machines: tuple[Machine, Machine]) -> None:
    """As long as the database answers, and over a moment in which it does not."""
    one, _other = machines
    one.leases.times = LeaseTimes(lasts=60, led=40, renew_every=0.01, look_every=0.01)
    lease = await one.leads()
    keeping = asyncio.create_task(lease.keep())
    for _turn in range(3):
        one.uptime += dt.timedelta(seconds=39)
        before = lease.left
        async with asyncio.timeout(20):
            while lease.left <= before:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.005)
    await one.expires(minutes=2)
    async with asyncio.timeout(20):
        await keeping
    assert not lease.is_held()


async def test_the_time_of_an_answer_is_no_part_of_the_lease(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because nobody knows when in between the server's time began, the process counts from before it asked."""
    one, _other = machines
    write = one.leases.database.write

    async def slow(step: Callable[[Connection], object]) -> object:
        answer = await write(step)
        one.uptime += dt.timedelta(seconds=5)
        return answer

    monkeypatch.setattr(one.leases.database, "write", slow)
    assert (await one.leads()).left == LASTING.led - 5


async def test_a_renewal_without_an_answer_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several times before the lease is over."""
    leases_of = SharedLeases(Mock(), dt.timedelta, "here", LASTING)
    lease = TimedLease(TELEGRAM, leases_of)
    pauses: list[float] = []
    lease._until = dt.timedelta(seconds=LASTING.led)
    monkeypatch.setattr(lease, "renew", AsyncMock(side_effect=[None, LedgerError("no answer"), LeaseLostError("")]))
    monkeypatch.setattr("bot.storage.leases.asyncio.sleep", AsyncMock(side_effect=pauses.append))
    await lease.keep()
    assert pauses == [LASTING.renew_every, LASTING.renew_every, LASTING.look_every]


async def test_on_sqlite_one_process_has_every_role_for_ever(tmp_path: Path) -> None:
    """The lock of the file is its lease, and no transaction asks for more."""
    async with opened(tmp_path) as ledger:
        lease = ledger.leases.first("anything")
        assert lease.is_held()
        assert ledger.under(lease) is ledger
