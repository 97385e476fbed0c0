"""Messages that wait, and those that were being sent, are found by an index."""

from alembic import op

revision = "0035"
down_revision = "0034"

INDEXES = """
CREATE INDEX message_waits ON message (mailing, again_at, account) WHERE state = 'queued';
CREATE INDEX message_in_hand ON message (mailing, account) WHERE state = 'trying';
CREATE INDEX message_by_time ON message (channel, at);
CREATE INDEX mailing_in_hand ON mailing (ledger_id, mailing)
  WHERE state IN ('approved', 'sending')
"""


def upgrade() -> None:
    """Make the indexes."""
    for statement in INDEXES.split(";"):
        op.execute(statement)
