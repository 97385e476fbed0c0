"""Statements of partners on every store: derived from entries, numbered without gaps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PLASTIC, Pos, begin_ledger, lay_out, open_till

RULES = """
[[purse]]
id = "reward"
unit = "UAH"
[[rule]]
id = "company"
give = { earn = "reward", percent = 3, to = "partner" }
[[rule]]
id = "employee"
give = { earn = "reward", percent = 2, to = "employee" }
"""
HOLD = RULES.replace('to = "partner"', 'to = "partner", hold = "14d"')
OCTOBER = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
BY = {"by": "olha"}
Answer = dict[str, Any]


class Shop:
    """A till with a partner who has sent the one customer."""

    def __init__(self, pos: Pos, clock: HandClock) -> None:
        self.pos, self.clock = pos, clock
        self._count = 0

    async def write(self, method: str, /, **terms: Any) -> Answer:
        answer: Answer = await self.pos.call(method, **self.asked(terms))
        return answer

    async def sentence(self, method: str, /, **terms: Any) -> str:
        return (await refused(self.pos, method, **self.asked(terms))).message

    def asked(self, terms: Answer) -> Answer:
        self._count += 1
        return {"request_id": f"r{self._count}", **BY} | terms

    async def sell(self, sale_id: str, price: int) -> None:
        await self.pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(price))

    async def give_back(self, sale_id: str) -> None:
        terms = {"return_id": f"back-{sale_id}", "sale_id": sale_id, "whole": True}
        await self.pos.call("sale.return", **terms)

    async def settle(self, first: str, last: str) -> Answer:
        return await self.write("partner.statement", partner="P0001", **{"from": first, "to": last})

    async def pay(self, amount: int, statement: str = "S-2026-000001", **more: str) -> Answer:
        return await self.write("partner.pay", **self.how(amount, statement), **more)

    async def unpaid(self, amount: int, statement: str = "S-2026-000001", **more: str) -> str:
        return await self.sentence("partner.pay", **self.how(amount, statement), **more)

    @staticmethod
    def how(amount: int, statement: str) -> Answer:
        return {"statement": statement, "amount": amount, "method": "bank", "document": "order 17"}


def sums(statement: Answer) -> dict[str, dict[str, int]]:
    """Return what is not 0, by payee."""
    return {
        one["payee"]: {name: n for name, n in one.items() if n and isinstance(n, int)}
        for one in statement["sums"]
    }


@asynccontextmanager
async def shop(home: Path, location: str, rules: str = RULES) -> AsyncIterator[Shop]:
    more = {f'ledger = "{LEDGER}"': f'ledger = "{location}"'} if location != "ledger.db" else {}
    lay_out(home, HEAD + rules, **more)
    begin_ledger(home)
    clock = HandClock(OCTOBER)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        one = Shop(pos, clock)
        await one.write("partner.add", name="Gym")
        await one.write("partner.add", name="Ann", of="P0001")
        why = {"card": PLASTIC, "reason": "came with a voucher"}
        await one.write("partner.assign", partner="P0001", **why)
        yield one
    with closing(open_store(location if more else LEDGER, home, read_only=True)) as store:
        assert audit(store).findings == ()


@pytest.fixture
async def gym(tmp_path: Path, location: str) -> AsyncIterator[Shop]:
    async with shop(tmp_path, location) as one:
        yield one


async def test_a_period_is_told_from_its_entries_and_the_next_goes_on(gym: Shop) -> None:
    """60.00 earned in October; a return takes them in November, and 90.00 are earned."""
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    october = await gym.settle("2026-10-01", "2026-10-31")
    assert (october["statement"], october["state"]) == ("S-2026-000001", "issued")
    assert sums(october) == {
        "P0001": {"accrued": 6_000, "closing": 6_000, "payable": 6_000, "left": 6_000}
    }
    await gym.give_back("s1")
    await gym.sell("s2", 300_000)
    gym.clock.move(days=30)
    november = await gym.settle("2026-11-01", "2026-11-30")
    assert november["statement"] == "S-2026-000002"
    told = {"opening": 6_000, "accrued": 9_000, "reversed": 6_000}
    ends = {"closing": 9_000, "payable": 9_000, "left": 9_000}
    assert sums(november) == {"P0001": told | ends}
    shown = await gym.pos.call("partner.statement_show", statement="s-2026-000002")
    assert shown["statement"] == november
    lines = [(one["day"], one["base"], one["rate_bp"], one["reward"]) for one in shown["lines"]]
    assert lines == [("2026-11-04", -200_000, 300, -6_000), ("2026-11-04", 300_000, 300, 9_000)]
    assert {one["payee"] for one in shown["lines"]} == {"P0001"}
    assert shown["lines"][0]["customer"].endswith("0018")
    assert "Olena" not in shown["lines"][0]["customer"]
    assert all(one["seq"] and one["ledger_id"] and one["store"] for one in shown["lines"])


async def test_each_employee_is_a_payee_where_the_partner_says_so(gym: Shop) -> None:
    why = {"card": PLASTIC, "reason": "came with a voucher"}
    await gym.write("partner.assign", employee="P0001-01", **why)
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    together = await gym.settle("2026-10-05", "2026-10-05")
    assert {code: one["closing"] for code, one in sums(together).items()} == {"P0001": 10_000}
    await gym.write("partner.statement_void", statement="S-2026-000001", reason="to each of them")
    await gym.write("partner.change", code="P0001", pay="each")
    apart = await gym.settle("2026-10-05", "2026-10-05")
    assert apart["statement"] == "S-2026-000002"  # the void one keeps its number
    assert {code: one["closing"] for code, one in sums(apart).items()} == {
        "P0001": 6_000,
        "P0001-01": 4_000,
    }
    listed = await gym.pos.call("partner.statements", partner="P0001")
    assert [one["state"] for one in listed["statements"]] == ["void", "issued"]


async def test_what_is_on_hold_is_carried_and_a_purse_below_0_has_nothing_payable(
    tmp_path: Path, location: str
) -> None:
    async with shop(tmp_path, location, HOLD) as gym:
        await gym.sell("s1", 200_000)
        gym.clock.move(days=20)
        account = (await gym.pos.call("partner.show", code="P0001"))["account"]
        terms = {"account": account, "purse": "reward", "reason": "a wrong rate"}
        before = await gym.settle("2026-10-05", "2026-10-10")
        assert sums(before)["P0001"] == {"accrued": 6_000, "closing": 6_000}
        await gym.write("points.adjust", amount=-7_000, **terms)
        gym.clock.move(days=1)
        after = await gym.settle("2026-10-11", "2026-10-25")
        assert sums(after)["P0001"] == {"opening": 6_000, "adjusted": -7_000, "closing": -1_000}


@pytest.mark.parametrize(
    ("first", "last", "what"),
    [
        ("2026-10-31", "2026-11-02", "from: S-2026-000001 tells of 2026-10-01 to 2026-10-31"),
        ("2026-09-01", "2026-12-31", "to: 2026-12-31 is not over yet; say a day before 2026-11-04"),
        ("2026-11-01", "2026-11-04", "to: 2026-11-04 is not over yet"),
        ("2026-11-02", "2026-11-01", "to: 2026-11-01 is before 2026-11-02; turn them round"),
        ("2026-11-31", "2026-11-01", "from: '2026-11-31' is no day"),
    ],
)
async def test_a_period_is_over_and_told_once(gym: Shop, first: str, last: str, what: str) -> None:
    gym.clock.move(days=30)
    await gym.settle("2026-10-01", "2026-10-31")
    period = {"from": first, "to": last}
    assert what in await gym.sentence("partner.statement", partner="P0001", **period)


async def test_what_is_no_statement_is_refused(gym: Shop) -> None:
    gym.clock.move(days=30)
    period = {"from": "2026-10-01", "to": "2026-10-31"}
    said = await gym.sentence("partner.statement", partner="P0001-01", **period)
    assert "partner: P0001-01 is an employee, no partner" in said
    shown = {"statement": "S-2026-000009"}
    assert await refusal(gym.pos, "partner.statement_show", **shown) == (-32602, "invalid_params")
    await gym.settle(*period.values())
    void = {"statement": "S-2026-000001", "reason": "the wrong month"}
    await gym.write("partner.statement_void", **void)
    said = await gym.sentence("partner.statement_void", **void)
    assert "S-2026-000001 is void already" in said


async def test_a_void_statement_is_not_paid(gym: Shop) -> None:
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    october = await gym.settle("2026-10-01", "2026-10-31")
    assert sums(october)["P0001"]["left"] == 6_000
    void = {"statement": "S-2026-000001", "reason": "the wrong month"}
    await gym.write("partner.statement_void", **void)
    assert "statement: S-2026-000001 is void" in await gym.unpaid(6_000)


async def test_what_comes_back_after_it_was_paid_is_filled_by_later_rewards(gym: Shop) -> None:
    """60.00 earned and paid; in November a return takes them, 90.00 are earned: 30.00 is left."""
    await gym.sell("s1", 200_000)
    gym.clock.move(days=1)
    await gym.settle("2026-10-05", "2026-10-05")
    paid = await gym.pay(6_000)
    assert paid["state"] == "paid"
    gym.clock.move(days=26)
    october = await gym.settle("2026-10-06", "2026-10-31")
    assert sums(october)["P0001"] == {"opening": 6_000, "paid": 6_000}
    gym.clock.move(days=4)
    await gym.give_back("s1")
    gym.clock.move(days=1)
    below = await gym.settle("2026-11-01", "2026-11-05")
    assert sums(below)["P0001"] == {"reversed": 6_000, "closing": -6_000}
    await gym.sell("s2", 300_000)
    gym.clock.move(days=30)
    await gym.write("partner.statement_void", statement=below["statement"], reason="half a month")
    november = await gym.settle("2026-11-01", "2026-11-30")
    told = {"accrued": 9_000, "reversed": 6_000, "closing": 3_000, "payable": 3_000, "left": 3_000}
    assert sums(november)["P0001"] == told
    assert (await gym.pay(3_000, november["statement"]))["state"] == "paid"


async def test_a_statement_is_paid_once_and_not_more_than_it_says(gym: Shop) -> None:
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    await gym.settle("2026-10-01", "2026-10-31")
    assert "amount: only 60.00 UAH is left to pay of S-2026-000001" in await gym.unpaid(6_001)
    part = await gym.pay(2_500)
    assert (part["state"], part["sums"][0]["left"]) == ("part_paid", 3_500)
    assert "only 35.00 UAH is left" in await gym.unpaid(3_501)
    terms = {"request_id": "once", **BY, **gym.how(3_500, "S-2026-000001")}
    whole = await gym.pos.call("partner.pay", **terms)
    assert (whole["state"], whole["sums"][0]["left"]) == ("paid", 0)
    assert await gym.pos.call("partner.pay", **terms) == whole | {"replayed": True}
    assert "statement: S-2026-000001 is paid already" in await gym.unpaid(1)
    void = {"request_id": "v", "statement": "S-2026-000001", "reason": "the wrong month", **BY}
    assert await refusal(gym.pos, "partner.statement_void", **void) == (1029, "not_undoable")


async def test_an_organisation_is_paid_from_its_purse_and_then_from_its_employees(
    gym: Shop,
) -> None:
    why = {"card": PLASTIC, "reason": "came with a voucher"}
    ann = await gym.write("partner.assign", employee="P0001-01", **why)
    assert ann["employee"] == "P0001-01"
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    await gym.settle("2026-10-01", "2026-10-31")
    assert (await gym.pay(7_000))["sums"][0]["left"] == 3_000
    await gym.write("partner.change", code="P0001", pay="each")
    gym.clock.move(days=30)
    after = sums(await gym.settle("2026-11-01", "2026-11-30"))
    assert after["P0001"] == {"opening": 6_000, "paid": 6_000}
    told = {"opening": 4_000, "paid": 1_000, "closing": 3_000, "payable": 3_000, "left": 3_000}
    assert after["P0001-01"] == told


async def test_who_is_paid_is_said_where_several_have_something_left(gym: Shop) -> None:
    await gym.write("partner.change", code="P0001", pay="each")
    why = {"card": PLASTIC, "reason": "came with a voucher"}
    await gym.write("partner.assign", employee="P0001-01", **why)
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    await gym.settle("2026-10-01", "2026-10-31")
    said = await gym.unpaid(1_000)
    assert "something is left for P0001 reward, P0001-01 reward" in said
    assert (await gym.pay(4_000, payee="p0001-01"))["state"] == "part_paid"
    assert (await gym.pay(6_000))["state"] == "paid"


async def test_money_that_has_come_back_since_is_not_paid(gym: Shop) -> None:
    await gym.sell("s1", 200_000)
    gym.clock.move(days=30)
    await gym.settle("2026-10-01", "2026-10-31")
    await gym.give_back("s1")
    terms = {"request_id": "p", **BY, **gym.how(6_000, "S-2026-000001")}
    assert await refusal(gym.pos, "partner.pay", **terms) == (1020, "not_enough")
