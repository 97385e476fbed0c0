"""Other conditions, which must not all hold.

    when = { not = { channel = "web", weekday = "sun" } }

It holds on Sunday in the shop and on Monday on the web; only on Sunday on the web it does not.
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


class NotAll(ConditionTable, frozen=True, kw_only=True):
    """``not``: at least one of the conditions does not hold."""

    key: ClassVar[str] = "not"

    not_: dict[str, Any] = msgspec.field(name="not")

    @classmethod
    def read(cls, raw: Any, path: str) -> "NotAll":
        """Return the table. Raises: ProgrammeError."""
        if not isinstance(raw, dict) or not raw:
            raise ProgrammeError(path, "write a table, {...}")
        return cls(not_=raw)

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        parts = place.inner(self.not_, place.path)
        return joined(
            self.key,
            "not " + " and ".join(part.text for part in parts),
            lambda situation: not all(part.holds(situation) for part in parts),
            parts,
            lambda day: not all(part.days.holds(day) for part in parts if part.days),
        )
