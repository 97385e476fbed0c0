"""Secret keys, each in a file of its own that only the daemon's user may read."""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


class KeyFileError(Exception):
    """A key file is unusable; the message says how to mend it."""


def load_or_make(path: Path) -> bytes:
    """Return the key in ``path`` (KEY_BYTES bytes, hex, mode 0600), making it at first use."""
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load(path)
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _load(path)


def _load(path: Path) -> bytes:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); chmod 600 it.")
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes in hex; restore it.")
    return key
