"""Which of the shop's keys a phone's key derives from."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the column; every phone until now has the first key."""
    op.execute("ALTER TABLE phone ADD COLUMN key_id BIGINT NOT NULL DEFAULT 1")
