"""An amount off each unit of the goods in scope.

    give = { each = 100 }

Three cups: 3.00 off. 1.255 kg of cheese: 1.26 off. A unit that costs 0.80 becomes free, not less.
"""

from collections.abc import Sequence
from typing import ClassVar

from daemon.base.money import BASIS_POINTS
from daemon.programme.benefits.benefit import Benefit, Discount, Gifts, GivePlace, by_quantity
from daemon.programme.situation import Picked
from daemon.programme.syntax import AmountNumber


class Each(Benefit, frozen=True, kw_only=True):
    """``each``: minor units off each picked unit, by weight for weighed goods."""

    name: ClassVar[str] = "each"
    sizes: ClassVar[tuple[str, ...]] = ("each",)
    family: ClassVar[str] = "discount"

    each: AmountNumber

    def compiled(self, place: GivePlace) -> Discount:
        """Return the discount. Raises: ProgrammeError."""
        return Discount(
            size=place.size(self.each, "each", "minor"),
            most=place.most(self.max, "minor"),
            words="{} each",
            per_unit=True,
            offer=_offer,
        )


def _offer(value: int, rooms: Sequence[int], picked: Picked, qty_milli: Sequence[int]) -> Gifts:
    off = by_quantity(value, picked, qty_milli)
    return [min(a, room) * BASIS_POINTS for a, room in zip(off, rooms, strict=True)], None


def per_unit(value: int, money: Sequence[int], picked: Picked) -> tuple[int, Sequence[int]]:
    """Count ``value`` for each picked unit, and share by units; what is weighed is one unit."""
    units = [k for _, k, _ in picked]
    return value * sum(units), units
