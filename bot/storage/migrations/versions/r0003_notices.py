"""Notices to the admins: broadcasts of a kind of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0004"


def upgrade() -> None:
    """Tell the kinds of broadcasts apart, and keep what a notice says."""
    # With a default, because SQLite could otherwise only make the table anew, below the deliveries that refer to it.
    op.add_column("broadcasts", sa.Column("kind", sa.String(), server_default="push", nullable=False))
    op.add_column("broadcasts", sa.Column("text", sa.String()))
    # What was pushed by hand to one target carries that target in place of a schedule's name.
    op.execute("UPDATE broadcasts SET kind = 'single' WHERE schedule LIKE 'to %'")
