"""The ledger's tables, what their columns hold, and the conditions that several statements share.

The migrations make the tables; a test holds both to each other.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    and_,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from bot.model.codes import NO_FAILURES
from bot.model.document import Layout
from bot.model.figures import Counted
from bot.model.subscription import AudioAs, Origin, PlatformName, SubscriptionState, Target
from bot.storage.records import EPISODES, BroadcastKind, BroadcastState, Choice, DeliveryRank, DeliveryState

_Value = TypeVar("_Value")


class Coded(TypeDecorator[_Value]):
    """A column type whose values are kept in another form. Null stays null."""

    impl: Any = String
    cache_ok = True

    def __init__(
        self, kept_as: TypeEngine[Any], encode: Callable[[_Value], object], decode: Callable[[Any], _Value]
    ) -> None:
        super().__init__()
        self.impl = self.kept_as = kept_as
        self.encode = encode
        self.decode = decode

    def process_bind_param(self, value: _Value | None, dialect: Dialect) -> object:
        """Return the value as the database keeps it."""
        del dialect
        return None if value is None else self.encode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> _Value | None:  # noqa: ANN401 - the driver's own
        """Return the value as the program uses it."""
        del dialect
        return None if value is None else self.decode(value)


class Said(TypeDecorator[str]):
    """A column type for words that a platform or a person wrote, which may hold what a database refuses.

    PostgreSQL takes no NUL. No database takes half of a surrogate pair, which JSON can hold. Neither says anything.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the words without either."""
        del dialect
        return value and value.replace("\0", "").encode(errors="ignore").decode()


def to_utc(moment: dt.datetime) -> dt.datetime:
    """Return the moment in UTC.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: the ledger takes aware times only")
    return moment.astimezone(dt.UTC)


def _in_utc(moment: dt.datetime) -> dt.datetime:
    # SQLite returns a moment without its zone, PostgreSQL in the zone of the session.
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


MOMENT = Coded(DateTime(timezone=True), to_utc, _in_utc)
"""An aware instant, in UTC in every database."""
TOPICS: Coded[tuple[str, ...]] = Coded(
    String(), lambda topics: " ".join(sorted(topics)), lambda kept: tuple(kept.split())
)
"""Topics, sorted and joined by spaces; empty for all."""
MESSAGE_IDS: Coded[tuple[str | None, ...]] = Coded(JSON(), list, tuple)
"""The platform's ids of messages; null where nobody knows whether the message arrived."""
PLATFORM = Coded(String(), str, PlatformName)
CHOICE: Coded[Choice] = Coded(JSON(), Choice.as_json, Choice.from_json)
THREAD = BigInteger().with_variant(Integer, "sqlite")
"""A thread; 0 for none. Discord's ids have 64 bits, as every number of SQLite has."""

metadata = MetaData(
    # Named constraints can be changed by later migrations on every database.
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", PLATFORM, nullable=False),
    Column("chat", String, nullable=False),
    Column("thread", THREAD, nullable=False),
    Column("schedule", String, nullable=False),
    Column("topics", TOPICS, nullable=False),
    Column("layout", Coded(String(), str, Layout), nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("origin", Coded(String(), str, Origin), nullable=False),
    Column("state", Coded(String(), str, SubscriptionState), nullable=False),
    Column("reason", Said, nullable=False),
    Column("rich", Boolean, nullable=False, server_default=false()),
    Column("audio", Coded(String(), str, AudioAs), nullable=False, server_default=text("''")),
    Column("mention", String, nullable=False, server_default=text("''")),  # a role, as in role:123
    Column("pin", Boolean, nullable=False, server_default=false()),
    Column("paused_until", MOMENT),  # their own holiday; null for none
    Column("has_left", Boolean, nullable=False, server_default=false()),  # ended, and active again when they come back
    Column("is_private", Boolean, nullable=False, server_default=false()),  # as far as the platform has told
    Column("declared", String),  # the choices that the config last declared; null when it names no such target
    Column("created", MOMENT, nullable=False),
    Column("updated", MOMENT, nullable=False),
    UniqueConstraint("platform", "chat", "thread", "schedule"),
    # Answers "which distinct choices are there" without reading a subscription, and finds those who share one.
    Index(
        "ix_subscriptions_choices",
        *("schedule", "state", "platform", "topics", "layout", "silent", "rich", "audio", "mention", "is_private"),
        "paused_until",
    ),
)

# Chats that got a new id; the config may go on naming the old one.
moves = Table(
    "moves",
    metadata,
    Column("platform", PLATFORM, primary_key=True),
    Column("old_chat", String, primary_key=True),
    Column("new_chat", String, nullable=False),
)

broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("episode", Integer, nullable=False),  # the subject of a notice, 0 for none
    Column("title", Said, nullable=False),
    Column("schedule", Said, key="key", nullable=False),
    Column("repeat", Integer, nullable=False),  # 0 for the first time
    Column("due", MOMENT, nullable=False),
    Column("created", MOMENT, nullable=False),
    Column("state", Coded(String(), str, BroadcastState), nullable=False),
    Column("reason", Said, nullable=False),
    Column("finished", MOMENT),
    Column("kind", Coded(String(), str, BroadcastKind), nullable=False, server_default="push"),
    Column("text", Said),  # what a notice says, in plain words
    Column("left_out", JSON, nullable=False, server_default="{}"),  # subscriptions without a delivery, by reason
    Column("subscribed", Integer),  # subscriptions of a push's schedule; null for others, and for pushes of 0.1.0
    Column("results", JSON(none_as_null=True)),  # of a push whose deliveries are deleted: their number by result
    # Of the nonces of its messages; null for broadcasts of 0.1.0, whose nonces are of their ids.
    Column("seed", String),
    UniqueConstraint("episode", "key", "repeat"),
)

renderings = Table(
    "renderings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("broadcast_id", ForeignKey(broadcasts.c.id), nullable=False),
    Column("platform", PLATFORM, nullable=False),
    Column("key", String, nullable=False),  # digest of platform, title and messages
    Column("title", Said, nullable=False),
    # A list of {body, used, limit}, perhaps with a `fallback` that is such a list.
    Column("messages", JSON, nullable=False),
    # Of version 0.1.0: sent from its beginning where a message is refused.
    Column("fallback_id", ForeignKey("renderings.id")),
    Column("refusal", Said),  # the platform's words for which the rendering is stopped; null for none
    # Of a correction or recall: the renderings that stood and will stand. Its only message stands where none may stay.
    Column("replaces", Integer),  # null where nobody knows what stands
    Column("becomes", Integer),  # null where nothing stays
    UniqueConstraint("broadcast_id", "key"),
)

_PENDING = text("state = 'pending'")
_HAS_BEGUN = text("position > 0")
_IS_CHANGE = text("corrects IS NOT NULL")
_IS_OF_SUBSCRIPTION = text("subscription_id IS NOT NULL")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("broadcast_id", ForeignKey(broadcasts.c.id), nullable=False),
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="SET NULL")),
    Column("platform", PLATFORM, nullable=False),
    Column("chat", String, nullable=False),
    Column("thread", THREAD, nullable=False),
    Column("rendering_id", ForeignKey(renderings.c.id), nullable=False),
    Column("state", Coded(String(), str, DeliveryState), nullable=False),
    Column("position", Integer, nullable=False),  # index of the next message
    Column("message_ids", MESSAGE_IDS, nullable=False),
    Column("attempts", Integer, nullable=False),  # of the message at position
    Column("due", MOMENT, nullable=False),  # not before
    Column("code", String, nullable=False),
    Column("reason", Said, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("updated", MOMENT, nullable=False),
    Column("rank", Integer, nullable=False, server_default=str(int(DeliveryRank.LAST))),  # while it is pending
    Column("pin", Boolean, nullable=False, server_default=false()),
    Column("choice_id", Integer),  # the row of `choices`; null in version 0.1.0, and for all but episodes
    Column("corrects", Integer),  # the delivery whose messages this one changes; null for one that sends its own
    UniqueConstraint("broadcast_id", "platform", "chat", "thread"),
    # Leads to what is next and holds nothing else, so that it shrinks as a push goes on.
    Index("ix_deliveries_claims", "platform", "rank", "due", "id", sqlite_where=_PENDING),
    # Finds those to whom something went just now; a push begins without an entry.
    Index("ix_deliveries_lately", "platform", "updated", sqlite_where=_HAS_BEGUN),
    # Counting the states of a broadcast, and seeing that it is over, without reading its deliveries.
    Index("ix_deliveries_states", "broadcast_id", "state"),
    # Without these two, deleting one rendering or subscription reads every delivery.
    Index(None, "rendering_id"),
    Index(None, "subscription_id", sqlite_where=_IS_OF_SUBSCRIPTION),
    # Leads to the last change of a delivery; without the id, PostgreSQL may look for it among all deliveries.
    Index("ix_deliveries_corrects", "corrects", "id", sqlite_where=_IS_CHANGE),
    # SQLite only: an id is never given twice, so that a late outcome or a nonce cannot hit another delivery.
    sqlite_autoincrement=True,
)

# The choices for which the deliveries of an episode were rendered, so that a correction renders the same anew.
choices = Table(
    "choices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("broadcast_id", ForeignKey(broadcasts.c.id), nullable=False),
    Column("choice", CHOICE, nullable=False),
    Index(None, "broadcast_id"),
)

# The text of an episode that was pushed, or that its last correction brought.
texts = Table(
    "texts",
    metadata,
    Column("broadcast_id", ForeignKey(broadcasts.c.id), primary_key=True),
    Column("digest", String, nullable=False),
    Column("parts", JSON, nullable=False),  # the words, by the name of each part
)

# Messages that are to be passed on to the followers of their channel. Because the platform may make that wait for an
# hour, it is a job of its own. A message that was passed on is deleted here.
publications = Table(
    "publications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", PLATFORM, nullable=False),
    Column("chat", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", MOMENT, nullable=False),  # not before
    Index("ix_publications_due", "platform", "due"),
)

# The recap that the bot has pinned in a place, and the one that it is to pin in place of that. Because only the newest
# matters, a place has one row.
pins = Table(
    "pins",
    metadata,
    Column("platform", PLATFORM, primary_key=True),
    Column("chat", String, primary_key=True),
    Column("thread", THREAD, primary_key=True, autoincrement=False),
    Column("pinned", String),  # the platform's id of the message; null for none
    Column("wanted", String),  # the same
    Column("attempts", Integer, nullable=False),
    Column("due", MOMENT, nullable=False),  # not before
)

# Files that a platform has, by which it sends them again without another upload.
uploads = Table(
    "uploads",
    metadata,
    Column("platform", PLATFORM, primary_key=True),
    Column("key", String, primary_key=True),  # digest of the file and of what is shown with it
    Column("file_id", String, nullable=False),
)

# Sums of a day, which name no chat: who joined and left by kind of place, what was asked by command and topic.
figures = Table(
    "figures",
    metadata,
    Column("day", Date, primary_key=True),  # of UTC
    Column("what", Coded(String(), str, Counted), primary_key=True),
    Column("platform", PLATFORM, primary_key=True),
    Column("name", String, primary_key=True),
    Column("number", Integer, nullable=False),
)

# One row, written every half minute by the process that delivers.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("process", String, nullable=False),  # empty after an orderly end
    Column("beat", MOMENT, nullable=False),  # by the ledger's clock
    Column("wall", MOMENT, nullable=False),  # by the machine's
    Column("boot", String, nullable=False),  # the run of the machine, and the seconds of it
    Column("uptime", Float, nullable=False),
    Column("troubles", JSON, nullable=False),  # list of sentences, empty while all is well
    Column("unreached", JSON, nullable=False),  # the same for the admins and declared channels that cannot be reached
)

# The text of an episode that the team saw before its push on a schedule, and the decisions on it.
rehearsals = Table(
    "rehearsals",
    metadata,
    Column("schedule", String, primary_key=True),
    Column("episode", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),  # of the last rehearsal; 0 for none yet
    Column("digest", String, nullable=False),  # of the text that was rehearsed last
    Column("parts", JSON, nullable=False),  # the words of that text, by the name of each part
    Column("before", JSON, nullable=False),  # those of the rehearsal before; empty for none
    Column("rehearsed", MOMENT),  # by the machine's clock, like the hour of the push
    Column("approved", String, nullable=False),  # the digest that somebody approved
    Column("approved_by", Said, nullable=False),
    Column("withheld_by", Said, nullable=False),  # empty unless the push is withheld
)

# One row: the last request to the feed, and what its newest good answer said.
feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("visit", JSON, nullable=False),
    Column("version", Integer, nullable=False),  # of the next column, which is long and seldom changes
    Column("known", JSON, nullable=False),
)

# One row in a ledger that `recap storage copy` has copied elsewhere, where the bot goes on.
transfers = Table(
    "transfers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("copied_to", String, nullable=False),  # without the password
    Column("copied", MOMENT, nullable=False),
)

# On PostgreSQL: the roles that one process at a time has, such as a platform's name; times by the server's clock.
leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),  # another one at each taking
    Column("process", String, nullable=False),
    Column("since", MOMENT, nullable=False),
    Column("expires", MOMENT, nullable=False),
    Column("config", String),  # of the clock: the digest of the config that was declared last
    Column("config_dated", MOMENT),  # the change of that config's file
)

# On PostgreSQL: a row for each process that runs or died, in place of the one heartbeat; by the server's clock.
processes = Table(
    "processes",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("started", MOMENT, nullable=False),
    Column("beat", MOMENT, nullable=False),
    Column("config", String, nullable=False),  # the digest of what it says
    Column("config_dated", MOMENT),  # the change of its file
    Column("content", JSON, nullable=False),  # the digests of the newest episodes, by their files
    Column("troubles", JSON, nullable=False),
    Column("unreached", JSON, nullable=False),
)

CHOICE_COLUMNS = [subscriptions.c[field.name] for field in dataclasses.fields(Choice)]
BROADCAST_IS_OPEN = broadcasts.c.state == BroadcastState.OPEN
IS_PENDING = deliveries.c.state == literal_column("'pending'")
"""Written out, because a database takes a partial index only when it sees that the condition is the index's."""
IS_UNFINISHED = deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING))
BROADCAST_IS_UNFINISHED = exists().where(deliveries.c.broadcast_id == broadcasts.c.id, IS_UNFINISHED)
"""True for an open broadcast, and for a moment for a stopped one whose messages are on their way."""
HAS_ENDED = subscriptions.c.state == SubscriptionState.ENDED
IS_PAUSED = subscriptions.c.state == SubscriptionState.PAUSED
IS_DECLARED = subscriptions.c.declared.is_not(None)


def have_same_target(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Return whether two rows are about the same target."""
    return and_(*(one.c[name] == other.c[name] for name in Target._fields))


def _arrived_later() -> ColumnElement[bool]:
    this, later, again = broadcasts.alias(), broadcasts.alias(), deliveries.alias()
    return exists().where(
        this.c.id == deliveries.c.broadcast_id,
        later.c.episode == this.c.episode,
        later.c.id > this.c.id,
        later.c.kind.in_(EPISODES),
        again.c.broadcast_id == later.c.id,
        have_same_target(again, deliveries),
        again.c.state == DeliveryState.SENT,
    )


ARRIVED_LATER = _arrived_later()
"""True for a delivery whose episode reached the same target by a later broadcast."""


def is_in_chat(table: FromClause, target: Target) -> ColumnElement[bool]:
    """Return whether a row is about the target's chat, threads included."""
    return (table.c.platform == target.platform) & (table.c.chat == target.chat)


def is_at(table: FromClause, target: Target) -> ColumnElement[bool]:
    """Return whether a row is about exactly the target."""
    return is_in_chat(table, target) & (table.c.thread == target.thread)


def gets_pushes(now: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Return whether a subscription is active, or declared and paused, and not on a holiday.

    A declared chat that the platform refuses is tried at each push, so that each report names it until it is mended.
    """
    c, active = subscriptions.c, subscriptions.c.state == SubscriptionState.ACTIVE
    # The states are listed for the sake of the index.
    is_tried = c.state.in_((SubscriptionState.ACTIVE, SubscriptionState.PAUSED)) & or_(active, IS_DECLARED)
    return is_tried & or_(c.paused_until.is_(None), c.paused_until <= now)


def count_by_choice(*counts: ColumnElement[int]) -> Select[Any]:
    """Return the query for the number of subscriptions by choice, behind other counts of the same ones."""
    # By state too, because that is the order of the index; else a million subscriptions would be sorted.
    return select(*CHOICE_COLUMNS, *counts, func.count()).group_by(subscriptions.c.state, *CHOICE_COLUMNS)


def failed_in(broadcast_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Return whether the subscription's delivery of that broadcast failed though its people wanted it."""
    c = deliveries.c
    failed = select(c.subscription_id).where(
        c.broadcast_id == broadcast_id,
        c.state == DeliveryState.FAILED,
        c.code.not_in(NO_FAILURES),
        c.subscription_id.is_not(None),
    )
    return subscriptions.c.id.in_(failed)
