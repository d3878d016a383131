"""The heartbeat and the ledger's clock: what goes on evenly, who delivers, and what stands still."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from bot.storage.clock import SteadyClock, this_process
from bot.storage.ledger import Ledger
from bot.storage.tables import heartbeat
from tests.delivery.ledger_kit import (
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    file_in,
    later,
    opened,
    push,
    pushed_to,
    sent,
    subscribe,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY, AN_HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
JUMPS = [sign * jump for jump in (dt.timedelta(minutes=1), DAY, 40 * DAY) for sign in (1, -1)]


class Machine:
    """A machine whose clock somebody sets, and which is started anew."""

    def __init__(self) -> None:
        self.wall = MONDAY
        self.uptime = dt.timedelta(hours=5)
        self.boot = "this run"

    def clock(self) -> SteadyClock:
        """The clock of a process on it."""
        return SteadyClock(lambda: self.wall, lambda: self.uptime, self.boot)

    def passes(self, time: dt.timedelta) -> None:
        """Let time pass."""
        self.wall += time
        self.uptime += time


@pytest.fixture
def machine() -> Machine:
    """A machine on a Monday morning."""
    return Machine()


async def on(machine: Machine, folder: Path) -> Ledger:
    """The ledger in the folder, by that machine's clocks."""
    return await Ledger.open(file_in(folder), machine.clock())


@given(st.lists(st.timedeltas(-40 * DAY, 40 * DAY), max_size=5), st.timedeltas(dt.timedelta(), DAY))
def test_the_clock_goes_on_evenly_however_the_machines_is_set(jumps: list[dt.timedelta], passed: dt.timedelta) -> None:
    """Only time that passes counts."""
    machine = Machine()
    clock = machine.clock()
    for jump in jumps:
        machine.wall += jump
        machine.passes(passed)
    assert clock() == MONDAY + passed * len(jumps)
    assert clock.slip == sum(jumps, dt.timedelta())


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_push_waits_and_grows_old_by_the_time_that_passes(
    tmp_path: Path, machine: Machine, jump: dt.timedelta
) -> None:
    """Set while the bot runs, and set between two runs of it on the same machine: a retry is due when it was."""
    async with await on(machine, tmp_path) as ledger:
        await ledger.heartbeat.take()
        (delivery,) = await pushed_to(ledger, telegram(1))
        await ledger.record([later(delivery, ledger.clock() + dt.timedelta(minutes=10))])
        machine.wall += jump
        machine.passes(dt.timedelta(minutes=9))
        await ledger.heartbeat.follow()
        assert await due(ledger) == []
        await ledger.heartbeat.beat([])
    machine.wall -= jump
    async with await on(machine, tmp_path) as ledger:
        assert await due(ledger) == []
        machine.passes(dt.timedelta(minutes=1))
        assert await due(ledger) != []
        stored = await ledger.stored(delivery.rendering_id)
        assert ledger.clock() - stored.opened == dt.timedelta(minutes=10)


@pytest.mark.parametrize("jump", JUMPS)
async def test_when_nothing_grows_old_the_clock_goes_by_the_machines_again(
    tmp_path: Path, machine: Machine, jump: dt.timedelta
) -> None:
    """And what waits without an end, such as a pause for want of a right, waits as long as before."""
    async with await on(machine, tmp_path) as ledger:
        (delivery,) = await pushed_to(ledger, telegram(1))
        await ledger.record([sent(delivery, "41")])
        await ledger.subscriptions.pause(telegram(1), "no right")
        machine.wall += jump
        await ledger.heartbeat.follow()
        assert ledger.clock() == MONDAY
        await ledger.finish()
        await ledger.heartbeat.follow()
        assert ledger.clock() == MONDAY + jump
        assert await ledger.subscriptions.end_paused(ledger.clock() - dt.timedelta(seconds=1)) == []
        machine.passes(dt.timedelta(seconds=1))
        assert await ledger.subscriptions.end_paused(ledger.clock() - dt.timedelta(seconds=1)) != []


@pytest.mark.parametrize(("off", "age"), [(DAY / 2, DAY / 2), (-DAY, AN_HOUR), (-40 * DAY, AN_HOUR)])
async def test_after_a_start_of_the_machine_a_clock_that_went_back_lets_no_time_pass(
    tmp_path: Path, machine: Machine, off: dt.timedelta, age: dt.timedelta
) -> None:
    """Without a battery the clock begins in the past: what was open is due at once, and as old as it was."""
    async with await on(machine, tmp_path) as ledger:
        await ledger.heartbeat.take()
        await pushed_to(ledger, telegram(1))
        machine.passes(AN_HOUR)
        await ledger.heartbeat.beat([])
    machine.wall, machine.uptime, machine.boot = MONDAY + off, dt.timedelta(seconds=9), "another run"
    async with await on(machine, tmp_path) as ledger:
        assert len(await due(ledger)) == 1
        assert ledger.clock() - MONDAY == age


async def test_without_a_heartbeat_no_push_began_in_the_future(tmp_path: Path) -> None:
    """A ledger of version 0.1.0 that a machine with a wrong clock wrote to."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        await pushed_to(ledger, telegram(1))
    clock.advance(days=-40)
    async with opened(tmp_path, clock) as ledger:
        assert len(await due(ledger)) == 1


async def test_an_occurrence_ahead_of_the_ledgers_clock_is_due_at_once(tmp_path: Path, machine: Machine) -> None:
    """The schedule goes by the machine's clock, which somebody set forward a moment ago."""
    async with await on(machine, tmp_path) as ledger:
        machine.wall -= DAY
        ledger.clock.set(machine.wall)
        await subscribe(ledger, telegram(1))
        await push(ledger)
        assert len(await due(ledger)) == 1


@pytest.fixture
def other_process() -> Iterator[str]:
    """The word of another process that lives."""
    program = "from bot.storage.clock import this_process; print(this_process(), flush=True); input()"
    arguments = [sys.executable, "-c", program]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")  # noqa: PTH110 - not a path of ours
async def test_one_process_at_a_time_has_the_heartbeat(real_ledger: Ledger, other_process: str) -> None:
    """The heartbeat of a process that died is taken over, that of one that lives is not."""
    ledger = real_ledger
    assert await ledger.heartbeat.take()
    assert await ledger.heartbeat.beat([])
    of_another = update(heartbeat).values(process=other_process)
    await ledger._database.change(of_another)
    assert not await ledger.heartbeat.beat([])
    assert not await ledger.heartbeat.take()
    boot, _pid, started = this_process().split(" ")
    await ledger._database.change(update(heartbeat).values(process=f"{boot} 1 {started}"))
    assert await ledger.heartbeat.take()
    await ledger.heartbeat.end()
    await ledger._database.change(of_another)
    assert not await ledger.heartbeat.take()


async def test_a_standstill_is_the_time_in_which_something_is_due_and_nothing_arrives(
    ledger: Ledger, clock: Clock
) -> None:
    """A long push is none, a pause before a retry is none; a message that never comes back is one."""

    async def standstill() -> dt.timedelta:
        return await ledger.heartbeat.standstill(TELEGRAM, await ledger.next_due(TELEGRAM))

    assert await standstill() == dt.timedelta()
    first, second = await pushed_to(ledger, telegram(1), telegram(2))
    clock.advance(minutes=20)
    assert await standstill() == dt.timedelta(minutes=20)
    await ledger.claim(TELEGRAM, 1)
    await ledger.record([sent(first, "41")])
    clock.advance(minutes=1)
    assert await standstill() == dt.timedelta(minutes=1)
    await ledger.record([later(second, clock() + dt.timedelta(minutes=5))])
    assert await standstill() <= dt.timedelta()
    clock.advance(minutes=5)
    await ledger.claim(TELEGRAM, 1)
    clock.advance(minutes=30)
    assert await standstill() == dt.timedelta(minutes=30)


async def test_each_chats_last_minute_is_known_from_the_ledger(ledger: Ledger, clock: Clock) -> None:
    """What arrived, all parts of it, and what was on its way; not what waits, failed or is older."""
    one, two, three, _four = await pushed_to(ledger, *map(telegram, range(1, 5)), texts=("a", "b", "c"))
    await ledger.claim(TELEGRAM, 1)
    await ledger.record([sent(one, "41", "42", "43")])
    clock.advance(seconds=90)
    await ledger.claim(TELEGRAM, 2)
    await ledger.record([sent(two, "44", "45", "46")])
    clock.advance(seconds=61)
    lately = {target: (ago, count) for target, ago, count in await ledger.lately(TELEGRAM)}
    assert lately == {two.target: (dt.timedelta(seconds=59), 3), three.target: (dt.timedelta(seconds=59), 1)}


async def test_a_beat_waits_for_no_reader(tmp_path: Path) -> None:
    """Two heartbeats of one process at once, as a slow disk may have them, are both written."""
    async with opened(tmp_path) as ledger:
        assert await ledger.heartbeat.take()
        assert all(await asyncio.gather(*(ledger.heartbeat.beat([str(number)]) for number in range(5))))
