"""The ledger's tables. The migrations make them; a test holds the two to each other."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal_column,
    select,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class Moment(TypeDecorator[dt.datetime]):
    """An instant: aware in, UTC out, whatever the database keeps of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """The instant as the database compares it: in UTC.

        Raises:
            ValueError: the time has no zone, so nobody can tell which instant it means.
        """
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: the ledger takes aware times only")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """The instant in UTC; SQLite gives it back without a zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


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
    Column("platform", String, nullable=False),
    Column("chat", String, nullable=False),
    Column("thread", Integer, nullable=False),  # 0 for none
    Column("schedule", String, nullable=False),
    Column("topics", String, nullable=False),  # sorted, joined by spaces; empty for all
    Column("layout", String, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("origin", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("rich", Boolean, nullable=False, server_default=false()),
    Column("paused_until", Moment),  # their own holiday; null for none
    Column("has_left", Boolean, nullable=False, server_default=false()),  # ended, and active again when they come back
    Column("declared", String),  # the choices that the config last declared; null when it names no such target
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    UniqueConstraint("platform", "chat", "thread", "schedule"),
    # Answers "which distinct choices are there" without reading a subscription, and finds those who share one.
    Index(
        "ix_subscriptions_choices",
        "schedule",
        "state",
        "platform",
        "topics",
        "layout",
        "silent",
        "rich",
        "paused_until",
    ),
)

# Chats that got a new id; the config may go on naming the old one.
moves = Table(
    "moves",
    metadata,
    Column("platform", String, primary_key=True),
    Column("old_chat", String, primary_key=True),
    Column("new_chat", String, nullable=False),
)

broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("episode", Integer, nullable=False),  # 0 for a notice that is about none
    Column("title", String, nullable=False),
    Column("schedule", String, nullable=False),  # of a notice, its key
    Column("repeat", Integer, nullable=False),  # 0 for the first time
    Column("due", Moment, nullable=False),
    Column("created", Moment, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("finished", Moment),
    Column("kind", String, nullable=False, server_default="push"),
    Column("text", String),  # what a notice says, in plain words
    UniqueConstraint("episode", "schedule", "repeat"),
)

renderings = Table(
    "renderings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("broadcast_id", ForeignKey(broadcasts.c.id), nullable=False),
    Column("platform", String, nullable=False),
    Column("key", String, nullable=False),  # digest of platform, title, messages and fallback
    Column("title", String, nullable=False),
    Column("messages", JSON, nullable=False),  # list of {body, used, limit}
    Column("fallback_id", ForeignKey("renderings.id")),  # what is sent where the platform refuses these messages
    UniqueConstraint("broadcast_id", "key"),
)

_PENDING = text("state = 'pending'")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("broadcast_id", ForeignKey(broadcasts.c.id), nullable=False),
    Column("subscription_id", ForeignKey(subscriptions.c.id, ondelete="SET NULL")),
    Column("platform", String, nullable=False),
    Column("chat", String, nullable=False),
    Column("thread", Integer, nullable=False),
    Column("rendering_id", ForeignKey(renderings.c.id), nullable=False),
    Column("state", String, nullable=False),
    Column("position", Integer, nullable=False),  # index of the next message
    Column("message_ids", JSON, nullable=False),  # null where nobody knows whether the message arrived
    Column("attempts", Integer, nullable=False),  # of the message at position
    Column("due", Moment, nullable=False),  # not before
    Column("code", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("publish", Boolean, nullable=False),
    Column("updated", Moment, nullable=False),
    UniqueConstraint("broadcast_id", "platform", "chat", "thread"),
    # Leads to what is due and holds nothing else, so that it shrinks as a push goes on.
    Index("ix_deliveries_claims", "platform", "due", sqlite_where=_PENDING, postgresql_where=_PENDING),
    # Counting the states of a broadcast, and seeing that it is over, without reading its deliveries.
    Index("ix_deliveries_states", "broadcast_id", "state"),
    # Without these two, deleting one rendering or subscription reads every delivery there is.
    Index(None, "rendering_id"),
    Index(None, "subscription_id"),
    # SQLite only: an id is never given twice, so that a late outcome or a nonce cannot hit another delivery.
    sqlite_autoincrement=True,
)

# Messages that are to be passed on to the followers of their channel: a job of its own, because the platform may make
# it wait for an hour. What has been done is not kept.
publications = Table(
    "publications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", String, nullable=False),
    Column("chat", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Moment, nullable=False),  # not before
    Index("ix_publications_due", "platform", "due"),
)

PENDING = deliveries.c.state == literal_column("'pending'")
"""Written out, because a database takes a partial index only when it sees that the condition is the index's."""

DELIVERIES = select(deliveries, broadcasts.c.created.label("opened")).join(broadcasts)
"""What a `Delivery` record is made of."""
