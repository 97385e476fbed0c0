"""What joining has changed: purchases before and after, beside what all others did then.

    joined   before     after      others, after / before   expected    more
    1 May    1,000.00   1,300.00   1.2                      1,200.00    100.00
    1 July     500.00     450.00   0.8                        400.00     50.00
                                                                        150.00

``before`` is the 90 days to the day of joining, ``after`` the 90 from it on. The others are all
accounts that had bought before these days, and held the status on none of them. Whoever has not
bought for so long before, has not the 90 days behind, or has nobody to be compared with is left
out.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from daemon.base.ids import AccountId
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.bought import MERGED_INTO, of_all_time
from daemon.reports.chosen import of_sales
from daemon.reports.customer_figures import ratio
from daemon.reports.report import Asked, summed
from daemon.reports.status_spells import Spell

WINDOW_DAYS = 90
_MEMBERS = "(SELECT account FROM member WHERE status = ?)"


class Amounts(NamedTuple):
    """Sums in minor units; ``cost_net``: the net of what says its cost."""

    net: int = 0
    cost: int = 0
    cost_net: int = 0

    def plus(self, other: "Amounts") -> "Amounts":
        """Return the sum."""
        return Amounts(*(one + more for one, more in zip(self, other, strict=True)))

    def less(self, other: "Amounts") -> "Amounts":
        """Return the difference."""
        return Amounts(*(one - more for one, more in zip(self, other, strict=True)))

    @property
    def margin(self) -> int | None:
        """Net less cost; None where a cost is not known."""
        return self.net - self.cost if self.net == self.cost_net else None


class Joining(NamedTuple):
    """Somebody's ``before`` and ``after``, and those of the others in the same days."""

    before: Amounts
    after: Amounts
    others_before: Amounts
    others_after: Amounts


class Estimate(NamedTuple):
    """Sums of those who joined: as they were, as expected, and what is more than that."""

    before: int
    after: int
    expected: int
    effect: int


def estimated(joined: Iterable[tuple[int, int, int, int]]) -> Estimate:
    """Return what joining has changed; of each: before, after, and the others' before and after."""
    some = list(joined)
    expected = sum((Fraction(one[0] * one[3], one[2]) for one in some), Fraction(0))
    before, after = sum(one[0] for one in some), sum(one[1] for one in some)
    effect = after - expected
    whole, more = (ratio(sums.numerator, sums.denominator) or 0 for sums in (expected, effect))
    return Estimate(before, after, whole, more)


def joinings(
    store: Store, asked: Asked, spells: Mapping[AccountId, list[Spell]]
) -> Iterator[Joining]:
    """Yield everybody who joined in the period and can be compared."""
    begin, end = asked.period.days
    end = min(end, asked.today.toordinal() - WINDOW_DAYS)
    joins = sorted(
        (first, account)
        for account, some in spells.items()
        for first, _ in some
        if begin <= first <= end
    )
    if not joins:
        return
    span = (joins[0][0] - WINDOW_DAYS, joins[-1][0] + WINDOW_DAYS - 1)
    shop = _Shop(store, asked, spells, span)
    compared: dict[int, tuple[Amounts, Amounts]] = {}
    for day, account in joins:
        if shop.firsts.get(account, day) > day - WINDOW_DAYS:
            continue
        if day not in compared:
            compared[day] = shop.others(day)
        if compared[day][0].net > 0:
            yield Joining(*shop.bought(account, day), *compared[day])


class _Run:
    """Sums up to each of some places, in their order."""

    def __init__(self, amounts: Mapping[int, Amounts]) -> None:
        self._places = sorted(amounts)
        self._sums = [*accumulate((amounts[one] for one in self._places), Amounts.plus)]

    def upto(self, place: int) -> Amounts:
        count = bisect_right(self._places, place)
        return self._sums[count - 1] if count else Amounts()


class _Shop:
    """What all accounts have bought on the days of ``span``, and each that held the status.

    firsts: the first day of a sale of those.
    """

    def __init__(
        self,
        store: Store,
        asked: Asked,
        spells: Mapping[AccountId, list[Spell]],
        span: tuple[int, int],
    ) -> None:
        self._spells = spells
        self.firsts = _firsts(store, asked)
        self._members = _of_members(store, asked, span)
        self._by_day = _of_everybody(store, asked, span)

    def bought(self, account: AccountId, day: int) -> tuple[Amounts, Amounts]:
        """Return what somebody bought in the days before ``day``, and from it on."""
        run = self._members.get(account)
        if run is None:
            return Amounts(), Amounts()
        begins, joins, ends = (
            run.upto(last) for last in (day - WINDOW_DAYS - 1, day - 1, day + WINDOW_DAYS - 1)
        )
        return joins.less(begins), ends.less(joins)

    def others(self, day: int) -> tuple[Amounts, Amounts]:
        """Return the same of all who had bought before, and did not hold the status then."""
        known_by = day - WINDOW_DAYS
        before = self._everybody(range(known_by, day), known_by)
        after = self._everybody(range(day, day + WINDOW_DAYS), known_by)
        for account, spells in self._spells.items():
            held = any(first < day + WINDOW_DAYS and last >= known_by for first, last in spells)
            if held and self.firsts.get(account, day) <= known_by:
                own = self.bought(account, day)
                before, after = before.less(own[0]), after.less(own[1])
        return before, after

    def _everybody(self, days: range, known_by: int) -> Amounts:
        total = Amounts()
        for day in days:
            if day in self._by_day:
                total = total.plus(self._by_day[day].upto(known_by))
        return total


def _firsts(store: Store, asked: Asked) -> Mapping[AccountId, int]:
    question: Question[tuple[AccountId, int]] = Question(
        f"SELECT account, first_day FROM {of_all_time(asked)} AS ever WHERE account IN {_MEMBERS}",
        lambda account, day: (account, day),
    )
    return dict(store.ask(question, asked.terms.status))


_SUMS = ", ".join(summed(name) for name in Amounts._fields)


def _of_members(store: Store, asked: Asked, span: tuple[int, int]) -> Mapping[AccountId, _Run]:
    where = of_sales(asked.filters)
    kept: dict[AccountId, AccountId] = {}
    if asked.has_merged:
        gone: Question[tuple[AccountId, AccountId]] = Question(
            f"SELECT dropped, kept FROM {MERGED_INTO} AS gone", lambda one, other: (one, other)
        )
        kept = dict(store.ask(gone))
    question: Question[tuple[AccountId, int, Amounts]] = Question(
        f"SELECT account, day, {_SUMS} FROM fact WHERE (account IN {_MEMBERS} OR account IN"
        f" (SELECT dropped FROM {MERGED_INTO} AS gone WHERE kept IN {_MEMBERS}))"
        f" AND day BETWEEN ? AND ? AND {where.text} GROUP BY account, day",
        lambda account, day, *sums: (account, day, Amounts(*sums)),
    )
    bought: defaultdict[AccountId, dict[int, Amounts]] = defaultdict(dict)
    status = asked.terms.status
    for account, day, amounts in store.ask(question, status, status, *span, *where.values):
        days = bought[kept.get(account, account)]
        days[day] = days.get(day, Amounts()).plus(amounts)
    return {account: _Run(days) for account, days in bought.items()}


def _of_everybody(store: Store, asked: Asked, span: tuple[int, int]) -> Mapping[int, _Run]:
    """Return by day what was bought, by the first day of those who bought."""
    where, account, merged = of_sales(asked.filters), "f.account", ""
    if asked.has_merged:
        account = "coalesce(into_.kept, f.account)"
        merged = f" LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = f.account"
    sums = ", ".join(summed(f"f.{name}") for name in Amounts._fields)
    question: Question[tuple[int, int, Amounts]] = Question(
        f"SELECT f.day, s.first_day, {sums} FROM (SELECT * FROM fact WHERE day BETWEEN ? AND ?"
        f" AND account <> '' AND {where.text}) AS f{merged}"
        f" JOIN {of_all_time(asked)} AS s ON s.account = {account} GROUP BY f.day, s.first_day",
        lambda day, first, *sums: (day, first, Amounts(*sums)),
    )
    by_day: defaultdict[int, dict[int, Amounts]] = defaultdict(dict)
    for day, first, amounts in store.ask(question, *span, *where.values):
        by_day[day][first] = amounts
    return {day: _Run(firsts) for day, firsts in by_day.items()}
