"""What a sale hands out belongs to the condition that brought it, under both return policies."""

from typing import Any

import pytest

from tests.scenarios.shops import HEAD, goods
from tests.support.till import PLASTIC, Pos

RULES = """
[[lane]]
id = "card"
[[purse]]
id = "bonus"
unit = "UAH"
may_go_negative = "never"
[[rule]]
id = "gift"
scope = { sku = "sku-1" }
give = { issue = "Tablets" }
[[rule]]
id = "basket"
when = { basket.total = { at_least = 30000 } }
give = { issue = "thanks" }
[[rule]]
id = "points"
when = { basket.total = { at_least = 30000 } }
give = { earn = "bonus", amount = 5000 }
[[rule]]
id = "percent"
give = { earn = "bonus", percent = 1 }
[[rule]]
id = "tablets"
lane = "card"
when = { codes = "tablets" }
give = { percent = 10 }
[[rule]]
id = "thanks"
lane = "card"
when = { codes = "thanks" }
give = { amount = 700 }
"""
MACHINE, CUP, REST = 25_000, 1_000, 5_000
Answer = dict[str, Any]


@pytest.fixture(params=["keep", "recompute"])
def programme(request: pytest.FixtureRequest) -> str:
    return f'{HEAD}return_policy = "{request.param}"\n{RULES}'


async def sell(pos: Pos) -> dict[str, str]:
    """Sell a machine, a cup and something else for 310.00; return the codes by campaign."""
    terms: Answer = {"card": PLASTIC, "lines": goods(MACHINE, CUP, REST)}
    posted = await pos.call("sale.commit", sale_id="s1", **terms)
    assert sum(earned["amount"] for earned in posted["receipt"]["earn"]) == 5_310
    return {issued["campaign"]: issued["code"] for issued in posted["receipt"]["issued"]}


async def back(pos: Pos, *lines: int) -> Answer:
    asked = [{"line": line, "qty": 1} for line in lines]
    name = "-".join(map(str, lines))
    answer: Answer = await pos.call("sale.return", return_id=f"r{name}", sale_id="s1", lines=asked)
    return answer


async def use(pos: Pos, sale_id: str, code: str, price: int = 10_000) -> int:
    posted = await pos.call("sale.commit", sale_id=sale_id, codes=[code], lines=goods(price))
    return int(posted["total"])


async def state(pos: Pos, code: str) -> str:
    return str((await pos.call("code.show", code=code))["state"])


async def test_a_code_for_a_machine_goes_with_the_machine_though_a_cup_stays(pos: Pos) -> None:
    codes = await sell(pos)
    answer = await back(pos, 1)
    assert set(answer["codes"]) == set(codes.values())
    assert (answer["refund"], answer["kept"]) == (MACHINE, 0)
    assert [await state(pos, code) for code in codes.values()] == ["taken_back"] * 2


async def test_a_code_for_a_basket_goes_when_what_is_left_would_not_bring_it(pos: Pos) -> None:
    codes = await sell(pos)
    answer = await back(pos, 2)  # 300.00 are left
    assert (answer["codes"], answer["earned_back"]) == ([], {"bonus": 10})
    answer = await back(pos, 3)  # 250.00 are left
    assert (answer["codes"], answer["earned_back"]) == ([codes["thanks"]], {"bonus": 5_050})
    assert await state(pos, codes["tablets"]) == "good"


async def test_points_for_a_basket_go_as_one_sum_and_shares_by_line(pos: Pos) -> None:
    await sell(pos)
    assert (await back(pos, 3))["earned_back"] == {"bonus": 5_050}
    assert (await back(pos, 1, 2))["earned_back"] == {"bonus": 260}
    balance = (await pos.call("card.show", card=PLASTIC))["balances"]["bonus"]
    assert balance["available"] == 0


async def test_what_a_used_code_took_off_is_kept_from_the_refund(pos: Pos) -> None:
    codes = await sell(pos)
    assert await use(pos, "s2", codes["tablets"]) == 9_000
    assert await use(pos, "s3", codes["thanks"]) == 9_300
    answer = await back(pos, 1)
    assert (answer["refund"], answer["kept"]) == (MACHINE - 1_700, 1_700)


@pytest.mark.parametrize("steps", [[(1, 2, 3)], [(3,), (1, 2)], [(2,), (3,), (1,)], [(2, 3), (1,)]])
async def test_parts_keep_what_the_whole_keeps(pos: Pos, steps: list[tuple[int, ...]]) -> None:
    codes = await sell(pos)
    assert await use(pos, "s2", codes["tablets"], 60_000) == 54_000
    assert await use(pos, "s3", codes["thanks"]) == 9_300
    answers = [await back(pos, *step) for step in steps]
    assert sum(answer["kept"] for answer in answers) == 6_700
    assert sum(answer["refund"] for answer in answers) == MACHINE + CUP + REST - 6_700
    status = await pos.call("sale.status", sale_id="s1")
    assert status["refunded"] == MACHINE + CUP + REST - 6_700


async def test_what_one_refund_is_too_small_for_is_kept_from_the_next(pos: Pos) -> None:
    codes = await sell(pos)
    assert await use(pos, "s3", codes["thanks"]) == 9_300
    assert await use(pos, "s2", codes["tablets"], 260_000) == 234_000
    first = await back(pos, 1)
    assert (first["refund"], first["kept"]) == (0, MACHINE)
    second = await back(pos, 3)
    assert (second["refund"], second["kept"]) == (3_300, 1_700)


async def test_a_code_whose_sale_came_back_was_worth_nothing(pos: Pos) -> None:
    codes = await sell(pos)
    await use(pos, "s2", codes["tablets"])
    await pos.call("sale.return", return_id="r", sale_id="s2", whole=True)
    answer = await back(pos, 1)
    assert (answer["refund"], answer["kept"]) == (MACHINE, 0)
