"""``points``: what the shop owes its customers in points, and how much of it nobody will use.

    purse   liability   held   pending   accrued   burned   expired   breakage
    bonus    1,240.00   0.00     31.00    410.00   220.00     35.00     112.00

``liability`` is what all customers have, now, at what a unit is worth; ``held`` is reserved by open
holds beside it, ``pending`` the part that is not usable yet. What was accrued, burned and expired
is of the months that the period touches, as of yesterday: a nightly fold makes the sums.

The forecast asks how lots of the last two years were used. u(k) is the part of what was left at the
start of a lot's k-th month that was burned in it. Of a lot of 200.00 that has two months left, with
u of 30 % and 20 % for these, 200.00 x 0.70 x 0.80 = 112.00 will expire. Points that never expire
are forecast otherwise: it is what customers have who have not come for 365 days.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from math import prod
from typing import NamedTuple

from daemon.ledger.entries import FOREVER
from daemon.ledger.lot_sums import ACCRUED, BURNED, EXPIRED
from daemon.ledger.storage.fact_tables import month_of
from daemon.ledger.storage.queries import LOT_FOLDS, Question
from daemon.ledger.storage.store import Store
from daemon.programme.state import Purse
from daemon.reports.bought import of_all_time
from daemon.reports.customer_figures import ratio
from daemon.reports.report import Asked, Column, Kind, Report, Row, big

MONTHS_BACK = 24
"""Of which months the use of lots is asked."""
DORMANT_DAYS = 365
UNKNOWN = "not known yet: lots of this age have not been seen for a whole month"
NO_EXPIRY = "never expires: of customers who have not come for 365 days"
_CUSTOMERS = "account NOT IN (SELECT account FROM partner)"
_MONTH_DAYS = Fraction(1_461, 48)
"""Days of a month, over four years."""


class LotSum(NamedTuple):
    """A row of ``lot_sum``, of one purse."""

    lot_month: int
    month: int
    kind: str
    amount: int


def uses(sums: list[LotSum], life: int, now: int) -> Mapping[int, Fraction]:
    """Return u(k) of each age k that was seen, in months.

    life: how many months a lot lives. now: the month that is not over; those of the last
    MONTHS_BACK before it are looked at. What is put in within a month was left at its start, too.
    """
    by_lot: defaultdict[int, defaultdict[int, list[int]]] = defaultdict(
        lambda: defaultdict(lambda: [0, 0, 0])
    )
    for lot_month, month, kind, amount in sums:
        moved = by_lot[lot_month][month]
        moved[0] += amount * (kind == ACCRUED)
        moved[1] += amount * (kind == BURNED)
        moved[2] += -amount if kind == EXPIRED else amount * (kind not in (ACCRUED, BURNED))
    burned: defaultdict[int, int] = defaultdict(int)
    left: defaultdict[int, int] = defaultdict(int)
    for lot_month, months in by_lot.items():
        outstanding, begin = 0, lot_month - life
        for month in range(min(months), min(lot_month, now - 1) + 1):
            accrued, used, other = months.get(month, (0, 0, 0))
            if month >= now - MONTHS_BACK:
                left[max(0, month - begin)] += outstanding + accrued
                burned[max(0, month - begin)] += used
            outstanding += accrued - used + other
    return {age: Fraction(burned[age], total) for age, total in left.items() if total > 0}


def breaks(amount: int, age: int, months_left: int, used: Mapping[int, Fraction]) -> int | None:
    """Return how much of a lot will expire; None where an age it will have was not seen yet."""
    ages = range(age, age + months_left)
    if any(one not in used for one in ages):
        return None
    rest = amount * prod((1 - used[one] for one in ages), start=Fraction(1))
    return ratio(rest.numerator, rest.denominator)


def _forecast(
    store: Store, asked: Asked, purse: Purse, sums: list[LotSum]
) -> tuple[int | None, str]:
    """Return how many units will break, and what is to be said of it."""
    if not purse.expire_days:
        return _of_dormant(store, asked, purse), NO_EXPIRY
    life, now = round(purse.expire_days / _MONTH_DAYS), month_of(asked.today.toordinal())
    used = uses(sums, life, now)
    question: Question[tuple[int, int, int]] = Question(
        f"SELECT expires, amount, {big('count(*)')} FROM lot WHERE purse = ? AND expires >= ?"
        f" AND expires < {FOREVER} AND amount > 0 AND {_CUSTOMERS} GROUP BY expires, amount",
        lambda *row: row,
    )
    total = 0
    for expires, amount, count in store.ask(question, purse.id, asked.today.toordinal()):
        months_left = month_of(expires) - now
        broken = breaks(amount, max(0, life - months_left), months_left, used)
        if broken is None:
            return None, UNKNOWN
        total += count * broken
    return total, ""


def _of_dormant(store: Store, asked: Asked, purse: Purse) -> int:
    question = Question(
        f"SELECT {big('coalesce(sum(b.posted), 0)')} FROM balance AS b"
        f" JOIN {of_all_time(asked)} AS s ON s.account = b.account"
        f" WHERE b.purse = ? AND b.{_CUSTOMERS} AND s.last_day > 0 AND s.last_day < ?",
        int,
    )
    return store.ask(question, purse.id, asked.today.toordinal() - DORMANT_DAYS)[0]


def _balances(store: Store) -> dict[str, tuple[int, int]]:
    question: Question[tuple[str, tuple[int, int]]] = Question(
        f"SELECT purse, {big('sum(posted)')}, {big('sum(held)')} FROM balance"
        f" WHERE {_CUSTOMERS} GROUP BY purse",
        lambda purse, posted, held: (purse, (posted, held)),
    )
    return dict(store.ask(question))


def _pending(store: Store, asked: Asked) -> dict[str, int]:
    question: Question[tuple[str, int]] = Question(
        f"SELECT purse, {big('sum(amount)')} FROM lot WHERE usable_from > ? AND {_CUSTOMERS}"
        " GROUP BY purse",
        lambda purse, amount: (purse, amount),
    )
    return dict(store.ask(question, asked.today.toordinal()))


def _sums(store: Store, purse: str) -> list[LotSum]:
    question = Question(
        "SELECT lot_month, month, kind, amount FROM lot_sum WHERE purse = ?", LotSum
    )
    return store.ask(question, purse)


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    balances, pending = _balances(store), _pending(store, asked)
    first, last = (month_of(day) for day in asked.period.days)
    folds = [row.day for row in store.ask(LOT_FOLDS)]
    folded = min(folds, default=0)
    for purse in asked.programme.purses.values():
        posted, held = balances.get(purse.id, (0, 0))
        sums = _sums(store, purse.id)
        moved = {
            kind: sum(one.amount for one in sums if one.kind == kind and first <= one.month <= last)
            for kind in (ACCRUED, BURNED, EXPIRED)
        }
        broken, note = _forecast(store, asked, purse, sums)
        units = (posted, held, pending.get(purse.id, 0), *moved.values(), broken)
        figures = (None if one is None else one * purse.worth for one in units)
        yield purse.id, *figures, folded if folded >= date.min.toordinal() else None, note


POINTS = Report(
    name="points",
    title="What is owed in points, and how much of it nobody will use",
    columns=(
        Column("purse", Kind.TEXT),
        Column("liability", Kind.MONEY, summed=True),
        Column("held", Kind.MONEY, summed=True),
        Column("pending", Kind.MONEY, summed=True),
        Column("accrued", Kind.MONEY, summed=True),
        Column("burned", Kind.MONEY, summed=True),
        Column("expired", Kind.MONEY, summed=True),
        Column("breakage", Kind.MONEY, summed=True),
        Column("as_of", Kind.DAY),
        Column("note", Kind.TEXT),
    ),
    sort="purse",
    takes=frozenset(),
    made=_made,
)
