"""What was noticed that may be fraud, and how it was judged."""

from alembic import op

revision = "0036"
down_revision = "0035"

CHANGES = """
CREATE TABLE finding (
  finding TEXT PRIMARY KEY,
  detector TEXT NOT NULL,
  subject TEXT NOT NULL,
  other TEXT NOT NULL,
  store TEXT NOT NULL,
  first BIGINT NOT NULL,
  last BIGINT NOT NULL,
  value BIGINT NOT NULL,
  threshold BIGINT NOT NULL,
  evidence BLOB NOT NULL,
  more BIGINT NOT NULL,
  state TEXT NOT NULL,
  at TEXT NOT NULL,
  operator TEXT NOT NULL,
  note TEXT NOT NULL,
  judged_at TEXT NOT NULL
);
CREATE INDEX finding_by_day ON finding (last, finding);
CREATE INDEX finding_by_state ON finding (state, last, finding);
CREATE INDEX finding_by_subject ON finding (subject, last, finding)
"""


def upgrade() -> None:
    """Make the table and its indexes."""
    text = CHANGES
    if op.get_bind().dialect.name == "postgresql":
        text = text.replace("BLOB", "BYTEA")
    for statement in text.split(";"):
        op.execute(statement)
