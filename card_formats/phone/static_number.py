"""Numbers of cards that do not rotate: 16 digits of our own, or an EAN-13.

They identify a card; they never authorise spending. Both are drawn at random by the caller.
"""

import msgspec

from card_formats.check_digits import Check, append_check, has_valid_check, is_digits
from card_formats.errors import CardFormatError

PREFIX_DEFAULT = "91"
# 99 is left out: "99" first is read as a code-set switch by a common Code 128 library.
PREFIXES = frozenset(str(prefix) for prefix in range(90, 99))
BODY_DIGITS = 12
NUMBER_DIGITS = 16

EAN_PREFIX_DIGITS_MIN = 2
EAN_PREFIX_DIGITS_MAX = 6  # leaves at least 6 digits, a million cards
EAN_DIGITS = 13


class StaticNumber(msgspec.Struct, frozen=True):
    """A 16-digit number taken apart, its check digits verified."""

    prefix: str
    body: str


def compose(prefix: str, body: str) -> str:
    """Compose the 16-digit number: prefix, body, two ISO/IEC 7064 MOD 97-10 check digits.

    prefix:  one of ``PREFIXES``.
    body:    12 digits from a source nobody can guess (10**12 values), unique in the ledger.
    Raises:  CardFormatError ``static.bad-prefix``, ``static.bad-body``.
    """
    if prefix not in PREFIXES:
        raise CardFormatError("static.bad-prefix", "the prefix is 90 to 98, never 99")
    if len(body) != BODY_DIGITS or not is_digits(body):
        raise CardFormatError("static.bad-body", f"the body is {BODY_DIGITS} digits")
    return append_check(Check.MOD97, prefix + body)


def parse(text: str) -> StaticNumber:
    """Take a 16-digit number apart.

    text:    digits only; spaces of a printed or typed number are already gone.
    Raises:  CardFormatError ``static.bad-length``, ``static.bad-digits``,
             ``static.bad-prefix`` (99 or below 90: somebody else's), ``static.bad-check``
             (a misread or mistyped number).
    """
    if len(text) != NUMBER_DIGITS:
        raise CardFormatError("static.bad-length", f"the number has {NUMBER_DIGITS} digits")
    if not is_digits(text):
        raise CardFormatError("static.bad-digits", "the number is decimal digits only")
    if text[:2] not in PREFIXES:
        raise CardFormatError("static.bad-prefix", "the number begins with 90 to 98", offset=0)
    if not has_valid_check(Check.MOD97, text):
        raise CardFormatError("static.bad-check", "a digit is wrong; read the number again")
    return StaticNumber(prefix=text[:2], body=text[2:-2])


def compose_ean13(prefix: str, body: str) -> str:
    """Compose the EAN-13 of a card: prefix, body, check digit.

    prefix:  2 to 6 digits, such as 04 (GS1 040-049: restricted circulation within a company); not
             02 and not 20-29, which tills take for scale labels with a weight or a price inside.
    body:    the digits that fill prefix + body up to 12. Ten of them make 10**10 numbers: few
             enough to guess at, so the shop limits attempts (GS1 restricted circulation numbers).
    Raises:  CardFormatError ``ean13.bad-prefix``, ``ean13.scale-label``, ``ean13.bad-body``.
    """
    check_ean13_prefix(prefix)
    if len(prefix + body) != EAN_DIGITS - 1 or not is_digits(body):
        raise CardFormatError("ean13.bad-body", "prefix and body are 12 digits together")
    return append_check(Check.EAN, prefix + body)


def check_ean13_prefix(prefix: str) -> None:
    """Raise CardFormatError ``ean13.bad-prefix``, ``ean13.scale-label`` as compose_ean13."""
    if not EAN_PREFIX_DIGITS_MIN <= len(prefix) <= EAN_PREFIX_DIGITS_MAX or not is_digits(prefix):
        raise CardFormatError("ean13.bad-prefix", "the prefix is 2 to 6 digits")
    if prefix.startswith(("02", "2")):
        raise CardFormatError("ean13.scale-label", "02 and 20-29 are scale labels at a till")


def parse_ean13(text: str) -> str:
    """Return ``text`` if it is an EAN-13 with its right check digit.

    Raises:  CardFormatError ``ean13.bad-length``, ``ean13.bad-digits``, ``ean13.bad-check``.
    """
    if len(text) != EAN_DIGITS:
        raise CardFormatError("ean13.bad-length", f"an EAN-13 has {EAN_DIGITS} digits")
    if not is_digits(text):
        raise CardFormatError("ean13.bad-digits", "an EAN-13 is decimal digits only")
    if not has_valid_check(Check.EAN, text):
        raise CardFormatError("ean13.bad-check", "the check digit is wrong", offset=12)
    return text
