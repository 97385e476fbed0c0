"""Phones: which one carries a card, which devices hold its pass, and until when a card is good."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE phone (
  card_id TEXT PRIMARY KEY,
  number TEXT NOT NULL,
  generation BIGINT NOT NULL,
  last_step BIGINT NOT NULL
);
CREATE TABLE pass_device (
  device TEXT NOT NULL,
  card_id TEXT NOT NULL,
  push_token TEXT NOT NULL,
  PRIMARY KEY (device, card_id)
);
CREATE INDEX pass_device_by_card ON pass_device (card_id);
ALTER TABLE card ADD COLUMN until TEXT NOT NULL DEFAULT ''
"""


def upgrade() -> None:
    """Make the tables and the column."""
    for statement in TABLES.split(";"):
        op.execute(statement)
