"""The figures of a show: sums by day and by push, which hold no chat and nobody's words."""

from __future__ import annotations

import datetime as dt
import enum
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from bot.model.subscription import PlatformName

WEEK = dt.timedelta(days=7)
WEEKS = 52
"""Weeks that the figures show."""
KEPT = dt.timedelta(days=730)
"""Time after which the sums of a day are deleted: enough to compare a week with that of the year before."""


class Counted(enum.StrEnum):
    """An event that is counted by day."""

    JOINED = "joined"
    LEFT = "left"
    ASKED = "asked"
    """A command, by its name."""
    TOPIC = "topic"
    """A topic of the archive that somebody asked for."""


class Kind(enum.StrEnum):
    """The kind of place of a subscription."""

    PRIVATE = "private"
    SHARED = "shared"
    """A group, a channel or a server."""


class Sum(NamedTuple):
    """The name of a sum: the event, the platform, and the kind of place, the command or the topic."""

    what: Counted
    platform: PlatformName
    name: str


Count: TypeAlias = Callable[[Sum], None]
"""The callback that counts an event once."""


class Group(NamedTuple):
    """A platform, and a kind of place there."""

    platform: PlatformName
    kind: Kind

    @classmethod
    def of(cls, platform: PlatformName, *, is_private: bool) -> Group:
        """Return the group of a place that is a chat with one person, or is not."""
        return cls(platform, Kind.PRIVATE if is_private else Kind.SHARED)


@dataclass(frozen=True, slots=True)
class Week:
    """The subscriptions at the end of a week that begins on `monday`, and those that began and ended in it."""

    monday: dt.date
    subscriptions: Mapping[Group, int]
    joined: Mapping[Group, int]
    left: Mapping[Group, int]


@dataclass(frozen=True, slots=True)
class PushFigures:
    """One push of an episode.

    `results` counts the deliveries by their result; None where version 0.1.0 has deleted them. `took` is None for a
    push under way.
    """

    episode: int
    schedule: str
    began: dt.datetime
    took: dt.timedelta | None
    results: Mapping[str, int] | None
    left_out: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the last weeks, the oldest first, up to a day.

    `followers` counts the subscriptions that chose a topic, and `asked` how often people asked for it.
    """

    until: dt.date
    weeks: Sequence[Week]
    pushes: Sequence[PushFigures] = ()
    followers: Mapping[str, int] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)
    commands: Mapping[dt.date, Mapping[str, int]] = field(default_factory=dict)

    @property
    def topics(self) -> list[str]:
        """The topics that people follow or asked for, those with most followers first."""
        return sorted(
            self.followers.keys() | self.asked.keys(),
            key=lambda topic: (-self.followers.get(topic, 0), -self.asked.get(topic, 0), topic),
        )


def monday_of(day: dt.date) -> dt.date:
    """Return the Monday with which the week of a day begins."""
    return day - dt.timedelta(days=day.weekday())


def weeks_until(
    until: dt.date,
    first: dt.date,
    subscriptions: Mapping[Group, int],
    moves: Iterable[tuple[dt.date, Counted, Group, int]],
) -> list[Week]:
    """Return the weeks from the first day to the last, on which there are these subscriptions.

    The end of each week is told from that of the next: it had the subscriptions that have ended since, and lacked those
    that have begun since.
    """
    moved: defaultdict[tuple[dt.date, Counted], Counter[Group]] = defaultdict(Counter)
    for day, what, group, count in moves:
        moved[monday_of(day), what][group] += count
    now, monday, weeks = Counter(subscriptions), monday_of(until), list[Week]()
    while monday >= monday_of(first) and len(weeks) < WEEKS:
        joined, left = moved[monday, Counted.JOINED], moved[monday, Counted.LEFT]
        # Because a forgotten chat leaves the sums as far as the ledger can tell them apart, none counts below zero.
        weeks.append(Week(monday, +now, +joined, +left))
        now.subtract(joined)
        now.update(left)
        monday -= WEEK
    return weeks[::-1]
