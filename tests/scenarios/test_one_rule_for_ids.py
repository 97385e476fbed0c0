"""An id is bound by what was written under it, and by nothing else."""

from typing import Any

from tests.scenarios.baskets import BASKET, show_plastic
from tests.scenarios.shops import canonical, goods
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos


async def name_of(pos: Pos, method: str, **params: Any) -> str:
    return str((await refused(pos, method, **params)).data["name"])


async def test_a_sale_that_was_refused_is_new_and_passes_corrected_under_its_id(pos: Pos) -> None:
    wrong = {"sale_id": "s1", "lines": BASKET, "codes": ["NEVER-WAS"]}
    for _ in range(2):  # the very same call is refused anew, for the reason that there is
        assert await name_of(pos, "sale.commit", **wrong) == "code_unknown"
        assert (await pos.call("sale.status", sale_id="s1"))["state"] == "new"
    assert await name_of(pos, "sale.commit", sale_id="s1", lines=BASKET, expect_total=1) == (
        "total_changed"
    )
    right = {"sale_id": "s1", "lines": BASKET}
    posted = await pos.call("sale.commit", **right)
    assert await name_of(pos, "sale.commit", **wrong) == "id_reused"  # a duplicate that comes late
    assert canonical(await pos.call("sale.commit", **right)) == canonical(
        posted | {"replayed": True}
    )


async def test_a_refused_sale_lets_go_of_the_card_that_was_shown(pos: Pos) -> None:
    shown = await show_plastic(pos)
    terms = {"presentation": shown, "lines": BASKET}
    assert await name_of(pos, "sale.commit", sale_id="s1", expect_total=1, **terms) == (
        "total_changed"
    )
    assert (await pos.call("sale.commit", sale_id="s2", **terms))["state"] == "posted"
    assert await name_of(pos, "sale.commit", sale_id="s1", **terms) == "no_card"


async def test_a_return_that_was_refused_passes_corrected_under_its_id(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", lines=goods(1_000, 2_000))
    ask = {"return_id": "r1", "sale_id": "s1"}
    wrong = {**ask, "lines": [{"line": 1, "qty": 2}]}
    assert await name_of(pos, "sale.return", **wrong) == "returned_already"
    right = {**ask, "lines": [{"line": 1, "qty": 1}]}
    assert (await pos.call("sale.return", **right))["refund"] == 1_000
    assert await name_of(pos, "sale.return", **wrong) == "id_reused"
    assert (await pos.call("sale.return", **right))["replayed"]


async def test_a_request_that_was_refused_passes_corrected_under_its_id(pos: Pos) -> None:
    ask = {"topup_id": "t1", "amount": 500}
    assert await name_of(pos, "card.topup", card="2900000000049", **ask) == "card_unknown"
    assert (await pos.call("card.topup", card=PLASTIC, **ask))["replayed"] is False
    assert await name_of(pos, "card.topup", card="2900000000049", **ask) == "id_reused"


async def test_a_hold_stays_bound_and_its_commit_may_be_corrected(pos: Pos) -> None:
    await pos.call("sale.hold", sale_id="s1", lines=goods(1_000))
    assert await name_of(pos, "sale.hold", sale_id="s1", lines=goods(2_000)) == "id_reused"
    assert await name_of(pos, "sale.commit", sale_id="s1", lines=goods(2_000)) == "exceeds_hold"
    assert (await pos.call("sale.status", sale_id="s1"))["state"] == "held"
    assert (await pos.call("sale.commit", sale_id="s1"))["total"] == 1_000


async def test_a_void_is_written_and_binds(pos: Pos) -> None:
    await pos.call("sale.void", sale_id="s1")
    assert await name_of(pos, "sale.commit", sale_id="s1", lines=BASKET) == "already_voided"
