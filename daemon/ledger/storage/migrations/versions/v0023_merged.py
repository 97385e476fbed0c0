"""Which account was merged into which; codes are found by whose they are."""

from alembic import op

revision = "0023"
down_revision = "0022"

CHANGES = """
CREATE TABLE merged (
  dropped TEXT PRIMARY KEY,
  kept TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX merged_by_kept ON merged (kept);
CREATE INDEX code_by_account ON code (account) WHERE account <> ''
"""


def upgrade() -> None:
    """Make the table and the indexes."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
