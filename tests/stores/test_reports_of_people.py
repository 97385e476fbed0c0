"""Reports of customers, partners, segments and cohorts, from sales on a till, on every store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from card_formats.check_digits import Check, append_check
from daemon.base.refusals import ErrorCode
from daemon.reports.by_place import RuleSums, cost_of
from tests.scenarios.shops import FRIEND, HEAD, account_of, goods
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, lay_out, open_till

RULES = """
[[purse]]
id = "reward"
unit = "UAH"
[[meter]]
id = "spend"
of = "net"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 50000, within = "30d" }
keep = { at_least = 30000, within = "60d" }
[[rule]]
id = "company"
give = { earn = "reward", percent = 3, to = "partner" }
[[rule]]
id = "employee"
give = { earn = "reward", percent = 2, to = "employee" }
"""
QUESTIONNAIRE = """
[[question]]
id = "name"
kind = "name"
required = false
[[question]]
id = "phone"
kind = "phone"
required = false
[[question]]
id = "email"
kind = "email"
required = false
[[question]]
id = "for_whom"
kind = "choice"
choices = ["me", "gift"]
required = false
ask.en = "For whom?"
[[consent]]
id = "marketing"
channels = ["sms", "email"]
text.en = "Offers, please."
"""
BEGIN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
EVER = {"from": "2026-01-01", "to": "2027-12-31"}
Row = dict[str, Any]


class Shop:
    """A till whose reports are asked."""

    def __init__(self, pos: Pos, clock: HandClock) -> None:
        self.pos, self.clock, self._count = pos, clock, 0

    async def issue(self, number: str, **profile: Any) -> str:
        ticked = {"consents": ("personal_data", "marketing"), **profile}
        issued = await self.pos.call(
            "card.issue", request_id=f"i{number}", number=number, profile=ticked
        )
        account: str = issued["account"]
        return account

    async def sell(self, card: str, *prices: int, **more: Any) -> str:
        self._count += 1
        sale_id = f"s{self._count}"
        terms = {"card": card, "lines": goods(*prices)} | more
        await self.pos.call("sale.commit", sale_id=sale_id, **terms)
        return sale_id

    async def give_back(self, sale_id: str) -> None:
        terms = {"return_id": f"r{sale_id}", "sale_id": sale_id, "whole": True}
        await self.pos.call("sale.return", **terms)

    async def rows(self, report: str, period: Row = EVER, **more: Any) -> list[Row]:
        answer = await self.pos.call("report.run", report=report, **{**period, **more})
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    async def names(self, report: str = "activity", **filters: Any) -> list[str]:
        return [row["name"] for row in await self.rows(report, filters=filters, sort="name")]


@asynccontextmanager
async def shop(home: Path, location: str, rules: str = RULES) -> AsyncIterator[Shop]:
    lay_out(home, HEAD + rules, **{'"tillcard.db"': f'"{location}"'})
    clock = HandClock(BEGIN)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="olha")
        yield Shop(pos, clock)


@pytest.fixture
async def salon(tmp_path: Path, location: str) -> AsyncIterator[Shop]:
    async with shop(tmp_path, location) as one:
        yield one


def number(n: int) -> str:
    """Return a number of the shop's own range."""
    return append_check(Check.EAN, f"29{n:010d}")


ANN, BOB, CAT = number(11), number(12), number(13)


async def three(salon: Shop) -> None:
    """Ann, Bob and Cat, who differ in everything that is asked for."""
    await salon.issue(
        ANN, name="Ann", phone="+380671234567", tags=("vip", "old"), language="uk",
        answers={"for_whom": "gift"},
    )  # fmt: skip
    salon.clock.move(days=10)
    await salon.issue(BOB, name="Bob", email="bob@example.ua", language="en")
    await salon.issue(CAT, name="Cat", phone="+380671234568", tags=("old",), language="de")
    await salon.sell(ANN, 60_000)
    await salon.sell(BOB, 1_000)
    await salon.sell(BOB, 2_000, cashier="ivan")
    await salon.sell(CAT, 500)


async def test_a_filter_of_customers_keeps_whom_it_names(salon: Shop) -> None:
    await three(salon)
    off = {"purpose": "marketing", "channel": "sms", "given": False}
    await salon.pos.call("customer.consent", request_id="c", card=ANN, **off)
    assert await salon.names(tag=["vip"]) == ["Ann"]
    assert await salon.names(tag=["old", "new"]) == ["Ann", "Cat"]
    assert await salon.names(language=["en", "de"]) == ["Bob", "Cat"]
    assert await salon.names(answer={"for_whom": ["gift"]}) == ["Ann"]
    assert await salon.names(consent=["sms"]) == ["Bob", "Cat"]
    assert await salon.names(status=["club:candidate"]) == ["Ann"]
    assert await salon.names(status=["club:outside"]) == ["Bob", "Cat"]
    rows = await salon.rows("activity", sort="name")
    assert [row["status"] for row in rows] == ["club:candidate", "", ""]
    assert await salon.names(status=["club:member", "club:candidate"]) == ["Ann"]
    assert await salon.names(card_kind=["plastic"]) == ["Ann", "Bob", "Cat"]
    assert await salon.names(card_kind=["phone"]) == []
    assert await salon.names(joined_to="2026-09-10") == ["Ann"]
    assert await salon.names(joined_from="2026-09-11") == ["Bob", "Cat"]
    assert await salon.names(min_purchases=2) == ["Bob"]
    assert await salon.names(net_from=1_000, net_to=3_000) == ["Bob"]
    assert await salon.names(tag=["old"], language=["de"]) == ["Cat"]
    assert await salon.names(cashier=["ivan"]) == ["Bob"]
    assert await salon.names(tag=["o'ld\" OR 1=1 --", "%"]) == []
    more = {"request_id": "u", "card": CAT, "answers": {}, "tags": ["vip"]}
    await salon.pos.call("customer.update", **more)
    assert await salon.names(tag=["old"]) == ["Ann"]
    assert await salon.names(tag=["vip"]) == ["Ann", "Cat"]


async def test_who_no_longer_comes_is_dormant_since_a_day(salon: Shop) -> None:
    await three(salon)
    salon.clock.move(days=90)
    assert await salon.names("dormant", dormant_since="90d") == []
    salon.clock.move(days=1)
    await salon.sell(CAT, 700)
    assert await salon.names("dormant", dormant_since="90d") == ["Ann", "Bob"]
    assert await salon.names("dormant") == ["Ann", "Bob"]
    rows = await salon.rows("dormant", filters={"dormant_since": "90d"})
    assert [(row["name"], row["days_since"]) for row in rows] == [("Ann", 91), ("Bob", 91)]
    assert await salon.names("dormant", dormant_since="2026-09-11") == []
    assert await salon.names("dormant", dormant_since="2026-09-12") == ["Ann", "Bob"]


async def test_everybody_is_listed_where_it_is_asked_for(salon: Shop) -> None:
    await three(salon)
    await salon.issue(FRIEND, name="Zoe")
    await salon.pos.call("partner.add", request_id="p", name="Gym", by="olha")
    december = {"from": "2026-12-01", "to": "2026-12-31"}
    assert await salon.rows("activity", december) == []
    rows = await salon.rows("activity", december, everybody=True, sort="name")
    names = [row["name"] for row in rows]
    assert names == sorted(names)
    assert {"Ann", "Bob", "Cat", "Olena", "Zoe"} < set(names)
    assert "Gym" not in names
    assert {(row["purchases"], row["net"], row["average"]) for row in rows} == {(0, 0, None)}


async def test_merged_accounts_count_as_one(salon: Shop) -> None:
    await three(salon)
    keep, drop = await account_of(salon.pos, BOB), await account_of(salon.pos, CAT)
    one = {"request_id": "m", "keep": keep, "drop": drop, "by": "olha", "reason": "one"}
    await salon.pos.call("customer.merge", **one)
    rows = await salon.rows("activity", sort="-net")
    assert [(row["name"], row["purchases"], row["net"]) for row in rows] == [
        ("Ann", 1, 60_000),
        ("Bob", 3, 3_500),
    ]
    salon.clock.move(days=100)
    await salon.sell(BOB, 100)
    assert await salon.names("dormant", dormant_since="90d") == ["Ann"]
    cells = {(row["cohort"], row["months_after"]): row for row in await salon.rows("cohorts")}
    assert (cells["2026-09", 0]["size"], cells["2026-09", 3]["customers"]) == (2, 1)
    assert len(await salon.rows("segments")) == 2


async def test_segments_of_the_worked_example(salon: Shop) -> None:
    """R, F, M: 2, 9, 500 · 2, 4, 200 · 30, 4, 900 · 80, 1, 200 · 200, 2, 100."""
    numbers = {name: number(20 + n) for n, name in enumerate("abcde", start=1)}
    for name, card in numbers.items():
        await salon.issue(card, name=name)
    sales: list[tuple[int, str, int]] = []
    for name, (days, times, total) in {
        "a": (2, 9, 500),
        "b": (2, 4, 200),
        "c": (30, 4, 900),
        "d": (80, 1, 200),
        "e": (200, 2, 100),
    }.items():
        rest = total - (times - 1)
        sales += [(days + 5 * (n > 0), name, rest if not n else 1) for n in range(times)]
    day = 210
    for days, name, price in sorted(sales, reverse=True):
        salon.clock.move(days=day - days)
        day = days
        await salon.sell(numbers[name], price)
    salon.clock.move(days=day)
    until = str(salon.clock.now().date())
    rows = await salon.rows("segments", {"from": until, "to": until}, sort="name")
    shown = {row["name"]: f"{row['r']}{row['f']}{row['m']}" for row in rows}
    assert shown == {"a": "454", "b": "432", "c": "335", "d": "212", "e": "121"}
    segments = {row["name"]: row["segment"] for row in rows}
    assert segments == {
        **{"a": "champions", "b": "new", "c": "spenders", "d": "asleep", "e": "lost"}
    }
    lost = await salon.rows("activity", filters={"segment": ["lost", "asleep"]}, sort="name")
    assert [row["name"] for row in lost] == ["d", "e"]


async def test_cohorts_are_of_the_month_of_the_first_sale(salon: Shop) -> None:
    await three(salon)
    salon.clock.move(days=30)
    back = await salon.sell(ANN, 2_000)
    await salon.sell(BOB, 3_000)
    await salon.issue(FRIEND, name="Zoe")
    await salon.sell(FRIEND, 4_000)
    await salon.give_back(back)
    rows = await salon.rows("cohorts")
    shown = [
        (row["cohort"], row["months_after"], row["customers"], row["size"], row["share_bp"])
        for row in rows
    ]
    assert shown == [
        ("2026-09", 0, 3, 3, 10_000),
        ("2026-09", 1, 1, 3, 3_333),  # what Ann has given back is no purchase
        ("2026-10", 0, 1, 1, 10_000),
    ]
    assert [(row["net"], row["net_each"]) for row in rows] == [
        (63_500, 21_167),
        (3_000, 1_000),
        (4_000, 4_000),
    ]
    october = await salon.rows("cohorts", {"from": "2026-10-01", "to": "2026-10-31"})
    assert [row["cohort"] for row in october] == ["2026-10"]


async def test_partners_are_opened_to_their_employees(salon: Shop) -> None:
    """Two levels: 3 % and 2 % of 3 x 100.01 are 9.00 and 6.00; a piece back takes 3.00 and 2.00."""
    await salon.pos.call("partner.add", request_id="p", name="Gym", by="olha")
    await salon.pos.call("partner.add", request_id="e", name="Eve", of="P0001", by="olha")
    await salon.issue(ANN, name="Ann", partner="P0001", employee="P0001-01")
    salon.clock.move(days=40)
    await salon.issue(BOB, name="Bob", partner="P0001")
    line = {"line": 1, "sku": "x", "qty": 3, "unit_price": 10_001, "cost": 5_000}
    await salon.pos.call("sale.commit", sale_id="two", card=ANN, lines=[line])
    await salon.sell(BOB, 1_000)
    back = [{"line": 1, "qty": 1}]
    await salon.pos.call("sale.return", return_id="back", sale_id="two", lines=back)
    october = {"from": "2026-10-01", "to": "2026-10-31"}
    gym, eve = await salon.rows("partners", october)
    assert (gym["partner"], gym["name"], eve["partner"]) == ("P0001", "Gym", "P0001-01")
    assert (gym["attracted"], gym["attracted_total"], gym["customers"]) == (1, 2, 2)
    assert (eve["attracted"], eve["attracted_total"], eve["customers"]) == (0, 1, 1)
    assert (gym["net"], eve["net"]) == (21_002, 20_002)
    assert (gym["rewards"], gym["reversed"]) == (900 + 600 + 30, 300 + 200)
    assert (eve["rewards"], eve["reversed"]) == (600, 200)
    assert (eve["margin"], eve["margin_after"]) == (10_002, 10_002 - 600)
    december = {"from": "2026-12-01", "to": "2026-12-31"}
    quiet, _ = await salon.rows("partners", december)
    assert (quiet["margin"], quiet["margin_after"]) == (0, 0), "nothing was sold"
    assert gym["margin"] is None  # what Bob bought has no known cost
    assert await salon.names(partner=["P0001"]) == ["Ann", "Bob"]
    assert await salon.names(employee=["p0001-01"]) == ["Ann"]


async def test_a_sale_is_its_partners_of_then_or_of_now(salon: Shop) -> None:
    for n, name in enumerate(("Gym", "Spa"), start=1):
        await salon.pos.call("partner.add", request_id=f"p{n}", name=name, by="olha")
    await salon.issue(ANN, name="Ann", partner="P0001")
    await salon.sell(ANN, 1_000)
    moved = {"request_id": "a", "card": ANN, "partner": "P0002", "by": "olha", "reason": "moved"}
    await salon.pos.call("partner.assign", **moved)
    for attribution, nets in (("sale", [1_000, 0]), ("now", [0, 1_000])):
        rows = await salon.rows("partners", filters={"attribution": attribution})
        assert [row["net"] for row in rows] == nets
        named: Row = {"partner": ["P0001"], "attribution": attribution}
        assert await salon.names(**named) == (["Ann"] if nets[0] else [])
    rows = await salon.rows("partners")
    assert [row["attracted_total"] for row in rows] == [1, 0]


async def test_a_rule_says_what_growth_would_pay_for_it(tmp_path: Path, location: str) -> None:
    """It gave 60.00 on sales of 940.00 that cost 700.00: 25.00 % more volume pays for it."""
    rule = '[[rule]]\nid = "six"\ngive = { percent = 6 }\n'
    async with shop(tmp_path, location, rule) as salon:
        line = {"line": 1, "sku": "x", "qty": 1, "unit_price": 100_000, "cost": 70_000}
        await salon.pos.call("sale.commit", sale_id="s", card=PLASTIC, lines=[line])
        [row] = await salon.rows("rules")
        assert (row["rule"], row["uses"], row["given"], row["share_bp"]) == ("six", 1, 6_000, 600)
        assert row["needed_growth_bp"] == 2_500
        await salon.sell(PLASTIC, 1_000)
        [row] = await salon.rows("rules")
        assert row["needed_growth_bp"] is None  # a line's cost is not known
        await salon.sell(PLASTIC, 50_000, cashier="ivan")
        [row] = await salon.rows("rules", filters={"cashier": ["ivan"]})
        assert (row["given"], row["share_bp"]) == (3_000, 600)


async def test_a_cost_that_no_line_says_is_estimated_by_the_usual_markup(
    tmp_path: Path, location: str
) -> None:
    """1,000.00 at list have cost 800.00 at a markup of 25 %: 60.00 of 140.00 are 42.86 %."""
    rules = 'markup = 25\n[[rule]]\nid = "six"\ngive = { percent = 6 }\n'
    async with shop(tmp_path, location, rules) as salon:
        await salon.sell(PLASTIC, 100_000)
        [row] = await salon.rows("rules")
        assert (row["needed_growth_bp"], row["note"]) == (4_286, "estimated")
        line = {"line": 1, "sku": "x", "qty": 1, "unit_price": 100_000, "cost": 70_000}
        await salon.pos.call("sale.commit", sale_id="s", card=PLASTIC, lines=[line])
        [row] = await salon.rows("rules")  # 120.00 of 1,880.00 - 700.00 - 800.00
        assert (row["needed_growth_bp"], row["note"]) == (3_158, "estimated")
        assert await salon.rows("rules", filters={"cashier": ["nobody"]}) == []


def test_an_estimate_of_what_goods_have_cost() -> None:
    whole, none = RuleSums(list_total=1_000, net=900), RuleSums()
    assert cost_of(whole, 2_500) == (800, "estimated")
    assert cost_of(whole, None) == (None, "")
    assert cost_of(none, 2_500) == (0, "")
    known = RuleSums(list_total=1_000, net=900, cost=700, cost_net=900)
    assert cost_of(known, 2_500) == (700, "")
    half = RuleSums(list_total=1_000, net=900, cost=300, cost_net=450)
    assert cost_of(half, 2_500) == (700, "estimated")


async def test_a_reader_sees_what_their_role_sees(salon: Shop) -> None:
    await three(salon)
    for n, (name, role, stores) in enumerate(
        (("ivan", "senior", []), ("maria", "manager", ["9"]), ("acc", "accountant", []))
    ):
        terms = {"request_id": f"o{n}", "name": name, "role": role, "stores": stores}
        await salon.pos.call("operator.add", by="olha", **terms)
    [own] = await salon.rows("cashiers", reader="ivan")
    assert (own["cashier"], own["net"]) == ("ivan", 2_000)
    names = [row["name"] for row in await salon.rows("activity", reader="acc", sort="-net")]
    assert names == ["A…", "B…", "C…"]
    for reader, report, more in (
        ("ivan", "activity", {}),
        ("maria", "cohorts", {}),
        ("maria", "activity", {"filters": {"store": ["1"]}}),
        ("nobody", "activity", {}),
    ):
        asked = {"report": report, "reader": reader, **EVER, **more}
        said = await refused(salon.pos, "report.run", **asked)
        assert said.code == ErrorCode.PERMISSION, (reader, report)
    assert await salon.rows("activity", reader="maria") == []  # nothing was sold in store 9


async def test_a_dossier_has_the_figures_of_the_report(salon: Shop) -> None:
    await three(salon)
    back = await salon.sell(ANN, 5_000, 7_000)
    salon.clock.move(days=30)
    await salon.give_back(back)
    await salon.sell(ANN, 300)
    for period in (EVER, {"from": "2026-09-11", "to": "2026-10-20"}):
        rows = {row["name"]: row for row in await salon.rows("activity", period)}
        for card, name in ((ANN, "Ann"), (BOB, "Bob"), (CAT, "Cat")):
            shown = (await salon.pos.call("customer.show", card=card, **period))["figures"]
            same = {column: rows[name][column] for column in rows[name] if column in shown}
            assert {column: shown[column] for column in same} == same
            assert len(same) >= 13
