"""Bank card numbers in a request: it is refused before anything of it is looked at or kept."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from card_formats.bank_card import PAN_DIGITS_MIN, holds_bank_card
from card_formats.errors import BankCardError
from card_formats.number_ranges import NumberRange
from daemon.base.refusals import refusal_of

# Every request is looked at, so most must be let go without decoding them. All digits become
# zeros, and all that may stand between them goes: thirteen zeros are rare then where no sku of a
# product is. Of the letters those stay that part the digits of a UUID and of a time; to drop the
# others too makes what is counted short, and at worst a request is decoded for nothing.
# The first byte of a digit of another script becomes a zero, and what follows it goes.
_FOREIGN_DIGITS = bytes.fromhex("D9 DB DF E0 E1 EA EF F0")
_ZEROS = bytes.maketrans(b"123456789" + _FOREIGN_DIGITS, b"0" * (9 + len(_FOREIGN_DIGITS)))
_KEPT = b'0123456789"' + b"abcdfABCDEFTZ" + b"sklu" + _FOREIGN_DIGITS
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_LONG = b"0" * PAN_DIGITS_MIN
_PRODUCT = b'"sku""%s"' % _LONG
_BACKSLASH = ord("\\")
# What may be a digit or stand between two. An escaped letter of Latin or Cyrillic is neither.
_ESCAPE = re.compile(rb'\\(?:["bfnrt][^0-9A-Za-z]{0,12}[0-9]|u(?!0[1-4]))')
DIGITS_MIN = {"sku": 15, "phone": 16}
"""By parameter, where shorter numbers are something else: goods have up to 14 digits (GTIN), one in
ten of which passes Luhn too, and telephones up to 15 (ITU-T E.164)."""


def refuse_bank_cards(
    params: msgspec.Raw, own: tuple[NumberRange, ...], is_kept: Callable[[str], bool]
) -> None:
    """Raise RefusedError CARD_UNKNOWN where a text, a number or a key in ``params`` holds one.

    own:     the shop's card numbers, which are none.
    is_kept: says of a parameter, by its name, whether it is looked through.
    """
    if _is_worth_a_look(bytes(params)) and _is_in(params, own, is_kept):
        raise refusal_of(BankCardError("card.bank", "this is a bank card"))


def _is_worth_a_look(raw: bytes) -> bool:
    zeros = raw.translate(_ZEROS, _DROPPED)
    long_ones = zeros.count(_LONG)
    if long_ones > 0 and long_ones > zeros.count(_PRODUCT):
        return True
    return _BACKSLASH in raw and _ESCAPE.search(raw) is not None


def _is_in(
    params: msgspec.Raw, own: tuple[NumberRange, ...], is_kept: Callable[[str], bool]
) -> bool:
    try:
        decoded = msgspec.json.decode(params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # nobody will read it
    if isinstance(decoded, dict):
        decoded = {name: value for name, value in decoded.items() if is_kept(name)}
    waiting: list[tuple[str, Any]] = [("", decoded)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [("", key) for key in value]
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, each) for each in value]
        elif holds_bank_card(str(value), own, DIGITS_MIN.get(name, PAN_DIGITS_MIN)):
            return True
    return False
