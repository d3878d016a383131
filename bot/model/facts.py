"""The facts that the admins should know.

A part of the bot reports a fact by a callback and knows nothing of notices. The ledger remembers under the fact's key
that the fact was told. No key may change, because the databases of version 0.1.0 hold them.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from bot.model.codes import NO_FAILURES, Code, LeftOut
from bot.model.problems import Problem
from bot.model.subscription import PlatformName, Target

if TYPE_CHECKING:
    from bot.model.episode import Episode


class Ability(enum.StrEnum):
    """A part of the work on a platform that can fail by itself. The words are part of keys."""

    CONNECTED = "connected"
    MENU = "menu"
    """The platform has taken the menu of commands."""
    LISTENING = "listening"


REPORT = "report "
"""The beginning of the key of a push's report; the number of the push's broadcast follows."""
RESTORED = "restored "
"""The beginning of the key under which the ledger remembers that it was restored; the moment follows."""
WELCOME = "welcome"
"""The key of the first notice. The bot reports nothing that happened before."""

# By the hour on the wall, so that the hour that autumn repeats is one occasion; else the admins would hear of it twice.
_OCCASION = "{fact.schedule} {fact.occurrence:%Y-%m-%d %H:%M}"


class Fact:
    """An event that the admins should know, told once per key."""

    __slots__ = ()
    KEY: ClassVar[str]
    """The key, with the names of the fact's fields. With `{day}` in it, the fact is told once a day."""

    @property
    def places(self) -> Sequence[Target]:
        """The places that the notice shows."""
        return ()

    @property
    def in_log(self) -> Self:
        """The fact as the log and the status may have it."""
        return self

    def key_on(self, day: dt.date) -> str:
        """Return the key of the fact if it is told on that day."""
        return self.KEY.format(fact=self, day=day)


Tell: TypeAlias = Callable[[Fact], Awaitable[None]]
"""The callback by which a part of the bot reports a fact. The callback raises nothing."""


async def tell_nobody(_fact: Fact) -> None:
    """Drop the fact."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """Deliveries on one platform that failed for one reason, or with `unknown` those of unknown outcome.

    `code` is a `Code` or empty, `reason` the platform's own text; `targets` are some of the places.
    """

    platform: PlatformName
    code: str
    reason: str
    count: int
    unknown: bool = False
    targets: Sequence[Target] = ()


@dataclass(frozen=True, slots=True)
class Pushed(Fact):
    """The end of a push, at `ended_at`. `took` is the time from its beginning to its end; `approved_by` may be empty.

    `served`, `mended`, `unserved` and the `unfinished` together are all deliveries. `mended` counts those that failed
    here and arrived in a later push of the episode. `left_out` counts the other ones of the `subscribed`, of whom
    version 0.1.0 kept no number. `publishing` are messages not yet passed on to the followers of their channel.
    """

    KEY = REPORT + "{fact.broadcast}"
    broadcast: int
    episode: int
    schedule: str
    took: dt.timedelta
    served: Mapping[PlatformName, int] = field(default_factory=dict)
    unserved: Sequence[Unserved] = ()
    mended: int = 0
    unfinished: int = 0
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)
    subscribed: int | None = None
    publishing: int = 0
    ended_at: dt.datetime | None = None
    approved_by: str = ""

    @property
    def places(self) -> Sequence[Target]:
        """The places that the notice shows."""
        return [target for each in self.unserved for target in each.targets]

    @property
    def sent(self) -> int:
        """The number of deliveries that arrived."""
        return sum(self.served.values())

    @property
    def failed(self) -> int:
        """The number of deliveries that certainly did not arrive to people who wanted them."""
        return sum(each.count for each in self.unserved if not each.unknown and each.code not in NO_FAILURES)

    @property
    def unknown(self) -> int:
        """The number of deliveries of unknown outcome."""
        return sum(each.count for each in self.unserved if each.unknown)

    @property
    def ended(self) -> int:
        """The number of subscriptions that ended meanwhile, by the people or because of a platform's answer."""
        return sum(each.count for each in self.unserved if each.code in {Code.GONE, Code.ENDED, Code.NOT_FOUND})

    @property
    def total(self) -> int:
        """The number of all deliveries."""
        return self.sent + self.mended + sum(each.count for each in self.unserved)

    @property
    def unaccounted(self) -> int:
        """The number of subscriptions that the sums miss; 0 if all is well, below 0 if they count too many."""
        if self.subscribed is None:
            return 0
        return self.subscribed - self.total - self.unfinished - sum(self.left_out.values())

    @property
    def results(self) -> dict[str, int]:
        """The number of deliveries by their result, in words; together they are all that are over."""
        results = {"sent": self.sent, "sent later": self.mended, "failed": self.failed, "unknown": self.unknown}
        return results | {"not wanted any more": self.total - sum(results.values())}


@dataclass(frozen=True, slots=True)
class Unreached:
    """An admin, or a channel of the config, to whom no message comes.

    `code` is that of the platform's answer, or empty for an admin who did not get the last notice; `reason` is the
    platform's own text.
    """

    target: Target
    code: str
    reason: str
    is_admin: bool
    is_person: bool
    """Whether the target is a private chat by its number."""


@dataclass(frozen=True, slots=True)
class OutOfReach(Fact):
    """Places to which no message comes."""

    KEY = "out-of-reach {fact.named} {day}"
    unreached: Sequence[Unreached]

    @property
    def named(self) -> str:
        """The targets, in the key."""
        return " ".join(sorted({str(each.target) for each in self.unreached}))

    @property
    def places(self) -> Sequence[Target]:
        """The places that the notice shows."""
        return [each.target for each in self.unreached]


@dataclass(frozen=True, slots=True)
class MessageRefused(Fact):
    """A message of an episode that several chats refused and none took, so that `left_out` more do not get it."""

    KEY = "refused {fact.broadcast} {fact.platform}"
    broadcast: int
    episode: int
    platform: PlatformName
    reason: str
    left_out: int


@dataclass(frozen=True, slots=True)
class TooLong(Fact):
    """A push that has begun and `takes` longer than the time after which its messages are given up."""

    KEY = "too-long {fact.broadcast}"
    broadcast: int
    episode: int
    takes: dt.timedelta
    given_up_after: dt.timedelta


@dataclass(frozen=True, slots=True)
class NoEpisode(Fact):
    """The absence of a new episode at the hour of a push. Until `until`, one goes out as soon as it is saved.

    `unready` episodes (drafts, or with a later date) and `problems` may be the cause.
    """

    KEY = f"no-episode {_OCCASION}"
    schedule: str
    occurrence: dt.datetime
    until: dt.datetime
    unready: Sequence[Episode] = ()
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Missed(Fact):
    """A push that is later than its schedule allows, perhaps because nobody has let it out."""

    KEY = f"missed {_OCCASION} {{fact.episode}}"
    schedule: str
    occurrence: dt.datetime
    episode: int
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Restored(Fact):
    """The restoring of the ledger at that moment, from a backup that knows nothing of the time since `since`.

    `unsure` deliveries were unfinished in the backup.
    """

    KEY = RESTORED + "{fact.at:%Y-%m-%d %H:%M:%S}"
    since: dt.datetime
    at: dt.datetime
    unsure: int


@dataclass(frozen=True, slots=True)
class MayHaveGone(Fact):
    """An episode that may have been pushed on the schedule in a time of which a restored ledger knows nothing."""

    KEY = "may-have-gone {fact.schedule} {fact.episode} {fact.since:%Y-%m-%d %H:%M:%S}"
    schedule: str
    episode: int
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class FileBroken(Fact):
    """An episode's file with mistakes. With `in_use`, the bot goes on with the file's last good version.

    For a copy of another file `in_use` is None, because no mending makes the copy count.
    """

    KEY = "broken {fact.version}"
    version: str
    problems: Sequence[Problem]
    in_use: bool | None


@dataclass(frozen=True, slots=True)
class ConfigRefused(Fact):
    """A changed config that cannot be used."""

    KEY = "config {fact.version}"
    version: str
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class NeedsRestart(Fact):
    """A changed config with keys that a running bot cannot change."""

    KEY = "restart {fact.version}"
    version: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class PlatformStopped(Fact):
    """A platform that refuses the token: nothing is sent or received there until it takes the token again."""

    KEY = "stopped {fact.platform} {day}"
    platform: PlatformName


@dataclass(frozen=True, slots=True)
class PlatformResumed(Fact):
    """A platform that takes the token again."""

    KEY = "resumed {fact.platform} {day}"
    platform: PlatformName


@dataclass(frozen=True, slots=True)
class AddressBanned(Fact):
    """A refusal of this machine's address by the platform's protection: nothing leaves before `pause` is over."""

    KEY = "banned {fact.platform} {day}"
    platform: PlatformName
    pause: dt.timedelta


@dataclass(frozen=True, slots=True)
class MadeToWait(Fact):
    """A pause that the platform asks for before the bot may connect."""

    KEY = "waits {fact.platform} {day}"
    platform: PlatformName
    pause: dt.timedelta


@dataclass(frozen=True, slots=True)
class Rival(Fact):
    """Another program that receives with the bot's token. While it does, no push goes out on the platform."""

    KEY = "rival {fact.platform} {day}"
    platform: PlatformName


@dataclass(frozen=True, slots=True)
class WebhookRemoved(Fact):
    """A webhook to a `host` that another program has set with the bot's token, and that the bot has removed."""

    KEY = "webhook {fact.platform} {day}"
    platform: PlatformName
    host: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable(Fact):
    """A kind of update or event that the platform's library cannot read. The bot skips all like it."""

    KEY = "unreadable {fact.platform} {fact.kind}"
    platform: PlatformName
    kind: str


@dataclass(frozen=True, slots=True)
class ClockSet(Fact):
    """A change of the machine's clock by `by`, or, with a `process`, its difference to the database server's clock."""

    KEY = "clock {fact.minutes} {day}"
    by: dt.timedelta
    process: str = ""

    @property
    def minutes(self) -> int:
        """The change in minutes, so that a clock which goes back and forth all day is not told each time."""
        return round(self.by / dt.timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class StorageTrouble(Fact):
    """A database that cannot be used. Because the ledger cannot take this fact, it is told past it."""

    KEY = "storage {day}"
    reason: str


@dataclass(frozen=True, slots=True)
class StorageMended(Fact):
    """A database that can be used again since that moment."""

    KEY = "storage mended {fact.at}"
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Standing(Fact):
    """The abilities on a platform: each with the reason why it fails, or with an empty one if it works.

    Without a connection nothing else can be known. An ability without an entry has not shown yet whether it works.
    """

    KEY = "standing {fact.platform} {fact.failing} {day}"
    platform: PlatformName
    reasons: Mapping[Ability, str]

    @property
    def failing(self) -> str:
        """The abilities that do not work, or not yet; empty if all do."""
        return "+".join(ability for ability in Ability if self.reasons.get(ability, "unknown"))

    def __str__(self) -> str:
        said = {ability: self.reasons.get(ability, "no answer yet") for ability in Ability}
        return ", ".join(f"not {ability} ({reason})" if reason else ability for ability, reason in said.items())

    @property
    def is_known(self) -> bool:
        """Whether nothing more is to be learned at a start."""
        return bool(self.reasons.get(Ability.CONNECTED)) or len(self.reasons) == len(Ability)


@dataclass(frozen=True, slots=True)
class ServiceRestarted(Fact):
    """A part of the bot that failed and was started again."""

    KEY = "restarted {fact.service} {day}"
    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class AboutPlace(Fact):
    """A fact about one place, with the platform's words."""

    target: Target
    reason: str

    @property
    def places(self) -> Sequence[Target]:
        """The places that the notice shows."""
        return (self.target,)


class NotPublished(AboutPlace):
    """An announcement channel with messages that could not be passed on to its followers."""

    KEY = "not-published {fact.target} {day}"


class PausedTooLong(AboutPlace):
    """A subscription that has ended because it was paused for too long."""

    KEY = "ended {fact.target} {day}"


@dataclass(frozen=True, slots=True)
class Welcome(Fact):
    """The first start of the bot, with what works there. `next_push` is None if no push is scheduled."""

    KEY = WELCOME
    next_push: dt.datetime | None
    standings: Sequence[Standing] = ()
