"""Secrets of gateways, each in a file that only the till's user may read."""

from pathlib import Path

from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import KeyFileError, check_mode


def secret_in(file: Path) -> str:
    """Return the secret in a file of mode 0600. Raises KeyFileError."""
    try:
        check_mode(file)
        return read_text_file(file).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{file} cannot be read: {error}") from error
