"""Discord's ids, which contain the time of their creation, and Discord's format of times."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""Zero of the milliseconds in Discord's ids."""
_TIME_SHIFT = 22


class Snowflakes:
    """Generator of Discord's ids: the time in milliseconds, then a number that keeps ids distinct and in order."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return an id above all earlier ones."""
        milliseconds = (self._clock() - _EPOCH) // dt.timedelta(milliseconds=1)
        self._last = max(self._last + 1, milliseconds << _TIME_SHIFT)
        return self._last


def wire_time(moment: dt.datetime) -> str:
    """Return the moment in Discord's format."""
    return moment.isoformat(timespec="microseconds")


def time_of(snowflake: int) -> dt.datetime:
    """Return the time of the id's creation."""
    return _EPOCH + dt.timedelta(milliseconds=snowflake >> _TIME_SHIFT)
