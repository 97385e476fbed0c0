"""What a till sends beside a quote is what was quoted, or nothing; and a quote serves one sale."""

from typing import Any

import pytest

from tests.scenarios.baskets import show_plastic
from tests.scenarios.shops import goods
from tests.support.pos import refused
from tests.support.till import PHONE, PLASTIC, Pos

QUOTED: dict[str, Any] = {
    "card": PLASTIC,
    "lines": goods(1_000, 2_000),
    "payment": "cash",
    "cashier": "anna",
    "facts": {"channel": "web", "order.lead": 3, "flag.x": True},
}
OTHER: list[tuple[str, Any, str]] = [
    ("lines", goods(1_000), "lines[1]"),
    ("lines", goods(1_000, 2_500), "lines[1].unit_price"),
    ("lines", goods(1_000, 2_000, 3_000), "lines[2]"),
    ("card", PHONE, "card"),
    ("codes", ["K7"], "codes[0]"),
    ("burn", {"bonus": 5}, "burn.bonus"),
    ("payment", "card", "payment"),
    ("cashier", "boris", "cashier"),
    ("facts", QUOTED["facts"] | {"order.lead": 4}, "facts.order.lead"),
    ("facts", QUOTED["facts"] | {"flag.x": 1}, "facts.flag.x"),
    ("facts", {"channel": "web"}, "facts.order.lead"),
]


async def quote(pos: Pos) -> str:
    return str((await pos.call("sale.quote", **QUOTED))["quote_id"])


@pytest.mark.parametrize("method", ["sale.commit", "sale.hold"])
@pytest.mark.parametrize(("name", "value", "path"), OTHER)
async def test_what_differs_from_the_quote_is_refused_with_its_path(
    pos: Pos, method: str, name: str, value: Any, path: str
) -> None:
    terms = {"sale_id": "s1", "quote_id": await quote(pos), name: value}
    error = await refused(pos, method, **terms)
    assert (error.code, error.data["name"], error.data["path"]) == (1008, "quote_differs", path)
    assert error.data["retryable"] is False
    assert (await pos.call("sale.status", sale_id="s1"))["state"] == "new"


async def test_another_card_that_was_shown_is_refused(pos: Pos) -> None:
    terms = {"quote_id": await quote(pos), "sale_id": "s1"}
    phone = (await pos.call("card.identify", scan=PHONE))["presentation"]
    assert (await refused(pos, "sale.commit", **terms, presentation=phone)).code == 1008


@pytest.mark.parametrize("names", [(), tuple(QUOTED), ("lines",), ("facts", "cashier")])
async def test_what_is_equal_or_absent_passes(pos: Pos, names: tuple[str, ...]) -> None:
    terms = {name: QUOTED[name] for name in names}
    posted = await pos.call("sale.commit", sale_id="s1", quote_id=await quote(pos), **terms)
    assert posted["total"] == 3_000


async def test_a_quote_of_a_shown_card_passes_with_it(pos: Pos) -> None:
    shown = await show_plastic(pos)
    made = await pos.call("sale.quote", presentation=shown, lines=goods(1_000))
    terms = {"quote_id": made["quote_id"], "presentation": shown}
    assert (await pos.call("sale.commit", sale_id="s1", **terms))["state"] == "posted"


async def test_other_words_beside_a_hold_s_quote_are_refused_at_its_commit(pos: Pos) -> None:
    quote_id = await quote(pos)
    await pos.call("sale.hold", sale_id="s1", quote_id=quote_id)
    terms = {"sale_id": "s1", "quote_id": quote_id}
    assert (await refused(pos, "sale.commit", **terms, payment="card")).code == 1008
    assert (await pos.call("sale.commit", **terms))["state"] == "posted"


async def test_a_quote_serves_one_sale(pos: Pos) -> None:
    made = await pos.call("sale.quote", lines=goods(1_000))
    terms = {"quote_id": made["quote_id"]}
    assert (await pos.call("sale.commit", sale_id="s1", **terms))["state"] == "posted"
    assert (await pos.call("sale.commit", sale_id="s1", **terms))["replayed"]
    error = await refused(pos, "sale.commit", sale_id="s2", **terms)
    assert (error.code, error.data["used_by"], error.data["retryable"]) == (1006, "s1", False)


async def test_a_sale_that_was_refused_leaves_its_quote_to_another(pos: Pos) -> None:
    made = await pos.call("sale.quote", lines=goods(1_000))
    terms = {"quote_id": made["quote_id"]}
    assert (await refused(pos, "sale.commit", sale_id="s1", expect_total=1, **terms)).code == 1007
    assert (await pos.call("sale.commit", sale_id="s2", **terms))["state"] == "posted"


async def test_true_is_not_1_in_a_basket_on_hold(pos: Pos) -> None:
    await pos.call("sale.hold", sale_id="s", lines=goods(1_000, attributes={"x": True}))
    error = await refused(pos, "sale.commit", sale_id="s", lines=goods(1_000, attributes={"x": 1}))
    assert error.data["name"] == "exceeds_hold"
    same = goods(1_000, attributes={"x": True})
    assert (await pos.call("sale.commit", sale_id="s", lines=same))["total"] == 1_000
