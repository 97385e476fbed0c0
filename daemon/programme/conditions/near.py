"""Days around an anniversary of the card's holder: a birthday, a name day.

    when = { near = { of = "birthday", from = -3, to = 3 } }

With the fact ``card.birthday = "1990-11-20"`` it holds from 17 to 23 November of every year.
"""

from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import card_fact
from daemon.programme.occasions import NEAR_DAYS_MAX, Occasion

DaysAfter = Annotated[int, msgspec.Meta(ge=-NEAR_DAYS_MAX, le=NEAR_DAYS_MAX)]
CardDate = Annotated[str, msgspec.Meta(examples=["birthday", "name_day"])]


class Near(ConditionTable, frozen=True, kw_only=True):
    """``near``: the day lies ``from`` to ``to`` days after the date ``card.<of>``."""

    key: ClassVar[str] = "near"

    of: CardDate
    from_: DaysAfter = msgspec.field(name="from")
    to: DaysAfter

    @classmethod
    def read(cls, raw: Any, path: str) -> "Near":
        """Return the table. Raises: ProgrammeError."""
        shape = isinstance(raw, dict) and raw.keys() == {"of", "from", "to"}
        if not shape or not isinstance(raw["of"], str):
            raise ProgrammeError(path, 'write such as {of = "birthday", from = -3, to = 3}')
        first, last = raw["from"], raw["to"]
        bounded = all(type(n) is int and abs(n) <= NEAR_DAYS_MAX for n in (first, last))
        if not bounded or first > last:
            problem = f"from and to are days, -{NEAR_DAYS_MAX} to {NEAR_DAYS_MAX}"
            raise ProgrammeError(path, problem)
        return cls(of=raw["of"], from_=first, to=last)

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition."""
        occasion = Occasion(card_fact(self.of), self.from_, self.to)
        return Condition(
            self.key,
            f"{self.of} {self.from_:+d} to {self.to:+d} days",
            lambda s: occasion.year_of(str(s.values.get(occasion.fact, "")), s.day) is not None,
            facts=frozenset([occasion.fact]),
            occasion=occasion,
        )
