"""Cards are made in batches, from numbers that are drawn or that a printer has used."""

from alembic import op

revision = "0018"
down_revision = "0017"

CHANGES = """
ALTER TABLE card ADD COLUMN batch TEXT NOT NULL DEFAULT '';
ALTER TABLE card ADD COLUMN batch_index BIGINT NOT NULL DEFAULT 0;
CREATE INDEX card_by_batch ON card (batch, batch_index) WHERE batch <> '';
CREATE TABLE card_batch (
  batch TEXT PRIMARY KEY,
  made_at TEXT NOT NULL,
  by TEXT NOT NULL,
  kind TEXT NOT NULL,
  issuer TEXT NOT NULL,
  count BIGINT NOT NULL,
  total_cost BIGINT NOT NULL,
  vat_bp BIGINT NOT NULL,
  book TEXT NOT NULL,
  supplier TEXT NOT NULL,
  document TEXT NOT NULL,
  until TEXT NOT NULL,
  numbers TEXT NOT NULL,
  upload TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  made BIGINT NOT NULL
);
CREATE INDEX card_batch_unfinished ON card_batch (ledger_id, batch) WHERE made < count;
CREATE TABLE staged_number (
  upload TEXT NOT NULL,
  position BIGINT NOT NULL,
  number TEXT NOT NULL,
  PRIMARY KEY (upload, position)
);
CREATE UNIQUE INDEX staged_number_once ON staged_number (number)
"""


def upgrade() -> None:
    """Add the tables, the columns and their indexes."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
