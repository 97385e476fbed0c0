"""What a return would give, and a hold that is to last longer: asked without an id of its own."""

from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

PURSE = """
[[purse]]
id = "bonus"
unit = "UAH"
expire = "30d"
RETURNED
[[rule]]
id = "earn"
give = { earn = "bonus", percent = 10 }
[[rule]]
id = "pay"
give = { burn = "bonus", max_percent = 100 }
"""
OVERRIDE = {"by": "olha", "reason": "knows the customer"}
HOLD: dict[str, Any] = {"sale_id": "h1", "card": PLASTIC, "lines": goods(10_000)}


@pytest.fixture
def returned() -> str:
    return ""


@pytest.fixture
def programme(returned: str) -> str:
    return HEAD + PURSE.replace("RETURNED", returned)


async def purse(pos: Pos) -> int:
    shown = await pos.call("card.show", card=PLASTIC)
    return int(shown["balances"]["bonus"]["available"])


async def back(pos: Pos, return_id: str = "r1", sale_id: str = "s2", **more: Any) -> Any:
    what = more or {"whole": True}
    return await pos.call("sale.return", return_id=return_id, sale_id=sale_id, **what)


async def spend(pos: Pos) -> None:
    """Earn 80.00 and pay with all of it for 100.00."""
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(80_000))
    terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(10_000), "override": OVERRIDE}
    await pos.call("sale.commit", sale_id="s2", burn={"bonus": 8_000}, **terms)


async def test_a_dry_return_says_all_that_the_return_would_and_writes_nothing(pos: Pos) -> None:
    await spend(pos)
    before = await purse(pos)
    dry = await back(pos, dry=True, whole=True)
    assert await purse(pos) == before
    assert (await pos.call("sale.status", sale_id="s2"))["refunded"] == 0
    assert dry["dry"] is True
    done = await back(pos)
    assert done == dry | {"dry": False}
    error = await refused(pos, "sale.return", return_id="r2", sale_id="s2", dry=True, whole=True)
    assert error.data["name"] == "returned_already"


async def test_a_dry_return_uses_no_id_and_looks_none_up(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s2", lines=goods(1_000, 2_000))
    part = [{"line": 1, "qty": 1}]
    first = await back(pos, "r1", dry=True, lines=part)
    again = await back(pos, "r1", dry=True, whole=True)
    assert (first["refund"], again["refund"]) == (1_000, 3_000)
    done = await back(pos, "r1", lines=part)
    assert (done["refund"], done["replayed"]) == (1_000, False)
    assert (await back(pos, "r1", dry=True, whole=True))["refund"] == 2_000
    error = await refused(pos, "sale.return", return_id="x", sale_id="no", dry=True, whole=True)
    assert error.data["name"] == "not_returnable"


@pytest.mark.parametrize(
    ("returned", "good"),
    [("", 30), ('returned_lapsed = "days:2"', 2), ('returned_lapsed = "gone"', 0)],
)
async def test_what_comes_back_after_its_day_says_so_and_is_good_as_the_purse_says(
    pos: Pos, till: App, clock: HandClock, good: int
) -> None:
    await spend(pos)
    clock.move(days=40)
    await till.look_after()
    answer = await back(pos)
    assert (answer["burned_back"], answer["lapsed"]) == ({"bonus": 8_000}, {"bonus": 8_000})
    assert await purse(pos) == (8_000 if good else 0)
    clock.move(days=good + 1)
    await till.look_after()
    assert await purse(pos) <= 0


async def test_what_comes_back_in_time_lapsed_not(pos: Pos, clock: HandClock) -> None:
    await spend(pos)
    clock.move(days=3)
    assert (await back(pos))["lapsed"] == {}


async def test_a_hold_asked_for_again_with_another_time_ends_later(
    pos: Pos, till: App, clock: HandClock
) -> None:
    first = await pos.call("sale.hold", ttl_s=60, **HOLD)
    assert await pos.call("sale.hold", ttl_s=60, **HOLD) == first | {"replayed": True}
    clock.move(seconds=50)
    longer = await pos.call("sale.hold", ttl_s=3_600, **HOLD)
    assert (longer["until"], longer["total"]) == ("2026-11-23T09:00:50.000000Z", first["total"])
    assert (await pos.call("sale.hold", ttl_s=7, **HOLD))["until"] == longer["until"], "never less"
    clock.move(seconds=3_000)
    await till.look_after()
    assert (await pos.call("sale.status", sale_id="h1"))["until"] == longer["until"]
    assert (await pos.call("sale.commit", sale_id="h1", card=PLASTIC))["state"] == "posted"


async def test_a_hold_that_ran_out_or_was_posted_is_not_prolonged(
    pos: Pos, clock: HandClock
) -> None:
    await pos.call("sale.hold", ttl_s=60, **HOLD)
    clock.move(seconds=61)
    error = await refused(pos, "sale.hold", ttl_s=600, **HOLD)
    assert error.data["name"] == "hold_expired"
    other = HOLD | {"sale_id": "h2"}
    held = await pos.call("sale.hold", ttl_s=60, **other)
    await pos.call("sale.commit", sale_id="h2", card=PLASTIC)
    assert await pos.call("sale.hold", ttl_s=600, **other) == held | {"replayed": True}
    error = await refused(pos, "sale.hold", **HOLD | {"sale_id": "h2", "lines": goods(1)})
    assert error.data["name"] == "id_reused"


async def test_a_week_is_the_longest(pos: Pos) -> None:
    await pos.call("sale.hold", ttl_s=7 * 86_400, **HOLD)
    error = await refused(pos, "sale.hold", ttl_s=7 * 86_400 + 1, **HOLD | {"sale_id": "h2"})
    assert error.message == "ttl_s: is above 604800"


async def test_prices_in_another_currency_are_refused(pos: Pos) -> None:
    lines = goods(1_000)
    assert (await pos.call("sale.quote", lines=lines, currency="UAH"))["total"] == 1_000
    for method in ("sale.quote", "sale.hold", "sale.commit"):
        named = {} if method == "sale.quote" else {"sale_id": "s9"}
        error = await refused(pos, method, lines=lines, currency="EUR", **named)
        assert error.message == "currency: the programme counts in UAH, not in EUR"
