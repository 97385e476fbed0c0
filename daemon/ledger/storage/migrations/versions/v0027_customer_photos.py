"""Photos of customers and samples of their signatures, in a table of their own."""

from alembic import op

revision = "0027"
down_revision = "0026"

TABLE = """
CREATE TABLE customer_photo (
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  image {bytes} NOT NULL,
  PRIMARY KEY (account, kind)
)
"""


def upgrade() -> None:
    """Make the table."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.execute(TABLE.format(bytes="BYTEA" if is_postgres else "BLOB"))
