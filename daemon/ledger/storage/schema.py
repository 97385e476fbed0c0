"""Which schema this version needs. Alembic is imported only when a database is behind it."""

from daemon.ledger.storage.store import StoreError

HEAD = "0012"
"""The newest revision in ``migrations/versions``; a test compares the two."""


def is_behind(version: str, database: str) -> bool:
    """Whether a database must be migrated; "" is an empty one. Raises StoreError when newer."""
    if version > HEAD:
        raise StoreError(
            f"{database} was written by a newer tillcard (schema {version}, this one knows {HEAD})."
        )
    return version < HEAD


def check_version(version: str, database: str) -> None:
    """Check a database that is only read. Raises StoreError unless it is of this schema."""
    if is_behind(version, database):
        raise StoreError(
            f"{database} is of an older tillcard (schema {version or 'none'}, this one needs"
            f" {HEAD}). Starting the daemon brings it up to date."
        )
