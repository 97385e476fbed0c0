"""Lets a purse pay, after all discounts.

    give = { burn = "bonus", max_percent = 30 }

Of goods for 100.00 after discounts the bonus purse may pay 30.00, if it holds as much and the
customer wants it to.
"""

from typing import ClassVar

from daemon.programme.benefits.benefit import Benefit, GivePlace, Redemption
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import PercentNumber, PurseId


class Burn(Benefit, frozen=True, kw_only=True):
    """``burn``: the purse. ``max_percent``: of its goods, all of them when it is not said.

    A purse that counts goods pays so much of the price of one unit with ``cost`` of its own, 1 when
    it is not said. Where it is said it is for a piece, and what is weighed is none.
    """

    name: ClassVar[str] = "burn"
    sizes: ClassVar[tuple[str, ...]] = ("max_percent",)
    family: ClassVar[str] = "burn"

    burn: PurseId
    max_percent: PercentNumber = None
    cost: int | None = None

    def compiled(self, place: GivePlace) -> Redemption:
        """Return the redemption. Raises: ProgrammeError."""
        purse = place.purse("burn", self.burn)
        if self.cost is not None and (self.cost < 1 or purse.worth):
            problem = "goes with a purse that counts goods, from 1; leave worth and currency out"
            raise ProgrammeError(f"{place.path}.cost", problem)
        percent = 100 if self.max_percent is None else self.max_percent
        return Redemption(
            size=place.size(percent, "max_percent", "percent"),
            most=place.most(self.max, "minor" if purse.counts_money else "count"),
            purse=purse.id,
            cost=self.cost or 1,
            only_pieces=self.cost is not None,
        )
