"""Renderings may have a fallback."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give renderings a fallback."""
    # In words that both databases know: SQLite takes a reference with a new column only, Alembic adds it afterwards.
    op.execute(
        "ALTER TABLE renderings ADD COLUMN fallback_id INTEGER"
        " CONSTRAINT fk_renderings_fallback_id REFERENCES renderings (id)"
    )
