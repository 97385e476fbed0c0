"""One scan, as a barcode scanner sent it, turned into a reading."""

import re

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError
from card_formats.symbology.aim import is_interpreted, split_identifier
from card_formats.symbology.ean import name_identified, name_plain
from card_formats.symbology.eci import text_of, text_of_interpreted

SCAN_BYTES_MAX = 4096
# An EAN or UPC with a 2D component above it: the scanner sends both, the second with an identifier
# of its own (GS1 General Specifications 5.11; ISO/IEC 24723).
_COMPOSITE = re.compile(r"([0-9]+)\|\]e[0-3](.+)", re.DOTALL)


def decode_scan(shown: Shown) -> Reading:
    """Read one frame of a scanner, framing already taken off.

    shown:   with or without an AIM symbology identifier, at most SCAN_BYTES_MAX.
    Returns: the content unchanged, but that what is announced about it is acted on (``eci.py``);
             its check digit is checked where the symbology has one. What is no text is left as it
             came, in ``undecoded``.
    Raises:  CardFormatError ``scan.too-long``, ``scan.empty``, ``ean.…``.
    """
    if len(shown.raw) > SCAN_BYTES_MAX:
        raise CardFormatError("scan.too-long", f"more than {SCAN_BYTES_MAX} bytes")
    aim, symbology, _ = split_identifier(shown.raw.decode("latin-1"))
    content = shown.raw[len(aim) :]
    read = text_of_interpreted if is_interpreted(aim) else text_of
    text = read(content, shown.encoding)
    if text == "":
        raise CardFormatError("scan.empty", "the scanner sent no content")
    if text is None:
        return Reading(Medium.BARCODE, symbology or "unknown", "", aim, undecoded=content)
    if not aim:
        return Reading(Medium.BARCODE, name_plain(text), text)
    if symbology == "ean":
        return _ean(aim, text)
    return Reading(Medium.BARCODE, symbology, text, aim)


def _ean(aim: str, text: str) -> Reading:
    both = _COMPOSITE.fullmatch(text)
    linear, component = (both[1], both[2]) if both else (text, "")
    return Reading(Medium.BARCODE, name_identified(aim, linear), linear, aim, composite=component)
