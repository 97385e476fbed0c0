"""A currency: how many digits its minor units are, and its money as text and back.

Inside, money is a whole number of minor units. How many of them are one unit differs: 1 500 minor
units are 15.00 in UAH, 1500 in JPY, which has no smaller unit, and 1.500 in KWD. Whoever writes
money for people, or reads what people wrote, asks the currency; nobody else knows its digits.

Source: CLDR, `currencyData/fractions`, as babel brings it. It has what people use: RSD has no
digits there, though ISO 4217 gives it two.
"""

import re
from decimal import Decimal
from functools import lru_cache

import msgspec
from babel.core import get_global

WHOLE_DIGITS_MAX = 18
"""Before the point; no amount of a till has more."""
EXAMPLE_MINOR = 2_500
"""The amount that a sentence shows to say how money is written."""


class MoneyTextError(ValueError):
    """A text is no amount of the currency; the message says what to write."""


class Currency(msgspec.Struct, frozen=True):
    """``code``: its three letters, ISO 4217. ``digits``: those behind the point."""

    code: str
    digits: int

    def text(self, minor: int) -> str:
        """Return minor units as ``12.34``, ``1234`` or ``1.234``, without the code."""
        sign = "-" if minor < 0 else ""
        whole, part = divmod(abs(minor), 10**self.digits)
        return f"{sign}{whole}.{part:0{self.digits}d}" if self.digits else f"{sign}{whole}"

    def major(self, minor: int) -> Decimal:
        """Return minor units in whole units, exactly, with all digits."""
        sign, places = int(minor < 0), tuple(map(int, str(abs(minor))))
        return Decimal((sign, places, -self.digits))

    def minor(self, text: str) -> int:
        """Read what `text` writes. Raises: MoneyTextError.

        All digits must be there: "25" could be meant for 25 minor units.
        """
        point = rf"\.[0-9]{{{self.digits}}}" if self.digits else ""
        if not re.fullmatch(rf"-?[0-9]{{1,{WHOLE_DIGITS_MAX}}}{point}", text):
            places = {0: "no digits", 1: "one digit"}.get(self.digits, f"{self.digits} digits")
            raise MoneyTextError(
                f"is no amount in {self.code}, which has {places} behind the point;"
                f" write such as {self.text(EXAMPLE_MINOR)}"
            )
        return int(text.replace(".", ""))


@lru_cache
def currency_of(code: str) -> Currency | None:
    """Return the currency of a code, or None where CLDR knows none."""
    if code not in get_global("all_currencies"):
        return None
    fractions = get_global("currency_fractions")
    return Currency(code, fractions.get(code, fractions["DEFAULT"])[0])


def amount_text(amount: int, unit: str) -> str:
    """Return an amount with its unit: ``3000.00 UAH``, ``7 visits``; ``unit`` "" is not known."""
    currency = currency_of(unit)
    return f"{currency.text(amount) if currency else amount} {unit}".rstrip()
