"""What lots were put in and taken out, by months; the entries that there are are folded at night.

Each till folds its own ledger after midnight, and older entries at the first one.
"""

from alembic import op

revision = "0032"
down_revision = "0031"

CHANGES = """
CREATE TABLE lot_sum (
  purse TEXT NOT NULL,
  lot_month BIGINT NOT NULL,
  month BIGINT NOT NULL,
  kind TEXT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (purse, lot_month, month, kind)
);
CREATE TABLE lot_fold (
  ledger_id TEXT PRIMARY KEY,
  done BIGINT NOT NULL,
  day BIGINT NOT NULL
)
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
