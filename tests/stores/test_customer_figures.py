"""A customer's figures, on every store: by months and by facts, with those merged into it."""

import random
from datetime import date
from typing import Any

from daemon.base.ids import AccountId
from daemon.ledger.posted_facts import FIGURES, Fact
from daemon.ledger.storage.store import Store
from daemon.reports.customer_figures import CustomerSums, customer_figures, figures_of
from daemon.reports.period import Period
from tests.scenarios.shops import FRIEND, account_of, goods
from tests.stores.test_card_batches import OpenPos, shop
from tests.stores.test_periods import facts, periods
from tests.support.till import PLASTIC, Pos

__all__ = ["facts", "shop"]
TODAY = date(2026, 11, 28)
WHO = {"by": "olha", "reason": "one person"}


def summed(facts: list[Fact], accounts: set[str], period: Period) -> CustomerSums:
    """Sum facts one by one."""
    first, last = period.days
    within = [one for one in facts if one.account in accounts and first <= one.day <= last]
    sold = [one.day for one in within if one.kind == "sale"]
    sums: dict[str, int] = {n: sum(getattr(f.figures, n) for f in within) for n in FIGURES}
    days = {"first_day": min(sold), "last_day": max(sold)} if sold else {}
    return CustomerSums(visits=sum(one.visits for one in within), **sums, **days)


def test_they_are_what_single_facts_sum_up_to(store: Store, facts: list[Fact]) -> None:
    chance, tried = random.Random(1), 0
    for period in periods():
        if period.last.year - period.first.year > 10:
            continue
        for accounts in ({"a1"}, {"a1", "a2"}, {"a9"}):
            tried += 1
            everyone = [AccountId(one) for one in sorted(accounts)]
            chance.shuffle(everyone)
            found = customer_figures(store, everyone[0], everyone, period, TODAY)
            assert found == figures_of(summed(facts, accounts, period), period, TODAY)
    assert tried > 100


async def figures(pos: Pos, **terms: Any) -> Any:
    return (await pos.call("customer.show", **({"card": PLASTIC} | terms)))["figures"]


async def test_three_sales_of_which_one_comes_back(shop: OpenPos) -> None:
    async with shop() as pos:
        for n, price in enumerate((50_000, 30_000, 20_000), start=1):
            await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=goods(price))
        await pos.call("sale.return", return_id="r", sale_id="s3", whole=True)
        found = await figures(pos)
        sales = (await pos.call("customer.show", card=PLASTIC))["sales"]
        given = sum(one["discount"] for one in sales)
        assert (found["purchases"], found["list"]) == (2, 80_000)
        assert (found["discount"], found["net"]) == (given, 80_000 - given)
        assert found["average"] == (80_000 - given + 1) // 2
        assert (found["first_day"], found["last_day"]) == ("2026-11-23", "2026-11-23")


async def test_a_customer_counts_with_whom_was_merged_into_it(shop: OpenPos) -> None:
    async with shop() as pos:
        await pos.call("card.issue", request_id="i", number=FRIEND)
        keep, drop = await account_of(pos, PLASTIC), await account_of(pos, FRIEND)
        for n, card in enumerate((PLASTIC, FRIEND, FRIEND), start=1):
            await pos.call("sale.commit", sale_id=f"s{n}", card=card, lines=goods(n * 10_000))
        assert [(await figures(pos, account=one, card=""))["list"] for one in (keep, drop)] == [
            *(10_000, 50_000)
        ]
        await pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **WHO)
        for whom in ({}, {"card": FRIEND}, {"account": drop, "card": ""}):
            assert (await figures(pos, **whom))["list"] == 60_000
        await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
        assert (await figures(pos))["list"] == 10_000
