"""Another price for each unit of the goods in scope.

    give = { price = 1990 }

Two loaves at 25.00 cost 19.90 each: 10.20 off. A loaf that costs 18.00 stays at 18.00.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from daemon.base.money import BASIS_POINTS
from daemon.programme.benefits.benefit import (
    Benefit,
    Discount,
    Gifts,
    GivePlace,
    Setting,
    by_quantity,
)
from daemon.programme.numbers.number import Number
from daemon.programme.situation import Picked
from daemon.programme.syntax import AmountNumber


class UnitPrice(Benefit, frozen=True, kw_only=True):
    """``price``: minor units for each picked unit, by weight for weighed goods; 0 is free."""

    name: ClassVar[str] = "price"
    sizes: ClassVar[tuple[str, ...]] = ("price",)
    family: ClassVar[str] = "discount"

    price: AmountNumber

    def compiled(self, place: GivePlace) -> Discount:
        """Return the discount. Raises: ProgrammeError."""
        return Discount(
            size=place.size(self.price, "price", "minor"),
            most=place.most(self.max, "minor"),
            words="the price {}",
            gives_at_zero=True,
            offer=_offer,
            warnings=_warnings,
        )


def _offer(value: int, rooms: Sequence[int], picked: Picked, qty_milli: Sequence[int]) -> Gifts:
    costs = by_quantity(value, picked, qty_milli)
    return [max(room - c, 0) * BASIS_POINTS for c, room in zip(costs, rooms, strict=True)], None


def _warnings(size: Number, setting: Setting) -> Iterator[tuple[str, str]]:
    if setting.free:
        yield "price", "a price without a condition; is it not the price of the shelf?"
