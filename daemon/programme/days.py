"""Days and times of a programme: dates, ranges, calendars, weekdays, hours, anniversaries."""

import re
from calendar import isleap
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from daemon.programme.errors import ProgrammeError

SPAN_DAYS_MAX = 36_500
NEAR_DAYS_MAX = 180
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DATE_FORMS = "2026-12-24, 12-24, a range 2026-12-24..2026-12-31, or the id of a calendar"
TIME_FORMS = "a range such as 10:00..12:00, ..12:00 or 22:00..06:00"


class Days(msgspec.Struct, frozen=True):
    """A set of local days. ``first`` and ``last`` bound it; None is unbounded."""

    holds: Callable[[date], bool]
    first: date | None = None
    last: date | None = None


def span_days(text: str, path: str) -> int:
    """Return the days of ``30d``. Raises: ProgrammeError."""
    if not (match := re.fullmatch(r"([0-9]{1,5})d", text)):
        raise ProgrammeError(path, f"{text!r} is no number of days; write such as 30d")
    days = int(match.group(1))
    if not 1 <= days <= SPAN_DAYS_MAX:
        raise ProgrammeError(path, f"write from 1d to {SPAN_DAYS_MAX}d")
    return days


def parse_dates(raw: Any, path: str, calendars: Mapping[str, Days]) -> Days:
    """Return the days that ``date = ...`` names: one form or a list of them."""
    if isinstance(raw, list):
        if not raw:
            raise ProgrammeError(path, f"the list is empty; write {DATE_FORMS}")
        return _any_of([parse_dates(raw[i], f"{path}[{i}]", calendars) for i in range(len(raw))])
    if isinstance(raw, datetime):
        raise ProgrammeError(path, "write a date without a time; use the condition time for hours")
    if isinstance(raw, date):
        return Days(lambda day: day == raw, raw, raw)
    if not isinstance(raw, str):
        raise ProgrammeError(path, f"{raw!r} is no date; write {DATE_FORMS}")
    if raw in calendars:
        return calendars[raw]
    start, dots, end = raw.partition("..")
    if not dots:
        end = start
    if re.fullmatch(r"\d\d-\d\d", start) and re.fullmatch(r"\d\d-\d\d", end):
        return _annual(start, end, path)
    if not (start or end):
        raise ProgrammeError(path, f"a range needs an end; write {DATE_FORMS}")
    return _fixed(_date(start, path), _date(end, path), path)


def _date(text: str, path: str) -> date | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ProgrammeError(path, f"{text!r} is no date; write {DATE_FORMS}")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ProgrammeError(path, f"the day {text} does not exist; write one that does") from error


def _fixed(first: date | None, last: date | None, path: str) -> Days:
    if first and last and last < first:
        raise ProgrammeError(path, f"{last} is before {first}; write the earlier date first")
    low, high = first or date.min, last or date.max
    return Days(lambda day: low <= day <= high, first, last)


def _annual(start: str, end: str, path: str) -> Days:
    """Days of every year. 29 February is kept on 28 February in other years."""
    for text in (start, end):
        _date(f"2024-{text}", path)
    low, high = int(start.replace("-", "")), int(end.replace("-", ""))

    def holds(day: date) -> bool:
        begin, stop = low, high
        if not isleap(day.year):
            begin, stop = (228 if bound == 229 else bound for bound in (low, high))
        number = day.month * 100 + day.day
        if low <= high:
            return begin <= number <= stop
        return number >= begin or number <= stop

    return Days(holds)


def _any_of(parts: list[Days]) -> Days:
    firsts = [part.first for part in parts]
    lasts = [part.last for part in parts]
    return Days(
        lambda day: any(part.holds(day) for part in parts),
        None if None in firsts else min(filter(None, firsts)),
        None if None in lasts else max(filter(None, lasts)),
    )


def parse_weekdays(raw: Any, path: str) -> Days:
    """Return the days of ``weekday = "mon"``, ``"mon..fri"`` or a list."""
    names = raw if isinstance(raw, list) else [raw]
    chosen: set[int] = set()
    for name in names:
        start, _, end = str(name).partition("..")
        if start not in WEEKDAYS or (end or start) not in WEEKDAYS:
            raise ProgrammeError(path, f"{name!r} is no weekday; write {' '.join(WEEKDAYS)}")
        first, last = WEEKDAYS.index(start), WEEKDAYS.index(end or start)
        chosen |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    if not chosen:
        raise ProgrammeError(path, f"the list is empty; write some of {' '.join(WEEKDAYS)}")
    return Days(lambda day: day.weekday() in chosen)


def parse_mdays(raw: Any, path: str) -> Days:
    """Return the days of ``mday = 15``, ``[1, 15]`` or ``"1..10"``: days of the month."""
    chosen: set[int] = set()
    for item in raw if isinstance(raw, list) else [raw]:
        match = re.fullmatch(r"(\d{1,2})(?:\.\.(\d{1,2}))?", str(item))
        first = int(match.group(1)) if match else 0
        last = int(match.group(2) or first) if match else 0
        if isinstance(item, bool) or not 1 <= first <= last <= 31:
            raise ProgrammeError(path, f"{item!r} is no day of the month; write 1 to 31 or 1..10")
        chosen |= set(range(first, last + 1))
    return Days(lambda day: day.day in chosen)


def parse_times(raw: Any, path: str) -> list[tuple[int, int]]:
    """Return the spans of ``time = "..12:00"`` in seconds of the day, the end not included."""
    spans: list[tuple[int, int]] = []
    for item in raw if isinstance(raw, list) else [raw]:
        start, dots, end = str(item).partition("..")
        low = _second(start, path) if start else 0
        high = _second(end, path) if end else 86_400
        if not dots or low == high or low == 86_400:
            raise ProgrammeError(path, f"{item!r} is no span of the day; write {TIME_FORMS}")
        spans += [(low, high)] if low < high else [(low, 86_400), (0, high)]
    return [span for span in spans if span[0] < span[1]]


def _second(text: str, path: str) -> int:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text)
    hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > 86_400:
        raise ProgrammeError(path, f"{text!r} is no time of day; write {TIME_FORMS}")
    return seconds


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


def near(of: str, day: date, first: int, last: int) -> bool:
    """Say whether ``day`` lies from ``first`` to ``last`` days after an anniversary."""
    if not of:
        return False
    years = range(max(day.year - 1, date.min.year), min(day.year + 1, date.max.year) + 1)
    turns = (anniversary(of, year) for year in years)
    return any(turn is not None and first <= (day - turn).days <= last for turn in turns)


def later(day: date, days: int) -> date:
    """Return ``days`` after ``day``, at most the last day there is."""
    return day + timedelta(days=min(days, (date.max - day).days))
