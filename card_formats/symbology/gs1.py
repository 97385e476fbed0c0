"""GS1 element strings and Digital Links: the loyalty card (GSRN) or coupon (GCN) in a code.

Only what identifies a card is taken out; products and everything else pass through as they came.
"""

import re
from urllib.parse import unquote, urlsplit

from card_formats.check_digits import Check, has_valid_check, is_digits
from card_formats.errors import CardFormatError

GS = "\x1d"
GS1_COMPONENT = "gs1-composite"
"""The 2D component of an EAN or UPC: it is element strings."""
# GSRN and GCN: digits with the check digit last, and how many of a serial number may follow.
_DIGITS = {"8018": (18, 0), "255": (13, 12)}
DATA_CHARS_MAX = 90  # the longest that any application identifier allows

# Element strings of these two digits have a fixed length, identifier included, and no separator.
# Source: GS1 General Specifications, figure 7.8.5-2.
_FIXED_CHARS = {
    "00": 20, "01": 16, "02": 16, "03": 16, "04": 18, **dict.fromkeys(map(str, range(11, 20)), 8),
    "20": 4, **dict.fromkeys(map(str, range(31, 37)), 10), "41": 16,
}  # fmt: skip
# How many digits an application identifier has, by its first two; two where nothing is said.
# Source: GS1 General Specifications, figure 3.2-1.
_AI_DIGITS = {
    **dict.fromkeys(("23", "24", "25", "40", "41", "42", "71"), 3),
    **dict.fromkeys(map(str, range(31, 37)), 4),
    **dict.fromkeys(("39", "43", "70", "72", "80", "81", "82"), 4),
}
_LINK = re.compile(r"https?://", re.IGNORECASE)
# How many digits the value of a link's key has, or what it may be otherwise.
# Source: GS1 Digital Link Standard: URI Syntax, 4.3 (keys) and the formats in GS1 General
# Specifications, figure 3.2-1. A GTIN may be written without its leading zeros.
_LINK_KEYS = {
    ai: re.compile(value)
    for ai, value in {
        "00": r"\d{18}",
        "01": r"\d{8}|\d{12,14}",
        "253": r"\d{13}.{0,17}",
        "255": r"\d{13,25}",
        "401": r".{1,30}",
        "402": r"\d{17}",
        **dict.fromkeys(("410", "411", "412", "413", "414", "415", "416", "417"), r"\d{13}"),
        "8003": r"\d{14}.{0,16}",
        "8004": r".{1,30}",
        "8006": r"\d{18}",
        "8010": r".{1,30}",
        "8013": r".{1,25}",
        "8017": r"\d{18}",
        "8018": r"\d{18}",
    }.items()
}


def is_gs1(symbology: str) -> bool:
    """Whether content of ``symbology`` is element strings, and no bare number."""
    return symbology.startswith("gs1-")


def loyalty_numbers(symbology: str, text: str) -> list[str]:
    """Return the GSRN and GCN in what a scanner read, [] where there is none.

    symbology: element strings are looked for under a GS1 symbology only: without its identifier a
               row of digits is a row of digits. A Digital Link says itself what it is.
    Raises:    CardFormatError ``gs1.bad-number``, ``gs1.bad-check``.
    """
    if is_gs1(symbology):
        pairs = split_elements(text)
    elif _LINK.match(text):
        pairs = split_link(text)
    else:
        return []
    return [_checked(ai, value) for ai, value in pairs if ai in _DIGITS]


def split_elements(text: str) -> list[tuple[str, str]]:
    """Return (application identifier, value) pairs, up to where ``text`` stops making sense."""
    pairs: list[tuple[str, str]] = []
    rest = text.lstrip(GS)
    while rest:
        head = rest[:2]
        ai_digits = _AI_DIGITS.get(head, 2)
        end = rest.find(GS) if GS in rest else len(rest)
        end = min(end, _FIXED_CHARS.get(head, end))
        ai, value = rest[:ai_digits], rest[ai_digits:end]
        if not (is_digits(ai) and 0 < len(value) <= DATA_CHARS_MAX):
            break
        pairs.append((ai, value))
        rest = rest[end:].lstrip(GS)
    return pairs


def split_link(text: str) -> list[tuple[str, str]]:
    """Return (application identifier, value) pairs of a GS1 Digital Link URI's path.

    The rightmost key is the link's: words before it belong to the site, whatever they look like.
    Source: GS1 Digital Link Standard: URI Syntax, 4: key, value, key, value, … at the path's end.
    """
    try:
        path = urlsplit(text).path
    except ValueError:
        return []
    words = [unquote(word) for word in path.strip("/").split("/")]
    for at in range(len(words) - 2, -1, -1):
        # A page may be numbered 255 as well: what looks like no GSRN or GCN is none.
        shape = _LINK_KEYS.get(words[at])
        if shape and words[at + 1].isascii() and shape.fullmatch(words[at + 1]):
            return list(zip(words[at::2], words[at + 1 :: 2], strict=False))
    return []


def _is_number(ai: str, value: str) -> bool:
    digits, serial_digits_max = _DIGITS[ai]
    return is_digits(value) and digits <= len(value) <= digits + serial_digits_max


def _checked(ai: str, value: str) -> str:
    digits, _ = _DIGITS[ai]
    if not _is_number(ai, value):
        raise CardFormatError("gs1.bad-number", f"({ai}) is not {digits} digits")
    if not has_valid_check(Check.EAN, value[:digits]):
        raise CardFormatError("gs1.bad-check", f"the check digit of ({ai}) is wrong")
    return value
