"""What a detector is, and what it looks at: one day that is over, and some days before it.

A detector asks one question of what was posted, and names entries as its evidence. It accuses
nobody: beside what it has found stands when that is no fraud. An account that was merged into
another counts as the one it went into, in what was posted before, too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.config import Config
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.fact_tables import FACT_COLUMNS
from daemon.ledger.storage.queries import ENTRIES_AFTER, LEDGERS, Question
from daemon.ledger.storage.store import Store
from daemon.programme.programme import Programme
from daemon.reports.bought import MERGED_INTO

EVIDENCE_MAX = 200
"""Entries that one finding names; how many more there are, it says."""
DAY_MINUTES = 1_440
Place = tuple[str, int]
"""An entry: its ledger and its number there."""
Unit = Literal["count", "bp", "money", "days"]


class Note(NamedTuple):
    """A sentence in the languages that there are."""

    en: str
    uk: str


class Evidence(NamedTuple):
    """Entries, EVIDENCE_MAX at most, and how many more there are.

    store: of all of them, or "" where there are several.
    """

    places: tuple[Place, ...]
    more: int = 0
    store: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector has found of somebody: see `FindingRow`."""

    subject: str
    value: int
    threshold: int
    evidence: Evidence
    other: str = ""


class Watched(msgspec.Struct, frozen=True):
    """What this till's settings say; 0 is no limit.

    typed_max: what a typed number pays at most, in minor units; chip_max: what a chip pays at most
    at once, in its purse's unit. country: of telephone numbers without a country code.
    """

    typed_max: int = 0
    chip_max: int = 0
    country: str = ""


def watched_by(config: Config) -> Watched:
    """Return what settings say."""
    return Watched(
        typed_max=config.policy.typed_spend_max or 0,
        chip_max=config.chip.sale_max if config.chip else 0,
        country=config.till.country,
    )


class Looking(msgspec.Struct, frozen=True, dict=True):
    """A look at a day (ordinal) that is over, with the programme in force."""

    store: Store
    programme: Programme
    day: int
    watched: Watched = Watched()

    def rows(self, text: str, *values: str | int) -> list[Any]:
        """Return the rows that a SELECT brings, as tuples."""
        return self.store.ask(Question(text, _whole), *values)

    def first(self, days: int) -> int:
        """Return the first of so many days that end with this one."""
        return max(1, self.day - days + 1)

    @cached_property
    def into(self) -> Mapping[str, str]:
        """Each account that was merged, and the one that it is in the end."""
        return dict(self.rows(f"SELECT dropped, kept FROM {MERGED_INTO} AS into_"))

    def whose(self, account: str) -> str:
        """Return the account that an account is in the end."""
        return self.into.get(account, account)

    @cached_property
    def facts(self) -> str:
        """The table of facts, each under the account that it is in the end."""
        if not self.into:
            return "fact"
        names = (column.split()[0] for column in FACT_COLUMNS.split(", "))
        columns = ", ".join(
            "coalesce(into_.kept, f.account) AS account" if name == "account" else f"f.{name}"
            for name in names
        )
        joined = f"fact AS f LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = f.account"
        return f"(SELECT {columns} FROM {joined}) AS facts"

    def evidence(self, days: int, where: str, *values: str | int) -> Evidence:
        """Return the facts of so many days that fulfil a condition, the oldest first."""
        rows = self.rows(
            f"SELECT ledger_id, seq, store FROM {self.facts} WHERE day BETWEEN ? AND ?"
            f" AND {where} ORDER BY day, ledger_id, seq",
            self.first(days),
            self.day,
            *values,
        )
        places = tuple((ledger_id, seq) for ledger_id, seq, _ in rows[:EVIDENCE_MAX])
        return Evidence(places, len(rows) - len(places), only_one(store for *_, store in rows))

    def minute(self, minute: int) -> int:
        """Return a minute of the clock on the wall as one of the shop's day, which begins at 0."""
        starts = self.programme.days.starts
        return (minute - starts.hour * 60 - starts.minute) % DAY_MINUTES

    def entries(self, *, and_next: bool = False) -> Iterator[tuple[Place, Entry]]:
        """Yield every entry that was written on the day, or on that and the next, by ledger."""
        begins, ends = (
            rfc3339(self.programme.days.start_of(date.fromordinal(day)))
            for day in (self.day, self.day + 1 + and_next)
        )
        for ledger_id, _ in self.store.ask(LEDGERS):
            last = self._before(ledger_id, ends)
            at = self._before(ledger_id, begins)
            while page := self.store.ask(ENTRIES_AFTER, ledger_id, at, last):
                for seq, body in page:
                    yield (ledger_id, seq), decode(body)
                at = page[-1][0]

    def _before(self, ledger_id: str, at: str) -> int:
        """Return the number of the last entry of a ledger before a moment; entries are in time."""
        [(high,)] = self.rows(
            "SELECT coalesce(max(seq), 0) FROM entry WHERE ledger_id = ?", ledger_id
        )
        low = 0
        while low < high:
            middle = (low + high + 1) // 2
            [(there,)] = self.rows(_AT, ledger_id, middle)
            low, high = (middle, high) if there < at else (low, middle - 1)
        return low

    def moments(self, days: int) -> tuple[str, str]:
        """Return when the first of so many days begins, and when this one is over; RFC 3339."""
        business_days = self.programme.days
        first, after = date.fromordinal(self.first(days)), date.fromordinal(self.day)
        return (
            rfc3339(business_days.start_of(first)),
            rfc3339(business_days.start_of(after + timedelta(days=1))),
        )

    def minute_of(self, at: str) -> int:
        """Return the minute of the clock on the wall at a moment (RFC 3339)."""
        return self.programme.days.minute_of(datetime.fromisoformat(at))


_AT = "SELECT at FROM entry WHERE ledger_id = ? AND seq = ?"


def _whole(*row: Any) -> tuple[Any, ...]:
    return row


def cut(places: Iterable[Place], stores: Iterable[str]) -> Evidence:
    """Return entries of some stores as evidence, in the order of ledgers and numbers."""
    every = sorted(places)
    more = max(0, len(every) - EVIDENCE_MAX)
    return Evidence(tuple(every[:EVIDENCE_MAX]), more, only_one(stores))


def only_one(stores: Iterable[str]) -> str:
    """Return the one store of several rows, or "" where they are not all of one."""
    named = set(stores)
    return named.pop() if len(named) == 1 else ""


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """One way to notice something.

    about: what its subjects are. unit: of its values. days: how many it looks at.
    means: what it has found; innocent: when that is no fraud.
    find:  returns what it has found, nobody twice.
    """

    name: str
    about: Literal["cashier", "account"]
    unit: Unit
    days: int
    means: Note
    innocent: Note
    find: Callable[[Looking], Sequence[Found]]
