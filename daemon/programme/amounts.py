"""Whole numbers of the file: pieces, or money.

Money is written in minor units, or as people write it, in quotes: with ``currency = "UAH"`` both
2500 and "25.00" are 25.00, with "KWD" both 2500 and "2.500" are 2.500.
"""

import reprlib
from decimal import Decimal
from typing import Any

from daemon.base.currency import EXAMPLE_MINOR, Currency, MoneyTextError
from daemon.programme.errors import ProgrammeError


def parse_whole(raw: Any, path: str, currency: Currency | None) -> int:
    """Return a number of minor units of ``currency``, or of pieces where that is None.

    Raises: ProgrammeError.
    """
    if isinstance(raw, str) and currency is not None:
        try:
            return currency.minor(raw)
        except MoneyTextError as error:
            raise ProgrammeError(path, f"{reprlib.repr(raw)} {error}") from error
    if isinstance(raw, bool) or not isinstance(raw, int):
        problem = f"{as_written(raw)} is no whole number; {_what_to_write(currency)}"
        raise ProgrammeError(path, problem)
    return raw


def as_written(raw: Any) -> str:
    """Return a value as it was written; a long one, which a till may send too, shortened."""
    return str(raw) if isinstance(raw, Decimal) else reprlib.repr(raw)


def _what_to_write(currency: Currency | None) -> str:
    if currency is None:
        return "write one, such as 3"
    return f'write minor units, or "{currency.text(EXAMPLE_MINOR)}" for {EXAMPLE_MINOR} of them'
