"""Referral partners, whom they have sent, and what they were told about their rewards."""

from alembic import op

revision = "0022"
down_revision = "0021"

CHANGES = """
CREATE TABLE partner (
  code TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  partner TEXT NOT NULL,
  name TEXT NOT NULL,
  contact TEXT NOT NULL,
  pay TEXT NOT NULL,
  state TEXT NOT NULL,
  since TEXT NOT NULL
);
CREATE UNIQUE INDEX partner_by_account ON partner (account);
CREATE INDEX partner_by_partner ON partner (partner, code);
CREATE TABLE assignment (
  account TEXT NOT NULL,
  at TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  partner TEXT NOT NULL,
  employee TEXT NOT NULL,
  operator TEXT NOT NULL,
  PRIMARY KEY (account, at, ledger_id, seq)
);
CREATE TABLE statement (
  number TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  first BIGINT NOT NULL,
  last BIGINT NOT NULL,
  state TEXT NOT NULL,
  payable TEXT NOT NULL,
  paid TEXT NOT NULL,
  contents BLOB NOT NULL
);
CREATE INDEX statement_by_partner ON statement (partner, first)
"""


def upgrade() -> None:
    """Make the tables and their indexes."""
    text = CHANGES
    if op.get_bind().dialect.name == "postgresql":
        text = text.replace("BLOB", "BYTEA")
    for statement in text.split(";"):
        op.execute(statement)
