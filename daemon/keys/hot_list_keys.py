"""The key that hot lists are signed with, kept where they are made, and its public half at tills.

Whoever steals a till, with all its keys, can read hot lists and make none.
"""

import secrets
from pathlib import Path

from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import KEY_BYTES, KeyFileError, check_mode, write_key_file
from daemon.keys.signing_keys import PublicKey, SigningKey

HOT_LIST_KEY_FILE, HOT_LIST_PUBLIC_FILE = "hot-list.key", "hot-list.pub"
PUBLIC_SUFFIX = ".pub"


def make_hot_list_keys(secret: Path, public: Path) -> None:
    """Make a key, mode 0600, and beside it its public half. Raises FileExistsError for either."""
    made = secrets.token_bytes(KEY_BYTES)
    if public.exists():
        raise FileExistsError(17, "File exists", str(public))
    write_key_file(secret, made.hex() + "\n")
    public.write_text(SigningKey(made).public.raw.hex() + "\n", "ascii")


def load_hot_list_key(path: Path) -> SigningKey:
    """Read the key that signs. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(
            f"There is no {path}: hot lists are made where `tillcard cards hot-list-key` made it."
        )
    if path.suffix == PUBLIC_SUFFIX:
        raise KeyFileError(f"{path} is the public half; sign with {path.with_suffix('.key').name}.")
    check_mode(path)
    return SigningKey(_read(path))


def load_hot_list_public_key(path: Path) -> PublicKey:
    """Read the public half. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(
            f"There is no {path}: copy it from where `tillcard cards hot-list-key` made it."
        )
    return PublicKey(_read(path))


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(read_text_file(path, "ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes in hex; restore it.")
    return key
