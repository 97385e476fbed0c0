"""A counted fact that lies within bounds: what is in the basket, in a meter, in a purse.

    when = { basket = { total = { at_least = 50000 } } }

It holds for a basket of 500.00 and not for 499.99; then the quote tells the distance, "0.01 more".
"""

from typing import Annotated, Any

import msgspec

from daemon.programme.conditions.condition import (
    Bound,
    Condition,
    ConditionTable,
    WhenPlace,
    bounds_text,
)
from daemon.programme.errors import ProgrammeError
from daemon.programme.situation import counter_of
from daemon.programme.syntax import BoundsTable, CountedFact, parse_bounds, span

BOUND_KEYS = frozenset(BoundsTable.__struct_fields__)
Bounds = Annotated[dict[str, Any], msgspec.Meta(description="the keys of a BoundsTable")]
"""As it is written, for the words of the condition follow the order of the keys."""


class FactBounds(ConditionTable, frozen=True, kw_only=True):
    """``<fact> = {at_least, at_most, above, below}``: all that are written must hold."""

    name: CountedFact
    bounds: Bounds

    @classmethod
    def of(cls, name: str, raw: dict[str, Any], path: str) -> "FactBounds":
        """Return the bounds of a fact. Raises: ProgrammeError."""
        for key in raw:
            if key not in BOUND_KEYS:
                problem = f"there is no such key; write one of {', '.join(sorted(BOUND_KEYS))}"
                raise ProgrammeError(f"{path}.{key}", problem)
        if not raw:
            raise ProgrammeError(path, f"write one of {', '.join(sorted(BOUND_KEYS))}")
        return cls(name=name, bounds=raw)

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        name, currency = self.name, place.vocabulary.unit_of(self.name)
        bounds = parse_bounds(self.bounds, place.path, currency)
        low, high = span(bounds)
        bound = Bound(counter_of(name), low, high, currency is not None)
        impossible = low is not None and high is not None and low > high
        return Condition(
            name,
            bounds_text(name, bounds, currency),
            bound.holds,
            bound=bound,
            facts=frozenset([name]),
            warning="no number fits: the rule can never apply" if impossible else "",
        )
