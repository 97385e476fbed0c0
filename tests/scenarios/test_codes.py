from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.shops import documented, goods, refusal, sku
from tests.support.clock import HandClock
from tests.support.till import PHONE, PLASTIC, Pos, RefusedByTillError, lay_out, open_till


@pytest.fixture
def programme() -> str:
    return documented("coupon")


async def buy_coupon(pos: Pos, sale_id: str = "bought", qty: int = 1) -> list[str]:
    lines = [sku("COUPON-100", 8_000, qty)]
    posted = await pos.call("sale.commit", sale_id=sale_id, lines=lines)
    return [issued["code"] for issued in posted["receipt"]["issued"]]


async def test_a_bought_coupon_takes_its_worth_off_once(pos: Pos) -> None:
    [code] = await buy_coupon(pos)
    quote = await pos.call("sale.quote", lines=goods(30_000), codes=[code])
    assert quote["total"] == 20_000
    posted = await pos.call("sale.commit", sale_id="s1", quote_id=quote["quote_id"])
    assert posted["total"] == 20_000
    used_up = (1025, "code_used_up")
    assert await refusal(pos, "sale.quote", lines=goods(30_000), codes=[code]) == used_up
    assert await refusal(pos, "sale.quote", lines=goods(30_000), codes=[code.lower()]) == used_up
    shown = await pos.call("code.show", code=code)
    assert (shown["used"], shown["uses"], shown["ref"]) == (1, 1, "bought")


async def test_unknown_used_up_and_expired_are_told_apart(pos: Pos, clock: HandClock) -> None:
    first, second = await buy_coupon(pos, qty=2)
    await pos.call("sale.commit", sale_id="s1", lines=goods(30_000), codes=[first])
    basket = {"lines": goods(30_000)}
    unknown = (1024, "code_unknown")
    assert await refusal(pos, "sale.quote", **basket, codes=["ABCDEFGHJKMN"]) == unknown
    # The campaign's own name is no code: nobody was given it.
    assert await refusal(pos, "sale.quote", **basket, codes=["hundred"]) == unknown
    assert await refusal(pos, "sale.quote", **basket, codes=[first]) == (1025, "code_used_up")
    clock.move(days=365)
    assert (await pos.call("sale.quote", **basket, codes=[second]))["total"] == 20_000
    clock.move(days=1)
    assert await refusal(pos, "sale.quote", **basket, codes=[second]) == (1026, "code_expired")
    assert await refusal(pos, "sale.quote", **basket, codes=[first]) == (1025, "code_used_up")


async def test_a_hold_reserves_a_code_and_a_void_lets_it_go(pos: Pos, till: App) -> None:
    [code] = await buy_coupon(pos)
    terms: dict[str, Any] = {"lines": goods(30_000), "codes": [code]}
    quote = await pos.call("sale.quote", **terms)
    await pos.call("sale.hold", sale_id="h1", **terms)
    used_up = (1025, "code_used_up")
    assert await refusal(pos, "sale.quote", **terms) == used_up
    # A quote that was given before the hold does not get round it.
    assert await refusal(pos, "sale.commit", sale_id="s2", quote_id=quote["quote_id"]) == used_up
    await pos.call("sale.void", sale_id="h1")
    assert (await pos.call("sale.commit", sale_id="s3", **terms))["total"] == 20_000


async def test_a_hold_that_runs_out_lets_the_code_go(pos: Pos, till: App, clock: HandClock) -> None:
    [code] = await buy_coupon(pos)
    terms: dict[str, Any] = {"lines": goods(30_000), "codes": [code]}
    await pos.call("sale.hold", sale_id="h1", ttl_s=60, **terms)
    clock.move(seconds=61)
    await till.look_after()
    assert (await pos.call("sale.commit", sale_id="s1", **terms))["total"] == 20_000


async def test_the_whole_sale_returned_gives_a_returnable_code_back(pos: Pos) -> None:
    [code] = await buy_coupon(pos)
    terms: dict[str, Any] = {"lines": goods(30_000, 10_000), "codes": [code]}
    await pos.call("sale.commit", sale_id="s1", **terms)
    await pos.call("sale.return", return_id="r1", sale_id="s1", lines=[{"line": 1, "qty": 1}])
    assert await refusal(pos, "sale.quote", **terms) == (1025, "code_used_up")
    await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
    assert (await pos.call("sale.commit", sale_id="s2", **terms))["total"] == 30_000


async def test_a_coupon_that_is_returned_is_worth_nothing_and_a_used_one_is_not_returned(
    pos: Pos,
) -> None:
    first, second = await buy_coupon(pos, qty=2)
    await pos.call("sale.commit", sale_id="s1", lines=goods(30_000), codes=[first])
    one = [{"line": 1, "qty": 1}]
    back = await pos.call("sale.return", return_id="r1", sale_id="bought", lines=one)
    assert back["refund"] == 8_000
    expired = (1026, "code_expired")
    assert await refusal(pos, "sale.quote", lines=goods(30_000), codes=[second]) == expired
    assert (await pos.call("code.show", code=second))["state"] == "taken_back"
    not_returnable = (1030, "not_returnable")
    terms = {"return_id": "r2", "sale_id": "bought", "lines": one}
    assert await refusal(pos, "sale.return", **terms) == not_returnable
    assert await refusal(pos, "sale.return", **terms) == not_returnable  # for ever


async def test_a_return_takes_no_code_of_a_request_that_is_named_as_the_sale(pos: Pos) -> None:
    [bought] = await buy_coupon(pos)
    issued = await pos.call("code.issue", request_id="bought", campaign="hundred")
    back = await pos.call("sale.return", return_id="r1", sale_id="bought", whole=True)
    assert back["codes"] == [bought]
    [letter] = issued["codes"]
    assert (await pos.call("code.show", code=letter["code"]))["state"] == "good"


async def test_a_code_in_hand_when_it_is_taken_back_buys_nothing(pos: Pos) -> None:
    [code] = await buy_coupon(pos)
    quote = await pos.call("sale.quote", lines=goods(30_000), codes=[code])
    await pos.call("sale.return", return_id="r1", sale_id="bought", whole=True)
    used_up = (1025, "code_used_up")
    assert await refusal(pos, "sale.commit", sale_id="s1", quote_id=quote["quote_id"]) == used_up


async def test_a_code_is_issued_for_no_more_uses_than_its_rule_lets_it_have(pos: Pos) -> None:
    terms = {"request_id": "letter-1", "campaign": "hundred", "uses": 2}
    with pytest.raises(RefusedByTillError, match="uses: is above 1"):
        await pos.call("code.issue", **terms)
    assert (await pos.call("code.issue", **terms | {"uses": 1}))["codes"][0]["uses"] == 1


async def test_a_rule_that_names_no_number_of_uses_leaves_it_to_who_issues(
    tmp_path: Path, clock: HandClock
) -> None:
    unlimited = documented("coupon").replace("per_code = 1", "total = 1000")
    lay_out(tmp_path, unlimited)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        issued = await pos.call("code.issue", request_id="l", campaign="hundred", uses=7)
        assert issued["codes"][0]["uses"] == 7


async def test_codes_of_the_shop_s_own_making_have_days_uses_and_owners(
    pos: Pos, clock: HandClock
) -> None:
    today = clock.now().date()
    terms = {
        "request_id": "letter-1",
        "campaign": "hundred",
        "count": 2,
        "card": PLASTIC,
        "first": str(today + timedelta(days=1)),
        "until": str(today + timedelta(days=2)),
    }
    issued = await pos.call("code.issue", **terms)
    code, other = (one["code"] for one in issued["codes"])
    again = await pos.call("code.issue", **terms)
    assert (again["codes"], again["replayed"]) == (issued["codes"], True)

    mine: dict[str, Any] = {"lines": goods(30_000), "card": PLASTIC, "codes": [code]}
    assert await refusal(pos, "sale.quote", **mine) == (1026, "code_expired")
    clock.move(days=1)
    assert (await pos.call("sale.quote", **mine))["total"] == 20_000
    limit = (1023, "limit_reached")
    assert await refusal(pos, "sale.quote", **mine | {"card": PHONE}) == limit
    assert await refusal(pos, "sale.quote", **mine | {"card": None}) == limit
    clock.move(days=2)
    expired = (1026, "code_expired")
    assert await refusal(pos, "sale.quote", **mine | {"codes": [other]}) == expired
    nameless = {"request_id": "x", "campaign": "no-such"}
    assert await refusal(pos, "code.issue", **nameless) == (1024, "code_unknown")
    assert await refusal(pos, "code.show", code="ABC") == (1024, "code_unknown")


@pytest.mark.parametrize(
    "days",
    [
        {"until": "2026-02-30"},
        {"until": "2020-01-01"},
        {"first": "2030-01-02", "until": "2030-01-01"},
        {"first": "2030-13-01"},
    ],
)
async def test_codes_are_not_issued_for_days_that_do_not_exist_or_are_over(
    pos: Pos, days: dict[str, str]
) -> None:
    terms = {"request_id": "l1", "campaign": "hundred"}
    assert await refusal(pos, "code.issue", **terms, **days) == (-32602, "invalid_params")
    assert (await pos.call("code.issue", **terms))["replayed"] is False


async def test_a_code_says_whether_it_is_good_today(pos: Pos, clock: HandClock) -> None:
    today = clock.now().date()
    terms = {"campaign": "hundred", "count": 2, "first": str(today + timedelta(days=1))}
    issued = await pos.call(
        "code.issue", request_id="l1", until=str(today + timedelta(days=2)), **terms
    )
    held, never = (one["code"] for one in issued["codes"])

    async def state(code: str) -> tuple[str, int]:
        shown = await pos.call("code.show", code=code)
        return shown["state"], shown["used"]

    assert await state(held) == ("not_yet", 0)
    clock.move(days=1)
    assert await state(held) == ("good", 0)
    await pos.call("sale.hold", sale_id="h1", lines=goods(30_000), codes=[held])
    assert await state(held) == ("used_up", 1)
    await pos.call("sale.void", sale_id="h1")
    assert await state(held) == ("good", 0)
    clock.move(days=2)
    assert await state(never) == ("expired", 0)


async def test_two_coupons_on_one_sale_use_up_one(pos: Pos) -> None:
    first, second = await buy_coupon(pos, qty=2)
    posted = await pos.call("sale.commit", sale_id="s1", lines=goods(30_000), codes=[first, second])
    assert posted["total"] == 20_000
    used = [(await pos.call("code.show", code=code))["used"] for code in (first, second)]
    assert used == [1, 0]
