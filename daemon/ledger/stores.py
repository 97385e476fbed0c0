"""Which databases a ledger may live in: the table, and how to open one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from daemon.ledger.sqlite import SQLiteStore
from daemon.ledger.store import Store


class OpenStore(Protocol):
    """Opens one connection to the ledger at ``location``; relative files start from ``home``."""

    def __call__(self, location: str, home: Path, *, read_only: bool = False) -> Store:
        """Open it. Raises StoreError."""
        ...


def open_store(location: str, home: Path, *, read_only: bool = False) -> Store:
    """Open a connection by the scheme of ``location``; one without a scheme is a SQLite file."""
    scheme = location.partition("://")[0] if "://" in location else ""
    return STORES[scheme](location, home, read_only)


def _sqlite(location: str, home: Path, read_only: bool) -> Store:
    return SQLiteStore(home / location, read_only=read_only)


STORES: dict[str, Callable[[str, Path, bool], Store]] = {"": _sqlite}
