"""Reports against sums that are made plainly, over random facts, on every store."""

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.ledger.posted_facts import FIGURES, Buyer, Fact, Figures
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import load
from daemon.reports.asked_terms import Terms
from daemon.reports.asking import WITH_SUMS_MAX, Answer, answer, sorting
from daemon.reports.catalogue import REPORTS
from daemon.reports.filters import Filters
from daemon.reports.period import Period
from daemon.reports.report import Asked
from tests.scenarios.shops import HEAD

SEED, FACTS = 20261128, 500
FIRST, DAYS = date(2025, 11, 20), 430
LEDGER = LedgerId("a" * 16)
PROGRAMME = load(HEAD)
TODAY = date(2027, 2, 1)


def drawn(chance: random.Random, seq: int) -> Fact:
    is_sale = chance.random() < 0.75
    sign = 1 if is_sale else -1
    amounts = {name: sign * chance.randint(0, 10**6) for name in FIGURES}
    amounts["list_total"] = amounts["net"] + amounts["discount"]
    amounts["paid"] = amounts["net"] - amounts["burned"]
    if chance.random() < 0.5:
        amounts["cost_net"] = amounts["net"]
    return Fact(
        day=FIRST.toordinal() + chance.randrange(DAYS),
        minute=chance.randrange(1_440),
        kind="sale" if is_sale else "return",
        sale_id=SaleId(f"s{seq}"),
        account=AccountId(chance.choice(("", *(f"a{n}" for n in range(1, 20))))),
        store=chance.choice(("1", "2", "3")),
        terminal=chance.choice(("t1", "t2")),
        cashier=chance.choice(("anna", "ivan", "olha")),
        visits=sign if chance.random() < 0.8 else 0,
        buyer=Buyer(
            card_id=CardId("c1"),
            issuer=chance.choice(("", "acme")),
            statuses=chance.choice(("", "club")),
            flags=chance.randrange(256),
        ),
        figures=Figures(**amounts),
        rules={"r1": chance.randint(0, 100)},
    )


@pytest.fixture
def facts(store: Store) -> list[Fact]:
    """Facts of fourteen months, in the store."""
    chance = random.Random(SEED)
    made = [drawn(chance, seq) for seq in range(1, FACTS + 1)]
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(made, start=1))
    store.begin()
    store.write(Change(facts=placed))
    store.commit()
    return made


def asked(period: Period, per: str = "", **filters: Any) -> Asked:
    return Asked(
        period=period,
        filters=Filters(**filters),
        today=TODAY,
        programme=PROGRAMME,
        per=per,
    )


def told(store: Store, name: str, question: Asked, sort: str = "", limit: int = 1_000) -> Answer:
    report = REPORTS[name]
    return answer(store, report, question, sorting(report, sort), (limit, 0))


def rows(found: Answer) -> list[dict[str, Any]]:
    names = [column.name for column in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def half_up(amount: int, by: int) -> int | None:
    """Plainly: away from zero, as money is rounded."""
    if by <= 0:
        return None
    whole, rest = divmod(abs(amount), by)
    rounded = whole + (2 * rest >= by)
    return -rounded if amount < 0 else rounded


def expected_activity(facts: list[Fact], period: Period) -> list[dict[str, Any]]:
    found = []
    by_account: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.account and period.days[0] <= fact.day <= period.days[1]:
            by_account[fact.account].append(fact)
    for those in by_account.values():
        of = {name: sum(getattr(fact.figures, name) for fact in those) for name in FIGURES}
        days = [fact.day for fact in those if fact.kind == "sale"]
        purchases = sum(fact.visits for fact in those)
        until = min(period.last, TODAY).toordinal()
        found.append(
            {
                "purchases": purchases,
                "list": of["list_total"],
                **{name: of[name] for name in ("discount", "net", "paid", "burned", "earned")},
                "discount_bp": half_up(10_000 * of["discount"], of["list_total"]),
                "average": half_up(of["net"], purchases),
                "first_day": date.fromordinal(min(days)).isoformat() if days else None,
                "last_day": date.fromordinal(max(days)).isoformat() if days else None,
                "days_since": until - max(days) if days else None,
                "margin": of["net"] - of["cost"] if of["net"] == of["cost_net"] else None,
            }
        )
    return found


def periods() -> list[Period]:
    chance = random.Random(SEED + 1)
    some = [Period(date(2026, 2, 1), date(2026, 2, 28)), Period(date.min, date.max)]
    for _ in range(12):
        first = FIRST + timedelta(days=chance.randrange(-40, DAYS))
        some.append(Period(first, first + timedelta(days=chance.randrange(DAYS))))
    return some


TERMS: dict[str, Any] = {
    "base_from": "2025-12-01",
    "base_to": "2026-01-31",
    "old": 40_000,
    "status": "club",
}
NOT_ALWAYS = ("earned", "margin")
"""What is no sum of all time."""


def like(one: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((name, str(value)) for name, value in one.items())


def test_activity_is_what_is_summed_plainly(store: Store, facts: list[Fact]) -> None:
    for period in periods():
        for name in ("activity", "dormant"):
            whole = Period(date.min, date.max) if name == "dormant" else period
            expected = expected_activity(facts, whole)
            more = {"dormant_since": "2030-01-01"} if name == "dormant" else {}
            found = told(store, name, asked(period, **more))
            if name == "dormant":
                expected = [
                    {k: v for k, v in one.items() if k not in NOT_ALWAYS} for one in expected
                ]
            shown = [{k: v for k, v in row.items() if k in expected[0]} for row in rows(found)]
            assert sorted(map(like, shown)) == sorted(map(like, expected)), period
            assert found.count == len(expected)
            for total in ("purchases", "list", "net", "discount"):
                assert found.totals[total] == sum(one[total] for one in expected)
            net, visits = found.totals["net"] or 0, found.totals["purchases"] or 0
            assert found.totals["average"] == half_up(net, visits)


@pytest.mark.parametrize("name", [name for name in REPORTS if name != "cohorts"])
def test_every_column_sorts_both_ways_with_what_is_unknown_last(
    store: Store, facts: list[Fact], name: str
) -> None:
    report = REPORTS[name]
    for by in report.ways or ("",):
        named = {name: value for name, value in TERMS.items() if name in report.terms}
        question = msgspec.structs.replace(asked(periods()[0], per=by), terms=Terms(**named))
        for place, column in enumerate(report.all_columns):
            for sign in ("", "-"):
                found = [row[place] for row in told(store, name, question, sign + column.name).rows]
                known = [one for one in found if one not in (None, "")]
                assert found[len(known) :] == [one for one in found if one in (None, "")]
                if place or report.label is None:
                    assert known == sorted(known, reverse=bool(sign)), column.name


FILTERS: tuple[tuple[dict[str, Any], Any], ...] = (
    ({"store": ["1", "3"]}, lambda fact: fact.store in ("1", "3")),
    ({"terminal": ["t1"]}, lambda fact: fact.terminal == "t1"),
    ({"cashier": ["anna"]}, lambda fact: fact.cashier == "anna"),
    ({"issuer": ["acme"]}, lambda fact: fact.buyer.issuer == "acme"),
    ({"hour": [0, 23]}, lambda fact: fact.minute // 60 in (0, 23)),
    ({"weekday": [1, 7]}, lambda fact: date.fromordinal(fact.day).isoweekday() in (1, 7)),
    ({"flag": ["typed", "code"]}, lambda fact: bool(fact.buyer.flags & (2 | 16))),
    (
        {"store": ["2"], "hour": [9, 10, 11, 12]},
        lambda fact: fact.store == "2" and 9 <= fact.minute // 60 <= 12,
    ),
)


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_a_filter_of_sales_keeps_what_it_names(
    store: Store, facts: list[Fact], number: int
) -> None:
    filters, keeps = FILTERS[number]
    filters = {name: tuple(values) for name, values in filters.items()}
    kept = [fact for fact in facts if keeps(fact)]
    for period in periods():
        expected = expected_activity(kept, period)
        found = rows(told(store, "activity", asked(period, **filters)))
        names = expected[0].keys() if expected else ()
        shown = [{k: v for k, v in row.items() if k in names} for row in found]
        assert sorted(map(like, shown)) == sorted(map(like, expected)), period
        within = [f for f in kept if period.days[0] <= f.day <= period.days[1]]
        for report, of in (("stores", "store"), ("cashiers", "cashier")):
            nets: dict[str, int] = defaultdict(int)
            for fact in within:
                nets[getattr(fact, of)] += fact.figures.net
            by_place = rows(told(store, report, asked(period, **filters)))
            assert {row[of]: row["net"] for row in by_place} == nets


@pytest.mark.parametrize("by", REPORTS["trend"].ways)
def test_a_trend_sums_what_lies_in_each_place(store: Store, facts: list[Fact], by: str) -> None:
    places = {
        "day": lambda fact: date.fromordinal(fact.day).isoformat(),
        "week": lambda fact: date.fromordinal(fact.day).strftime("%G-W%V"),
        "month": lambda fact: date.fromordinal(fact.day).strftime("%Y-%m"),
        "weekday": lambda fact: date.fromordinal(fact.day).strftime("%A"),
        "hour": lambda fact: f"{fact.minute // 60:02}:00",
    }
    for period in periods()[:1] + periods()[2:]:
        expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for fact in facts:
            if period.days[0] <= fact.day <= period.days[1]:
                expected[places[by](fact)][0] += fact.visits
                expected[places[by](fact)][1] += fact.figures.net
        found = rows(told(store, "trend", asked(period, per=by)))
        assert {row["when"]: [row["purchases"], row["net"]] for row in found} == expected


def test_a_page_and_all_rows_have_the_same_sums(store: Store, facts: list[Fact]) -> None:
    for name in ("activity", "trend"):
        report, question = REPORTS[name], asked(periods()[1], per="day" if name == "trend" else "")
        pages = [
            answer(store, report, question, sorting(report, ""), page)
            for page in ((WITH_SUMS_MAX + 1, 0), (3, 0), (3, 1), (3, 100_000))
        ]
        whole, first, second, beyond = pages
        assert {one.count for one in pages} == {len(whole.rows)}
        assert first.totals == second.totals == beyond.totals == whole.totals
        assert (*first.rows, second.rows[2]) == whole.rows[:4]
        assert beyond.rows == ()
