"""A card that was shown before must never pay, or be paid, for the next customer."""

from typing import Any

import pytest

from tests.scenarios.baskets import BASKET, sell, show_plastic
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos, RefusedByTillError


async def refusal(pos: Pos, reader: str) -> str:
    return str((await refused(pos, "card.identify", reader=reader)).data["name"])


async def show(pos: Pos, reader: str, do: str, **what: str) -> str:
    """Play at a reader and wait for its event; return the event's type."""
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader=reader, do=do, **what)
    while (event := await pos.event(*TYPES))["reader"] != reader:
        pass
    return str(event["type"])


TYPES = ("card.presented", "scan", "scan.unreadable", "scan.duplicate", "reader.state")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"card": "bank"}, "card_unknown"),
        ({"data": ";2900000000019?"}, "misread"),
        ({"data": "garbage!!"}, "misread"),
    ],
)
async def test_a_bad_swipe_forgets_the_card_before_it(
    pos: Pos, what: dict[str, str], said: str
) -> None:
    assert await show(pos, "stripe", "swipe", card="stripe") == "card.presented"
    await pos.call("card.identify", number="2900000000018")
    await show(pos, "stripe", "swipe", **what)
    assert await refusal(pos, "stripe") in (said, "card_unknown")


async def test_a_product_forgets_the_card_before_it(pos: Pos) -> None:
    await show(pos, "scanner", "scan", card="plastic")
    assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"
    assert await show(pos, "scanner", "scan", data="]E04820000000017") == "scan"
    assert await refusal(pos, "scanner") == "no_card"


async def test_a_reader_that_was_unplugged_has_forgotten_its_card(pos: Pos) -> None:
    await show(pos, "scanner", "scan", card="plastic")
    assert await show(pos, "scanner", "unplug") == "reader.state"
    assert await show(pos, "scanner", "plug") == "reader.state"
    assert await refusal(pos, "scanner") == "no_card"


async def test_a_scan_serves_one_sale_and_must_be_scanned_again_for_the_next(
    pos: Pos, clock: HandClock
) -> None:
    await show(pos, "scanner", "scan", card="plastic")
    presentation = (await pos.call("card.identify", reader="scanner"))["presentation"]
    assert (await pos.call("card.identify", reader="scanner"))["presentation"] == presentation
    await sell(pos, "s1", presentation)
    assert await refusal(pos, "scanner") == "no_card"
    clock.move(seconds=2)
    assert await show(pos, "scanner", "scan", card="plastic") == "card.presented"
    again = (await pos.call("card.identify", reader="scanner"))["presentation"]
    assert again != presentation
    await sell(pos, "s2", again)


@pytest.mark.parametrize("blank", ["", "  "])
async def test_an_override_says_who_and_why(pos: Pos, blank: str) -> None:
    presentation = await show_plastic(pos)
    for override in ({"by": blank, "reason": "x"}, {"by": "senior", "reason": blank}):
        with pytest.raises(RefusedByTillError) as refused:
            await sell(pos, "s1", presentation, burn=1, override=override)
        assert refused.value.code == -32602


async def test_a_sale_comes_back_whole_only_when_it_is_said_so(pos: Pos) -> None:
    await sell(pos, "s1", await show_plastic(pos))
    misspelt: dict[str, Any] = {"line": [{"line": 1, "qty": 1}]}
    twice: dict[str, Any] = {"lines": [{"line": 2, "qty": 1}, {"line": 2, "qty": 1}]}
    empty: dict[str, Any] = {"lines": []}
    for lines in ({}, empty, misspelt, twice):
        with pytest.raises(RefusedByTillError) as refused:
            await pos.call("sale.return", return_id="r1", sale_id="s1", **lines)
        assert refused.value.code == -32602
    whole = {"sale_id": "s1", "whole": True}
    assert (await pos.call("sale.return", return_id="r1", **whole))["refund"] == 70_000
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call("sale.return", return_id="r2", **whole)
    assert refused.value.data["name"] == "returned_already"


async def test_a_card_and_a_presentation_are_not_given_together(pos: Pos) -> None:
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call("sale.quote", presentation="p1", card="2900000000018", lines=BASKET)
    assert refused.value.code == -32602


async def test_the_status_of_a_refused_sale_is_new_and_of_a_hold_that_it_is_over(
    pos: Pos, clock: HandClock
) -> None:
    with pytest.raises(RefusedByTillError):
        await pos.call("sale.commit", sale_id="s1", lines=BASKET, expect_total=1)
    status = await pos.call("sale.status", sale_id="s1")
    assert status["state"] == "new"
    await pos.call("sale.hold", sale_id="h1", lines=BASKET, ttl_s=1)
    clock.move(seconds=1)
    assert (await pos.call("sale.status", sale_id="h1"))["state"] == "expired"
