"""The figures of one customer over a period: what one row of ``activity`` says.

Three sales of 500.00 with 25.00 off, 300.00 and 200.00, the last wholly returned:

    purchases 2    list 800.00    discount 25.00    net 775.00    313 bp    average 387.50

What there is no figure for is None: no share of a list of nothing, no average of no purchases, no
margin where the cost of a line is not known. An account counts with those merged into it.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from daemon.base.ids import AccountId
from daemon.base.money import BASIS_POINTS, half_up
from daemon.base.refusals import ParamError
from daemon.base.text_limits import read_day
from daemon.ledger.entries import FOREVER
from daemon.ledger.folding import FoldingProgress, progress
from daemon.ledger.posted_facts import FIGURES, NOT_COMPUTED
from daemon.ledger.storage.fact_tables import NEVER
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.bought import DAYS
from daemon.reports.period import Period

YEARS_MAX = 10
"""Of a period: so many months are looked up for each account, one by one."""
_NO_MONTH = 0


class CustomerSums(msgspec.Struct, frozen=True):
    """What a customer bought, summed; minor units. first_day, last_day: of sales (ordinals).

    FOREVER and NEVER stand in their place where nothing was sold.
    """

    visits: int = 0
    list_total: int = 0
    discount: int = 0
    net: int = 0
    paid: int = 0
    burned: int = 0
    earned: int = 0
    cost: int = 0
    cost_net: int = 0
    first_day: int = FOREVER
    last_day: int = NEVER


class CustomerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``activity``: minor units, basis points, local days; None: there is no such figure.

    first, last: the period. standing_bp: today's; None while it is being computed.
    first_day, last_day: of sales in the period; days_since: from there to the period's last day, or
                         to today where the period goes on.
    folded:      how many entries of an older ledger are among the figures yet, of how many.
    """

    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    purchases: int
    list_total: int = msgspec.field(name="list")
    discount: int
    net: int
    paid: int
    burned: int
    earned: int
    discount_bp: int | None
    standing_bp: int | None
    average: int | None
    first_day: str | None
    last_day: str | None
    days_since: int | None
    margin: int | None
    folded: FoldingProgress = FoldingProgress(0, 0)


def period_said(first: str, last: str, today: date) -> Period:
    """Return the period between two days; "" is today, and a year before the last one.

    Raises: ParamError for no day, the wrong order, and more than YEARS_MAX.
    """
    until = read_day(last, "to") if last else today
    since = read_day(first, "from") if first else _year_before(until)
    period = Period(since, until)
    if until.year - since.year > YEARS_MAX:
        raise ParamError("from", f"the figures are of at most {YEARS_MAX} years")
    return period


def customer_figures(
    store: Store, account: AccountId, everyone: Iterable[AccountId], period: Period, today: date
) -> CustomerFigures:
    """Return the figures of a customer, as of the transaction.

    everyone: the account, and all that were merged into it.
    """
    parts = [_sums(store, one, period) for one in everyone]
    standing = store.ask_one(_STANDING, account)
    made = figures_of(
        _together(parts), period, today, NOT_COMPUTED if standing is None else standing
    )
    return msgspec.structs.replace(made, folded=progress(store))


def figures_of(
    sums: CustomerSums, period: Period, today: date, standing_bp: int = NOT_COMPUTED
) -> CustomerFigures:
    """Return the figures that follow from sums over a period."""
    has_sales = sums.last_day != NEVER
    until = min(period.last, today).toordinal()
    return CustomerFigures(
        first=str(period.first),
        last=str(period.last),
        purchases=sums.visits,
        list_total=sums.list_total,
        discount=sums.discount,
        net=sums.net,
        paid=sums.paid,
        burned=sums.burned,
        earned=sums.earned,
        discount_bp=ratio(BASIS_POINTS * sums.discount, sums.list_total),
        standing_bp=None if standing_bp == NOT_COMPUTED else standing_bp,
        average=ratio(sums.net, sums.visits),
        first_day=str(date.fromordinal(sums.first_day)) if has_sales else None,
        last_day=str(date.fromordinal(sums.last_day)) if has_sales else None,
        days_since=until - sums.last_day if has_sales else None,
        margin=sums.net - sums.cost if sums.cost_net == sums.net else None,
    )


def ratio(amount: int, by: int) -> int | None:
    """Return ``amount / by``, halves up on the absolute value; None unless ``by`` is above 0."""
    if by <= 0:
        return None
    rounded = half_up(abs(amount), by)
    return rounded if amount >= 0 else -rounded


def _together(parts: Iterable[CustomerSums]) -> CustomerSums:
    sums = CustomerSums()
    for part in parts:
        added = {name: getattr(sums, name) + getattr(part, name) for name in _SUMMED}
        first, last = min(sums.first_day, part.first_day), max(sums.last_day, part.last_day)
        sums = CustomerSums(**added, first_day=first, last_day=last)
    return sums


def _sums(store: Store, account: AccountId, period: Period) -> CustomerSums:
    """Ask for each whole month by its key, and for the days around them by the index."""
    first, last = period.months
    months = list(range(first, last + 1)) or [_NO_MONTH]
    begin, ends, begins, end = period.ends
    days = (account, begin, ends, account, begins, end)
    [sums] = store.ask(of_account(len(months)), account, *months, *days)
    return sums


_SUMMED = ("visits", *FIGURES)
_COLUMNS = ", ".join((*_SUMMED, "first_day", "last_day"))
_FACT = (
    f"SELECT {', '.join(_SUMMED)}, "
    + ", ".join(f"{said} AS {name}" for name, (_, said) in DAYS.items())
    + " FROM fact WHERE account = ? AND day BETWEEN ? AND ?"
)
_ALL = ", ".join(
    (
        *(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in _SUMMED),
        f"coalesce(min(first_day), {FOREVER})",
        f"coalesce(max(last_day), {NEVER})",
    )
)
_STANDING = Question("SELECT standing_bp FROM account_sum WHERE account = ?", int)


def of_account(months: int) -> Question[CustomerSums]:
    """Return the question for an account's sums: of so many months, and of two spans of days."""
    named = ", ".join("?" * months)
    return Question(
        f"SELECT {_ALL} FROM (SELECT {_COLUMNS} FROM month_sum WHERE account = ?"
        f" AND month IN ({named}) UNION ALL {_FACT} UNION ALL {_FACT}) AS parts",
        CustomerSums,
    )


def _year_before(day: date) -> date:
    """Return the first day of the twelve months that end with ``day``."""
    if day.year == date.min.year:
        return date.min
    leap = (day.month, day.day) == (2, 29)
    return (day.replace(day=28) if leap else day).replace(year=day.year - 1) + timedelta(days=1)
