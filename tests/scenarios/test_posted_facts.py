"""What reports read follows from the entries: figures of sales and returns, and their sums."""

import random
from collections import defaultdict
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.posted_facts import FIGURES, SaleFlag
from daemon.ledger.storage.fact_tables import month_of
from daemon.ledger.storage.inserts import FACTS, TABLES
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PLASTIC, Pos

Row = dict[str, Any]
RULES = """
[[purse]]
id = "star"
unit = "star"
worth = 50
[[purse]]
id = "coffee"
unit = "coffee"
[[meter]]
id = "spend"
of = "paid"
window = "life"
[[status]]
id = "friends"
of = "spend"
enter = { at_least = 10000, within = "30d" }
decide = "auto"
[[lane]]
id = "card"
[[lane]]
id = "more"
[[rule]]
id = "ten"
lane = "card"
when = { card.kind = "plastic" }
give = { percent = 10 }
[[rule]]
id = "asked"
lane = "more"
give = { percent = { max = 5 } }
[[rule]]
id = "helper"
lane = "more"
when = { flag.helper = true }
give = { percent = 1 }
[[rule]]
id = "word"
lane = "more"
when = { codes = "hello" }
give = { percent = 2 }
[[rule]]
id = "stars"
give = { earn = "star", percent = 2 }
[[rule]]
id = "cups"
scope = { category = "coffee" }
give = { earn = "coffee", each = 1 }
[[rule]]
id = "burn"
give = { burn = "star" }
[[rule]]
id = "cup"
scope = { category = "coffee" }
give = { burn = "coffee" }
"""
SEEDS = range(4)
STANDING = """
[[meter]]
id = "spend"
of = "net"
window = "life"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 100000, within = "30d" }
keep = { at_least = 900000, within = "30d" }
decide = "auto"
[[lane]]
id = "card"
[[rule]]
id = "steps"
lane = "card"
give = { percent = { by = "meter.spend", steps = [[30000, 2], [70000, 5]] } }
[[rule]]
id = "club"
lane = "card"
when = { status.club = true }
give = { percent = 7 }
[[rule]]
id = "third"
lane = "card"
scope = { pick = "cheapest", group = 3 }
give = { percent = 100 }
[[rule]]
id = "night"
lane = "card"
when = { time = "20:00..24:00" }
give = { percent = 50 }
[[rule]]
id = "once"
lane = "card"
limit = { per_card = 1 }
give = { percent = 20 }
[[rule]]
id = "either"
lane = "card"
when = { any = [{ card.kind = "gift" }, { weekday = "sat" }] }
give = { percent = 30 }
"""


@pytest.fixture(params=["keep", "recompute"])
def programme(request: pytest.FixtureRequest) -> str:
    return f'{HEAD}return_policy = "{request.param}"\n{RULES}'


def rows(home: Path, table: str) -> list[Row]:
    names = TABLES[table].names
    with closing(SQLiteStore(home / LEDGER, read_only=True)) as store:
        found = store.rows([(name, query) for name, query in FACTS if name == table])
        return [dict(zip(names, row, strict=True)) for _, row in found]


def shown(row: Row) -> tuple[int, ...]:
    names = ("visits", "list_total", "discount", "net", "burned", "paid")
    return tuple(row[name] for name in names)


async def load(pos: Pos, units: int) -> None:
    await pos.call("card.topup", topup_id="t1", card=PLASTIC, purse="star", amount=units)


async def sell(pos: Pos, sale_id: str, lines: list[Row], **more: Any) -> Row:
    shown = await pos.call("card.identify", scan=PLASTIC)
    terms = {"presentation": shown["presentation"], "cashier": "anna"} | more
    posted: Row = await pos.call("sale.commit", sale_id=sale_id, lines=lines, **terms)
    return posted


async def test_a_sale_and_its_returns_are_three_rows(
    pos: Pos, clock: HandClock, tmp_path: Path
) -> None:
    """100.00, 10.00 off, 20 points at 0.50, and half comes back twice; 40.00 is its cost."""
    await load(pos, 20)
    lines = [{"line": 1, "sku": "a", "qty": 2, "unit_price": 5_000, "cost": 2_000}]
    override = {"by": "senior", "reason": "the test spends with a printed card"}
    await sell(pos, "s1", lines, burn={"star": 20}, override=override)
    clock.move(days=3)
    back = [{"line": 1, "qty": 1}]
    await pos.call("sale.return", return_id="r1", sale_id="s1", lines=back, cashier="ivan")
    clock.move(days=1)
    await pos.call("sale.return", return_id="r2", sale_id="s1", lines=back, cashier="ivan")
    sale, first, second = rows(tmp_path, "fact")
    assert shown(sale) == (1, 10_000, 1_000, 9_000, 1_000, 8_000)
    assert shown(first) == (0, -5_000, -500, -4_500, -500, -4_000)
    assert shown(second) == (-1, -5_000, -500, -4_500, -500, -4_000)
    assert [row["cost"] for row in (sale, first, second)] == [4_000, -2_000, -2_000]
    assert [row["cost_net"] for row in (sale, first, second)] == [9_000, -4_500, -4_500]
    # A return has the sale's card and flags, and its own day and cashier.
    assert [row["cashier"] for row in (sale, first, second)] == ["anna", "ivan", "ivan"]
    assert [row["day"] - sale["day"] for row in (sale, first, second)] == [0, 3, 4]
    assert {row["card_id"] for row in (sale, first, second)} == {sale["card_id"]} != {""}
    assert {row["flags"] for row in (sale, first, second)} == {SaleFlag.OVERRIDE}
    [of_account] = rows(tmp_path, "account_sum")
    assert (of_account["first_day"], of_account["last_day"]) == (sale["day"], sale["day"])
    assert (of_account["visits"], of_account["net"], of_account["paid"]) == (0, 0, 0)


async def test_flags_say_how_a_sale_came_about(pos: Pos, tmp_path: Path) -> None:
    lines = goods(1_000)
    asked = {"ask.asked": 5, "ask.asked.reason": "a scratch"}
    await sell(pos, "s1", lines, facts=asked)
    await sell(pos, "s2", lines, facts={"flag.helper": True})
    await sell(pos, "s3", lines, facts={"flag.other": True})
    await sell(pos, "s4", lines, codes=["hello"])
    await sell(pos, "s5", lines)
    await pos.call("sale.commit", sale_id="s6", card=PLASTIC, lines=lines)
    await pos.call("sale.commit", sale_id="s7", lines=lines)
    card = (await pos.call("card.identify", scan=PLASTIC))["presentation"]
    await pos.call("sale.hold", sale_id="s8", presentation=card, lines=lines)
    await pos.call("sale.commit", sale_id="s8")
    flags = [row["flags"] for row in rows(tmp_path, "fact")]
    ways = (SaleFlag.ASKED, SaleFlag.FLAG, 0, SaleFlag.CODE, 0, SaleFlag.TYPED, 0)
    assert flags == [*ways, SaleFlag.FROM_HOLD]


async def test_the_status_is_that_which_the_card_had_before(pos: Pos, tmp_path: Path) -> None:
    await sell(pos, "s1", goods(20_000))
    await sell(pos, "s2", goods(1_000))
    assert [row["statuses"] for row in rows(tmp_path, "fact")] == ["", "friends"]


@pytest.mark.parametrize("programme", [f"{HEAD}{STANDING}"], indirect=False)
async def test_the_standing_discount_is_that_after_the_sale(
    pos: Pos, clock: HandClock, tmp_path: Path
) -> None:
    async def stands() -> int:
        [row] = rows(tmp_path, "account_sum")
        return int(row["standing_bp"])

    await sell(pos, "s1", goods(1_000))
    assert await stands() == 0
    await sell(pos, "s2", goods(30_000))  # 310.00 are reached by it
    assert await stands() == 200
    await sell(pos, "s3", goods(80_000))  # and so is the club
    assert await stands() == 700
    clock.move(days=40)
    await sell(pos, "s4", goods(1_000))
    assert await stands() == 500


async def test_nobody_s_sales_are_counted_by_the_till_alone(pos: Pos, tmp_path: Path) -> None:
    await pos.call("sale.commit", sale_id="s1", lines=goods(1_000))
    assert len(rows(tmp_path, "fact")) == 1
    assert rows(tmp_path, "month_sum") == rows(tmp_path, "account_sum") == []
    [of_day] = rows(tmp_path, "day_sum")
    assert (of_day["rule"], of_day["n"], of_day["net"]) == ("", 1, 1_000)


class Shopping:
    """Sales and returns drawn from a seed; each sale is brought back in the end, in parts."""

    def __init__(self, pos: Pos, clock: HandClock, seed: int) -> None:
        self._pos, self._clock = pos, clock
        self._chance = random.Random(seed)
        self._left: dict[str, dict[int, int]] = {}
        self._count = 0

    def _basket(self) -> list[Row]:
        chance = self._chance
        return [
            {
                "line": n,
                "sku": f"sku-{n}",
                "qty": chance.randint(1, 3),
                "unit_price": chance.randint(1, 9_999),
            }
            | ({"category": ["coffee"]} if chance.random() < 0.5 else {})
            | ({"cost": chance.randint(0, 5_000)} if chance.random() < 0.5 else {})
            for n in range(1, chance.randint(2, 5))
        ]

    async def sell(self) -> None:
        chance, lines, sale_id = self._chance, self._basket(), f"s{len(self._left)}"
        terms: Row = {"codes": ["hello"]} if chance.random() < 0.3 else {}
        if chance.random() < 0.2:
            await self._pos.call("sale.commit", sale_id=sale_id, lines=lines, **terms)
        else:
            priced = await self._pos.call("sale.quote", card=PLASTIC, lines=lines, **terms)
            most = {purse: n for purse, n in priced["burn_max"].items() if n > 0}
            burn = {purse: chance.randint(0, n) for purse, n in most.items()}
            who = {"by": "senior", "reason": "the test spends with a printed card"}
            await sell(self._pos, sale_id, lines, burn=burn, override=who, **terms)
        self._left[sale_id] = {line["line"]: line["qty"] for line in lines}

    async def bring_back(self, sale_id: str, most: int) -> None:
        left = self._left[sale_id]
        line = self._chance.choice(sorted(left))
        qty = self._chance.randint(1, min(most, left[line]))
        asked = [{"line": line, "qty": qty}]
        self._count += 1
        name = f"r{self._count}"
        await self._pos.call("sale.return", return_id=name, sale_id=sale_id, lines=asked)
        left[line] -= qty
        self._left[sale_id] = {line: qty for line, qty in left.items() if qty}

    async def go(self, sales: int) -> None:
        for _ in range(sales):
            await self.sell()
            self._clock.move(minutes=self._chance.choice((1, 60, 1_440 * 20)))
            sold = [sale_id for sale_id, left in self._left.items() if left]
            if self._chance.random() < 0.5 and sold:
                await self.bring_back(self._chance.choice(sold), 2)

    async def bring_all_back(self) -> None:
        for sale_id in self._left:
            while self._left[sale_id]:
                await self.bring_back(sale_id, 3)


def summed(found: list[Row], names: tuple[str, ...], *keys: str) -> dict[tuple[Any, ...], Row]:
    sums: dict[tuple[Any, ...], Row] = defaultdict(lambda: dict.fromkeys(names, 0))
    for row in found:
        for name in names:
            sums[tuple(row[key] for key in keys)][name] += row[name]
    return dict(sums)


@pytest.mark.parametrize("seed", SEEDS)
async def test_sums_are_those_of_the_facts_and_what_comes_back_leaves_nothing(
    pos: Pos, clock: HandClock, tmp_path: Path, seed: int
) -> None:
    await load(pos, 1_000)
    shopping = Shopping(pos, clock, seed)
    await shopping.go(12)
    check_sums(tmp_path)
    found = rows(tmp_path, "fact")
    assert all(any(row[name] for row in found) for name in FIGURES)
    await shopping.bring_all_back()
    check_sums(tmp_path)
    # What was earned and has been spent meanwhile is gone: the purse goes below 0 for it.
    whole = summed(rows(tmp_path, "fact"), (*FIGURES, "visits"), "sale_id")
    assert {sale for sale, sums in whole.items() if any(sums.values())} == set()
    by_rule = summed(rows(tmp_path, "day_sum"), ("n", "list_total", "discount", "net"), "rule")
    assert {rule for rule, sums in by_rule.items() if any(sums.values())} == set()


def check_sums(home: Path) -> None:
    found = rows(home, "fact")
    carded = [row for row in found if row["account"]]
    names = (*FIGURES, "visits")
    assert all(row["discount"] == row["list_total"] - row["net"] for row in found)
    assert all(row["paid"] == row["net"] - row["burned"] for row in found if row["kind"] == "sale")
    for row in carded:
        row["month"] = month_of(row["day"])
    by_month = ("month", "account", "partner", "employee")
    assert summed(rows(home, "month_sum"), names, *by_month) == summed(carded, names, *by_month)
    named = ("visits", "net", "paid", "discount")
    of_all = summed(rows(home, "account_sum"), named, "account")
    assert of_all == summed(carded, named, "account")
    till = ("day", "store", "terminal", "cashier")
    whole = [row for row in rows(home, "day_sum") if not row["rule"]]
    amounts = ("list_total", "discount", "net")
    assert summed(whole, amounts, *till) == summed(found, amounts, *till)


async def test_a_cost_that_nobody_can_have_is_refused(pos: Pos) -> None:
    for cost in (-1, 10**12):
        error = await refused(pos, "sale.quote", lines=goods(1_000, cost=cost))
        assert "cost" in error.data["detail"]


async def test_the_minute_is_that_of_the_clock_on_the_shop_s_wall(
    pos: Pos, clock: HandClock, tmp_path: Path
) -> None:
    await pos.call("sale.commit", sale_id="s1", lines=goods(1_000))
    local = clock.now() + timedelta(hours=2)  # Kyiv in November
    [row] = rows(tmp_path, "fact")
    assert row["minute"] == local.hour * 60 + local.minute
    assert date.fromordinal(row["day"]) == local.date()
