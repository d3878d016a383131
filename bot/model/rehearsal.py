"""The rehearsal of a push: the text that the team saw before, the decisions on the push, and the facts about both."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.model.facts import Fact
from bot.model.problems import Problem
from bot.model.subscription import Target


class Instruction(enum.StrEnum):
    """An instruction of the team about a push. The words are part of the data of buttons."""

    APPROVE = "approve"
    """The text may go out. This takes a withholding back."""
    WITHHOLD = "withhold"
    """Nothing goes out, whatever the text, until somebody decides otherwise."""
    RELEASE = "release"
    """A withholding is taken back, and an approval from before it holds again."""


class Hold(enum.Enum):
    """A reason why a push waits."""

    WITHHELD = enum.auto()
    UNAPPROVED = enum.auto()


@dataclass(frozen=True, slots=True)
class Permit:
    """The text that a push would send, and whether somebody has to approve it."""

    digest: str
    is_needed: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All that is known of an episode before its push on a schedule.

    `number` counts the rehearsals, and the last one showed the text with that `digest` at that moment. `parts` are its
    words by the name of each part, and `before` those of the rehearsal before. An approval holds for one digest alone.
    A rehearsal that somebody asked for by hand has an empty schedule.
    """

    schedule: str
    episode: int
    number: int = 0
    digest: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    rehearsed: dt.datetime | None = None
    approved: str = ""
    approved_by: str = ""
    withheld_by: str = ""

    @property
    def key(self) -> str:
        """The key of the last rehearsal's broadcast."""
        return f"rehearsal {self.number} {self.schedule}".rstrip()

    def hold(self, permit: Permit) -> Hold | None:
        """Return why the push of that text waits; None if it may go out."""
        if self.withheld_by:
            return Hold.WITHHELD
        return Hold.UNAPPROVED if permit.is_needed and self.approved != permit.digest else None


@dataclass(frozen=True, slots=True)
class Planned:
    """A push to come: the episode, its text, and when it goes out on which schedule.

    Without an `occurrence`, the episode is due on no schedule. A push of `until` is late and goes out no later.
    """

    schedule: str
    episode: int
    title: str
    occurrence: dt.datetime | None
    until: dt.datetime | None
    permit: Permit

    @property
    def hour(self) -> str:
        """The hour on the wall, in keys."""
        return f"{self.occurrence:%Y-%m-%d %H:%M}" if self.occurrence else ""


@dataclass(frozen=True, slots=True)
class Rehearsed(Fact):
    """A rehearsal that the team has before its eyes, with all that helps to decide.

    `subscribers` is the number of subscriptions of the push, which `takes` so long. `warnings` are those of
    `recap check`, and `refused` the places that the rehearsal did not reach, with the platform's words.
    """

    KEY = "rehearsed {fact.rehearsal.schedule} {fact.push.episode} {fact.rehearsal.number}"
    push: Planned
    rehearsal: Rehearsal
    subscribers: int
    takes: dt.timedelta
    warnings: Sequence[Problem] = ()
    refused: Sequence[tuple[Target, str]] = ()


@dataclass(frozen=True, slots=True)
class Waiting(Fact):
    """A push that nobody lets out: `stage` before its hour, or with a `stage` of zero when the hour has passed."""

    KEY = "waiting {fact.push.schedule} {fact.push.hour} {fact.push.episode} {fact.stage}"
    push: Planned
    rehearsal: Rehearsal
    stage: dt.timedelta


class Ruling(enum.Enum):
    """The effect of a decision."""

    TAKEN = enum.auto()
    OUTDATED = enum.auto()
    """The text has changed since it was shown, so that nothing was decided."""
    TOO_LATE = enum.auto()
    """The push has begun before, so that nothing was decided."""


@dataclass(frozen=True, slots=True)
class Decided(Fact):
    """A decision of a person on a push, made `at` that moment, with its effect."""

    KEY = "decided {fact.push.schedule} {fact.push.episode} {fact.at}"
    push: Planned
    rehearsal: Rehearsal
    decision: Instruction
    who: str
    at: dt.datetime
    ruling: Ruling = Ruling.TAKEN
