"""What every kind of number is read from and compiled to; constants are read here too."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.base.money import BASIS_POINTS
from daemon.programme.amounts import as_written, parse_whole
from daemon.programme.errors import ProgrammeError
from daemon.programme.situation import Situation
from daemon.programme.syntax import FileTable
from daemon.programme.vocabulary import Place

AMOUNT_MAX = 1_000_000_000_000
Unit: TypeAlias = Literal["percent", "minor", "count"]


class Steps(msgspec.Struct, frozen=True):
    """A step table: from ``bounds[i]`` of what ``counter`` counts the number is ``values[i]``."""

    by: str
    counter: Callable[[Situation], int | None]
    bounds: tuple[int, ...]
    values: tuple[int, ...]


class Number(msgspec.Struct, frozen=True):
    """A compiled number, in basis points, minor units or pieces.

    at:      its value; 0 gives nothing; None when a fact that it needs is not known.
    highest: the most it can be.
    needs:   the fact that is named when ``at`` has nothing to give.
    steps:   set when it is a step table, so that the distance to the next step can be told.
    lacks:   which fact ``at`` misses, and the words for it, where the number can tell.
    """

    at: Callable[[Situation], int | None]
    unit: Unit
    highest: int
    needs: str = ""
    steps: Steps | None = None
    lacks: Callable[[Situation], tuple[str, str] | None] = lambda situation: None

    def text(self, value: int, currency: Currency) -> str:
        """Return a value for people: ``7.5 %``, ``12.00`` or ``3``."""
        if self.unit == "percent":
            return percent_text(value)
        return currency.text(value) if self.unit == "minor" else str(value)


class NumberPlace(Place, frozen=True):
    """Where a number is compiled. ``rule`` is the rule that a cashier may ask for, or ""."""

    unit: Unit
    rule: str = ""

    def value(self, raw: Any, key: str) -> int:
        """Return a constant in the number's unit. Raises: ProgrammeError."""
        return parse_value(raw, f"{self.path}.{key}", self.unit, self.vocabulary.currency)


class NumberTable(FileTable, frozen=True, kw_only=True):
    """A kind of number: its fields are its keys, ``mark`` is the one by which it is known."""

    mark: ClassVar[str]

    def compiled(self, place: NumberPlace) -> Number:
        """Return the number. Raises: ProgrammeError."""
        raise NotImplementedError


@lru_cache(maxsize=BASIS_POINTS + 1)
def percent_text(percent_bp: int) -> str:
    """Return basis points as ``7.5 %``."""
    whole, places = divmod(percent_bp, 100)
    return f"{whole}.{places:02d}".rstrip("0").rstrip(".") + " %"


def parse_value(raw: Any, path: str, unit: Unit, currency: Currency) -> int:
    """Return a constant: of per cent in basis points, of ``currency`` in minor units."""
    if unit == "percent":
        return parse_percent(raw, path)
    value = parse_whole(raw, path, currency if unit == "minor" else None)
    if not 0 <= value <= AMOUNT_MAX:
        raise ProgrammeError(path, f"{as_written(raw)} is not from 0 to {AMOUNT_MAX}")
    return value


def parse_percent(raw: Any, path: str, most_percent: int = 100) -> int:
    """Return a percentage with at most two places in basis points. Raises: ProgrammeError."""
    text = str(raw) if isinstance(raw, int | Decimal | str) and not isinstance(raw, bool) else ""
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,2})?", text):
        problem = "is no percentage with at most two places; write such as 5 or 7.25"
        raise ProgrammeError(path, f"{as_written(raw)} {problem}")
    value = int(Decimal(text) * 100)
    if not 0 <= value <= most_percent * 100:
        raise ProgrammeError(path, f"{text} % is not from 0 to {most_percent}; write one within")
    return value
