"""What every condition is read from and compiled to.

A kind of condition is a table of the file, a subclass of `ConditionTable` in a file of its own.
``compiled`` checks it once, when the programme is loaded, and returns a `Condition` whose ``holds``
is asked for every rule of every quote: it should have nothing left to look up.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, ClassVar, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.programme.days import Days
from daemon.programme.occasions import Occasion
from daemon.programme.situation import Situation
from daemon.programme.syntax import FileTable
from daemon.programme.vocabulary import Place

Test: TypeAlias = Callable[[Situation], bool]


class Bound(msgspec.Struct, frozen=True):
    """A counted fact's bounds, both included; None is open.

    counts_money: it is counted in minor units.
    """

    counter: Callable[[Situation], int | None]
    low: int | None
    high: int | None
    counts_money: bool = False

    def holds(self, situation: Situation) -> bool:
        """Say whether the fact is known and within the bounds."""
        value = self.counter(situation)
        if value is None or (self.low is not None and value < self.low):
            return False
        return self.high is None or value <= self.high


class Condition(msgspec.Struct, frozen=True):
    """One key of ``when``, compiled.

    key:   the fact it names; ``text`` is how the file says it, for the quote's ``why_not``.
    days:  set when it depends on the day alone.
    bound: set when it bounds a counted fact, so that the distance to it can be told.
    facts: every fact it reads; codes: the codes it names.
    occasion: the days around an anniversary that it asks for.
    warning: why it is probably a mistake, for ``tillcard check``, or "".
    """

    key: str
    text: str
    holds: Test
    days: Days | None = None
    bound: Bound | None = None
    facts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    occasion: Occasion | None = None
    warning: str = ""


class WhenPlace(Place, frozen=True):
    """Where a condition is compiled.

    inner: compiles a table of conditions that stands at a path within it, one level deeper.
    """

    inner: Callable[[dict[str, Any], str], tuple[Condition, ...]]


class ConditionTable(FileTable, frozen=True, kw_only=True):
    """A kind of condition. ``key`` is its key in ``when``.

    A field of that name is what stands there; other fields are the keys of a table there.
    """

    key: ClassVar[str]

    @classmethod
    def read(cls, raw: Any, path: str) -> "ConditionTable":
        """Return what the file has at ``path`` as this kind. Raises: ProgrammeError."""
        return msgspec.convert({cls.key: raw}, cls)

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        raise NotImplementedError


def as_written(name: str, raw: Any) -> str:
    """Return a condition as the file says it: ``weekday = sat, sun``."""
    words = ", ".join(str(item) for item in raw) if isinstance(raw, list) else str(raw)
    return f"{name} = {words.lower() if isinstance(raw, bool) else words}"


def bounds_text(name: str, bounds: Mapping[str, int], currency: Currency | None) -> str:
    """Return bounds as people read them: ``basket.total at least 25.00``."""
    shown = currency.text if currency else str
    return ", ".join(f"{name} {key.replace('_', ' ')} {shown(n)}" for key, n in bounds.items())


def on_days(key: str, raw: Any, days: Days) -> Condition:
    """Return a condition on the local day alone."""
    return Condition(key, as_written(key, raw), lambda situation: days.holds(situation.day), days)


def joined(
    key: str, text: str, holds: Test, parts: Iterable[Condition], on: Callable[[date], bool]
) -> Condition:
    """Return a condition that is made of others.

    It depends on the day alone when every part does; ``on`` says whether it holds on a day then.
    """
    parts = list(parts)
    days = Days(on) if all(part.days for part in parts) else None
    facts = frozenset(fact for part in parts for fact in part.facts)
    codes = frozenset(code for part in parts for code in part.codes)
    return Condition(key, text, holds, days, facts=facts, codes=codes)
