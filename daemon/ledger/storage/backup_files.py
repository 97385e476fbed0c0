"""A backup's file: it stands there whole and synced, or not at all."""

import os
from pathlib import Path


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
