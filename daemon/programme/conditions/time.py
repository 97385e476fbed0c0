"""Hours of the day, the end not included: a span, one over midnight, or a list.

    when = { time = "22:00..06:00" }

It holds at 22:00:00 and at 05:59:59, and not at 06:00:00.
"""

import re
from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, as_written
from daemon.programme.errors import ProgrammeError

TIME_FORMS = "a range such as 10:00..12:00, ..12:00 or 22:00..06:00"
DAY_SECONDS = 86_400
Hours = Annotated[
    Any, msgspec.Meta(examples=["..12:00", "10:00..16:00", "22:00..06:00", ["..01:00", "12:00.."]])
]


class Time(ConditionTable, frozen=True, kw_only=True):
    """``time``: the local time of day is within one of these spans."""

    key: ClassVar[str] = "time"

    time: Hours

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        spans, text = day_spans(self.time, place.path), as_written(self.key, self.time)
        if len(spans) == 1:  # by far the most, and asked in every quote
            [(low, high)] = spans
            return Condition(self.key, text, lambda situation: low <= situation.second < high)
        return Condition(
            self.key, text, lambda situation: any(a <= situation.second < b for a, b in spans)
        )


def day_spans(raw: Any, path: str) -> list[tuple[int, int]]:
    """Return the spans in seconds of the day; one over midnight is two."""
    spans: list[tuple[int, int]] = []
    for item in raw if isinstance(raw, list) else [raw]:
        start, dots, end = str(item).partition("..")
        low = _second(start, path) if start else 0
        high = _second(end, path) if end else DAY_SECONDS
        if not dots or low in (high, DAY_SECONDS):
            raise ProgrammeError(path, f"{item!r} is no span of the day; write {TIME_FORMS}")
        spans += [(low, high)] if low < high else [(low, DAY_SECONDS), (0, high)]
    return [span for span in spans if span[0] < span[1]]


def _second(text: str, path: str) -> int:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text)
    hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > DAY_SECONDS:
        raise ProgrammeError(path, f"{text!r} is no time of day; write {TIME_FORMS}")
    return seconds
