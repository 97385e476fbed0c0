"""Every kind of condition: a new one is a file beside this one, and a line in ``ConditionKind``."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias, get_args

from daemon.programme.conditions.any_of import AnyOf
from daemon.programme.conditions.bounds import BOUND_KEYS, FactBounds
from daemon.programme.conditions.code import Codes
from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace
from daemon.programme.conditions.date import Date
from daemon.programme.conditions.fact import FactIs
from daemon.programme.conditions.has import Has
from daemon.programme.conditions.month_day import MonthDay
from daemon.programme.conditions.near import Near
from daemon.programme.conditions.not_all import NotAll
from daemon.programme.conditions.now import Now
from daemon.programme.conditions.time import Time
from daemon.programme.conditions.weekday import Weekday
from daemon.programme.errors import ProgrammeError
from daemon.programme.vocabulary import GROUPS, Vocabulary

ConditionKind: TypeAlias = (
    Time | Date | Weekday | MonthDay | Now | Near | Codes | Has | AnyOf | NotAll
)
KINDS: dict[str, type[ConditionTable]] = {kind.key: kind for kind in get_args(ConditionKind)}
"""By key of ``when``. Every other key is a fact's name: `FactBounds` or `FactIs`."""
NESTING_MAX = 8


def compile_when(
    when: dict[str, Any], path: str, vocabulary: Vocabulary, depth: int = 0
) -> tuple[Condition, ...]:
    """Return the conditions of one table, all of which must hold. Raises: ProgrammeError."""
    if depth > NESTING_MAX:
        raise ProgrammeError(path, f"nested deeper than {NESTING_MAX}; write it flatter")
    inner = partial(compile_when, vocabulary=vocabulary, depth=depth + 1)
    return tuple(
        _compile(name, raw, WhenPlace(f"{path}.{name}", vocabulary, inner))
        for name, raw in _flat(when)
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


def _compile(name: str, raw: Any, place: WhenPlace) -> Condition:
    """Compile what stands at one key."""
    kind = KINDS.get(name)
    if kind is not None:
        return kind.read(raw, place.path).compiled(place)
    place.vocabulary.check_fact(name, place.path)
    if isinstance(raw, dict):
        place.vocabulary.check_counted(name, place.path)
        return FactBounds.of(name, raw, place.path).compiled(place)
    return FactIs(name=name, values=raw).compiled(place)
