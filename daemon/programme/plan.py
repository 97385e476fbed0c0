"""Calculators for the owner: thresholds, volumes, scales and what a card is worth.

Money is in whole currency units as exact fractions, percentages in per cent; whoever prints
rounds. Nothing here prices a sale.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from daemon.programme.errors import BasketError

GROWTH_PERCENT_ODD = 100
ENTRY_RECEIPTS = (2, 3)


class Threshold(msgspec.Struct, frozen=True):
    """A new threshold by three methods; ``warnings``: what looks wrong, by method."""

    absolute: Fraction
    relative: Fraction
    income: Fraction
    warnings: Mapping[str, str] = {}


class VolumeRow(msgspec.Struct, frozen=True):
    """What must be sold at a discount: ``at_list`` at shelf prices, ``paid`` by the customers."""

    discount_percent: Fraction
    at_list: Fraction
    paid: Fraction


class Volume(msgspec.Struct, frozen=True):
    """What is sold now, and what must be sold at each new discount for the wanted margin."""

    at_list: Fraction
    cost: Fraction
    margin: Fraction
    rows: tuple[VolumeRow, ...]


class PlanEntry(msgspec.Struct, frozen=True):
    """From which purchase a card is given, and the price below which it is worth buying."""

    purchase_from: Fraction
    purchase_to: Fraction
    saves_a_year: Fraction


def threshold(
    old: Fraction, average_now: Fraction, average_base: Fraction, income_growth: Fraction
) -> Threshold:
    """Return the threshold that keeps its meaning after receipts or incomes grew.

    old + (now - base), old x now / base, and old x (1 + growth).
    Raises: BasketError for a sum that is not above 0.
    """
    _above_0(old=old, average_now=average_now, average_base=average_base)
    warnings: dict[str, str] = {}
    if income_growth > GROWTH_PERCENT_ODD:
        less, growth = (written(percent) for percent in (income_growth - 100, income_growth))
        warnings["income"] = f"a growth of {growth} % doubles incomes; is it an index ({less} %)?"
    absolute = old + (average_now - average_base)
    income = old * (1 + income_growth / 100)
    for name, made in (("absolute", absolute), ("income", income)):
        if made <= 0:
            warnings[name] = f"the {name} method leaves no threshold; go by another"
    return Threshold(absolute, old * average_now / average_base, income, warnings)


def volume(
    paid: Fraction,
    discount_now: Fraction,
    markup: Fraction,
    increase: Fraction,
    discounts: Sequence[Fraction],
) -> Volume:
    """Return what must be sold at each discount to earn ``increase`` more than now.

    paid: by the customers now, at ``discount_now``. markup: on cost, in per cent.
    Raises: BasketError for a discount that eats the whole markup.
    """
    _above_0(paid=paid, markup=markup)
    share = _margin_share(markup)
    at_list = paid / (1 - _below_margin(discount_now, share, "discount_now") / 100)
    margin = at_list * (share - discount_now / 100)
    wanted = margin + increase
    if wanted < 0:
        raise BasketError("increase", "leaves a margin below 0; write a smaller decrease")
    return Volume(at_list, at_list * (1 - share), margin, _rows(wanted, share, discounts))


def scale(
    start: Fraction, markup: Fraction, discounts: Sequence[Fraction], round_to: Fraction
) -> tuple[VolumeRow, ...]:
    """Return from which volume each discount costs the shop nothing, rounded up.

    start: the volume from which there is no discount yet, at shelf prices.
    Raises: BasketError for a discount that eats the whole markup.
    """
    _above_0(start=start, markup=markup, round_to=round_to)
    share = _margin_share(markup)
    return tuple(
        msgspec.structs.replace(row, paid=-(-row.paid // round_to) * round_to)
        for row in _rows(start * share, share, discounts)
    )


def entry(average: Fraction, yearly: Fraction, discount: Fraction) -> PlanEntry:
    """Return from which purchase to give a card, and what it saves its holder in a year."""
    _above_0(average=average, yearly=yearly, discount=discount)
    if discount > 100:
        raise BasketError("discount", f"{written(discount)} % is above 100 %")
    low, high = ENTRY_RECEIPTS
    return PlanEntry(average * low, average * high, yearly * discount / 100)


def _margin_share(markup: Fraction) -> Fraction:
    """Return the margin as a share of the shelf price."""
    return markup / (100 + markup)


def _rows(
    margin: Fraction, share: Fraction, discounts: Sequence[Fraction]
) -> tuple[VolumeRow, ...]:
    rows = []
    for discount in discounts:
        at_list = margin / (share - _below_margin(discount, share, "discounts") / 100)
        rows.append(VolumeRow(discount, at_list, at_list * (1 - discount / 100)))
    return tuple(rows)


def _below_margin(discount: Fraction, share: Fraction, name: str) -> Fraction:
    if not 0 <= discount < share * 100:
        most = written(Fraction(int(share * 10_000), 100))
        raise BasketError(
            name, f"{written(discount)} % is not from 0 to below {most} %, the margin"
        )
    return discount


def _above_0(**sums: Fraction) -> None:
    for name, amount in sums.items():
        if amount <= 0:
            raise BasketError(name, f"{written(amount)} is not above 0; write a positive number")


def written(value: Fraction) -> str:
    """Return a number for people, with at most two places: ``16.67``."""
    return f"{float(value):.2f}".rstrip("0").rstrip(".")
