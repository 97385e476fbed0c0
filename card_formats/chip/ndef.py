"""The link on an NFC Forum tag of type 4, such as an NTAG 424: four APDUs."""

from card_formats.apdu import SW_OK, CommandApdu, Dialogue
from card_formats.chip.desfire.commands import select_iso
from card_formats.errors import CardFormatError

NDEF_APPLICATION = bytes.fromhex("D2760000850101")
NDEF_FILE = bytes.fromhex("E104")
MESSAGE_BYTES_MAX = 255
_SHORT_WELL_KNOWN = 0xD1  # first and last record, short, type by NFC Forum
_PREFIXES = ("", "http://www.", "https://www.", "http://", "https://")


def read_link() -> Dialogue[str]:
    """Read the tag's link.

    Raises: CardFormatError ``iso.not-found`` when this is no such tag, ``ndef.too-long`` above
            MESSAGE_BYTES_MAX, ``ndef.unreadable``, what `decode_link` raises.
    Source: NFC Forum Type 4 Tag 1.0, 7.4.
    """
    yield from select_iso(NDEF_APPLICATION)
    answer = yield CommandApdu(cla=0, ins=0xA4, p1=0, p2=0x0C, data=NDEF_FILE)
    if answer.sw != SW_OK:
        raise CardFormatError("ndef.unreadable", f"SELECT answered {answer.sw:04X}")
    size = int.from_bytes((yield from _read(0, 2)), "big")
    if size > MESSAGE_BYTES_MAX:
        raise CardFormatError("ndef.too-long", f"{size} bytes, {MESSAGE_BYTES_MAX} at most")
    return decode_link((yield from _read(2, size)) if size else b"")


def _read(offset: int, size: int) -> Dialogue[bytes]:
    answer = yield CommandApdu(cla=0, ins=0xB0, p1=0, p2=offset, le=size)
    if answer.sw != SW_OK or len(answer.data) != size:
        raise CardFormatError("ndef.unreadable", f"READ BINARY answered {answer.sw:04X}")
    return answer.data


def decode_link(message: bytes) -> str:
    """Read an NDEF message of one short record of type U.

    Raises: CardFormatError ``ndef.no-link``.
    Source: NFC Forum URI Record Type Definition 1.0, 3.2.
    """
    is_link = len(message) >= 5 and message[:2] == bytes((_SHORT_WELL_KNOWN, 1))
    if not is_link or message[2] != len(message) - 4 or message[3:4] != b"U":
        raise CardFormatError("ndef.no-link", "the tag holds no link")
    if message[4] >= len(_PREFIXES) or not message[5:].isascii():
        raise CardFormatError("ndef.no-link", "the tag holds no web link")
    return _PREFIXES[message[4]] + message[5:].decode("ascii")
