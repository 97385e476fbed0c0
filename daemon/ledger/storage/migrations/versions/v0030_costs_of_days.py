"""Sums of days know what goods have cost; all facts are made again of their entries.

As for a ledger from before there were facts, a till does it beside its work.
"""

from alembic import op

revision = "0030"
down_revision = "0028"

CHANGES = """
ALTER TABLE day_sum ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE day_sum ADD COLUMN cost_net BIGINT NOT NULL DEFAULT 0;
DELETE FROM fact;
DELETE FROM month_sum;
DELETE FROM day_sum;
DELETE FROM account_sum;
DELETE FROM fold;
INSERT INTO fold (ledger_id, done, upto)
  SELECT ledger_id, 0, max(seq) FROM entry GROUP BY ledger_id
"""


def upgrade() -> None:
    """Add the columns, and note that no entry has its facts."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
