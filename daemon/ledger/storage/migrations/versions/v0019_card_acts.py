"""Acts about cards, which act a card was handed out by, and how each came to its customer."""

from alembic import op

revision = "0019"
down_revision = "0018"

CHANGES = """
ALTER TABLE card ADD COLUMN act TEXT NOT NULL DEFAULT '';
CREATE TABLE act (
  act TEXT NOT NULL,
  company TEXT NOT NULL,
  kind TEXT NOT NULL,
  made_at TEXT NOT NULL,
  by TEXT NOT NULL,
  state TEXT NOT NULL,
  store TEXT NOT NULL,
  count BIGINT NOT NULL,
  total BIGINT NOT NULL,
  head TEXT NOT NULL,
  contents BLOB NOT NULL,
  names BLOB NOT NULL,
  PRIMARY KEY (act, company)
);
CREATE INDEX act_by_kind ON act (company, kind, act);
CREATE TABLE card_issue (
  card_id TEXT PRIMARY KEY,
  day BIGINT NOT NULL,
  minute BIGINT NOT NULL,
  account TEXT NOT NULL,
  by TEXT NOT NULL,
  store TEXT NOT NULL,
  condition TEXT NOT NULL,
  cost BIGINT NOT NULL,
  price BIGINT NOT NULL,
  sale_id TEXT NOT NULL,
  act TEXT NOT NULL
);
CREATE INDEX card_issue_by_day ON card_issue (store, day) WHERE act = '';
CREATE INDEX card_issue_by_sale ON card_issue (sale_id) WHERE sale_id <> ''
"""


def upgrade() -> None:
    """Add the tables, the column and the indexes."""
    text = CHANGES
    if op.get_bind().dialect.name == "postgresql":
        text = text.replace("BLOB", "BYTEA")
    for statement in text.split(";"):
        op.execute(statement)
