"""Days around an anniversary of the card's holder: a birthday, a name day.

    when = { near = { of = "birthday", from = -3, to = 3 } }

With the fact ``card.birthday = "1990-11-20"`` it holds from 17 to 23 November of every year.
"""

import re
from calendar import isleap
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import card_fact

NEAR_DAYS_MAX = 180
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
        fact, first, last = card_fact(self.of), self.from_, self.to
        return Condition(
            self.key,
            f"{self.of} {first:+d} to {last:+d} days",
            lambda s: _is_near(str(s.values.get(fact, "")), s.day, first, last),
            facts=frozenset([fact]),
        )


def _is_near(of: str, day: date, first: int, last: int) -> bool:
    """Whether ``day`` lies from ``first`` to ``last`` days after an anniversary.

    The years beside the day's own are asked too: 30 December is near a birthday on 1 January.
    """
    if not of:
        return False
    years = range(max(day.year - 1, date.min.year), min(day.year + 1, date.max.year) + 1)
    turns = (anniversary(of, year) for year in years)
    return any(turn is not None and first <= (day - turn).days <= last for turn in turns)


def anniversary(of: str, year: int) -> date | None:
    """Return the day of a birthday ``YYYY-MM-DD`` or a name day ``MM-DD`` in ``year``.

    29 February is kept on 28 February in other years; None when ``of`` is no date.
    """
    match = re.fullmatch(r"(?:\d{4}-)?(\d\d)-(\d\d)", of)
    if not match:
        return None
    month, day = int(match.group(1)), int(match.group(2))
    if (month, day) == (2, 29) and not isleap(year):
        day = 28
    try:
        return date(year, month, day)
    except ValueError:
        return None
