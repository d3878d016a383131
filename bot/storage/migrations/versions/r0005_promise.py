"""Deliveries are claimed by rank."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    """Rank the deliveries, and make the index of the claims anew."""
    op.drop_index("ix_deliveries_claims", "deliveries")
    op.add_column("deliveries", sa.Column("rank", sa.Integer(), nullable=False, server_default="3"))
    # What is not for everybody comes first, then what has begun, then what has been tried.
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
