"""Tables of customers are imported: which, and their rows while they wait and can be undone."""

from alembic import op

revision = "0026"
down_revision = "0024"

TABLES = """
CREATE TABLE import (
  number TEXT PRIMARY KEY,
  made_at TEXT NOT NULL,
  by TEXT NOT NULL,
  file TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  upload TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  new BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  skipped BIGINT NOT NULL,
  state TEXT NOT NULL,
  undo_by TEXT NOT NULL
);
CREATE INDEX import_unfinished ON import (ledger_id, number)
  WHERE state IN ('applying', 'undoing');
CREATE UNIQUE INDEX import_by_upload ON import (upload);
CREATE TABLE import_line (
  upload TEXT NOT NULL,
  position BIGINT NOT NULL,
  line BIGINT NOT NULL,
  state TEXT NOT NULL,
  said TEXT NOT NULL,
  before TEXT NOT NULL,
  account TEXT NOT NULL,
  note TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (upload, position)
);
CREATE INDEX import_line_by_state ON import_line (upload, state, position);
CREATE INDEX import_line_by_account ON import_line (account) WHERE account <> '';
CREATE TABLE import_key (
  upload TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  line BIGINT NOT NULL,
  PRIMARY KEY (upload, kind, value)
)
"""


def upgrade() -> None:
    """Make the tables and their indexes."""
    for statement in TABLES.split(";"):
        op.execute(statement)
