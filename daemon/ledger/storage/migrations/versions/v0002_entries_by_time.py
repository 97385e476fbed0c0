"""Entries know their time: an account's newest come first, whichever till wrote them."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add ``entry.at``. A body begins with it: ``{"at":"`` and 27 characters."""
    text = "CAST(substr(body, 8, 27) AS TEXT)"
    if op.get_bind().dialect.name == "postgresql":
        text = "encode(substr(body, 8, 27), 'escape')"
    op.execute("ALTER TABLE entry ADD COLUMN at TEXT NOT NULL DEFAULT ''")
    op.execute(f"UPDATE entry SET at = {text}")
    op.execute("DROP INDEX entry_by_account")
    op.execute("CREATE INDEX entry_by_account ON entry (account, at, ledger_id, seq)")
