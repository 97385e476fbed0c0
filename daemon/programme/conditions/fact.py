"""A fact that is one of some values: how it is paid, who sells, what is known of the card.

    when = { payment = ["cash", "transfer"], "card.tags" = "student", "flag.repost" = true }

It holds when all three do. A list on the card matches when one of its words is asked for; a fact
that nobody supplied is false, and equal to nothing else.
"""

from typing import Annotated, Any

import msgspec

from daemon.programme.basket import Fact
from daemon.programme.conditions.condition import (
    Condition,
    ConditionTable,
    Test,
    WhenPlace,
    as_written,
)
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import HAVE_CODES, code_of
from daemon.programme.situation import Situation, counter_of

FactName = Annotated[str, msgspec.Meta(description="the name of a fact")]
FactValues = Annotated[Any, msgspec.Meta(examples=["web", 3, True, False, ["student", "vip"]])]


class FactIs(ConditionTable, frozen=True, kw_only=True):
    """``<fact> = <value>``, or a list of values: any of them. Its key is the fact's ``name``."""

    name: FactName
    values: FactValues

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        name, raw = self.name, self.values
        values = raw if isinstance(raw, list) else [raw]
        if not values or not all(isinstance(value, bool | int | str) for value in values):
            problem = f"{raw!r} cannot be compared; write a word, a number or a list"
            raise ProgrammeError(place.path, problem)
        return Condition(name, as_written(name, raw), _test(name, values), facts=frozenset([name]))


def _test(name: str, values: list[Fact]) -> Test:
    """Return the quickest test that does: most facts are words, and most of these flags."""
    if name == "payment":
        return lambda situation: situation.payment in values
    if values in ([True], [False]) and isinstance(values[0], bool):
        expected = values[0]
        return lambda situation: bool(situation.values.get(name, False)) is expected
    if name in HAVE_CODES:
        other = code_of(name)
        return lambda situation: (
            situation.values.get(name) in values or situation.values.get(other) in values
        )
    counter = counter_of(name)

    def holds(situation: Situation) -> bool:
        value = situation.values.get(name)
        if isinstance(value, tuple | list):
            return any(item in values for item in value)
        return (counter(situation) if value is None else value) in values

    return holds
