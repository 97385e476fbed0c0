"""A percentage off the price of the goods in scope.

    give = { percent = 10, max = 5000 }

Two lines of 99.90 and 40.00: 10 % of 139.90 is 13.99, shared 9.99 and 4.00. With goods of
600.00 it would be 60.00, and ``max`` makes it 50.00.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from daemon.base.money import BASIS_POINTS, half_up
from daemon.programme.benefits.benefit import (
    Benefit,
    Counting,
    Discount,
    Gifts,
    GivePlace,
    Setting,
)
from daemon.programme.numbers.number import Number, percent_text
from daemon.programme.situation import Picked
from daemon.programme.syntax import PercentNumber


class Percent(Benefit, frozen=True, kw_only=True):
    """``percent``: of the lane's base, at most two places."""

    name: ClassVar[str] = "percent"
    sizes: ClassVar[tuple[str, ...]] = ("percent",)
    family: ClassVar[str] = "discount"

    percent: PercentNumber

    def compiled(self, place: GivePlace) -> Discount:
        """Return the discount. Raises: ProgrammeError."""
        return Discount(
            size=place.size(self.percent, "percent", "percent"),
            most=place.most(self.max, "minor"),
            offer=percent_off,
            warnings=_warnings,
        )


def percent_off(
    value: int, rooms: Sequence[int], picked: Picked, qty_milli: Sequence[int]
) -> Gifts:
    """Take ``value`` basis points off each line."""
    # Basis points of minor units are 1/10000 minor units: nothing is rounded yet.
    return [room * value for room in rooms], None


def _warnings(size: Number, setting: Setting) -> Iterator[tuple[str, str]]:
    if setting.free and size.highest == BASIS_POINTS and not size.needs:
        yield "percent", "100 % without a condition: the goods go below any cost"
    if setting.markup_bp is None:
        return
    # A markup of 25 % on cost leaves 25/125 = 20 % of the price before the cost is reached.
    most = BASIS_POINTS * setting.markup_bp // (BASIS_POINTS + setting.markup_bp)
    if most < size.highest < BASIS_POINTS:
        markup = percent_text(setting.markup_bp)
        problem = f"is below cost at a markup of {markup}, which bears {percent_text(most)}"
        yield "percent", f"{percent_text(size.highest)} {problem}"


def of_money(worth: int) -> Counting:
    """Return how a purse, of which a unit pays ``worth`` minor units, earns a percentage.

    5 % of 219.80 are 10.99 in a purse of money, and 11 points where a point pays 1.00: the total
    is rounded once, half up, and then shared.
    """

    def count(value: int, money: Sequence[int], picked: Picked) -> tuple[int, Sequence[int]]:
        return half_up(sum(money) * value, BASIS_POINTS * worth), money

    return count
