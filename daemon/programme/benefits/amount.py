"""An amount off the goods in scope together.

    give = { amount = 1000 }

Two lines of 40.00 and 60.00: 10.00 off, shared 4.00 and 6.00. Of goods for 7.00 it takes 7.00.
"""

from collections.abc import Sequence
from typing import ClassVar

from daemon.programme.benefits.benefit import Benefit, Counting, Discount, Gifts, GivePlace
from daemon.programme.situation import Picked
from daemon.programme.syntax import AmountNumber


class Amount(Benefit, frozen=True, kw_only=True):
    """``amount``: minor units off all picked units together."""

    name: ClassVar[str] = "amount"
    sizes: ClassVar[tuple[str, ...]] = ("amount",)
    family: ClassVar[str] = "discount"

    amount: AmountNumber

    def compiled(self, place: GivePlace) -> Discount:
        """Return the discount. Raises: ProgrammeError."""
        return Discount(
            size=place.size(self.amount, "amount", "minor"),
            most=place.most(self.max, "minor"),
            offer=_offer,
        )


def _offer(value: int, rooms: Sequence[int], picked: Picked, qty_milli: Sequence[int]) -> Gifts:
    return list(rooms), min(value, sum(rooms))


def in_all(every: int) -> Counting:
    """Return how an amount is counted: once, or once for each full ``every`` minor units.

    7 points with ``every = 1000``: 29.99 bring 14, 30.00 bring 21.
    """

    def count(value: int, money: Sequence[int], picked: Picked) -> tuple[int, Sequence[int]]:
        return value * (sum(money) // every if every else 1), money

    return count
