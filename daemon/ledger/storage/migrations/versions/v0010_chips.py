"""Chips that count, as last seen, and a way to find the sales that wait for one."""

from alembic import op

revision = "0010"
down_revision = "0003"

TABLES = """
CREATE TABLE chip (
  uid TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  txid TEXT NOT NULL,
  balance BIGINT NOT NULL,
  speaks TEXT NOT NULL,
  alarm TEXT NOT NULL
);
CREATE INDEX sale_unsettled ON sale (account)
  WHERE state IN ('intent', 'unknown', 'void_pending')
"""


def upgrade() -> None:
    """Make the table and the index."""
    for statement in TABLES.split(";"):
        op.execute(statement)
