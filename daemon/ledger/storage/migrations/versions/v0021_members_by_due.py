"""Members are found by the day on which something falls due, page by page."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Put an index in the place of one that does not lead on to the next page."""
    op.execute("DROP INDEX member_by_due")
    op.execute("CREATE INDEX member_by_due ON member (due, account, status)")
