"""NTAG 21x and MIFARE Ultralight EV1 behind a PC/SC reader: what they are, their pages, a password.

They identify and never hold a balance: what can be dumped can be put back.
"""

from enum import StrEnum

import msgspec

from card_formats.apdu import SW_OK, CommandApdu, Dialogue
from card_formats.errors import CardFormatError

READ_BYTES = 16
_GET_VERSION, _PASSWORD = b"\x60", b"\x1b"
_OPEN, _EXCHANGE = 0x00, 0x01
_BEGIN_SESSION, _END_SESSION = b"\x81\x00", b"\x82\x00"
_TRANSCEIVE, _ANSWER, _STATUS = 0x95, 0x97, 0xC0
_GOOD = b"\x00\x90\x00"


class PassThrough(StrEnum):
    """How a reader hands a native command to the tag.

    ACR122: a command of the PN532 inside.
    PCSC:   a transparent session of PC/SC part 3 (ACR1252 and newer).
    """

    ACR122 = "acr122"
    PCSC = "pcsc"


class TagModel(StrEnum):
    """Models by their answer to GET_VERSION."""

    ULTRALIGHT_EV1_48 = "ultralight-ev1-48"
    ULTRALIGHT_EV1_128 = "ultralight-ev1-128"
    NTAG213 = "ntag213"
    NTAG215 = "ntag215"
    NTAG216 = "ntag216"


_MODELS = {  # product type, size of the memory
    (0x03, 0x0B): TagModel.ULTRALIGHT_EV1_48,
    (0x03, 0x0E): TagModel.ULTRALIGHT_EV1_128,
    (0x04, 0x0F): TagModel.NTAG213,
    (0x04, 0x11): TagModel.NTAG215,
    (0x04, 0x13): TagModel.NTAG216,
}


class Pages(msgspec.Struct, frozen=True):
    """A model's pages for the user, and its first of configuration (ACCESS, PWD, PACK follow)."""

    first: int
    last: int
    configuration: int


PAGES = {
    TagModel.ULTRALIGHT_EV1_48: Pages(0x04, 0x0F, 0x10),
    TagModel.ULTRALIGHT_EV1_128: Pages(0x04, 0x23, 0x25),
    TagModel.NTAG213: Pages(0x04, 0x27, 0x29),
    TagModel.NTAG215: Pages(0x04, 0x81, 0x83),
    TagModel.NTAG216: Pages(0x04, 0xE1, 0xE3),
}


def read_pages(page: int) -> Dialogue[bytes]:
    """Read four pages from ``page`` on, 16 bytes, with the reader's own command.

    Raises: CardFormatError ``tag.unreadable``.
    Source: PC/SC part 3 rev. 2.01, 3.2.2.1.8 (READ BINARY).
    """
    # Not called yet: for reading back a tag that has been programmed.
    answer = yield CommandApdu(cla=0xFF, ins=0xB0, p1=0, p2=page, le=READ_BYTES)
    if answer.sw != SW_OK or len(answer.data) != READ_BYTES:
        raise CardFormatError("tag.unreadable", f"page {page} answered {answer.sw:04X}")
    return answer.data


def get_model(reader: PassThrough) -> Dialogue[TagModel]:
    """Ask a tag what it is. One that does not know the question must be presented again.

    Raises: CardFormatError ``tag.unknown``, what `transceive` raises.
    """
    return decode_model((yield from transceive(reader, _GET_VERSION)))


def decode_model(raw: bytes) -> TagModel:
    """Read the answer to GET_VERSION. Raises CardFormatError ``tag.unknown``."""
    key = (raw[2], raw[6]) if len(raw) == 8 and raw[:2] == b"\x00\x04" else None
    if key not in _MODELS:
        raise CardFormatError("tag.unknown", f"version {raw[:8].hex().upper()}")
    return _MODELS[key]


def authenticate_password(reader: PassThrough, password: bytes, pack: bytes) -> Dialogue[None]:
    """Give the tag its password and see that it knows its acknowledgement.

    password, pack: 4 bytes and 2, this tag's own.
    Raises:         CardFormatError ``tag.bad-pack`` from a tag that is not ours; what `transceive`
                    raises for a refused password, after which the tag must be presented again.
    """
    assert len(password) == 4
    assert len(pack) == 2
    if (yield from transceive(reader, _PASSWORD + password)) != pack:
        raise CardFormatError("tag.bad-pack", "this tag does not know its password")


def transceive(reader: PassThrough, command: bytes) -> Dialogue[bytes]:
    """Hand ``command`` to the tag as it is and return its answer.

    Raises: CardFormatError ``tag.refused``: the reader cannot do this or the tag did not answer.
    """
    match reader:
        case PassThrough.ACR122:
            return (yield from _through_pn532(command))
        case PassThrough.PCSC:
            return (yield from _through_pcsc(command))


def _through_pn532(command: bytes) -> Dialogue[bytes]:
    """Source: NXP PN532 user manual, InCommunicateThru; ACS ACR122U API 2.04, direct transmit."""
    answer = yield CommandApdu(cla=0xFF, ins=0, p1=0, p2=0, data=b"\xd4\x42" + command)
    if answer.sw != SW_OK or answer.data[:3] != b"\xd5\x43\x00":
        raise CardFormatError("tag.refused", f"the tag did not answer ({answer.sw:04X})")
    return answer.data[3:]


def _through_pcsc(command: bytes) -> Dialogue[bytes]:
    """Source: PC/SC part 3 supplement 2.02, 4. The session is ended whatever the tag answered."""
    yield _transparent(_OPEN, _BEGIN_SESSION)
    answer = yield _transparent(_EXCHANGE, bytes((_TRANSCEIVE, len(command))) + command)
    yield _transparent(_OPEN, _END_SESSION)
    objects = _data_objects(answer.data)
    is_good = answer.sw == SW_OK and objects.get(_STATUS, _GOOD) == _GOOD
    if not is_good or _ANSWER not in objects:
        raise CardFormatError("tag.refused", f"the tag did not answer ({answer.sw:04X})")
    return objects[_ANSWER]


def _transparent(function: int, body: bytes) -> CommandApdu:
    return CommandApdu(cla=0xFF, ins=0xC2, p1=0, p2=function, data=body, le=256)


def _data_objects(raw: bytes) -> dict[int, bytes]:
    """Split one-byte tags with one-byte lengths; a cut one gives what there is."""
    objects, at = {}, 0
    while at + 2 <= len(raw):
        end = at + 2 + raw[at + 1]
        objects[raw[at]] = raw[at + 2 : end]
        at = end
    return objects
