"""What a report is: columns, the filters that it takes, and one SELECT that all is read from.

Everything that a row says is a column of that SELECT, derived figures included, so that the
database sorts and cuts off: of 190,000 customers who bought in a month a screen shows a hundred.
Names of people are the one exception. They stand in profiles, and are put to the rows that are
shown; only who sorts by them reads them all.

What no SELECT can reckon, such as an estimate, is ``made`` whole: few rows, from several questions.

Text that is put together here is of this program alone. What somebody asked stands in ``values``.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from daemon.accounts.issue_conditions import Lacking, nothing_lacks
from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId
from daemon.ledger.storage.store import Store
from daemon.programme.programme import Programme
from daemon.reports.asked_terms import Terms
from daemon.reports.filters import Filters
from daemon.reports.period import Period

Value = Any
"""Of a column or of a question: a text, an integer, or None."""
Row = tuple[Value, ...]
_DAY, _BEHIND_ALL = timedelta(days=1), "~"


class Sql(NamedTuple):
    """A text with a ``?`` for each of its values, in order."""

    text: str
    values: tuple[Value, ...] = ()


class Kind(StrEnum):
    """What a column holds, for whoever writes it down.

    MONEY: minor units. BP: basis points. RATIO: hundredths, 280 is 2.80. DAY: a local day
    (ordinal); in answers YYYY-MM-DD.
    """

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    BP = "bp"
    RATIO = "ratio"
    DAY = "day"


class Column(msgspec.Struct, frozen=True):
    """One column. ``summed``: whether the sum of all rows says something."""

    name: str
    kind: Kind
    summed: bool = False


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question. ``today``: the shop's day; ``per``: what a trend goes by, of ``trend.WAYS``."""

    period: Period
    filters: Filters
    today: date
    programme: Programme
    per: str = ""
    everybody: bool = False
    terms: Terms = Terms()
    lacking: Lacking = nothing_lacks
    """Says what a customer has not filled of the questionnaire, or ""."""
    has_merged: bool = False
    """Whether any account was merged into another: else nobody need look."""

    @property
    def until(self) -> date:
        """The day that days are counted to: the period's last, or today where it goes on."""
        return min(self.period.last, self.today)

    @property
    def moments(self) -> tuple[str, str]:
        """When the period begins, and when the day after it does, RFC 3339; or what is behind all.

        "" is before all: in the east the first day there is begins before all moments, in UTC.
        """
        first, last, days = self.period.first, self.period.last, self.programme.days
        begins = rfc3339(days.start_of(first)) if first > date.min + _DAY else ""
        return begins, rfc3339(days.start_of(last + _DAY)) if last < date.max else _BEHIND_ALL


Put = Callable[[Store, Iterable[AccountId]], Mapping[AccountId, Row]]
"""Returns what is known of accounts beside the figures, in the order of the columns for it."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report.

    columns: in order; the first ones are of ``people``, where the rows are of accounts.
    sort:    how it is sorted where nobody says; ``-`` before a column turns it round. Of what is
             made "" leaves the rows as they come.
    takes:   the filters that go with it.
    select:  returns the SELECT; its columns are ``key`` and then those that no ``put`` brings.
    made:    or gives the rows themselves, few of them, with a value a column.
    totals:  what is derived from sums of all rows: by column, as SQL over summed columns.
    label:   says the first column, where ``key`` is a number that it is sorted by.
    ways:    what it can go by; the first one where nobody says.
    terms:   what may be asked beside, of `Terms`.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    sort: str
    takes: frozenset[str]
    select: Callable[[Asked], Sql] | None = None
    made: Callable[[Store, Asked], Iterable[Row]] | None = None
    put: Put | None = None
    put_columns: tuple[Column, ...] = ()
    totals: Mapping[str, str] = {}
    label: Callable[[Asked, int], str] | None = None
    ways: tuple[str, ...] = ()
    terms: frozenset[str] = frozenset()

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """What a row has, in order."""
        return (*self.put_columns, *self.columns)


def half_up(amount: str, by: str) -> str:
    """Return ``amount / by`` as SQL, halves up on the absolute value; NULL unless ``by`` > 0."""
    rounded = f"(2 * abs({amount}) + ({by})) / (2 * ({by}))"
    signed = f"CASE WHEN ({amount}) < 0 THEN -({rounded}) ELSE {rounded} END"
    return f"CASE WHEN ({by}) > 0 THEN {signed} END"


def share_bp(amount: str, of: str) -> str:
    """Return ``amount`` as basis points of ``of``, as `half_up` rounds."""
    return half_up(f"10000 * {amount}", of)


def summed(what: str) -> str:
    """Return a sum as SQL that is the same type on every database."""
    return big(f"sum({what})")


def big(expression: str) -> str:
    """Return an integer as SQL that is the same type on every database."""
    return f"CAST({expression} AS BIGINT)"


def any_of(values: Iterable[Any]) -> Sql:
    """Return ``IN (...)``."""
    some = tuple(values)
    return Sql(f"IN ({', '.join('?' * len(some))})", some)
