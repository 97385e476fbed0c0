"""Check digits of card numbers: compute, append, verify. A wrong one is never repaired."""

from collections.abc import Callable
from enum import StrEnum


class Check(StrEnum):
    """How a number protects itself against misreading and mistyping."""

    NONE = "none"
    LUHN = "luhn"
    EAN = "ean"
    MOD97 = "mod97"
    DAMM = "damm"


# Damm's totally anti-symmetric quasigroup of order 10 (dissertation, Marburg 2004).
_DAMM_TABLE = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
"""Twice a digit, its own digits added up."""


def _none(body: str) -> str:
    return ""


def _luhn(body: str) -> str:
    """ISO/IEC 7812-1, annex B: every second digit from the right is doubled."""
    return str(-_luhn_sum(body + "0") % 10)


def passes_luhn(number: str) -> bool:
    """Return whether the last of some digits is their Luhn check digit."""
    return _luhn_sum(number) % 10 == 0


def _luhn_sum(number: str) -> int:
    digits = number.encode("ascii")
    # Without a step of Python for each digit: a request may hold 50,000 candidates.
    return sum(digits[-2::-2].translate(_DOUBLED)) + sum(digits[::-2].translate(_PLAIN))


def _ean(body: str) -> str:
    """GS1 General Specifications 7.9: weights 3 and 1 from the right."""
    total = 3 * sum(map(int, body[::-2])) + sum(map(int, body[-2::-2]))
    return str(-total % 10)


def _mod97(body: str) -> str:
    """ISO/IEC 7064:2003, MOD 97-10: two digits that make the whole congruent to 1.

    Every single wrong digit and every exchange of two neighbours changes them, which neither Luhn
    nor the EAN check digit promises.
    """
    return f"{98 - int(body + '00') % 97:02d}"


def _damm(body: str) -> str:
    interim = 0
    for digit in body:
        interim = int(_DAMM_TABLE[interim][int(digit)])
    return str(interim)


_COMPUTE: dict[Check, Callable[[str], str]] = {
    Check.NONE: _none,
    Check.LUHN: _luhn,
    Check.EAN: _ean,
    Check.MOD97: _mod97,
    Check.DAMM: _damm,
}
DIGITS_MAX = 64  # far above any card's number; what is longer is not valid
CHECK_CHARS = {Check.NONE: 0, Check.LUHN: 1, Check.EAN: 1, Check.MOD97: 2, Check.DAMM: 1}


def is_digits(text: str) -> bool:
    """Return whether ``text`` is ASCII digits and nothing else (``str.isdigit`` takes more)."""
    return text.isascii() and text.isdigit()


def append_check(check: Check, body: str) -> str:
    """Return ``body`` with its check digits behind it. ``body`` is digits unless NONE."""
    assert check is Check.NONE or is_digits(body)
    return body + _COMPUTE[check](body)


def has_valid_check(check: Check, number: str) -> bool:
    """Return whether ``number`` ends in its own check digits. NONE takes any number.

    With a check it has DIGITS_MAX digits at most.
    """
    if check is Check.NONE:
        return True
    if not is_digits(number) or not CHECK_CHARS[check] < len(number) <= DIGITS_MAX:
        return False
    return append_check(check, number[: -CHECK_CHARS[check]]) == number
