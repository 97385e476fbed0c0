"""A disk that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TMPFS_KIB = 1_024
BALLAST = "ballast"


@contextmanager
def small_disk(path: Path, kib: int = TMPFS_KIB) -> Iterator[Path]:
    """Make ``path`` a file system of its own, one mebibyte small or as much as ``kib`` says."""
    path.mkdir(exist_ok=True)
    size = f"size={kib}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def fill(disk: Path) -> Path:
    """Write until there is no room; return the file whose end makes room again."""
    ballast = disk / BALLAST
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return ballast
