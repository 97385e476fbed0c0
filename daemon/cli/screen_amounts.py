"""Amounts of purses and meters as people read them on a screen, and type them in.

The socket speaks in the smallest unit of what is counted: 2500 is 25.00 in UAH, and 2500 stars.
"""

from collections.abc import Mapping
from typing import Any

import typer

from daemon.base.currency import MoneyTextError, amount_text, currency_of


def purse_text(amount: int, purse: str, told: Mapping[str, Any]) -> str:
    """Return an amount of a purse, by the ``units`` that an answer tells."""
    return amount_text(amount, told["units"].get(purse, ""))


def amount_of(text: str, unit: str, hint: str) -> int:
    """Read an amount of a unit. Raises: BadParameter, with ``hint`` for which parameter it is."""
    currency = currency_of(unit)
    try:
        if currency:
            return currency.minor(text)
        return int(text)
    except MoneyTextError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint=hint) from None
    except ValueError:
        problem = f"{text!r} is no whole number of {unit or 'what the purse counts'}"
        raise typer.BadParameter(problem, param_hint=hint) from None
