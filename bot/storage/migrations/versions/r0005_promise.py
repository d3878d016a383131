"""Deliveries are claimed by rank, refused renderings stopped, rehearsals kept, and the process shows that it lives.

Subscriptions choose audio, a role to mention, and pins; the ledger keeps what is pinned and which files are uploaded.
A subscription knows whether its chat is private. The figures keep sums by day, and the results of old pushes.
What was sent can be corrected.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    """Rank the deliveries, make the index of claims anew, add columns and tables, and widen the threads."""
    op.drop_index("ix_deliveries_claims", "deliveries")
    op.add_column("deliveries", sa.Column("rank", sa.Integer(), nullable=False, server_default="3"))
    # Notices and single sends come first, then deliveries that have begun, then those that have been tried.
    op.execute(
        "UPDATE deliveries SET rank = CASE"
        " WHEN broadcast_id IN (SELECT id FROM broadcasts WHERE kind <> 'push') THEN 0"
        " WHEN position > 0 THEN 1 WHEN attempts > 0 THEN 2 ELSE 3 END"
        " WHERE state IN ('pending', 'sending')"
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_claims",
        "deliveries",
        ["platform", "rank", "due", "id"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    begun = sa.text("position > 0")
    op.create_index(
        "ix_deliveries_lately", "deliveries", ["platform", "updated"], sqlite_where=begun, postgresql_where=begun
    )
    op.add_column("deliveries", sa.Column("pin", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, kind, default in (
        ("audio", sa.String(), sa.text("''")),
        ("mention", sa.String(), sa.text("''")),
        ("pin", sa.Boolean(), sa.false()),
    ):
        op.add_column("subscriptions", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("subscriptions", sa.Column("is_private", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Telegram's groups and channels have a sign before their number, or a name.
    op.execute(
        "UPDATE subscriptions SET is_private = NOT (chat LIKE '-%' OR chat LIKE '@%') WHERE platform = 'telegram'"
    )
    op.drop_index("ix_subscriptions_choices", "subscriptions")
    op.create_index(
        "ix_subscriptions_choices",
        "subscriptions",
        [
            *("schedule", "state", "platform", "topics", "layout", "silent", "rich", "audio", "mention", "is_private"),
            "paused_until",
        ],
    )
    op.create_table(
        "pins",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("thread", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("pinned", sa.String(), nullable=True),
        sa.Column("wanted", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "chat", "thread", name="pk_pins"),
    )
    op.create_table(
        "uploads",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "key", name="pk_uploads"),
    )
    op.create_table(
        "figures",
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("what", "platform", "name")),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "what", "platform", "name", name="pk_figures"),
    )
    op.add_column("broadcasts", sa.Column("results", sa.JSON(), nullable=True))
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall", sa.DateTime(timezone=True), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("uptime", sa.Float(), nullable=False),
        sa.Column("troubles", sa.JSON(), nullable=False),
        sa.Column("unreached", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config", sa.String(), nullable=True),
        sa.Column("config_dated", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "processes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config", sa.String(), nullable=False),
        sa.Column("config_dated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("troubles", sa.JSON(), nullable=False),
        sa.Column("unreached", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
    op.add_column("broadcasts", sa.Column("left_out", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("broadcasts", sa.Column("subscribed", sa.Integer(), nullable=True))
    op.add_column("renderings", sa.Column("refusal", sa.String(), nullable=True))
    op.create_table(
        "rehearsals",
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("rehearsed", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("approved", "approved_by", "withheld_by")),
        sa.PrimaryKeyConstraint("schedule", "episode", name="pk_rehearsals"),
    )
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("known", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
    )
    # Broadcasts of before have none, so that their messages keep the nonces with which they may have been sent.
    op.add_column("broadcasts", sa.Column("seed", sa.String(), nullable=True))
    op.create_table(
        "transfers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("copied_to", sa.String(), nullable=False),
        sa.Column("copied", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
    )
    for name in ("replaces", "becomes"):
        op.add_column("renderings", sa.Column(name, sa.Integer(), nullable=True))
    for name in ("choice_id", "corrects"):
        op.add_column("deliveries", sa.Column(name, sa.Integer(), nullable=True))
    change = sa.text("corrects IS NOT NULL")
    columns = ["corrects", "id"]
    op.create_index("ix_deliveries_corrects", "deliveries", columns, sqlite_where=change, postgresql_where=change)
    # A correction, which has a delivery for each place, is spared the entries.
    subscribed, by_subscription = sa.text("subscription_id IS NOT NULL"), "ix_deliveries_subscription_id"
    op.drop_index(by_subscription, "deliveries")
    op.create_index(
        by_subscription, "deliveries", ["subscription_id"], sqlite_where=subscribed, postgresql_where=subscribed
    )
    op.create_table(
        "choices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("broadcast_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"], name="fk_choices_broadcast_id"),
        sa.PrimaryKeyConstraint("id", name="pk_choices"),
    )
    op.create_index("ix_choices_broadcast_id", "choices", ["broadcast_id"])
    op.create_table(
        "texts",
        sa.Column("broadcast_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"], name="fk_texts_broadcast_id"),
        sa.PrimaryKeyConstraint("broadcast_id", name="pk_texts"),
    )
    # SQLite's integers have 64 bits anyway, and it cannot change a column.
    if op.get_context().dialect.name == "postgresql":
        for table in ("subscriptions", "deliveries", "pins"):
            op.alter_column(table, "thread", type_=sa.BigInteger())
