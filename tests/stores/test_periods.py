"""A period's figures are the same by months and by single facts, on every store; reports wait."""

import asyncio
import random
import threading
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.entries import decode
from daemon.ledger.posted_facts import FIGURES, Buyer, Fact, Figures
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Store
from daemon.reports.period import AMOUNTS, Period, of_accounts, of_facts
from daemon.reports.reconcile import reconcile
from daemon.reports.report_reader import AT_ONCE_MAX, WAITING_MAX, ReportReader

SEED, FACTS, PERIODS = 20261128, 600, 60
FIRST, DAYS = date(2025, 11, 20), 430
FOR_EVER = Question(
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)"
    " SELECT count(*) FROM n",
    int,
)
LEDGER = LedgerId("a" * 16)


def drawn(chance: random.Random, seq: int) -> Fact:
    is_sale = chance.random() < 0.7
    sign = 1 if is_sale else -1
    amounts = {name: sign * chance.randint(0, 10**6) for name in FIGURES}
    return Fact(
        day=FIRST.toordinal() + chance.randrange(DAYS),
        minute=chance.randrange(1_440),
        kind="sale" if is_sale else "return",
        sale_id=SaleId(f"s{seq}"),
        account=AccountId(chance.choice(("", "a1", "a2", "a3"))),
        store="1",
        terminal=chance.choice(("t1", "t2")),
        cashier=chance.choice(("anna", "ivan")),
        visits=sign if chance.random() < 0.8 else 0,
        buyer=Buyer(card_id=CardId("c1"), partner=chance.choice(("", "p1")), employee=""),
        figures=Figures(**amounts),
        rules={"r1": chance.randint(0, 100)},
    )


def amounts_of(fact: Fact) -> list[int]:
    of = [getattr(fact.figures, name) for name in FIGURES]
    return [int(fact.kind == "sale"), fact.visits, *of]


@pytest.fixture
def facts(store: Store) -> list[Fact]:
    """Facts of fourteen months, in the store."""
    chance = random.Random(SEED)
    made = [drawn(chance, seq) for seq in range(1, FACTS + 1)]
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(made, start=1))
    for first in range(0, FACTS, 97):  # several groups: sums meet rows that are there
        store.begin()
        store.write(Change(facts=placed[first : first + 97]))
        store.commit()
    return made


def periods() -> list[Period]:
    chance = random.Random(SEED + 1)
    month = date(2026, 2, 1)
    some = [
        Period(month, date(2026, 2, 28)),  # a month
        Period(month, month),  # a day, the first of its month
        Period(date(2026, 2, 28), date(2026, 3, 1)),
        Period(date(2025, 12, 31), date(2027, 1, 1)),
        Period(date(2026, 3, 5), date(2026, 3, 20)),  # within one month
        Period(date(2026, 3, 5), date(2026, 4, 20)),  # no month whole
        Period(date.min, date.max),
    ]
    for _ in range(PERIODS):
        first = FIRST + timedelta(days=chance.randrange(-40, DAYS))
        some.append(Period(first, first + timedelta(days=chance.randrange(DAYS))))
    return some


def asked(store: Store, text: str, values: tuple[int, ...]) -> list[tuple[Any, ...]]:
    return store.ask(Question(text, lambda *row: row), *values)


def test_months_and_single_facts_give_the_same_sums(store: Store, facts: list[Fact]) -> None:
    for period in periods():
        within = [f for f in facts if f.account and period.days[0] <= f.day <= period.days[1]]
        expected = tuple(map(sum, zip(*map(amounts_of, within), strict=True)))
        expected = expected or (0,) * len(AMOUNTS)
        assert asked(store, *of_accounts(period)) == [expected], period
        assert asked(store, *of_facts(period, accounts_only=True)) == [expected], period
        by_account: dict[str, list[int]] = {}
        for fact in within:
            there = by_account.setdefault(fact.account, [0] * len(AMOUNTS))
            by_account[fact.account] = [*map(sum, zip(there, amounts_of(fact), strict=True))]
        found = {row[0]: list(row[1:]) for row in asked(store, *of_accounts(period, ["account"]))}
        assert found == by_account, period


def test_first_and_last_days_are_those_of_sales(store: Store, facts: list[Fact]) -> None:
    rows = asked(store, "SELECT account, first_day, last_day FROM account_sum ORDER BY account", ())
    for account, first, last in rows:
        days = [fact.day for fact in facts if fact.account == account and fact.kind == "sale"]
        assert (first, last) == (min(days), max(days))
    assert len(rows) == 3


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ParamError, match="turn them round"):
        Period(date(2026, 3, 2), date(2026, 3, 1))


def test_facts_that_no_entry_has_differ_from_the_entries(store: Store, facts: list[Fact]) -> None:
    found = reconcile(store, Period(date.min, date.max))
    assert not found.agrees
    assert "fact all: net" in found.differing
    assert "month_sum accounts: visits" in found.differing
    assert not any(one.startswith("account_sum") for one in found.differing)  # as the facts say


async def test_a_report_that_takes_too_long_is_ended_and_the_next_one_is_answered(
    location: str, tmp_path: Path
) -> None:
    with closing(open_store(location, tmp_path)):
        reader = ReportReader(partial(open_store, location, tmp_path, read_only=True), 0.2)
        with pytest.raises(RefusedError) as refused:
            await reader.ask(lambda store: store.ask(FOR_EVER))
        assert refused.value.code is ErrorCode.TIMEOUT
        one = Question("SELECT 1", int)
        assert await reader.ask(lambda store: store.ask(one)) == [1]
        await reader.close()


async def test_what_a_newer_tillcard_wrote_is_refused_with_a_sentence(
    location: str, tmp_path: Path
) -> None:
    with closing(open_store(location, tmp_path)):
        reader = ReportReader(partial(open_store, location, tmp_path, read_only=True), 60)
        with pytest.raises(RefusedError) as refused:
            await reader.ask(lambda store: decode(b'{"at": 7}'))
        assert refused.value.code is ErrorCode.TOO_NEW
        await reader.close()


async def test_two_are_asked_at_once_eight_wait_and_one_more_is_refused(
    location: str, tmp_path: Path
) -> None:
    with closing(open_store(location, tmp_path)):
        reader = ReportReader(partial(open_store, location, tmp_path, read_only=True), 60)
        go, begun = threading.Event(), threading.Semaphore(0)

        def wait(store: Store) -> int:
            begun.release()
            go.wait()
            return 1

        asking = [asyncio.create_task(reader.ask(wait)) for _ in range(AT_ONCE_MAX + WAITING_MAX)]
        for _ in range(AT_ONCE_MAX):
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        assert not begun.acquire(blocking=False)
        with pytest.raises(RefusedError) as refused:
            await reader.ask(wait)
        assert refused.value.code is ErrorCode.BUSY
        go.set()
        assert await asyncio.gather(*asking) == [1] * (AT_ONCE_MAX + WAITING_MAX)
        assert await reader.ask(wait) == 1
        await reader.close()
