"""Which of an account's people carries a card."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE card ADD COLUMN holder TEXT NOT NULL DEFAULT ''")
