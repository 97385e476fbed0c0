"""Mailings: for whom, what is said, and one row a message."""

from alembic import op

revision = "0034"
down_revision = "0032"

TABLES = """
CREATE TABLE audience (
  audience TEXT PRIMARY KEY,
  made_at TEXT NOT NULL,
  by TEXT NOT NULL,
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  question TEXT NOT NULL,
  count BIGINT NOT NULL,
  upload TEXT NOT NULL
);
CREATE INDEX audience_by_upload ON audience (upload);
CREATE TABLE audience_part (
  upload TEXT NOT NULL,
  part BIGINT NOT NULL,
  accounts {bytes} NOT NULL,
  PRIMARY KEY (upload, part)
);
CREATE TABLE mailing (
  mailing TEXT PRIMARY KEY,
  made_at TEXT NOT NULL,
  by TEXT NOT NULL,
  channel TEXT NOT NULL,
  texts TEXT NOT NULL,
  audience TEXT NOT NULL,
  control_percent BIGINT NOT NULL,
  cost BIGINT NOT NULL,
  not_before TEXT NOT NULL,
  state TEXT NOT NULL,
  counts TEXT NOT NULL,
  parts BIGINT NOT NULL,
  longest TEXT NOT NULL,
  approved TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  ends_at TEXT NOT NULL
);
CREATE TABLE message (
  mailing TEXT NOT NULL,
  account TEXT NOT NULL,
  channel TEXT NOT NULL,
  contact TEXT NOT NULL,
  state TEXT NOT NULL,
  at TEXT NOT NULL,
  tries BIGINT NOT NULL,
  again_at TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  error TEXT NOT NULL,
  parts BIGINT NOT NULL,
  PRIMARY KEY (mailing, account)
);
CREATE INDEX message_by_account ON message (account, at)
"""


def upgrade() -> None:
    """Make the tables and their indexes."""
    kind = "BYTEA" if op.get_bind().dialect.name == "postgresql" else "BLOB"
    for statement in TABLES.format(bytes=kind).split(";"):
        op.execute(statement)
