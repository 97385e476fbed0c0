"""``thresholds``: where the sum that a card is given for belongs, now that receipts have grown.

The formulas are those of ``tillcard plan threshold``; the average receipts are the shop's own, of
two periods. Receipts of 950.00 and 1,050.00, later of 1,100.00 and 1,300.00; a card from 400.00 on;
incomes grew by 8 %:

    absolute    400.00 + (1,200.00 - 1,000.00)    600.00
    relative    400.00 x 1,200.00 / 1,000.00      480.00
    income      400.00 x 1.08                     432.00
"""

from collections.abc import Iterator
from fractions import Fraction

from daemon.base.refusals import ParamError
from daemon.base.text_limits import read_day
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.programme import plan
from daemon.programme.programme import Programme
from daemon.reports.by_place import receipts
from daemon.reports.customer_figures import ratio
from daemon.reports.filters import OF_SALES
from daemon.reports.period import Period
from daemon.reports.report import Asked, Column, Kind, Report, Row

METHODS = ("absolute", "relative", "income")


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    terms = asked.terms
    if not terms.base_from or not terms.base_to:
        raise ParamError("terms.base_from", "say the days to compare with, both of them")
    base = Period(
        read_day(terms.base_from, "terms.base_from"), read_day(terms.base_to, "terms.base_to")
    )
    old = terms.old or _asked_for(asked.programme)
    now, before = _average(store, asked, asked.period), _average(store, asked, base)
    thresholds: dict[str, int] = {}
    warnings: dict[str, str] = {}
    if now is not None and before is not None:
        growth = Fraction(terms.income_growth, 100)
        made = plan.threshold(Fraction(old), now, before, growth)
        warnings = dict(made.warnings)
        thresholds = {method: _whole(getattr(made, method)) or 0 for method in METHODS}
    for method in METHODS:
        found = thresholds.get(method, 0)
        known = found if found > 0 else None
        yield method, _whole(now), _whole(before), old, known, warnings.get(method, "")


def _whole(amount: Fraction | None) -> int | None:
    return None if amount is None else ratio(amount.numerator, amount.denominator)


def _asked_for(programme: Programme) -> int:
    """Return from which purchase on the programme gives a card. Raises ParamError."""
    sums = {kind.min_purchase for kind in programme.cards.values() if kind.min_purchase}
    if len(sums) != 1:
        has = "several" if sums else "no"
        raise ParamError("terms.old", f"the programme has {has} `min_purchase`; say the threshold")
    return sums.pop()


def _average(store: Store, asked: Asked, period: Period) -> Fraction | None:
    """Return net for a purchase, to the last part of a unit; None where there is none above 0."""
    sums = receipts(period, asked.filters)
    [(net, visits)] = store.ask(Question(sums.text, _pair), *sums.values)
    return Fraction(net, visits) if visits > 0 and net > 0 else None


def _pair(*row: int) -> tuple[int, ...]:
    return row


THRESHOLDS = Report(
    name="thresholds",
    title="From which purchase on to give a card, by three methods",
    columns=(
        Column("method", Kind.TEXT),
        Column("average_now", Kind.MONEY),
        Column("average_base", Kind.MONEY),
        Column("old", Kind.MONEY),
        Column("threshold", Kind.MONEY),
        Column("warning", Kind.TEXT),
    ),
    sort="",
    takes=OF_SALES,
    made=_made,
    terms=frozenset({"base_from", "base_to", "old", "income_growth"}),
)
