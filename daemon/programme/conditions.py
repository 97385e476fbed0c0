"""``when``: conditions compiled to closures over integers."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from daemon.base.money import format_minor
from daemon.programme.basket import Fact
from daemon.programme.days import (
    NEAR_DAYS_MAX,
    Days,
    near,
    parse_dates,
    parse_mdays,
    parse_times,
    parse_weekdays,
)
from daemon.programme.errors import ProgrammeError
from daemon.programme.situation import Situation, counter_of
from daemon.programme.vocabulary import GROUPS, Vocabulary

NESTING_MAX = 8
_FIRST_MOMENT, _LAST_MOMENT = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001
BOUND_KEYS = {"at_least", "at_most", "above", "below"}
Test: TypeAlias = Callable[[Situation], bool]


class Bound(msgspec.Struct, frozen=True):
    """A counted fact's bounds, both included; None is open."""

    counter: Callable[[Situation], int | None]
    low: int | None
    high: int | None


class Condition(msgspec.Struct, frozen=True):
    """One key of ``when``.

    key:   the fact it names; ``text`` is how the file says it.
    days:  set when it depends on the day alone.
    bound: set when it bounds a counted fact, so that the distance to it can be told.
    facts: every fact it reads; codes: the codes it names.
    """

    key: str
    text: str
    holds: Test
    days: Days | None = None
    bound: Bound | None = None
    facts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()


def compile_when(
    when: dict[str, Any], path: str, vocabulary: Vocabulary, depth: int = 0
) -> tuple[Condition, ...]:
    """Return the conditions of one table, all of which must hold. Raises: ProgrammeError."""
    if depth > NESTING_MAX:
        raise ProgrammeError(path, f"nested deeper than {NESTING_MAX}; write it flatter")
    return tuple(
        _condition(name, raw, f"{path}.{name}", vocabulary, depth) for name, raw in _flat(when)
    )


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``flag.repost`` both for the quoted key and for the table that TOML makes of it."""
    for key, raw in table.items():
        name = f"{prefix}{key}"
        nested = isinstance(raw, dict) and not (prefix and raw.keys() & BOUND_KEYS)
        if nested and (prefix or key in GROUPS):
            yield from _flat(raw, f"{name}.")
        else:
            yield name, raw


def _condition(name: str, raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    if special := _SPECIAL.get(name):
        return special(raw, path, vocabulary, depth)
    vocabulary.check_fact(name, path)
    if isinstance(raw, dict):
        return _bounded(name, raw, path, vocabulary)
    wanted = raw if isinstance(raw, list) else [raw]
    if not wanted or not all(isinstance(item, bool | int | str) for item in wanted):
        raise ProgrammeError(path, f"{raw!r} cannot be compared; write a word, a number or a list")
    return Condition(name, _said(name, raw), _is_one_of(name, wanted), facts=frozenset([name]))


def _said(name: str, raw: Any) -> str:
    words = ", ".join(str(item) for item in raw) if isinstance(raw, list) else str(raw)
    return f"{name} = {words.lower() if isinstance(raw, bool) else words}"


def _is_one_of(name: str, wanted: list[Fact]) -> Test:
    """Compare a fact; one that nobody supplied is false, and equal to nothing else."""
    if name == "payment":
        return lambda situation: situation.payment in wanted
    if wanted in ([True], [False]) and isinstance(wanted[0], bool):
        expected = wanted[0]
        return lambda situation: bool(situation.values.get(name, False)) is expected
    counter = counter_of(name)

    def holds(situation: Situation) -> bool:
        value = situation.values.get(name)
        if isinstance(value, tuple | list):
            return any(item in wanted for item in value)
        return (counter(situation) if value is None else value) in wanted

    return holds


def _bounded(name: str, raw: dict[str, Any], path: str, vocabulary: Vocabulary) -> Condition:
    vocabulary.check_counted(name, path)
    for key, value in raw.items():
        if key not in BOUND_KEYS:
            what = f"there is no such key; write one of {', '.join(sorted(BOUND_KEYS))}"
            raise ProgrammeError(f"{path}.{key}", what)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ProgrammeError(f"{path}.{key}", f"{value!r} is no whole number; write one")
    if not raw:
        raise ProgrammeError(path, f"write one of {', '.join(sorted(BOUND_KEYS))}")
    lows = [raw[key] + (key == "above") for key in ("at_least", "above") if key in raw]
    highs = [raw[key] - (key == "below") for key in ("at_most", "below") if key in raw]
    bound = Bound(counter_of(name), max(lows, default=None), min(highs, default=None))
    counter, low, high = bound.counter, bound.low, bound.high

    def holds(situation: Situation) -> bool:
        value = counter(situation)
        if value is None or (low is not None and value < low):
            return False
        return high is None or value <= high

    shown = format_minor if vocabulary.counts_money(name) else str
    text = ", ".join(f"{name} {key.replace('_', ' ')} {shown(n)}" for key, n in raw.items())
    return Condition(name, text, holds, bound=bound, facts=frozenset([name]))


def _time(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    spans = parse_times(raw, path)
    if len(spans) == 1:
        [(low, high)] = spans
        return Condition("time", _said("time", raw), lambda s: low <= s.second < high)
    return Condition("time", _said("time", raw), lambda s: any(a <= s.second < b for a, b in spans))


def _of_days(name: str, raw: Any, days: Days) -> Condition:
    return Condition(name, _said(name, raw), lambda s: days.holds(s.day), days)


def _date(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    return _of_days("date", raw, parse_dates(raw, path, vocabulary.calendars))


def _weekday(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    return _of_days("weekday", raw, parse_weekdays(raw, path))


def _mday(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    return _of_days("mday", raw, parse_mdays(raw, path))


def _now(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    """Compile a span of local date-times, ``2026-12-01T10:00..2026-12-03T22:00``, end excluded."""
    start, dots, end = str(raw).partition("..")
    try:
        low = datetime.fromisoformat(start) if start else _FIRST_MOMENT
        high = datetime.fromisoformat(end) if end else _LAST_MOMENT
    except ValueError as error:
        raise ProgrammeError(path, f"{raw!r} holds a time that does not exist") from error
    if not dots or low.tzinfo or high.tzinfo or low >= high:
        raise ProgrammeError(path, f"{raw!r} is no span; write 2026-12-01T10:00..2026-12-03T22:00")
    return Condition("now", _said("now", raw), lambda s: low <= s.wall < high)


def _near(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    shape = isinstance(raw, dict) and raw.keys() == {"of", "from", "to"}
    if not shape or not isinstance(raw["of"], str):
        raise ProgrammeError(path, 'write such as {of = "birthday", from = -3, to = 3}')
    first, last = raw["from"], raw["to"]
    if not all(type(n) is int and abs(n) <= NEAR_DAYS_MAX for n in (first, last)) or first > last:
        raise ProgrammeError(path, f"from and to are days, -{NEAR_DAYS_MAX} to {NEAR_DAYS_MAX}")
    name = f"card.{raw['of']}"
    text = f"{raw['of']} {first:+d} to {last:+d} days"
    return Condition(
        "near",
        text,
        lambda s: near(str(s.values.get(name, "")), s.day, first, last),
        facts=frozenset([name]),
    )


def _codes(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    wanted = raw if isinstance(raw, list) else [raw]
    if not wanted or not all(isinstance(code, str) and code for code in wanted):
        raise ProgrammeError(path, f"{raw!r} is no code; write a word or a list of words")
    codes = frozenset(code.casefold() for code in wanted)
    return Condition(
        "codes", _said("codes", raw), lambda s: not codes.isdisjoint(s.codes), codes=codes
    )


def _any(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    if not isinstance(raw, list) or not raw or not all(isinstance(way, dict) for way in raw):
        raise ProgrammeError(path, "write a list of tables, [{...}, {...}]")
    ways = [compile_when(raw[i], f"{path}[{i}]", vocabulary, depth + 1) for i in range(len(raw))]
    return _nested(
        "any",
        " or ".join(" and ".join(c.text for c in way) for way in ways),
        lambda s: any(all(c.holds(s) for c in way) for way in ways),
        [c for way in ways for c in way],
        lambda day: any(all(c.days.holds(day) for c in way if c.days) for way in ways),
    )


def _not(raw: Any, path: str, vocabulary: Vocabulary, depth: int) -> Condition:
    if not isinstance(raw, dict) or not raw:
        raise ProgrammeError(path, "write a table, {...}")
    parts = compile_when(raw, path, vocabulary, depth + 1)
    return _nested(
        "not",
        "not " + " and ".join(c.text for c in parts),
        lambda s: not all(c.holds(s) for c in parts),
        list(parts),
        lambda day: not all(c.days.holds(day) for c in parts if c.days),
    )


def _nested(
    key: str, text: str, holds: Test, parts: list[Condition], on: Callable[[date], bool]
) -> Condition:
    """Join conditions; they depend on the day alone when every part does."""
    days = Days(on) if all(part.days for part in parts) else None
    facts = frozenset(fact for part in parts for fact in part.facts)
    codes = frozenset(code for part in parts for code in part.codes)
    return Condition(key, text, holds, days, facts=facts, codes=codes)


_SPECIAL: dict[str, Callable[[Any, str, Vocabulary, int], Condition]] = {
    "time": _time,
    "date": _date,
    "weekday": _weekday,
    "mday": _mday,
    "now": _now,
    "near": _near,
    "codes": _codes,
    "any": _any,
    "not": _not,
}
