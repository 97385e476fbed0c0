"""Days of the month: a number, a range, or a list.

    when = { mday = [1, "10..15"] }

It holds on the 1st and from the 10th to the 15th.
"""

import re
from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, on_days
from daemon.programme.days import Days
from daemon.programme.errors import ProgrammeError

MonthDays = Annotated[Any, msgspec.Meta(examples=[1, 22, 31, "1..10", "20..25", [1, "10..15"]])]


class MonthDay(ConditionTable, frozen=True, kw_only=True):
    """``mday``: the local day is one of these days of its month."""

    key: ClassVar[str] = "mday"

    mday: MonthDays

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        return on_days(self.key, self.mday, _days(self.mday, place.path))


def _days(raw: Any, path: str) -> Days:
    chosen: set[int] = set()
    for item in raw if isinstance(raw, list) else [raw]:
        match = re.fullmatch(r"(\d{1,2})(?:\.\.(\d{1,2}))?", str(item))
        first = int(match.group(1)) if match else 0
        last = int(match.group(2) or first) if match else 0
        if isinstance(item, bool) or not 1 <= first <= last <= 31:
            raise ProgrammeError(path, f"{item!r} is no day of the month; write 1 to 31 or 1..10")
        chosen |= set(range(first, last + 1))
    return Days(lambda day: day.day in chosen)
