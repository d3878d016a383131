"""The clock: which occurrence is the last and which is the next, whatever the calendar does."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
import time_machine

from bot.runtime.clock import Timetable, every_minute
from tests.waiting import PATIENCE

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Line:
    """A schedule, as the timetable sees it."""

    name: str = "monday"
    cron: str = "0 8 * * mon"
    timezone: ZoneInfo = PARIS


def timetable(now: str, line: Line | None = None) -> Timetable:
    """A timetable at a moment in UTC."""
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    return Timetable([line or Line()], lambda: moment)  # type: ignore[list-item] # Line has what it reads


@pytest.mark.parametrize(
    ("now", "last", "next_one"),
    [
        ("2024-11-04T06:59:59", "2024-10-28T08:00+01:00", "2024-11-04T08:00+01:00"),
        ("2024-11-04T07:00:00", "2024-11-04T08:00+01:00", "2024-11-11T08:00+01:00"),
        ("2024-11-06T12:00:00", "2024-11-04T08:00+01:00", "2024-11-11T08:00+01:00"),
        ("2024-10-26T12:00:00", "2024-10-21T08:00+02:00", "2024-10-28T08:00+01:00"),
    ],
)
def test_the_last_and_the_next_occurrence_in_local_time(now: str, last: str, next_one: str) -> None:
    """Eight o'clock is eight o'clock where the show is, in summer and in winter; the hour itself counts as come."""
    times = timetable(now)
    assert times.last_run("monday") == dt.datetime.fromisoformat(last)
    assert times.next_run("monday") == dt.datetime.fromisoformat(next_one)


def test_the_end_of_a_pause_long_ago_brings_no_push_back() -> None:
    """The next one is after now, whatever it is asked for."""
    times = timetable("2024-11-06T12:00:00")
    assert times.next_run("monday", dt.datetime(2024, 10, 1, tzinfo=dt.UTC)) == times.next_run("monday")


def test_an_hour_that_spring_skips_still_comes_once() -> None:
    """02:30 does not exist on the last Sunday of March; the push comes at 03:30 that night."""
    times = timetable("2025-03-30T03:00:00", Line(cron="30 2 * * sun"))
    assert times.last_run("monday") == dt.datetime.fromisoformat("2025-03-30T03:30+02:00")


def test_the_hour_that_autumn_repeats_is_followed_by_another_day() -> None:
    """02:30 comes twice that night, and after the second one it is over."""
    times = timetable("2024-10-27T00:00:00", Line(cron="30 2 * * sun"))
    second = dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=PARIS)
    assert times.next_run("monday", after=second) == dt.datetime(2024, 11, 3, 2, 30, tzinfo=PARIS)


def test_a_schedule_nobody_knows_has_no_next_run() -> None:
    """A subscription may outlive its schedule; asking for its next push is no error."""
    assert timetable("2024-11-04T07:00:00").next_run("gone") is None


async def test_the_clock_looks_as_each_minute_begins() -> None:
    """On time, without drift; woken a moment too early, it looks again at once."""
    now = dt.datetime(2024, 11, 4, 6, 58, 30, tzinfo=dt.UTC)
    looks: list[str] = []

    async def look() -> None:
        looks.append(f"{now:%H:%M:%S.%f}"[:-3])
        if len(looks) == 4:
            raise EOFError

    async def sleep(seconds: float) -> None:
        nonlocal now
        too_early = 0.001 if len(looks) == 1 else 0
        now += dt.timedelta(seconds=seconds - too_early)

    with pytest.raises(EOFError):
        await every_minute(look, lambda: now, sleep)
    assert looks == ["06:59:00.000", "06:59:59.999", "07:00:00.000", "07:01:00.000"]


async def test_a_clock_that_is_set_is_noticed_within_a_minute() -> None:
    """Back by a year or forward by a year: no sleep is longer than a minute."""
    now = dt.datetime(2024, 11, 4, 6, 58, 30, tzinfo=dt.UTC)
    slept: list[float] = []

    async def look() -> None:
        if len(slept) == 5:
            raise EOFError

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += dt.timedelta(days=(365, -730, 365)[len(slept) % 3], seconds=seconds)

    with pytest.raises(EOFError):
        await every_minute(look, lambda: now, sleep)
    assert all(0 < seconds <= 60 for seconds in slept)


async def test_the_machines_own_clock_calls_at_the_hour() -> None:
    """With the machine's clock a moment before eight, the look comes when eight has come."""
    moments: list[dt.datetime] = []

    async def look() -> None:
        moments.append(dt.datetime.now(dt.UTC))
        if moments[-1].astimezone(PARIS).hour == 8:
            raise EOFError

    with time_machine.travel(dt.datetime(2024, 11, 4, 7, 59, 59, 700_000, tzinfo=PARIS), tick=True):
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(EOFError):
                await every_minute(look, lambda: dt.datetime.now(dt.UTC))
    assert moments[-1] >= dt.datetime(2024, 11, 4, 8, 0, tzinfo=PARIS)
