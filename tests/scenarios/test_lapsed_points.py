"""Points that lapsed unspent are gone: a return takes them no second time, whenever it comes."""

from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, audited

EARN = (
    HEAD
    + """
[[purse]]
id = "bonus"
unit = "UAH"
expire = "30d"

[[rule]]
id = "earn"
give = { earn = "bonus", percent = 5 }

[[rule]]
id = "pay"
give = { burn = "bonus", max_percent = 100 }
"""
)
NEVER = EARN.replace('expire = "30d"', 'expire = "30d"\nmay_go_negative = "never"')


@pytest.fixture
def programme() -> str:
    return EARN


async def earn(pos: Pos, sale_id: str, minor: int) -> None:
    await pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(minor))


async def spend(pos: Pos, sale_id: str, minor: int) -> None:
    override = {"by": "olha", "reason": "knows the customer"}
    terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(minor), "override": override}
    await pos.call("sale.commit", sale_id=sale_id, burn={"bonus": minor}, **terms)


async def give_back(pos: Pos, sale_id: str, lines: list[dict[str, Any]] | None = None) -> Any:
    what: dict[str, Any] = {"lines": lines} if lines else {"whole": True}
    return await pos.call(
        "sale.return", return_id=f"r-{sale_id}", sale_id=sale_id, cashier="anna", reason="x", **what
    )


async def available(pos: Pos) -> int:
    balances = (await pos.call("card.show", card=PLASTIC))["balances"]
    left: int = balances["bonus"]["available"]
    return left


@pytest.mark.parametrize("day_s_work", [True, False], ids=["written off", "not yet"])
async def test_what_lapsed_unspent_is_taken_no_second_time(
    pos: Pos, till: App, clock: HandClock, *, day_s_work: bool
) -> None:
    await earn(pos, "s1", 10_000)
    clock.move(days=31)
    await earn(pos, "s2", 18_000)
    if day_s_work:
        await till.look_after()
    answer = await give_back(pos, "s1")
    assert (answer["refund"], answer["earned_back"], answer["kept"]) == (10_000, {"bonus": 500}, 0)
    assert await available(pos) == 900
    await till.look_after()
    assert await available(pos) == 900


@pytest.mark.parametrize("day_s_work", [True, False], ids=["written off", "not yet"])
async def test_of_what_lapsed_only_the_part_that_was_spent_is_owed(
    pos: Pos, till: App, clock: HandClock, *, day_s_work: bool
) -> None:
    await earn(pos, "s1", 10_000)
    await spend(pos, "s2", 200)
    clock.move(days=31)
    await earn(pos, "s3", 18_000)
    if day_s_work:
        await till.look_after()
    await give_back(pos, "s1")
    assert await available(pos) == 700
    await till.look_after()
    assert await available(pos) == 700


@pytest.mark.parametrize("day_s_work", [True, False], ids=["written off", "not yet"])
async def test_sales_of_one_lot_share_what_lapsed_of_it(
    pos: Pos, till: App, clock: HandClock, *, day_s_work: bool
) -> None:
    await earn(pos, "s1", 10_000)
    await earn(pos, "s2", 6_000)
    await spend(pos, "s3", 400)
    clock.move(days=31)
    await earn(pos, "s4", 18_000)
    if day_s_work:
        await till.look_after()
    await give_back(pos, "s1")
    await give_back(pos, "s2")
    assert await available(pos) == 500  # 800 earned, 400 of them spent, and no more than that owed


@pytest.mark.parametrize("day_s_work", [True, False], ids=["written off", "not yet"])
async def test_two_halves_of_a_return_take_what_the_whole_would(
    pos: Pos, till: App, clock: HandClock, tmp_path: Path, *, day_s_work: bool
) -> None:
    line = {"line": 1, "sku": "tea", "qty": 2, "unit_price": 5_000}
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=[line])
    await spend(pos, "s2", 200)
    clock.move(days=31)
    await earn(pos, "s3", 18_000)
    if day_s_work:
        await till.look_after()
    for n in (1, 2):
        await pos.call(
            "sale.return",
            return_id=f"r{n}",
            sale_id="s1",
            cashier="anna",
            reason="x",
            lines=[{"line": 1, "qty": 1}],
        )
    assert await available(pos) == 700
    assert audited(tmp_path).findings == ()


class TestOfAPurseThatNeverOwes:
    @pytest.fixture
    def programme(self) -> str:
        return NEVER

    @pytest.mark.parametrize("day_s_work", [True, False], ids=["written off", "not yet"])
    async def test_the_refund_is_short_only_of_what_was_spent(
        self, pos: Pos, till: App, clock: HandClock, *, day_s_work: bool
    ) -> None:
        await earn(pos, "s1", 10_000)
        await spend(pos, "s2", 200)
        clock.move(days=31)
        if day_s_work:
            await till.look_after()
        answer = await give_back(pos, "s1")
        assert (answer["refund"], answer["kept"]) == (9_800, 200)
