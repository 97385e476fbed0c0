"""A number of the programme: a constant, steps, a ramp, or what the cashier asks."""

import re
import reprlib
from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec

from daemon.base.money import BASIS_POINTS, format_minor
from daemon.programme.errors import ProgrammeError
from daemon.programme.situation import Situation, counter_of
from daemon.programme.vocabulary import Vocabulary

AMOUNT_MAX = 1_000_000_000_000
STEPS_MAX = 100
Unit: TypeAlias = Literal["percent", "minor", "count"]
EVERY_DAYS = {"day": 1, "week": 7}
FORMS = "write a number, {by, steps}, {from, step, every, since, min} or {max} for the cashier"


class Steps(msgspec.Struct, frozen=True):
    """A step table: from ``bounds[i]`` of what ``counter`` counts the number is ``values[i]``."""

    by: str
    counter: Callable[[Situation], int | None]
    bounds: tuple[int, ...]
    values: tuple[int, ...]


class Number(msgspec.Struct, frozen=True):
    """A compiled number, in basis points, minor units or pieces.

    at:      its value; 0 gives nothing; None when a fact that it needs is not known.
    highest: the most it can be.
    needs:   the fact that is named when ``at`` has nothing to give.
    lacks:   which fact ``at`` misses, and the words for it, where the number can tell.
    """

    at: Callable[[Situation], int | None]
    unit: Unit
    highest: int
    needs: str = ""
    steps: Steps | None = None
    lacks: Callable[[Situation], tuple[str, str] | None] = lambda situation: None

    def text(self, value: int, currency: str = "") -> str:
        """Return a value for people: ``7.5 %``, ``12.00`` or ``3``."""
        if self.unit == "percent":
            return percent_text(value)
        return format_minor(value, currency) if self.unit == "minor" else str(value)


@lru_cache(maxsize=BASIS_POINTS + 1)
def percent_text(percent_bp: int) -> str:
    """Return basis points as ``7.5 %``."""
    whole, places = divmod(percent_bp, 100)
    return f"{whole}.{places:02d}".rstrip("0").rstrip(".") + " %"


def parse_number(
    raw: Any, path: str, unit: Unit, vocabulary: Vocabulary, *, rule: str = ""
) -> Number:
    """Compile one of the four kinds of number. Raises: ProgrammeError."""
    if not isinstance(raw, dict):
        value = parse_value(raw, path, unit)
        return Number(lambda situation: value, unit, value)
    if "steps" in raw:
        return _steps(raw, path, unit, vocabulary)
    if "step" in raw:
        return _ramp(raw, path, unit)
    if "max" in raw and rule:
        return _ask(raw, path, unit, rule)
    raise ProgrammeError(path, f"this is no number; {FORMS}")


def parse_value(raw: Any, path: str, unit: Unit, most_percent: int = 100) -> int:
    """Return a constant: a percentage with at most two places as basis points, else whole."""
    if unit != "percent":
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise ProgrammeError(path, f"{_shown(raw)} is no whole number; {_WHOLE[unit]}")
        if not 0 <= raw <= AMOUNT_MAX:
            raise ProgrammeError(path, f"{_shown(raw)} is not from 0 to {AMOUNT_MAX}")
        return raw
    text = str(raw) if isinstance(raw, int | Decimal | str) and not isinstance(raw, bool) else ""
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,2})?", text):
        what = "is no percentage with at most two places; write such as 5 or 7.25"
        raise ProgrammeError(path, f"{_shown(raw)} {what}")
    value = int(Decimal(text) * 100)
    if not 0 <= value <= most_percent * 100:
        raise ProgrammeError(path, f"{text} % is not from 0 to {most_percent}; write one within")
    return value


def _shown(raw: Any) -> str:
    """Return a value as it was written; a long one, which a till may send too, shortened."""
    return str(raw) if isinstance(raw, Decimal) else reprlib.repr(raw)


_WHOLE = {
    "minor": "write minor units (1000 is 10.00)",
    "count": "write a number of pieces",
}


def _keys(raw: dict[str, Any], path: str, required: set[str], allowed: set[str]) -> None:
    for key in sorted(raw.keys() - required - allowed):
        raise ProgrammeError(
            f"{path}.{key}",
            f"there is no such key; write one of {', '.join(sorted(required | allowed))}",
        )
    for key in sorted(required - raw.keys()):
        raise ProgrammeError(f"{path}.{key}", "is missing; write it")


def _steps(raw: dict[str, Any], path: str, unit: Unit, vocabulary: Vocabulary) -> Number:
    _keys(raw, path, {"by", "steps"}, set())
    by = vocabulary.check_counted(raw["by"], f"{path}.by")
    rows = raw["steps"]
    if not isinstance(rows, list) or not 0 < len(rows) <= STEPS_MAX:
        raise ProgrammeError(f"{path}.steps", f"write 1 to {STEPS_MAX} steps [[from, value], ...]")
    bounds: list[int] = []
    values: list[int] = []
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 2:
            raise ProgrammeError(f"{path}.steps[{i}]", "write [from, value]")
        bound = parse_value(row[0], f"{path}.steps[{i}][0]", "count")
        if bounds and bound <= bounds[-1]:
            what = f"{bound} is not above {bounds[-1]}; write the steps from small to large"
            raise ProgrammeError(f"{path}.steps[{i}]", what)
        bounds.append(bound)
        values.append(parse_value(row[1], f"{path}.steps[{i}][1]", unit))
    table = Steps(by, counter_of(by), tuple(bounds), tuple(values))
    ladder = (0, *values)

    def at(situation: Situation) -> int | None:
        counted = table.counter(situation)
        return None if counted is None else ladder[bisect_right(bounds, counted)]

    return Number(at, unit, max(values), by, table)


def _ramp(raw: dict[str, Any], path: str, unit: Unit) -> Number:
    _keys(raw, path, {"from", "step", "since"}, {"every", "min", "max"})
    start = parse_value(raw["from"], f"{path}.from", unit)
    signed = raw["step"]
    down = isinstance(signed, int | Decimal) and signed < 0
    step = parse_value(-signed if down else signed, f"{path}.step", unit) * (-1 if down else 1)
    every = raw.get("every", "day")
    if every not in ("day", "week", "month"):
        raise ProgrammeError(f"{path}.every", f"{every!r} is not one of day, week, month")
    since = _since(raw["since"], f"{path}.since")
    least = parse_value(raw.get("min", 0), f"{path}.min", unit)
    if "max" in raw:
        most = parse_value(raw["max"], f"{path}.max", unit)
    else:
        most = start if down else parse_value(100 if unit == "percent" else AMOUNT_MAX, path, unit)
    if least > most:
        raise ProgrammeError(f"{path}.min", "is above the most; write a smaller one")

    def at(situation: Situation) -> int | None:
        day = situation.day
        if day < since:
            return None
        if every == "month":
            turns = (day.year - since.year) * 12 + day.month - since.month
            turns -= day.day < since.day
        else:
            turns = (day - since).days // EVERY_DAYS[every]
        return min(max(start + step * turns, least), most)

    return Number(at, unit, max(min(start, most), least) if down else most, "date")


def _since(raw: Any, path: str) -> date:
    if type(raw) is date:
        return raw
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError) as error:
        raise ProgrammeError(path, f"{raw!r} is no day; write such as 2026-12-01") from error


def _ask(raw: dict[str, Any], path: str, unit: Unit, rule: str) -> Number:
    """Compile what the cashier asks, at most ``max``; ``roles`` gives other roles their most.

    Facts: ``ask.<rule>`` and, not empty, ``ask.<rule>.reason``.
    """
    _keys(raw, path, {"max"}, {"roles"})
    most = parse_value(raw["max"], f"{path}.max", unit)
    table = raw.get("roles", {})
    if not isinstance(table, dict):
        raise ProgrammeError(f"{path}.roles", "write such as {senior = 10, owner = 30}")
    roles = {str(k): parse_value(v, f"{path}.roles.{k}", unit) for k, v in table.items()}
    asked_by, reason = f"ask.{rule}", f"ask.{rule}.reason"

    def at(situation: Situation) -> int | None:
        if lacks(situation) is not None:
            return None
        value = parse_value(situation.values[asked_by], asked_by, unit)
        return min(value, roles.get(str(situation.values.get("role", "")), most))

    def lacks(situation: Situation) -> tuple[str, str] | None:
        if asked_by not in situation.values:
            return asked_by, f"needs {asked_by}"
        try:
            parse_value(situation.values[asked_by], asked_by, unit)
        except ProgrammeError as error:
            return asked_by, error.message
        return None if situation.values.get(reason) else (reason, f"needs {reason}")

    return Number(at, unit, max([most, *roles.values()]), asked_by, lacks=lacks)
