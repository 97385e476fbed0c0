"""The shop's keys for the codes that phones show, and the file that holds them."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from card_formats.phone.rotating import card_key
from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import (
    KEY_BYTES,
    KeyFileError,
    check_mode,
    replace_key_file,
    write_key_file,
)

PHONE_KEYS_FILE = "phones.key"

PHONE_KEYS_MAX = 4
"""Keys for phones that are accepted together; the next is refused until older ones are retired."""


class PhoneKeys:
    """The shop's keys for the codes that phones show, by id. Each phone has a key of its own.

    A phone that takes a card over gets one of the newest; the older ones are accepted until they
    are retired.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        assert keys
        self._keys = dict(sorted(keys.items()))

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the ids of the keys that are accepted, oldest first."""
        return tuple(self._keys)

    @property
    def newest(self) -> int:
        """Return the id of the key that phones are given now."""
        return self.ids[-1]

    def card_key(self, key_id: int, number: str, generation: int) -> bytes | None:
        """Return the key of a phone, or None where the shop's key of it is retired."""
        shop_key = self._keys.get(key_id)
        return None if shop_key is None else card_key(shop_key, number, generation)


def load_phone_keys(path: Path) -> PhoneKeys:
    """Read the file of the phones' keys, making it with a first key. Raises KeyFileError.

    The file has a line a key, ``<id> <KEY_BYTES bytes in hex>``, oldest first, at most
    PHONE_KEYS_MAX. A line that is only hex is key 1: that is what older files hold.
    """
    with suppress(FileExistsError):
        write_key_file(path, _phone_key_line(1))
    check_mode(path)
    keys: dict[int, bytes] = {}
    try:
        for line in read_text_file(path, "ascii").splitlines():
            key_id, _, text = line.rpartition(" ")
            keys[int(key_id or "1")] = bytes.fromhex(text)
    except ValueError:
        keys.clear()
    right = 1 <= len(keys) <= PHONE_KEYS_MAX and list(keys) == sorted(keys)
    if not right or any(len(key) != KEY_BYTES for key in keys.values()):
        raise KeyFileError(f"{path} does not hold keys of {KEY_BYTES} bytes in hex; restore it.")
    return PhoneKeys(keys)


def add_phone_key(path: Path) -> PhoneKeys:
    """Add a key, which phones are given from the daemon's next start on. Raises KeyFileError."""
    known = load_phone_keys(path)
    if len(known.ids) == PHONE_KEYS_MAX:
        raise KeyFileError(f"{path} holds {PHONE_KEYS_MAX} keys already; retire the older ones.")
    lines = read_text_file(path, "ascii").splitlines()
    replace_key_file(path, "\n".join(lines) + "\n" + _phone_key_line(known.newest + 1))
    return load_phone_keys(path)


def retire_phone_keys(path: Path) -> PhoneKeys:
    """Take every key but the newest out of the file. Raises KeyFileError."""
    load_phone_keys(path)
    replace_key_file(path, read_text_file(path, "ascii").splitlines()[-1] + "\n")
    return load_phone_keys(path)


def _phone_key_line(key_id: int) -> str:
    return f"{key_id} {secrets.token_hex(KEY_BYTES)}\n"
