"""People may pause, choose rich messages, and come back after they left."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Give subscriptions the new choices, and the index that answers which distinct choices there are."""
    op.add_column("subscriptions", sa.Column("rich", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscriptions", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriptions", sa.Column("has_left", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_subscriptions_choices", "subscriptions")
    op.create_index(
        "ix_subscriptions_choices",
        "subscriptions",
        ["schedule", "state", "platform", "topics", "layout", "silent", "rich", "paused_until"],
    )
