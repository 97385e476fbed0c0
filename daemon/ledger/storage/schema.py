"""Which schema this version needs. Alembic is imported only when a database is behind it."""

from pathlib import Path

from daemon.ledger.storage.store import StoreError

HEAD = "0040"
"""The newest revision in ``migrations/versions``; a test compares the two."""


_REVISIONS = frozenset(
    path.name[1:5] for path in (Path(__file__).parent / "migrations/versions").glob("v????_*.py")
)


def is_behind(version: str, database: str) -> bool:
    """Whether a database must be migrated; "" is an empty one.

    Raises: StoreError when a newer tillcard wrote it, or none that is known.
    """
    if version > HEAD:
        raise StoreError(
            f"{database} was written by a newer tillcard (schema {version}, this one knows {HEAD})."
        )
    if version and version not in _REVISIONS:
        raise StoreError(
            f"{database} is of a schema that no tillcard has released ({version}); bring back a"
            " backup, or start the tillcard that made it."
        )
    return version < HEAD


def check_version(version: str, database: str) -> None:
    """Check a database that is only read. Raises StoreError unless it is of this schema."""
    if is_behind(version, database):
        raise StoreError(
            f"{database} is of an older tillcard (schema {version or 'none'}, this one needs"
            f" {HEAD}). Starting the daemon brings it up to date."
        )
