"""The number and date of a draft whose notes have none."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from bot.content.archive import Archive

NextRun: TypeAlias = Callable[[str, dt.datetime | None], dt.datetime | None]
"""Returns the next push of a schedule, by its name, after a moment, or after now."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The number and date of a draft whose notes have none: the next number, the day of the next push."""

    number: int
    date: dt.date


def defaults_after(archive: Archive, next_run: NextRun, schedules: Iterable[str], today: dt.date) -> Defaults:
    """Return the number after the highest, and the day of the next push that has no episode yet; else today."""
    taken = {episode.date for episode in archive.episodes}
    days = []
    for schedule in schedules:
        run = next_run(schedule, None)
        while run is not None and run.date() in taken:
            run = next_run(schedule, run)
        if run is not None:
            days.append(run.date())
    return Defaults(max((episode.number for episode in archive.episodes), default=0) + 1, min(days, default=today))
