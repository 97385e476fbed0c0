"""One scan, as a barcode scanner sent it, turned into a reading."""

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError
from card_formats.symbology.aim import split_identifier
from card_formats.symbology.ean import name_identified, name_plain

SCAN_BYTES_MAX = 4096
# Inside a code: GS1's separator and ISO/IEC 15434's, and the line ends of a written QR payload.
_CONTROLS_KEPT = "\x1c\x1d\x1e\x04\t\r\n"


def decode_scan(shown: Shown) -> Reading:
    """Read one frame of a scanner, framing already taken off.

    shown:   UTF-8, with or without an AIM symbology identifier, at most SCAN_BYTES_MAX.
    Returns: the content unchanged; its check digit is checked where the symbology has one.
    Raises:  CardFormatError ``scan.too-long``, ``scan.not-text``, ``scan.empty``, ``ean.…``.
    """
    if len(shown.raw) > SCAN_BYTES_MAX:
        raise CardFormatError("scan.too-long", f"more than {SCAN_BYTES_MAX} bytes")
    aim, symbology, text = split_identifier(_text_of(shown.raw))
    if not text:
        raise CardFormatError("scan.empty", "the scanner sent no content")
    if not aim:
        symbology = name_plain(text)
    elif symbology == "ean":
        symbology = name_identified(aim, text)
    return Reading(Medium.BARCODE, symbology, text, aim)


def _text_of(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CardFormatError("scan.not-text", "not UTF-8", offset=error.start) from error
    for offset, char in enumerate(text):
        if (char < " " or "\x7f" <= char < "\xa0") and char not in _CONTROLS_KEPT:
            raise CardFormatError("scan.not-text", "a control character", offset=offset)
    return text
