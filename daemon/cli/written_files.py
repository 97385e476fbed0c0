"""Files that a command writes where somebody says."""

from pathlib import Path


def check_folder(file: Path) -> None:
    """Raise FileNotFoundError, with a sentence, where there is no folder to write ``file`` in."""
    if not file.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {file.parent}; make it first")
