"""Discord's ids, which hold the time at which they were made, and how Discord writes times."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""Discord's ids count milliseconds from here."""
_TIME_SHIFT = 22


class Snowflakes:
    """Makes Discord's ids: the time in milliseconds, then a number that keeps them apart and in order."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """An id above all before it."""
        milliseconds = (self._clock() - _EPOCH) // dt.timedelta(milliseconds=1)
        self._last = max(self._last + 1, milliseconds << _TIME_SHIFT)
        return self._last


def wire_time(moment: dt.datetime) -> str:
    """The moment as Discord writes it."""
    return moment.isoformat(timespec="microseconds")


def time_of(snowflake: int) -> dt.datetime:
    """When the id was made."""
    return _EPOCH + dt.timedelta(milliseconds=snowflake >> _TIME_SHIFT)
