"""Sets of local days: dates, ranges, days of every year, calendars; and spans of days."""

import re
from calendar import isleap
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import SPAN_DAYS_MAX

DATE_FORMS = "2026-12-24, 12-24, a range 2026-12-24..2026-12-31, or the id of a calendar"


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


def later(day: date, days: int) -> date:
    """Return ``days`` after ``day``, at most the last day there is."""
    return day + timedelta(days=min(days, (date.max - day).days))
