"""The clock: the occurrences of each schedule, by APScheduler's reading of its cron line, and a look every minute.

Because a cron line names a minute, a look at every full minute is on time. Unlike a timer, it also serves a laptop that
slept, a clock that was set, a late episode and another schedule. The ledger knows which occurrences were pushed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from apscheduler.triggers.cron import CronTrigger

from bot.config.cron import Days

if TYPE_CHECKING:
    from bot.config import Schedule

_MINUTE = 60.0
_LOOK_BACK = (dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=8), dt.timedelta(days=40))
"""Distances from which the last occurrence is looked for, nearest first: APScheduler only walks forward."""


class Timetable:
    """The schedules of the config as occurrences in time. Pure."""

    def __init__(self, schedules: Sequence[Schedule], clock: Callable[[], dt.datetime]) -> None:
        self._triggers = {
            schedule.name: CronTrigger.from_crontab(schedule.cron, timezone=schedule.timezone) for schedule in schedules
        }
        self._days = {schedule.name: Days.of(schedule.cron) for schedule in schedules}
        self._clock = clock

    def days(self, schedule: str) -> Days | None:
        """Return the days on which the schedule pushes, in its own zone; None for an unknown one."""
        return self._days.get(schedule)

    def next_run(self, schedule: str, after: dt.datetime | None = None) -> dt.datetime | None:
        """Return the next occurrence after now or a later moment, in the schedule's zone; None for an unknown one."""
        trigger = self._triggers.get(schedule)
        now = self._clock()
        return None if trigger is None else self._following(trigger, max(now, after or now))

    def last_run(self, schedule: str, until: dt.datetime | None = None) -> dt.datetime | None:
        """Return the newest occurrence until now or an earlier moment; None when there was none in the weeks before."""
        now = until or self._clock()
        trigger = self._triggers[schedule]
        for reach in _LOOK_BACK:
            last = None
            following = self._following(trigger, now - reach)
            while following is not None and following <= now:
                last, following = following, self._following(trigger, following)
            if last is not None:
                return last
        return None

    @staticmethod
    def _following(trigger: CronTrigger, moment: dt.datetime) -> dt.datetime | None:
        # A trigger's own "next" includes the moment itself. In UTC, because local time plus a difference takes the
        # second of two equal hours in autumn for the first; else an occurrence would follow itself for ever.
        after = moment.astimezone(dt.UTC) + dt.timedelta(microseconds=1)
        found: dt.datetime | None = trigger.get_next_fire_time(None, after)
        # By way of UTC, so that an hour which the clock change skips gets the name it has that night.
        return None if found is None else found.astimezone(dt.UTC).astimezone(found.tzinfo)


async def every_minute(
    look: Callable[[], Awaitable[None]],
    clock: Callable[[], dt.datetime],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call `look` as each minute begins, until cancelled or until it raises.

    No sleep is longer than a minute, so that a clock which is set in the meantime is noticed within one.
    """
    while True:
        now = clock()
        # A sleep that ends a moment too early is followed by one of that moment.
        await sleep(_MINUTE - now.second - now.microsecond / 1e6)
        await look()
