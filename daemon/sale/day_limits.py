"""What the shop allows on a day: to a card, to a cashier, at a till (``[limits]``). Pure.

    card_day_sales = 3          the fourth sale of the day with the same card is refused
    cashier_day_asked = 20000   what a cashier has asked for (`ask`) takes 200.00 off, no more

Each limit has a counter of its day, which the sale's own entry moves: two tills that sell at once
to one card cannot both be its third, for the database lets one of them come second. What is counted
is what was posted. A return gives nothing back: who sells, takes back and sells again is whom a
limit is for. A sale that a manager has approved counts, too, and passes.
"""

from collections.abc import Callable, Iterator
from functools import partial

from daemon.accounts.operators import name_key
from daemon.base.config import LimitsSection
from daemon.base.currency import Currency
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_records import DayCount, Sale
from daemon.ledger.storage.store import View
from daemon.programme.names import ask_fact

COUNTER = "@limit"
_MONEY = ("card_day_discount", "cashier_day_asked", "till_day_discount")
_TEXTS = {
    "card_day_sales": "This card has {} sales a day, no more",
    "card_day_discount": "A card is given {} off a day, no more",
    "cashier_day_asked": "A cashier may ask for {} off a day, no more",
    "cashier_day_overrides": "A cashier has {} overrides a day, no more",
    "till_day_discount": "This till gives {} off a day, no more",
}


def counters_of(limits: LimitsSection, sale: Sale) -> tuple[str, ...]:
    """Return the counters that a sale may be counted with."""
    return tuple(_counter(name, whose, sale) for name, whose in _whose(limits, sale))


def counts_of(limits: LimitsSection, sale: Sale) -> tuple[DayCount, ...]:
    """Return what a sale, as it is posted, counts against the limits that are set."""
    takes: dict[str, Callable[[], int]] = {
        "card_day_sales": lambda: 1,
        "card_day_discount": lambda: sale.quote.discount,
        "cashier_day_asked": partial(asked_for, sale),
        "cashier_day_overrides": lambda: int(sale.override is not None),
        "till_day_discount": lambda: sale.quote.discount,
    }
    counts = (
        DayCount(name, _counter(name, whose, sale), takes[name]())
        for name, whose in _whose(limits, sale)
    )
    return tuple(one for one in counts if one.take > 0)


def asked_for(sale: Sale) -> int:
    """Return what the cashier asked for and got, in minor units."""
    facts = sale.frozen.facts
    return sum(
        off.minor
        for line in sale.quote.lines
        for off in line.applied
        if ask_fact(off.rule) in facts
    )


def check(limits: LimitsSection, view: View, sale: Sale, currency: Currency) -> None:
    """Raise RefusedError LIMIT_REACHED with the limit that a sale passes, and what it leaves."""
    for one in sale.counted:
        most, before = getattr(limits, one.limit), view.counters.get(one.counter, 0)
        if before + one.take > most:
            amount = currency.text(most) if one.limit in _MONEY else str(most)
            raise RefusedError(
                ErrorCode.LIMIT_REACHED,
                f"{_TEXTS[one.limit].format(amount)}: let a manager approve this sale.",
                extra={"limit": one.limit, "left": max(0, most - before)},
            )


def _whose(limits: LimitsSection, sale: Sale) -> Iterator[tuple[str, str]]:
    """Yield the limits that are set and mind a sale, each with whose counter it is."""
    if sale.account:
        yield from (
            (name, sale.account)
            for name in ("card_day_sales", "card_day_discount")
            if getattr(limits, name)
        )
    if limits.cashier_day_asked or limits.cashier_day_overrides:
        cashier = name_key(sale.cashier)
        yield from (
            (name, cashier)
            for name in ("cashier_day_asked", "cashier_day_overrides")
            if getattr(limits, name)
        )
    if limits.till_day_discount:
        yield "till_day_discount", f"{sale.store}/{sale.terminal}"


def _counter(name: str, whose: str, sale: Sale) -> str:
    return f"{COUNTER}:{name}:{sale.today}:{whose}"
