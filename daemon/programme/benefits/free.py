"""Every tenth piece is free, counted over all of a card's visits.

    give = { free = { every = 10, of = { category = "coffee" }, pick = "dearest" } }

A card brings a *stamp* with each piece that it pays, and nine stamps make the next piece free. With
seven stamps and three coffees of 50.00, 60.00 and 55.00 the 60.00 are free, and no stamp is left.

A free piece brings no stamp and takes the ``every - 1`` that it cost. So what the card has is one
sum, of pieces paid less stamps taken, which is kept as a meter; and a free piece that another
discount was better than, or that a floor forbade, is due at the next visit.
"""

from typing import ClassVar, Literal

from daemon.base.money import BASIS_POINTS
from daemon.programme.benefits.benefit import Benefit, Discount, GivePlace
from daemon.programme.benefits.percent import percent_off
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import meter_fact, stamps_meter
from daemon.programme.numbers.number import Number
from daemon.programme.scope import GoodsTable, Scope, compile_goods
from daemon.programme.syntax import FileTable

EVERY_MAX = 1_000_000


class FreeTable(FileTable, frozen=True, kw_only=True):
    """``free``: which piece, of which goods; ``pick`` says which of those in the basket."""

    every: int
    of: GoodsTable | None = None
    pick: Literal["cheapest", "dearest"] = "cheapest"


class Free(Benefit, frozen=True, kw_only=True):
    """``free``: every so many pieces one costs nothing, whatever its price."""

    name: ClassVar[str] = "free"
    sizes: ClassVar[tuple[str, ...]] = ("free",)
    family: ClassVar[str] = "discount"

    free: FreeTable

    def compiled(self, place: GivePlace) -> Discount:
        """Return the discount. Raises: ProgrammeError."""
        path, table = f"{place.path}.free", self.free
        if not 2 <= table.every <= EVERY_MAX:
            problem = f"{table.every} is not from 2 to {EVERY_MAX}; write 10 for every tenth piece"
            raise ProgrammeError(f"{path}.every", problem)
        return Discount(
            size=Number(lambda situation: BASIS_POINTS, "percent", BASIS_POINTS),
            most=place.most(self.max, "minor"),
            words="a free one",
            offer=percent_off,
            scope=Scope(
                compile_goods(table.of, f"{path}.of", place.vocabulary.currency),
                dearest=table.pick == "dearest",
                picks_units=True,
                group=table.every,
                stamps=meter_fact(stamps_meter(place.rule)),
            ),
        )
