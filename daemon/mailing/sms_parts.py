"""How many messages a text is charged as: the parts of an SMS.

A text that the alphabet of GSM has goes as 160 characters, or as parts of 153 where it is longer;
any other goes as UTF-16, 70, or parts of 67. What counts two is never cut in half, so that a part
may end one short.

    300 Latin letters        2 parts of GSM
    140 Cyrillic letters     3 parts of UTF-16: 67, 67, 6
    152 letters and "€" and 10 more   2 parts: the first ends after 152

Source: 3GPP TS 23.038, 6.2.1 (the alphabet); TS 23.040, 9.2.3.24.1 (the parts).
"""

from typing import Literal, TypeAlias

import msgspec

Alphabet: TypeAlias = Literal["gsm", "utf16"]
GSM_ALONE, GSM_PART = 160, 153
UTF16_ALONE, UTF16_PART = 70, 67
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""They are written as an escape and a character: two."""
_BASIC_PLANE_MAX = 0xFFFF


class SmsParts(msgspec.Struct, frozen=True):
    """``units``: characters as they are counted; ``parts``: what is charged, 0 for no text."""

    alphabet: Alphabet
    units: int
    parts: int


def parts_of(text: str) -> SmsParts:
    """Count the parts of any text."""
    is_gsm = all(char in _BASIC or char in _EXTENDED for char in text)
    sizes = [_size(char, is_gsm=is_gsm) for char in text]
    alone, part = (GSM_ALONE, GSM_PART) if is_gsm else (UTF16_ALONE, UTF16_PART)
    units = sum(sizes)
    parts = min(units, 1) if units <= alone else _filled(sizes, part)
    return SmsParts("gsm" if is_gsm else "utf16", units, parts)


def _size(char: str, *, is_gsm: bool) -> int:
    is_two = char in _EXTENDED if is_gsm else ord(char) > _BASIC_PLANE_MAX
    return 2 if is_two else 1


def _filled(sizes: list[int], room: int) -> int:
    """Return how many parts are filled one after the other."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts
