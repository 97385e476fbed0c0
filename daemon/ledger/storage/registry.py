"""Which databases a ledger may live in: the table, and how to open one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store, StoreError


class OpenStore(Protocol):
    """Opens one connection to the ledger at ``location``; relative files start from ``home``."""

    def __call__(self, location: str, home: Path, *, read_only: bool = False) -> Store:
        """Open it. Raises StoreError."""
        ...


def open_store(location: str, home: Path, *, read_only: bool = False) -> Store:
    """Open a connection by the scheme of ``location``; one without a scheme is a SQLite file."""
    scheme = scheme_of(location)
    if scheme not in STORES:
        raise StoreError(
            f"A ledger is a file or a postgresql:// address; {scheme}:// is not known."
        )
    return STORES[scheme](location, home, read_only)


def scheme_of(location: str) -> str:
    """Return what stands before ``://``, or "" for a file."""
    return location.partition("://")[0] if "://" in location else ""


def _sqlite(location: str, home: Path, read_only: bool) -> Store:
    return SQLiteStore(home / location, read_only=read_only)


def _postgresql(location: str, home: Path, read_only: bool) -> Store:
    from daemon.ledger.storage.postgres import PostgresStore  # a till on SQLite needs none of it

    return PostgresStore(location, home, read_only=read_only)


STORES: dict[str, Callable[[str, Path, bool], Store]] = {"": _sqlite, "postgresql": _postgresql}
