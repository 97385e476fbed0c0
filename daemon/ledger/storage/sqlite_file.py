"""The file of a SQLite ledger: its one writer, its schema, and what its errors mean to us."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from daemon.ledger.storage.schema import check_version, is_behind
from daemon.ledger.storage.store import StorageFullError, StoreConflictError, StoreError

_BUSY_TIMEOUT_MS = 5_000


@contextmanager
def translated() -> Iterator[None]:
    """Raise what SQLite raises as StorageFullError, StoreConflictError or StoreError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
            raise StorageFullError(str(error)) from error
        raise StoreError(str(error)) from error
    except sqlite3.IntegrityError as error:
        raise StoreConflictError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(str(error)) from error


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Be the one writer: lock ``<path>.lock``, which any end of the process frees."""
    with path.with_name(path.name + ".lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"{path} is being written by another tillcard. Stop that one, or give this one a"
                " ledger of its own."
            ) from error
        yield


def connected(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Connect to a file that is there. Transactions are begun by hand."""
    with translated():
        return sqlite3.connect(
            f"file:{path}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_MS / 1000,
        )


def check(path: Path) -> None:
    """Check a file that is only read. Raises StoreError unless it is a ledger of this schema."""
    if not path.exists():
        raise StoreError(f"There is no ledger at {path}.")
    check_version(_version(path), str(path))


def migrate(path: Path) -> None:
    """Bring the database file to this version's schema, making it if it is not there."""
    if is_behind(_version(path), str(path)):
        from daemon.ledger.storage.migrations import upgrade  # slow to import and seldom needed

        upgrade(f"sqlite:///{path}")


def _version(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as db:
            named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            if db.execute(named).fetchone() is None:
                return ""
            row = db.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else ""
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} is no ledger that can be opened: {error}.") from error
