"""Cards that were issued on a day are found by it, whichever act they stand on."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX card_issue_of_day ON card_issue (day, minute, card_id)")
