"""Files that a command writes where somebody says."""

import os
from pathlib import Path
from typing import TextIO


def check_folder(file: Path) -> None:
    """Raise FileNotFoundError, with a sentence, where there is no folder to write ``file`` in."""
    if not file.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {file.parent}; make it first")


def check_new(file: Path) -> None:
    """Raise OSError, with a sentence, where ``file`` cannot be made."""
    check_folder(file)
    if file.exists():
        raise FileExistsError(f"{file} is there already; name another file")


def own_file(path: Path) -> TextIO:
    """Open a new file for text that its owner alone reads. Raises OSError where one is there."""
    return os.fdopen(_new(path), "w", newline="", encoding="utf-8")


def write_own(path: Path, content: bytes) -> None:
    """Write a new file that its owner alone reads. Raises OSError where one is there."""
    with os.fdopen(_new(path), "wb") as file:
        file.write(content)


def _new(path: Path) -> int:
    check_folder(path)
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileExistsError(f"{path} is there already; name another file") from None
