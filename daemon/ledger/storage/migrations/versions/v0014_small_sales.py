"""A sale stands in its entry, and its row says in which; system accounts have no posting rows.

Rows of sales that are there already keep the whole sale, as they were written.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

CHANGES = """
ALTER TABLE sale ADD COLUMN ledger_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sale ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
DELETE FROM posting WHERE account IN ('@liability', '@breakage')
"""


def upgrade() -> None:
    """Add the columns, and let go of the rows."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
