"""Renderings may have a fallback, publishing is a job of its own, and claims have an index of what is pending."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the fallback and the publications, and make the index of the claims anew."""
    # In words that both databases know: SQLite takes a reference with a new column only, Alembic adds it afterwards.
    op.execute(
        "ALTER TABLE renderings ADD COLUMN fallback_id INTEGER"
        " CONSTRAINT fk_renderings_fallback_id REFERENCES renderings (id)"
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
    )
    op.create_index("ix_publications_due", "publications", ["platform", "due"])
    op.drop_index("ix_deliveries_claims", "deliveries")
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_claims", "deliveries", ["platform", "due"], sqlite_where=pending, postgresql_where=pending
    )
