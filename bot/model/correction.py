"""The correction of a pushed episode: its text, the extent of the changes, and the facts about both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.model.facts import REPORT, Fact, Pushed
from bot.model.subscription import PlatformName, Target


class Text(NamedTuple):
    """The text of an episode: a digest of all of it, and its words by the name of each part."""

    digest: str
    parts: Mapping[str, str]


class Extent(NamedTuple):
    """The number of places at which something is to be changed, and of the messages."""

    places: int
    messages: int


@dataclass(frozen=True, slots=True)
class Correctable(Fact):
    """A pushed episode whose file says something else now, and all that helps to decide.

    `before` is the text that was sent. The changes have an extent on each platform, and take so long. `unknown` places
    got the episode from version 0.1.0, which noted too little for a change. `corrections` were made before.
    """

    KEY = "correctable {fact.episode} {fact.corrections} {fact.text.digest}"
    episode: int
    title: str
    text: Text
    before: Mapping[str, str]
    extents: Mapping[PlatformName, Extent]
    takes: dt.timedelta
    unknown: int = 0
    corrections: int = 0


class UnderWay(NamedTuple):
    """A correction or recall that goes on: the places where it is made, all of them, and when it is over.

    That moment is the latest possible one if `is_latest`, and else the one at which it ends at its pace so far.
    """

    episode: int
    is_recall: bool
    done: int
    places: int
    until: dt.datetime
    is_latest: bool


@dataclass(frozen=True, slots=True)
class Changed(Fact):
    """The end of a correction, or of a recall; a correction that is not whole left out a platform."""

    KEY = REPORT + "{fact.outcome.broadcast}"
    outcome: Pushed
    is_recall: bool
    is_whole: bool = True

    @property
    def places(self) -> Sequence[Target]:
        """The places that the notice shows."""
        return self.outcome.places
