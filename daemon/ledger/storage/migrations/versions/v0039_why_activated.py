"""An activation says why it was made, where nobody had previewed the programme."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Add the column; of what was activated before nothing is known."""
    op.execute("ALTER TABLE activation ADD COLUMN reason TEXT NOT NULL DEFAULT ''")
