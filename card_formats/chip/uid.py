"""The number every contactless chip tells anybody: it identifies, and anybody can copy it."""

import re

from card_formats.apdu import READER_CLA, SW_NO_ANSWER, SW_OK, CommandApdu, Dialogue
from card_formats.atr import memory_of
from card_formats.code_text import number_form
from card_formats.credential import Credential, Medium, Reading, Shown, Trust
from card_formats.errors import CardFormatError, UnknownFormatError
from card_formats.number_ranges import NumberRange

UID_BYTES = (4, 7, 8, 10)  # ISO/IEC 14443-3 single, double, triple; 8 on ISO/IEC 15693 and FeliCa
WRITTEN_UID_BYTES = (4, 7, 10)
RANDOM_UID_BYTES, RANDOM_UID_FIRST = 4, 0x08
_SYMBOLOGY_BY_STANDARD = {0x09: "iso15693", 0x0A: "iso15693", 0x0B: "iso15693", 0x11: "felica"}
_HEX_MARK = re.compile(r"(?<![0-9A-Za-z])0x", re.IGNORECASE)


def read_uid() -> Dialogue[bytes]:
    """Ask the reader for the card's UID.

    Returns: the UID, or b"" for a card that has none: a contact card, or one that answers the
             command itself with whatever error it has for what it does not know.
    Raises:  CardFormatError ``uid.unreadable`` when the card is leaving.
    Source:  PC/SC part 3 rev. 2.01, 3.2.2.1.3 (GET DATA, P1 = 00).
    """
    answer = yield CommandApdu(cla=READER_CLA, ins=0xCA, p1=0x00, p2=0x00, le=256)
    if answer.sw in SW_NO_ANSWER:
        raise CardFormatError("uid.unreadable", "the card was taken away too soon: hold it still")
    return answer.data if answer.sw == SW_OK else b""


def parse_uid(text: str) -> str:
    """Read a UID as people and programs write it, and return it in capital hex.

    text:   blanks, colons, hyphens and ``0x`` may stand before and between its bytes.
    Raises: CardFormatError ``uid.bad-text`` for no hex, ``uid.bad-length`` for other than 4,
            7 or 10 bytes (ISO/IEC 14443-3), UnknownFormatError ``uid.random`` as recognise_uid.
    """
    digits = number_form(_HEX_MARK.sub(" ", text).replace(":", ""))
    try:
        uid = bytes.fromhex(digits)
    except ValueError as error:
        raise CardFormatError("uid.bad-text", "a UID is hex, such as 04:A1:B2:C3") from error
    if len(uid) not in WRITTEN_UID_BYTES:
        raise CardFormatError("uid.bad-length", f"a UID has 4, 7 or 10 bytes, not {len(uid)}")
    _refuse_random(uid)
    return uid.hex().upper()


def decode_chip(shown: Shown) -> Reading:
    """Read a chip by its UID and ATR (either may be empty).

    Raises: CardFormatError ``uid.bad-length``. An ATR that makes no sense tells nothing more.
    """
    if shown.raw and len(shown.raw) not in UID_BYTES:
        raise CardFormatError("uid.bad-length", f"{len(shown.raw)} bytes")
    memory = memory_of(shown.atr)
    symbology = _SYMBOLOGY_BY_STANDARD.get(memory.standard, "") if memory else ""
    if not shown.raw:
        symbology = "iso7816"
    return Reading(Medium.CHIP, symbology or "iso14443", shown.raw.hex().upper())


def recognise_uid(reading: Reading, ranges: tuple[NumberRange, ...]) -> Credential | None:
    """Return the UID as a credential, or None if ``reading`` is no chip.

    Raises: UnknownFormatError ``uid.none`` for a contact card, ``uid.random`` for a chip that
            makes up a new UID at every tap (ISO/IEC 14443-3: four bytes, the first 08), as
            phones do.
    """
    if reading.medium is not Medium.CHIP:
        return None
    uid = bytes.fromhex(reading.text)
    if not uid:
        raise UnknownFormatError("uid.none", "this chip has no number of its own")
    _refuse_random(uid)
    return Credential("uid", reading.text, Medium.CHIP, Trust.UID)


def _refuse_random(uid: bytes) -> None:
    if len(uid) == RANDOM_UID_BYTES and uid[0] == RANDOM_UID_FIRST:
        raise UnknownFormatError("uid.random", "this chip shows another number at every tap")
