"""The key that hot lists are signed with, kept where they are made, and its public half at tills.

Ed25519 (RFC 8032): whoever steals a till, with all its keys, can read hot lists and make none.
"""

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import KeyFileError, check_mode, write_key_file

HOT_LIST_KEY_FILE, HOT_LIST_PUBLIC_FILE = "hot-list.key", "hot-list.pub"
PUBLIC_SUFFIX = ".pub"
KEY_BYTES = 32


class HotListKey:
    """Signs hot lists."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``, 64 bytes."""
        return self._key.sign(message)

    @property
    def public(self) -> "HotListPublicKey":
        """Return the half that tills have."""
        return HotListPublicKey(self._key.public_key().public_bytes_raw())


class HotListPublicKey:
    """Tells the shop's hot lists from anybody else's. ``raw`` is KEY_BYTES long."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the key's for ``message``."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def make_hot_list_keys(secret: Path, public: Path) -> None:
    """Make a key, mode 0600, and beside it its public half. Raises FileExistsError for either."""
    made = Ed25519PrivateKey.generate()
    if public.exists():
        raise FileExistsError(17, "File exists", str(public))
    write_key_file(secret, made.private_bytes_raw().hex() + "\n")
    public.write_text(made.public_key().public_bytes_raw().hex() + "\n", "ascii")


def load_hot_list_key(path: Path) -> HotListKey:
    """Read the key that signs. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(
            f"There is no {path}: hot lists are made where `tillcard cards hot-list-key` made it."
        )
    if path.suffix == PUBLIC_SUFFIX:
        raise KeyFileError(f"{path} is the public half; sign with {path.with_suffix('.key').name}.")
    check_mode(path)
    return HotListKey(_read(path))


def load_hot_list_public_key(path: Path) -> HotListPublicKey:
    """Read the public half. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(
            f"There is no {path}: copy it from where `tillcard cards hot-list-key` made it."
        )
    return HotListPublicKey(_read(path))


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(read_text_file(path, "ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{path} does not hold {KEY_BYTES} bytes in hex; restore it.")
    return key
