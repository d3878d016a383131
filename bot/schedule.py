"""The clock: APScheduler calls when a schedule's hour comes; what is due then is asked of the cron line itself.

Whether an occurrence was already pushed is for the ledger to know. So it does no harm to look twice, and a look every
minute also covers what a timer alone would miss: a laptop that slept, a clock that jumped, an episode that came late.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.config import Schedule

log = logging.getLogger(__name__)

_LOOK_BACK = (dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=8), dt.timedelta(days=40))
"""How far back the last occurrence is searched, nearest first: a cron line can only be walked forward."""


class Timetable:
    """The schedules of the config as occurrences in time. Pure but for the calls that `start` arranges."""

    def __init__(self, schedules: Sequence[Schedule], clock: Callable[[], dt.datetime]) -> None:
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._triggers = {
            schedule.name: CronTrigger.from_crontab(schedule.cron, timezone=schedule.zone) for schedule in schedules
        }
        self._clock = clock
        self._scheduler: AsyncIOScheduler | None = None

    def next_run(self, schedule: str, after: dt.datetime | None = None) -> dt.datetime | None:
        """The next occurrence after now or a later moment, in the schedule's zone; None for an unknown schedule."""
        trigger = self._triggers.get(schedule)
        now = self._clock()
        return None if trigger is None else self._following(trigger, max(now, after or now))

    def last_run(self, schedule: str) -> dt.datetime | None:
        """The newest occurrence that is not after now; None when there was none in the last weeks."""
        now = self._clock()
        trigger = self._triggers[schedule]
        for reach in _LOOK_BACK:
            last = None
            following = self._following(trigger, now - reach)
            while following is not None and following <= now:
                last, following = following, self._following(trigger, following)
            if last is not None:
                return last
        return None

    def start(self, tick: Callable[[], Awaitable[None]]) -> None:
        """Call `tick` at every occurrence, and every minute besides."""
        # The default executor would cancel a running tick on shutdown; a tick is short, and the ledger makes it whole.
        scheduler = AsyncIOScheduler(executors={"default": AsyncIOExecutor()}, timezone=dt.UTC)
        options = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        for name, trigger in self._triggers.items():
            scheduler.add_job(tick, trigger, id=f"schedule {name}", **options)
        scheduler.add_job(tick, CronTrigger(minute="*", timezone=dt.UTC), id="every minute", **options)
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Call nobody any more."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    @staticmethod
    def _following(trigger: CronTrigger, moment: dt.datetime) -> dt.datetime | None:
        # A trigger's own "next" includes the moment itself.
        after = moment + dt.timedelta(microseconds=1)
        found: dt.datetime | None = trigger.get_next_fire_time(None, after)
        # By way of UTC, so that an hour which the clock change skips gets the name it has that night.
        return None if found is None else found.astimezone(dt.UTC).astimezone(found.tzinfo)
