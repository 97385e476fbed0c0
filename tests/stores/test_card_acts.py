"""Acts about cards on every store: numbered without gaps, final, made void only in their turn."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import override, refusal
from tests.stores.test_card_batches import OpenPos, made, shop, whole
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos

__all__ = ["shop", "whole"]
WHO = {"by": "olha", "reason": "they were spoilt"}


async def batch_of(pos: Pos, count: int = 3, cost: int = 1_000) -> list[str]:
    """Make a batch; return its cards' numbers."""
    terms = {"request_id": f"b{count}", "count": count, "kind": "plastic", "total_cost": cost}
    begun = await pos.call("batch.make", **terms, supplier="Print Ltd", document="No. 7")
    return [card["number"] for card in await made(pos, begun["batch"])]


async def state(pos: Pos, number: str) -> str:
    found: str = (await pos.call("card.show", card=number))["state"]
    return found


async def hand_out(pos: Pos, request_id: str, numbers: list[str], **more: Any) -> dict[str, Any]:
    terms = {"request_id": request_id, "numbers": numbers, "by": "olha"} | more
    done: dict[str, Any] = await pos.call("card.hand_out", **terms)
    return done


async def test_a_batch_comes_with_its_receipt(shop: OpenPos) -> None:
    async with shop() as pos:
        await batch_of(pos)
        shown = await pos.call("act.show", act="R-2026-000001")
        assert (shown["batch"], shown["count"], shown["total"]) == ("B-2026-0001", 3, 1_000)
        assert (shown["supplier"], shown["document"]) == ("Print Ltd", "No. 7")
        void = {"request_id": "v1", "act": "R-2026-000001"} | WHO
        assert await refusal(pos, "act.void", **void) == (1029, "not_undoable")


async def test_cards_go_out_by_an_act_and_are_issued_by_who_got_them_alone(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        first, second, third = await batch_of(pos)
        done = await hand_out(pos, "h1", [first], to="anna")
        assert done == {
            **{"act": "A-2026-000001", "state": "final", "count": 1, "total": 333},
            "replayed": False,
        }
        assert (await hand_out(pos, "h1", [first], to="anna"))["replayed"] is True
        assert (await hand_out(pos, "h2", [second], store="2"))["act"] == "A-2026-000002"
        assert (await hand_out(pos, "h3", [third], store="1"))["act"] == "A-2026-000003"
        assert [await state(pos, one) for one in (first, second, third)] == ["handed_out"] * 3
        error = await refused(pos, "card.issue", request_id="i1", number=first, by="vira")
        assert (error.code, error.data["name"]) == (1027, "condition_unmet")
        assert (error.data["condition"], error.data["missing"]) == ("act", "anna")
        assert (await pos.call("card.issue", request_id="i1", number=first, by="anna"))["number"]
        elsewhere = {"request_id": "i2", "number": second, "by": "anna"}
        assert await refusal(pos, "card.issue", **elsewhere) == (1027, "condition_unmet")
        await pos.call("card.issue", **elsewhere, **override())
        await pos.call("card.issue", request_id="i3", number=third, by="vira")


async def test_a_whole_batch_goes_out_and_comes_back(shop: OpenPos) -> None:
    async with shop() as pos:
        numbers = await batch_of(pos)
        terms = {"request_id": "h1", "batch": "B-2026-0001", "to": "Kiosk", "by": "olha"}
        assert (await pos.call("card.hand_out", **terms))["count"] == 3
        again = terms | {"request_id": "h2"}
        assert await refusal(pos, "card.hand_out", **again) == (1010, "card_unknown")
        back = {"request_id": "h3", "numbers": numbers[:2], "by": "olha"}
        assert await refusal(pos, "card.hand_out", **back) == (1022, "needs_override")
        done = await pos.call("card.hand_out", **back, reason="the kiosk closes")
        assert (done["act"], await state(pos, numbers[0])) == ("A-2026-000002", "stock")
        void = {"request_id": "v1", "act": "A-2026-000001"} | WHO
        error = await refused(pos, "act.void", **void)
        assert (error.code, error.data["card"]) == (1029, numbers[0])
        assert error.message == f"Card {numbers[0]} has changed since act A-2026-000001."
        later = void | {"request_id": "v2", "act": "A-2026-000002"}
        assert (await pos.call("act.void", **later))["state"] == "void"
        assert await state(pos, numbers[0]) == "handed_out"
        assert (await pos.call("act.void", **void))["state"] == "void"
        assert [await state(pos, one) for one in numbers] == ["stock"] * 3
        assert await refusal(pos, "act.void", **void | {"request_id": "v3"}) == (
            1029,
            "not_undoable",
        )
        shown = await pos.call("act.show", act="A-2026-000001")
        assert (shown["state"], [one["number"] for one in shown["lines"]]) == ("void", numbers)


async def test_what_was_issued_is_written_off_once(shop: OpenPos) -> None:
    async with shop() as pos:
        numbers = await batch_of(pos)
        profile = {"name": "Stefa"}
        await pos.call("card.issue", request_id="i1", number=numbers[0], by="anna", profile=profile)
        await pos.call("card.issue", request_id="i2", number=numbers[2], by="vira")
        day = str(HandClock().now().date())
        terms = {"request_id": "w1", "kind": "W", "from": day, "to": day, "by": "olha"}
        done = await pos.call("act.make", **terms)
        assert (done["act"], done["count"], done["total"]) == ("W-2026-000001", 2, 667)
        shown = await pos.call("act.show", act="W-2026-000001")
        assert (shown["first"], shown["last"]) == (day, day)
        got = {line["number"]: line for line in shown["lines"]}
        assert got[numbers[0]] | {"minute": 0} == {
            **{"number": numbers[0], "cost": 333, "day": day, "minute": 0, "recipient": "Stefa"},
            **{"by": "anna", "condition": "free"},
        }
        assert got[numbers[0]]["minute"] == 10 * 60, "eight in the morning, UTC, in Kyiv"
        assert got[numbers[2]]["recipient"] == "anonymous"
        again = terms | {"request_id": "w2"}
        assert await refusal(pos, "act.make", **again) == (1010, "card_unknown")
        elsewhere = again | {"store": "2"}
        assert await refusal(pos, "act.make", **elsewhere) == (1010, "card_unknown")
        await pos.call("act.void", request_id="v1", act="W-2026-000001", **WHO)
        assert (await pos.call("act.make", **again | {"store": "1"}))["act"] == "W-2026-000002"


async def test_what_was_spoilt_is_disposed_of_and_what_a_customer_has_is_not(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        numbers = await batch_of(pos)
        terms = {"request_id": "d1", "kind": "D", "numbers": numbers[2:]} | WHO
        unsaid = terms | {"reason": ""}
        assert await refusal(pos, "act.make", **unsaid) == (1022, "needs_override")
        done = await pos.call("act.make", **terms)
        assert (done["act"], done["total"]) == ("D-2026-000001", 334)
        assert await state(pos, numbers[2]) == "written_off"
        await pos.call("act.void", request_id="v1", act="D-2026-000001", **WHO)
        assert await state(pos, numbers[2]) == "stock"
        gone = await pos.call("card.write_off", request_id="w1", card=numbers[1], **WHO)
        assert gone["state"] == "written_off"
        listed = await pos.call("act.list", kind="D")
        assert [one["act"] for one in listed["acts"]] == ["D-2026-000001", "D-2026-000002"]
        await pos.call("card.issue", request_id="i1", number=numbers[0])
        issued = terms | {"request_id": "d2", "numbers": numbers[:1]}
        assert await refusal(pos, "act.make", **issued) == (1011, "card_blocked")
        await pos.call("card.write_off", request_id="w2", card=numbers[0], **WHO)
        assert len((await pos.call("act.list", kind="D"))["acts"]) == 2


async def test_numbers_of_acts_have_no_gap_where_one_was_refused(shop: OpenPos) -> None:
    async with shop() as pos:
        first, second, _ = await batch_of(pos)
        await hand_out(pos, "h1", [first], to="anna")
        for wrong in ([first], ["2900000001008"], [second, second]):
            terms = {"request_id": "h2", "numbers": wrong, "to": "anna", "by": "olha"}
            assert (await refusal(pos, "card.hand_out", **terms))[0] in (1010, 1011, -32602)
        assert (await hand_out(pos, "h2", [second], to="anna"))["act"] == "A-2026-000002"


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": "B-2026-0001", "numbers": ["2900000001008"]},
        {"batch": ""},
        {"batch": "B-2026-0009"},
    ],
)
async def test_which_cards_are_meant_must_be_said_once(
    shop: OpenPos, wrong: dict[str, Any]
) -> None:
    async with shop() as pos:
        terms = {"request_id": "h1", "to": "anna", "by": "olha"} | wrong
        assert (await refusal(pos, "card.hand_out", **terms))[0] in (1010, -32602)


async def test_no_entry_of_an_act_names_who_got_the_cards(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        numbers = await batch_of(pos)
        await hand_out(pos, "h1", numbers[:1], to="Zofia Kiosk")
        await pos.call(
            "card.issue", request_id="i1", number=numbers[1], profile={"name": "Stefania"}
        )
        day = str(HandClock().now().date())
        terms = {"request_id": "w1", "kind": "W", "from": day, "to": day, "by": "olha"}
        await pos.call("act.make", **terms)
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        said = b"".join(chained.body for chained in store.entries()).decode()
    assert '"kind":"act"' in said
    assert "Zofia" not in said
    assert "Stefania" not in said
