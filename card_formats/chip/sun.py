"""NTAG 424 DNA's secure unique NFC message (SUN): a link that changes with every tap."""

import re

import msgspec

from card_formats.chip.desfire.ev2 import truncate
from card_formats.crypto import ZERO_BLOCK, cmac, decrypt_cbc, encrypt_cbc, equals_secret
from card_formats.errors import CardFormatError

URL_CHARS_MAX = 512
UID_BYTES = 7
_COUNT_BYTES = 3
_UID_AND_COUNT = 0xC7  # both are mirrored, and the UID is seven bytes
# Labels of the session vectors SV2 (MAC) and SV1 (data), AN12196 3.3: what the key is for, then a
# counter and a length in bits, both of them constants.
_FOR_MAC, _FOR_DATA = b"\x3c\xc3\x00\x01\x00\x80", b"\xc3\x3c\x00\x01\x00\x80"
_PARAMETER = re.compile(r"[?&](\w+)=([0-9A-Fa-f]*)")
_NAMES = {"e": "picc", "picc_data": "picc", "enc": "data", "c": "mac", "cmac": "mac"}


class Tap(msgspec.Struct, frozen=True):
    """The tag's UID and its read counter. Neither is verified yet."""

    uid: bytes
    read_count: int


class SunLink(msgspec.Struct, frozen=True):
    """A link taken apart.

    picc:    the encrypted UID and count, or b"" when ``tap`` was sent in clear.
    data:    the encrypted part of the file, or b"".
    covered: what the MAC is over beside UID and count.
    """

    picc: bytes
    tap: Tap | None
    data: bytes
    covered: bytes
    mac: bytes


def parse_link(url: str) -> SunLink:
    """Take a link's parameters apart.

    url:    ``e`` or ``picc_data``, or ``uid`` and ``ctr``; ``c`` or ``cmac``; ``enc`` at will.
    Raises: CardFormatError ``sun.bad-link``, also above URL_CHARS_MAX.
    Source: NXP AN12196, 3.4; the MAC covers what stands between the start of ``enc`` and its own.
    """
    matches = _PARAMETER.finditer(url[:URL_CHARS_MAX])
    found = {_NAMES.get(m[1].lower(), m[1].lower()): m for m in matches}
    if len(url) > URL_CHARS_MAX or not url.isascii() or "mac" not in found:
        raise CardFormatError("sun.bad-link", "too long, not ASCII, or without a MAC")
    covered = ""
    if "data" in found:  # the tag writes its digits in capitals, whatever became of them on the way
        data_end = found["data"].end(2)
        covered = found["data"][2].upper() + url[data_end : found["mac"].start(2)]
    picc, data, mac, uid, count = (_hex(found, n) for n in ("picc", "data", "mac", "uid", "ctr"))
    tap = Tap(uid, int.from_bytes(count, "big")) if not picc else None
    if tap and (len(uid), len(count)) != (UID_BYTES, _COUNT_BYTES):
        raise CardFormatError("sun.bad-link", "neither encrypted nor open UID and count")
    return SunLink(picc, tap, data, covered.encode("ascii"), mac)


def _hex(found: dict[str, re.Match[str]], name: str) -> bytes:
    text = found[name][2] if name in found else ""
    if len(text) % 2:
        raise CardFormatError("sun.bad-link", f"{name} has an odd number of digits")
    return bytes.fromhex(text)


def decrypt_tap(meta_key: bytes, picc: bytes) -> Tap:
    """Decrypt UID and count. A wrong key gives an error here or a bad MAC later.

    Raises: CardFormatError ``sun.bad-picc``.
    Source: NXP AN12196, 3.4.2.
    """
    if len(picc) != len(ZERO_BLOCK):
        raise CardFormatError("sun.bad-picc", f"{len(picc)} bytes, 16 expected")
    plain = decrypt_cbc(meta_key, ZERO_BLOCK, picc)
    if plain[0] != _UID_AND_COUNT:
        raise CardFormatError("sun.bad-picc", "not this tag's key, or no UID and count in it")
    return Tap(plain[1:8], int.from_bytes(plain[8:11], "little"))


def verify_tap(
    file_key: bytes, tap: Tap, mac: bytes, *, covered: bytes = b"", last_count: int = -1
) -> None:
    """Prove that the tag with ``file_key`` made this link, after any that was seen.

    last_count: the highest read count seen from this UID, -1 for none.
    Raises:     CardFormatError ``sun.bad-mac``, ``sun.replayed``.
    Source:     NXP AN12196, 3.4.4.
    """
    key = _session_key(file_key, _FOR_MAC, tap)
    if not equals_secret(truncate(cmac(key, covered)), mac):
        raise CardFormatError("sun.bad-mac", "the link is forged or altered")
    if tap.read_count <= last_count:
        raise CardFormatError("sun.replayed", "this link was used before: tap the tag again")


def decrypt_data(file_key: bytes, tap: Tap, data: bytes) -> bytes:
    """Decrypt the part of the file that the link carries; verify the tap first.

    Raises: CardFormatError ``sun.bad-data``.
    Source: NXP AN12196, 3.4.3.
    """
    # Not called yet: for tags programmed to carry data in their link, read back when they are.
    if len(data) % len(ZERO_BLOCK):
        raise CardFormatError("sun.bad-data", f"{len(data)} bytes, whole blocks expected")
    key = _session_key(file_key, _FOR_DATA, tap)
    count = tap.read_count.to_bytes(_COUNT_BYTES, "little")
    iv = encrypt_cbc(key, ZERO_BLOCK, count.ljust(len(ZERO_BLOCK), b"\0"))
    return decrypt_cbc(key, iv, data)


def _session_key(file_key: bytes, label: bytes, tap: Tap) -> bytes:
    return cmac(file_key, label + tap.uid + tap.read_count.to_bytes(_COUNT_BYTES, "little"))
