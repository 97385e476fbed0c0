"""Telephone numbers as people write them, and the one spelling in which each is kept: E.164.

    e164("0151/234 567 89", "DE") == e164("+49 (0) 151 \u2013 23456789", "") == "+4915123456789"

Numbering plans are Google's (libphonenumber), which ``phonenumberslite`` carries.
"""

import re
import unicodedata

import phonenumbers

# What stands between groups, besides blanks, dashes and marks that nobody sees.
_PUNCTUATION = re.compile(r"[()\[\]./\u00b7\u2022\u2212]")
_LEFT_OUT = ("Zs", "Pd", "Cf", "Cc")
_DIALLED = re.compile(r"\+?\d{2,20}")
_ABROAD = "00"
"""In most countries the beginning of a number of another; no number within one begins so."""


class TelephoneError(ValueError):
    """It is nobody's telephone number, or one of an unknown country. It quotes nothing of it."""


def e164(typed: str, country: str) -> str:
    """Return a telephone number as ``+`` and digits.

    country: ISO 3166-1 alpha-2, of numbers without a country code; "" where there is none: then
             they are refused, for a guess would send the customer's messages to somebody else.
    Raises:  TelephoneError also for letters, two numbers, and one with an extension.
    """
    dialled = "".join(
        char for char in unicodedata.normalize("NFKC", typed) if not _is_left_out(char)
    )
    if not _DIALLED.fullmatch(dialled):
        raise TelephoneError("not a telephone number")
    if dialled.startswith(_ABROAD):
        dialled = f"+{dialled.removeprefix(_ABROAD)}"
    try:
        number = phonenumbers.parse(dialled, country or None)
    except phonenumbers.NumberParseException:
        raise TelephoneError("not a telephone number") from None  # its text may hold the number
    if not phonenumbers.is_valid_number(number):
        raise TelephoneError("a telephone number that no country has")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_country(code: str) -> bool:
    """Whether numbers of a country (ISO 3166-1 alpha-2, in capitals) can be read."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _is_left_out(char: str) -> bool:
    return unicodedata.category(char) in _LEFT_OUT or _PUNCTUATION.fullmatch(char) is not None
