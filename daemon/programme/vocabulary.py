"""The names that a programme's conditions and numbers may use."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from daemon.base.currency import Currency
from daemon.programme.days import Days
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import STATUS
from daemon.programme.state import Purse

BASKET_FACTS = ("basket.total", "basket.net", "basket.qty", "scope.total", "scope.qty")
ORDINALS = ("ordinal.day", "ordinal.life")
OPEN_GROUPS = ("card", "flag", "order")
SINGLE_FACTS = ("payment", "channel", "cashier", "role", "store", "region")
GROUPS = ("basket", "scope", "meter", "status", "purse", "ordinal", *OPEN_GROUPS)


class Vocabulary(msgspec.Struct, frozen=True):
    """What the file declares.

    money:      the meters and purses that count minor units, as facts.
    conditions: the keys of ``when`` that are more than the name of a fact.
    """

    currency: Currency
    meters: frozenset[str]
    purses: Mapping[str, Purse]
    statuses: frozenset[str]
    calendars: Mapping[str, Days]
    money: frozenset[str]
    conditions: tuple[str, ...]

    def check_counted(self, name: Any, path: str) -> str:
        """Return the name of a fact that is counted. Raises: ProgrammeError."""
        if not isinstance(name, str) or name.startswith(STATUS) or name in SINGLE_FACTS:
            raise ProgrammeError(path, f"{name!r} counts nothing; write such as basket.total")
        return self.check_fact(name, path)

    def check_fact(self, name: str, path: str) -> str:
        """Return the name of a fact that conditions know. Raises: ProgrammeError."""
        group, dot, rest = name.partition(".")
        declared = {"meter": self.meters, "purse": self.purses, "status": self.statuses}
        if group in declared:
            if rest not in declared[group]:
                raise undeclared(group, rest, sorted(declared[group]), path)
        elif dot and group in OPEN_GROUPS and rest:
            pass
        elif name not in BASKET_FACTS + ORDINALS + SINGLE_FACTS:
            keys = ", ".join((*self.conditions, *SINGLE_FACTS, *(f"{word}.…" for word in GROUPS)))
            raise ProgrammeError(path, f"{name!r} is no condition; write one of {keys}")
        return name

    def counts_money(self, name: str) -> bool:
        """Say whether a counted fact is in minor units."""
        return name in self.money or name in ("basket.total", "basket.net", "scope.total")

    def unit_of(self, name: str) -> Currency | None:
        """Return the currency in which a counted fact is, or None where it counts pieces."""
        return self.currency if self.counts_money(name) else None


def undeclared(what: str, name: str, declared: Iterable[str], path: str) -> ProgrammeError:
    """Return the error of a meter, purse or status that is named and not declared."""
    ids = ", ".join(declared)
    known = f"there is: {ids}" if ids else f"no {what} is declared"
    return ProgrammeError(path, f"there is no {what} {name!r}; {known}")


class Place(msgspec.Struct, frozen=True):
    """Where in the file something is compiled: its path, and the names that it may use."""

    path: str
    vocabulary: Vocabulary
