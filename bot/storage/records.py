"""What the ledger holds, as the rest of the program sees it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bot.model.document import Document, Layout, plain
from bot.model.problems import ExpectedError
from bot.model.subscription import PlatformName, Target

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Row

    from bot.model.rendering import Rendering


class LedgerError(ExpectedError):
    """The database cannot be used. The text says which and why, and after its last colon how to mend it."""


class BroadcastKind(enum.StrEnum):
    """What a broadcast is for."""

    PUSH = "push"
    """An episode, to all subscriptions of a schedule."""
    SINGLE = "single"
    """An episode, to one target that the admin named."""
    NOTICE = "notice"
    """Something that the admins must hear."""


def to_one(target: Target) -> str:
    """What a broadcast to one target has in the place of a schedule's name."""
    return f"to {target}"


class BroadcastState(enum.StrEnum):
    """How far a broadcast is."""

    OPEN = "open"
    DONE = "done"
    """No delivery is left to make."""
    STOPPED = "stopped"
    """The platform refuses its content; what was not sent never will be."""


class DeliveryState(enum.StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    SENDING = "sending"
    """A message has been claimed and may be on its way."""
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nothing is left to send, and nobody can tell whether all of it arrived."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One episode on one schedule, or to one target; `repeat` counts the times it was pushed again on purpose.

    A notice to the admins is a broadcast too: `schedule` is then the key that makes it be told once, `text` what it
    says, and `episode` the one that it is about, 0 for none.
    """

    id: int
    kind: BroadcastKind
    episode: int
    title: str
    schedule: str
    repeat: int
    due: dt.datetime
    created: dt.datetime
    state: BroadcastState
    reason: str
    finished: dt.datetime | None
    text: str

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The broadcast in a row of its table."""
        return cls(
            id=row.id,
            kind=BroadcastKind(row.kind),
            episode=row.episode,
            title=row.title,
            schedule=row.schedule,
            repeat=row.repeat,
            due=row.due,
            created=row.created,
            state=BroadcastState(row.state),
            reason=row.reason,
            finished=row.finished,
            text=row.text or "",
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One broadcast to one target.

    `position` is the index of the next message and `attempts` how often it was tried; `message_ids` are the
    platform's ids of those before it, None where nobody knows whether the message arrived. It is not to be sent
    before `due`; its broadcast was opened at `opened`. `code` and `reason` say what last went wrong.
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
    opened: dt.datetime
    code: str
    reason: str
    publish: bool

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The delivery in a row of its table."""
        return cls(
            id=row.id,
            broadcast_id=row.broadcast_id,
            subscription_id=row.subscription_id,
            target=Target(PlatformName(row.platform), row.chat, row.thread),
            rendering_id=row.rendering_id,
            state=DeliveryState(row.state),
            position=row.position,
            message_ids=tuple(row.message_ids),
            attempts=row.attempts,
            due=row.due,
            opened=row.opened,
            code=row.code,
            reason=row.reason,
            publish=row.publish,
        )


class Claim(NamedTuple):
    """One message that is the worker's to send: the next of its delivery.

    A named tuple, because one is made for every message. The fields are those of `Delivery`; `attempts` counts the
    one that the claim is for.
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


@dataclass(frozen=True, slots=True)
class StoredRendering:
    """What a delivery is made of, and when its broadcast was opened."""

    rendering: Rendering
    opened: dt.datetime


class Outcome(NamedTuple):
    """What a delivery is after one message: every field replaces the delivery's. As many as there are claims.

    `publish` is the id of a message that is to be passed on to the followers of its channel.
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


@dataclass(frozen=True, slots=True)
class Choice:
    """All that a rendering depends on besides the episode: subscriptions that agree in it get the same messages."""

    platform: PlatformName
    topics: tuple[str, ...] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    rich: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What the admins read of a fact. `episode` is the one that the fact is about, 0 for none.

    An `alarming` notice asks for a look; the others are good to know.
    """

    document: Document
    episode: int = 0
    alarming: bool = True

    @property
    def text(self) -> str:
        """All of it in plain words, for the log and for `recap status`."""
        return "\n".join(plain((block,)) for section in self.document.sections for block in section.blocks)
