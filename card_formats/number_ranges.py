"""Card numbers: the ranges a shop calls its own, and finding one of them in a reading."""

from typing import Literal

import msgspec

from card_formats.check_digits import (
    CHECK_CHARS,
    Check,
    append_check,
    has_valid_check,
    is_digits,
)
from card_formats.code_text import is_number_text, number_form
from card_formats.credential import Credential, Medium, Reading, Trust
from card_formats.errors import CardFormatError
from card_formats.phone.rotating import CODE_DIGITS, GOOGLE_CODE_DIGITS
from card_formats.symbology.gs1 import GS1_COMPONENT, is_gs1, loyalty_numbers
from card_formats.symbology.linear import bare_contents

NUMBER_CHARS_MAX = 32
UPC_DIGITS, GTIN_DIGITS = 12, 13
LIVE_LAYOUTS = ((CODE_DIGITS, Check.MOD97), (GOOGLE_CODE_DIGITS, Check.NONE))
SCALE_PREFIXES = ("02", *(str(n) for n in range(20, 30)))


class NumberRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the shop's own cards: ``prefix``, and more up to ``length`` with the check.

    prefix: ASCII letters, digits and ``- . $ / + %``; digits only with a check. Within a payment
            network's range it must have six digits or more to count (see ``bank_card``).
    length: the whole number's, check digits included, NUMBER_CHARS_MAX at most. Blanks and hyphens
            are not counted: a number is the same with and without them.
    characters: what follows the prefix: ``digits``, or with ``code39``, which has no check, all
            that a prefix may have as well.
    media:  how such a card may be shown; empty means any way but by chip.
    live:   the number is a code that a phone changes every half minute (``phone/rotating.py``).
    With ``check = "ean"`` the 12 digits of a UPC-A and the 13 of its EAN are one number.
    Raises ValueError for a range that could match nothing.
    """

    name: str
    prefix: str
    length: int
    check: Check = Check.NONE
    characters: Literal["digits", "code39"] = "digits"
    media: tuple[Medium, ...] = ()
    live: bool = False

    def __post_init__(self) -> None:
        prefix = number_form(self.prefix)
        if not (self.prefix.isascii() and prefix and is_number_text(prefix)):
            raise ValueError("prefix must be ASCII letters, digits and - . $ / + %, at least one")
        msgspec.structs.force_setattr(self, "prefix", prefix)
        if self.check is not Check.NONE and not is_digits(self.prefix):
            raise ValueError(f"a number with a {self.check.value} check has digits only")
        if self.check is not Check.NONE and self.characters != "digits":
            raise ValueError(
                f"characters: a number with a {self.check.value} check has digits only"
            )
        if not len(prefix) + CHECK_CHARS[self.check] < self.length <= NUMBER_CHARS_MAX:
            raise ValueError(f"length must leave room for digits, at most {NUMBER_CHARS_MAX}")
        if self.live and (self.length, self.check) not in LIVE_LAYOUTS:
            raise ValueError("a live code has 22 digits with a mod97 check, or Google's 28 without")

    def claim(self, text: str, medium: Medium) -> str | None:
        """Return ``text`` in canonical form if it has this range's shape, check digits aside.

        text: a ``number_form``.
        """
        if medium is Medium.CHIP or (self.media and medium not in self.media):
            return None
        number, prefix, length = text, self.prefix, self.length
        if self.check is Check.EAN and length == UPC_DIGITS:
            prefix, length = f"0{prefix}", GTIN_DIGITS
        if self.check is Check.EAN and len(number) == UPC_DIGITS:
            number = f"0{number}"
        fits = len(number) == length and number.startswith(prefix)
        body = number[len(prefix) :]
        is_body = is_digits(body) if self.characters == "digits" else is_number_text(body)
        return number if fits and is_body else None

    @property
    def body_chars(self) -> int:
        """How many characters stand between the prefix and the check digits."""
        return self.length - len(self.prefix) - CHECK_CHARS[self.check]

    def compose(self, body: str) -> str:
        """Return the number with ``body``, ``body_chars`` digits, and its check digits."""
        assert len(body) == self.body_chars
        assert is_digits(body)
        return append_check(self.check, self.prefix + body)

    @property
    def warning(self) -> str:
        """What the owner should know about this range before printing cards, or ""."""
        if self.check is Check.EAN and self.prefix.startswith(SCALE_PREFIXES):
            return f"{self.name}: scale labels also start with {self.prefix[:2]}"
        return ""


def recognise_number(reading: Reading, ranges: tuple[NumberRange, ...]) -> Credential | None:
    """Return the number in ``reading`` that lies in one of ``ranges``, or None.

    Raises: CardFormatError ``number.bad-check`` when a number has a range's shape and a wrong
            check digit: a misread or a typing error, not somebody else's card.
    """
    misread = False
    for text in map(number_form, numbers_in(reading)):
        for number_range in ranges:
            number = number_range.claim(text, reading.medium)
            if number is None:
                continue
            if has_valid_check(number_range.check, number):
                if number_range.live:
                    return Credential("rotating", number, reading.medium, Trust.ROTATING)
                return Credential("number", number, reading.medium, Trust.STATIC)
            misread = True
    if misread:
        raise CardFormatError("number.bad-check", "the check digit is wrong: read it again")
    return None


def numbers_in(reading: Reading) -> list[str]:
    """Return where a card number can stand: the whole content, a GS1 field, a track's first.

    Raises: CardFormatError ``gs1.…`` for a loyalty number of GS1 that was misread or misprinted.
    """
    if reading.medium is Medium.BARCODE:
        return [*_scanned_alone(reading), *_loyalty_numbers(reading)]
    if reading.medium is not Medium.STRIPE:
        return [reading.text]
    return [_first_field(track) for track in (reading.text, *reading.also)]


def _scanned_alone(reading: Reading) -> tuple[str, ...]:
    """Return the content without what its symbology adds; element strings are no bare number."""
    if is_gs1(reading.symbology):
        return ()
    return bare_contents(reading.aim, reading.symbology, reading.text)


def _loyalty_numbers(reading: Reading) -> list[str]:
    alone = loyalty_numbers(reading.symbology, reading.text)
    return [*alone, *loyalty_numbers(GS1_COMPONENT, reading.composite)]


def _first_field(track: str) -> str:
    """Return what stands before the separator: ``=`` on tracks 2 and 3, ``^`` on track 1.

    The letter that may lead track 1 is its format code (ISO/IEC 7813, 6.1), not the number's.
    """
    if "^" in track:
        return track.partition("^")[0].removeprefix("B").strip()
    return track.partition("=")[0].strip()
