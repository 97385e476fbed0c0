"""One span of local dates and times, the end not included.

    when = { now = "2026-12-01T10:00..2026-12-03T22:00" }

It holds at 2026-12-03 21:59:59 by the shop's clock, and not at 22:00:00.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, as_written
from daemon.programme.errors import ProgrammeError

_FIRST_MOMENT, _LAST_MOMENT = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001
Moments = Annotated[
    Any, msgspec.Meta(examples=["2026-11-01T10:00..2026-12-03T22:00", "2026-12-01T10:00.."])
]


class Now(ConditionTable, frozen=True, kw_only=True):
    """``now``: the local date and time are within the span."""

    key: ClassVar[str] = "now"

    now: Moments

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        raw, path = self.now, place.path
        start, dots, end = str(raw).partition("..")
        try:
            low = datetime.fromisoformat(start) if start else _FIRST_MOMENT
            high = datetime.fromisoformat(end) if end else _LAST_MOMENT
        except ValueError as error:
            raise ProgrammeError(path, f"{raw!r} holds a time that does not exist") from error
        if not dots or low.tzinfo or high.tzinfo or low >= high:
            problem = "is no span; write 2026-12-01T10:00..2026-12-03T22:00"
            raise ProgrammeError(path, f"{raw!r} {problem}")
        return Condition(
            self.key, as_written(self.key, raw), lambda situation: low <= situation.wall < high
        )
