"""What the tables of the programme file are made of: their base, and the values they hold.

The names of values tell more than Python's types can: that a text is the id of a purse, that a
number may also be a step table. Whoever writes a table of the file uses them, and then the tests
draw programmes with the new key by themselves (tests/daemon/programme/drawn.py).
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole

SPAN_DAYS_MAX = 36_500


def _said_by(description: str, *examples: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, examples=list(examples))


class FileTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One TOML table; a key it does not have is an error."""


Whole = Annotated[int | str, _said_by("a whole number, or money as a text, as 25.00")]
"""As `daemon.programme.amounts` reads it."""


class BoundsTable(FileTable, frozen=True, kw_only=True):
    """Bounds of what is counted: pieces, or money."""

    at_least: Whole | None = None
    at_most: Whole | None = None
    above: Whole | None = None
    below: Whole | None = None

    def written(self) -> dict[str, Any]:
        """Return the bounds that are written, in the order of the keys above."""
        bounds = msgspec.structs.asdict(self)
        return {key: raw for key, raw in bounds.items() if raw is not None}


def parse_bounds(
    written: Mapping[str, Any], path: str, currency: Currency | None
) -> dict[str, int]:
    """Return bounds as numbers of minor units, or of pieces where ``currency`` is None.

    Raises: ProgrammeError.
    """
    return {key: parse_whole(raw, f"{path}.{key}", currency) for key, raw in written.items()}


def span(bounds: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Return the least and the most that is within, both included; None is open."""
    lows = [bounds[key] + more for key, more in (("at_least", 0), ("above", 1)) if key in bounds]
    highs = [bounds[key] - less for key, less in (("at_most", 0), ("below", 1)) if key in bounds]
    return max(lows, default=None), min(highs, default=None)


Names: TypeAlias = str | list[str]

# Any: these have several shapes, which their readers tell apart, with better words than types.
PercentNumber = Annotated[Any, _said_by("a number of per cent, see `daemon.programme.numbers`")]
AmountNumber = Annotated[Any, _said_by("a number of minor units or pieces")]
"""As ``PercentNumber``; what a purse without money counts are pieces."""
PercentValue = Annotated[Any, _said_by("a constant percentage", 5, 7.25, "2.5")]
Dates = Annotated[
    Any, _said_by("days of the calendar", "2026-12-24", "12-24", "12-20..01-06", ["01-01", "03-08"])
]
Day = Annotated[Any, _said_by("a day", "2026-12-01")]

CurrencyCode = Annotated[str, _said_by("three letters of a currency", "UAH")]
TimeZone = Annotated[str, _said_by("a time zone", "Europe/Kyiv")]
DayStart = Annotated[
    str,
    msgspec.Meta(
        pattern=r"\A(0\d|1[01]):[0-5]\d\Z",
        description="a time of day before noon",
        examples=["00:00", "05:00", "03:30"],
    ),
]
Id = Annotated[str, _said_by("a name of letters, digits, - and _")]
LaneId = Annotated[str, _said_by("the id of a lane")]
MeterId = Annotated[str, _said_by("the id of a meter")]
PurseId = Annotated[str, _said_by("the id of a purse")]
Campaign = Annotated[str, _said_by("the name under which codes are issued", "flyer")]
CountedFact = Annotated[str, _said_by("the name of a fact that is counted", "basket.total")]
Span = Annotated[str, _said_by(f"days, to {SPAN_DAYS_MAX}d", "30d", "1d", "90d")]
Window = Annotated[str, _said_by("what a meter sums", "life", "30d", "month", "prev_month")]
PurseUnit = Annotated[str, _said_by("the currency, or a word for what is counted", "UAH", "cup")]
