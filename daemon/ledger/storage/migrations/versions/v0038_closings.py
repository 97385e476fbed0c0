"""Closings of tills: one series a ledger."""

from alembic import op

revision = "0038"
down_revision = "0036"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """
        CREATE TABLE closing (
          ledger_id TEXT NOT NULL,
          number BIGINT NOT NULL,
          name TEXT NOT NULL,
          seq BIGINT NOT NULL,
          PRIMARY KEY (ledger_id, number)
        )
        """
    )
