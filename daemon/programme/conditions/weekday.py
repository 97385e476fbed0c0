"""Days of the week: one, a range, or a list.

    when = { weekday = "sat..mon" }

It holds on Saturday, Sunday and Monday.
"""

from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, on_days
from daemon.programme.days import Days
from daemon.programme.errors import ProgrammeError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekdays = Annotated[Any, msgspec.Meta(examples=["sun", "mon..fri", "sat..mon", ["tue", "thu"]])]


class Weekday(ConditionTable, frozen=True, kw_only=True):
    """``weekday``: the local day is one of these."""

    key: ClassVar[str] = "weekday"

    weekday: Weekdays

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        return on_days(self.key, self.weekday, _days(self.weekday, place.path))


def _days(raw: Any, path: str) -> Days:
    chosen: set[int] = set()
    for name in raw if isinstance(raw, list) else [raw]:
        start, _, end = str(name).partition("..")
        if start not in WEEKDAYS or (end or start) not in WEEKDAYS:
            raise ProgrammeError(path, f"{name!r} is no weekday; write {' '.join(WEEKDAYS)}")
        first, last = WEEKDAYS.index(start), WEEKDAYS.index(end or start)
        chosen |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    if not chosen:
        raise ProgrammeError(path, f"the list is empty; write some of {' '.join(WEEKDAYS)}")
    return Days(lambda day: day.weekday() in chosen)
