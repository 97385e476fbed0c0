"""One code in one spelling, however it was typed, printed, scanned or written in a file.

People copy codes from flyers, letters and phones: in groups of four, with hyphens, in capitals or
not, on keyboards that make digits of full width, accents of two parts or a dotted capital I.

    normal_code("Spring - 10") == normal_code("\uff33PRING 10") == "spring10"
    number_form("k-12 345") == "K12345"

Coupons, gift cards and card numbers are stored and compared in what these two return.
"""

import re
import unicodedata

_MINUS = "\u2212"
_COMBINING_DOT = "\u0307"
_FORGIVEN = ("Zs", "Pd", "Cf")
"""Blanks, dashes, and marks that nobody sees: joiners, soft hyphens, a byte order mark."""
_CODE39 = re.compile(r"[0-9A-Z.$/+%]*")
"""What a card number has besides blanks and hyphens (ISO/IEC 16388, table 1)."""


def normal_code(text: str) -> str:
    """Return ``text`` without blanks, dashes and invisible marks, in small letters.

    Digits and letters of full width become plain ones, accents one letter with its base. The
    Turkish dotted and dotless I are one letter: a keyboard that is set to another language makes
    the other one of them. Of the outcome it returns the same again; "" where nothing is left.
    """
    if text.isascii():
        return "".join(text.split()).replace("-", "").lower()
    while (folded := _fold(text)) != text:  # what was parted may come together, and fold once more
        text = folded
    return text


def number_form(text: str) -> str:
    """Return a card's number as it is stored: the normal form, its letters in capitals."""
    return normal_code(text).upper()


def is_number_text(number: str) -> bool:
    """Whether a ``number_form`` has only what a printed number can: what Code 39 encodes."""
    return _CODE39.fullmatch(number) is not None


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = text.replace(f"i{_COMBINING_DOT}", "i").replace("\u0131", "i")
    kept = (char for char in text if not _is_forgiven(char))
    return unicodedata.normalize("NFKC", "".join(kept))


def _is_forgiven(char: str) -> bool:
    return char.isspace() or char == _MINUS or unicodedata.category(char) in _FORGIVEN
