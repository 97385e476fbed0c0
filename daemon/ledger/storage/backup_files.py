"""A backup's file: it stands there whole and synced, or not at all."""

import os
from pathlib import Path

from daemon.ledger.storage.store import StoreError


def begin(file: Path) -> Path:
    """Make the empty file that a backup is written to, in the place of what an earlier one left.

    Nothing is followed or written over: a link there may lead to an older backup.
    Raises: StoreError for what is no name of a file, OSError.
    """
    if not file.name:
        raise StoreError("Name the file that the backup is to be.")
    part = file.with_name(file.name + ".part")
    for left in (part, *(part.with_name(part.name + end) for end in ("-journal", "-wal", "-shm"))):
        left.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    return part


def settle(part: Path, file: Path) -> None:
    """Sync what was written to ``part`` and give it its name. Raises FileExistsError, OSError."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    os.link(part, file)  # unlike a rename it never takes the place of an older backup
    part.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
