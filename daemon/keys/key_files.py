"""Secret keys, each in a file of its own that only the daemon's user may read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from daemon.base.regular_files import read_text_file

OWN_FILES_UMASK = 0o077
"""Of whoever makes a till's files: the ledger names customers, so others may not read it."""

KEY_BYTES = 32


class KeyFileError(Exception):
    """A key file is unusable; the message says how to mend it."""


def load_or_make(path: Path) -> bytes:
    """Return the key in ``path`` (KEY_BYTES bytes, hex, mode 0600), making it at first use."""
    with suppress(FileExistsError):
        write_key_file(path, secrets.token_hex(KEY_BYTES) + "\n")
    return load(path)


def write_key_file(path: Path, text: str) -> None:
    """Make a file that only its owner may read. Raises FileExistsError."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def check_mode(path: Path) -> None:
    """Raise KeyFileError where others than the owner may read ``path``."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}); chmod 600 it.")


def load(path: Path) -> bytes:
    """Return the key in ``path``, as ``load_or_make``. Raises KeyFileError."""
    check_mode(path)
    try:
        key = bytes.fromhex(read_text_file(path, "ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes in hex; restore it.")
    return key


class TokenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A PKCS#11 token that holds keys; it needs the extra ``pkcs11``.

    module:   the vendor's library, such as ``/usr/lib/softhsm/libsofthsm2.so``.
    label:    the token's. pin_file: a file of mode 0600 with its PIN.
    """

    module: str
    label: str
    pin_file: str


def replace_key_file(path: Path, text: str) -> None:
    """Write a key file anew; whenever the power goes, the old one or the new one is there."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    write_key_file(new, text)
    new.replace(path)
