"""The code on a receipt: which sale of which till it is, safe against typing mistakes. Pure.

    1-till1-t1-0001-1TQC     store 1, terminal till-1, the sale that its POS calls t1-0001

Names come first, as letters and digits alone: whatever stands between these in ``[till] store`` and
``terminal`` is left out, so that the first two hyphens end them and a sale's id may have hyphens of
its own. Two names that are written alike here are one name (``till_name``).

The last four characters check the rest. A person who types forgets capitals and blanks, so these
say nothing (``folded``); what remains is a row of Unicode numbers c1 … cn, and the check is

    c1·W^n + c2·W^(n-1) + … + cn·W   modulo P

written with 33 characters: digits, and letters that look like no other. P is prime and larger than
every Unicode number, and 33⁴ is larger than P. Hence, with certainty:

* one wrong character changes the sum by (c - c')·W^k, no multiple of P: it is caught;
* two neighbours swapped change it by (c - c')·W^k·(W - 1): caught, and so are any two characters
  that are swapped, since W's first P - 1 powers all differ;
* within the four, another character is another number.

Anything else passes once in a million times, and must then be a sale that exists.
"""

import re

import msgspec

from daemon.base.refusals import ErrorCode, RefusedError

RECEIPT_CHARS_MAX = 200
"""Of a code as it comes back, with the blanks that people type."""
NAME_CHARS_MAX = 32
CHECK_LETTERS = "0123456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""All but I, L and O."""
CHECK_CHARS = 4
P = 1_114_117
W = 65_537
"""A primitive root of P."""
_LOOK_ALIKE = str.maketrans("ilo", "110")
_PARTS = re.compile(r"([^-]+)-([^-]+)-(.*)")


class TillNames(msgspec.Struct, frozen=True):
    """What a till is called, as its owner writes it or ``plain``."""

    store: str
    terminal: str

    @property
    def plain(self) -> "TillNames":
        """The names as receipts have them."""
        return TillNames(till_name(self.store), till_name(self.terminal))


class ReceiptCode(msgspec.Struct, frozen=True):
    """What a receipt's code says: the till's names ``plain``, the sale's id ``folded``."""

    till: TillNames
    sale_id: str


def folded(text: str) -> str:
    """Return a text without capitals and blanks; every other character stays one of its own."""
    if text.isascii():
        return "".join(text.lower().split())
    solid = (char for char in text if not char.isspace())
    return "".join(low if len(low := char.lower()) == 1 else char for char in solid)


def till_name(name: str) -> str:
    """Return a store's or terminal's name as receipts have it: small letters and digits."""
    return folded("".join(char for char in name if char.isalnum()))


def receipt_code(till: TillNames, sale_id: str) -> str:
    """Return the code of a sale, whose id is as its POS has given it."""
    plain = till.plain
    body = f"{plain.store}-{plain.terminal}-{sale_id}"
    return f"{body}-{_check(folded(body))}"


def read_receipt(text: str) -> ReceiptCode:
    """Read a code as it was scanned or typed. Raises RefusedError MISREAD."""
    typed = folded(text)
    body, check = typed[: -CHECK_CHARS - 1], typed[-CHECK_CHARS:].translate(_LOOK_ALIKE)
    parts = _PARTS.fullmatch(body)
    if typed[len(body) :][:1] != "-" or check.upper() != _check(body) or parts is None:
        raise RefusedError(
            ErrorCode.MISREAD,
            "This is not a receipt's code, or a character of it is wrong; scan it or type it anew.",
        )
    store, terminal, sale_id = parts.groups()
    return ReceiptCode(TillNames(store, terminal), sale_id)


def _check(body: str) -> str:
    value = 0
    for char in body:
        value = (value + ord(char)) * W % P
    letters = ""
    for _ in range(CHECK_CHARS):
        value, place = divmod(value, len(CHECK_LETTERS))
        letters = CHECK_LETTERS[place] + letters
    return letters
