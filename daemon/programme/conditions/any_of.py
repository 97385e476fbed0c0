"""Other conditions, of which one way must hold.

    when = { any = [ { payment = "cash" }, { weekday = "sun", channel = "web" } ] }

It holds for cash on any day, and on Sunday on the web however it is paid.
"""

from typing import Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import (
    Condition,
    ConditionTable,
    WhenPlace,
    joined,
)
from daemon.programme.errors import ProgrammeError


class AnyOf(ConditionTable, frozen=True, kw_only=True):
    """``any``: all conditions of one of the tables hold."""

    key: ClassVar[str] = "any"

    any_: list[dict[str, Any]] = msgspec.field(name="any")

    @classmethod
    def read(cls, raw: Any, path: str) -> "AnyOf":
        """Return the tables. Raises: ProgrammeError."""
        if not isinstance(raw, list) or not raw or not all(isinstance(way, dict) for way in raw):
            raise ProgrammeError(path, "write a list of tables, [{...}, {...}]")
        return cls(any_=raw)

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        ways = [place.inner(way, f"{place.path}[{i}]") for i, way in enumerate(self.any_)]
        return joined(
            self.key,
            " or ".join(" and ".join(part.text for part in way) for way in ways),
            lambda situation: any(all(part.holds(situation) for part in way) for way in ways),
            [part for way in ways for part in way],
            lambda day: any(all(p.days.holds(day) for p in way if p.days) for way in ways),
        )
