"""The ledger's contents as the rest of the program sees them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bot.model.codes import LeftOut
from bot.model.document import Document, Layout, plain
from bot.model.i18n import gettext as _
from bot.model.problems import StorageError
from bot.model.rendering import JsonObject, Message, Rendering, Upload
from bot.model.subscription import AudioAs, PlatformName, Target

if TYPE_CHECKING:
    from sqlalchemy import Row


class LedgerError(StorageError):
    """The error of a database that cannot be used: `message` says what is wrong, `cure` what to do."""

    def __init__(self, message: str, cure: str = "", *, key: str = "") -> None:
        told = _("{name}: {text}").format(name=message, text=cure) if cure else message
        super().__init__(f"{key}: {told}" if key else told)
        self.message = message
        self.cure = cure


class BroadcastKind(enum.StrEnum):
    """The purpose of a broadcast."""

    PUSH = "push"
    """An episode, to all subscriptions of a schedule."""
    SINGLE = "single"
    """An episode, to one target that the admin named."""
    NOTICE = "notice"
    """A message to the admins."""
    REHEARSAL = "rehearsal"
    """An episode, to the team before its push."""
    CORRECTION = "correction"
    """The changes that bring the messages of one of the first two in line with the episode's file."""
    RECALL = "recall"
    """The deletion, or else the replacement, of the messages of one of the first two."""


EPISODES = (BroadcastKind.PUSH, BroadcastKind.SINGLE)
"""The kinds of broadcasts that bring an episode to people."""
CHANGES = (BroadcastKind.CORRECTION, BroadcastKind.RECALL)
"""The kinds of broadcasts that change messages that were sent."""


def to_one(target: Target) -> str:
    """Return the key of a broadcast to this target alone."""
    return f"to {target}"


def target_of(row: Row[Any]) -> Target:
    """Return the target in a row with the columns of one."""
    return Target(row.platform, row.chat, row.thread)


class BroadcastState(enum.StrEnum):
    """The progress of a broadcast."""

    OPEN = "open"
    DONE = "done"
    """No delivery is left to make."""
    STOPPED = "stopped"
    """Over before its end, as version 0.1.0 stored a push whose message was refused."""


class DeliveryState(enum.StrEnum):
    """The progress of a delivery."""

    PENDING = "pending"
    SENDING = "sending"
    """A message has been claimed and may be on its way."""
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nothing is left to send, and nobody can tell whether all of it arrived."""


class DeliveryRank(enum.IntEnum):
    """The place of a pending delivery among those that are due. Within a rank, the one due first goes first."""

    FIRST = 0
    """A notice, or an episode for one target: somebody waits for it, and it is one message among thousands."""
    BEGUN = 1
    """A further message of a delivery, because a recap is read as one."""
    AGAIN = 2
    """A first message whose turn had come before, so that it keeps its place."""
    LAST = 3
    """A first message in the order of its broadcast, or any message that failed often."""
    CHANGE_BEGUN = 4
    """A further change of messages at one place: after all messages that are new to people."""
    CHANGE = 5
    """A first change, or any change that failed often."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One episode on one schedule or to one target, or one notice to the admins.

    `key` makes it exist once for its episode: the schedule's name of a push, `to TARGET` of a single, the key of a
    notice or of a rehearsal.
    `repeat` counts the times that the admin pushed it again. A notice has a `text`, and 0 for `episode` if about none.
    `subscribed` counts the subscriptions of a push's schedule when it was opened, and `left_out` those of them without
    a delivery, by reason. Version 0.1.0 counted neither. `results` counts the deliveries of a push by their result,
    once they are deleted.
    """

    id: int
    kind: BroadcastKind
    episode: int
    title: str
    key: str
    repeat: int
    due: dt.datetime
    created: dt.datetime
    state: BroadcastState
    reason: str
    finished: dt.datetime | None
    text: str
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)
    subscribed: int | None = None
    results: Mapping[str, int] | None = None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the broadcast in a row of its table."""
        fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        left_out = {LeftOut(why): count for why, count in fields.pop("left_out").items()}
        del fields["seed"]
        return cls(key=fields.pop("schedule"), text=fields.pop("text") or "", left_out=left_out, **fields)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One broadcast to one target.

    `position` is the index of the next message, `attempts` the number of its tries, and `due` its earliest time.
    `message_ids` are the platform's ids of the messages before it, None where nobody knows whether one arrived. `code`
    and `reason` are those of the last failure.
    """

    id: int
    broadcast_id: int
    subscription_id: int | None
    target: Target
    rendering_id: int
    state: DeliveryState
    position: int
    message_ids: tuple[str | None, ...]
    attempts: int
    due: dt.datetime
    code: str
    reason: str
    publish: bool
    pin: bool

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the delivery in a row of its table."""
        fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        for name in ("updated", "rank", "choice_id", "corrects"):
            del fields[name]
        target = Target(fields.pop("platform"), fields.pop("chat"), fields.pop("thread"))
        return cls(target=target, **fields)


class Claim(NamedTuple):
    """One message that a worker is to send: the next of its delivery.

    A named tuple, because one is made for every message. The fields are those of `Delivery`; `attempts` counts this
    try too. A claim that `corrects` a delivery is one change of the messages with these ids; they are all if the
    delivery `is_whole`.
    """

    id: int
    broadcast_id: int
    target: Target
    rendering_id: int
    position: int
    message_ids: tuple[str | None, ...]
    attempts: int
    code: str
    publish: bool
    pin: bool = False
    corrects: int | None = None
    is_whole: bool = True


class Revision(NamedTuple):
    """The way from one rendering to another in messages that were sent.

    The messages at the `unchanged` places stay. The `withdrawn` one stands in place of each that is to go and that the
    platform keeps. `becomes` is the id of the rendering that stands afterwards, None for none. The messages were sent
    from `sent` on. Unless it `renames`, the title is the same. With `has_recording`, the first message is one.
    """

    unchanged: frozenset[int]
    withdrawn: Message
    becomes: int | None
    sent: dt.datetime
    renames: bool
    has_recording: bool


@dataclass(frozen=True, slots=True)
class StoredRendering:
    """The rendering of deliveries, and when their broadcast was opened.

    Its messages have nonces that begin from the `seed`. One that `lasts` is the same in every database; that of version
    0.1.0 holds for the ids of one.
    """

    rendering: Rendering
    opened: dt.datetime
    seed: str
    lasts: bool = True
    revision: Revision | None = None

    @property
    def has_upload(self) -> bool:
        """Whether the first message brings a file, to which the others are replies."""
        messages = self.rendering.messages
        return bool(messages) and messages[0].upload is not None

    def upload_at(self, position: int) -> Upload | None:
        """Return the file that the message brings; None if it brings none, or stands there already."""
        revision, messages = self.revision, self.rendering.messages
        # Because this is asked of each message of a correction, most of which have none, that comes first.
        if revision is not None and (not revision.has_recording or position in revision.unchanged):
            return None
        return messages[position].upload if position < len(messages) else None


class Stopped(NamedTuple):
    """A rendering that was stopped because its message is refused. `left_out` deliveries do not get it."""

    broadcast: Broadcast
    reason: str
    left_out: int


NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""The end of a backup that knows nobody and nothing, because no bot had run with its database."""


class Gap(NamedTuple):
    """The time of which a restored ledger knows nothing: from the end of its backup until it was restored."""

    since: dt.datetime
    until: dt.datetime


class Fate(NamedTuple):
    """The admins whom a notice reached, perhaps or surely, those who still wait, and those who missed it and why."""

    reached: list[Target]
    waiting: list[Target]
    missed: list[tuple[Target, str]]


class Outcome(NamedTuple):
    """The state of a delivery after one message. Every field replaces the delivery's, but for `publish` and `pin`.

    `publish` is the id of a message that is to be passed on to the followers of its channel, and `pin` that of one to
    be pinned in place of the last recap's. `stands_at` is the delivery whose messages these are after a change of them.
    """

    delivery_id: int
    state: DeliveryState
    position: int
    message_ids: tuple[str | None, ...]
    due: dt.datetime
    attempts: int
    code: str = ""
    reason: str = ""
    publish: str | None = None
    pin: str | None = None
    stands_at: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """All that a rendering depends on besides the episode. Subscriptions with equal choices get the same messages."""

    platform: PlatformName
    topics: tuple[str, ...] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    rich: bool = False
    audio: AudioAs = AudioAs.AS_SCHEDULED
    mention: str = ""
    is_private: bool = False

    def as_json(self) -> JsonObject:
        """Return the choice as the database keeps it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, kept: JsonObject) -> Self:
        """Return the choice that the database keeps."""
        coded = {"topics": tuple(kept["topics"]), "layout": Layout(kept["layout"]), "audio": AudioAs(kept["audio"])}
        return cls(**{**kept, **coded, "platform": PlatformName(kept["platform"])})


@dataclass(frozen=True, slots=True)
class Notice:
    """The message of a fact to the admins. `episode` is its subject, 0 for none.

    An `alarming` one asks the admins to act.
    """

    document: Document
    episode: int = 0
    alarming: bool = True

    @property
    def text(self) -> str:
        """Return the whole text without formats, for the log and for `recap status`."""
        return "\n".join(plain((block,)) for section in self.document.sections for block in section.blocks)


@dataclass(frozen=True, slots=True)
class Versions:
    """The digests of a process's config and newest episodes, by their files, and when the config was changed."""

    config: str = ""
    config_dated: dt.datetime | None = None
    content: Mapping[str, str] = field(default_factory=dict)


class Authority(enum.Enum):
    """The part of its channels that a process may declare."""

    ALL = enum.auto()
    ADD = enum.auto()
    """It ends no subscription, because another process has another config, and nobody knows which is to stay."""
    NONE = enum.auto()
    """A newer config was declared before."""
