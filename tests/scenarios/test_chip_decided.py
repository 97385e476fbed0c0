"""A torn sale whose chip cannot tell any more is closed by a manager's word, which is kept."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.base.ids import PosSaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.chip_sales import DECIDE, REPEAT, TAP_AGAIN, TAP_VOIDED
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import DecideTerms
from tests.support.chip_till import LOADED, ChipShop, HandTill, Wallet, make_home

BURN, COMMIT_APDU, FORGOTTEN = 700, 9, 21
OUTCOMES = pytest.mark.parametrize("outcome", ["written", "not_written"])


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def decide(till: HandTill, outcome: str, sale_id: str = "s1", request_id: str = "d1") -> Any:
    said = {"outcome": outcome, "by": "olha", "reason": "the tape says so"}
    terms = msgspec.convert(said, DecideTerms)
    key = RequestKey.of("sale.decide", request_id, terms)
    return msgspec.json.decode(await till.checkout.decide(key, PosSaleId(sale_id), terms))


async def tear(till: HandTill, wallet: Wallet, fault: Fault) -> str:
    presentation: str = (await till.tap(wallet, {COMMIT_APDU: fault})).presentation
    with pytest.raises(RefusedError):
        await till.buy("s1", presentation, BURN)
    till.readers.take_away()
    return presentation


async def forget(shop: ChipShop) -> None:
    """Pay elsewhere until the card's history has forgotten the torn payment."""
    async with shop.till("b") as other:
        for number in range(FORGOTTEN):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 1)


async def undecided(till: HandTill, shop: ChipShop) -> None:
    await till.tap(shop.wallet)
    assert [event["outcome"] for event in till.events] == ["undecided"]


async def advice(till: HandTill) -> str:
    return (await till.checkout.status(PosSaleId("s1"))).advice


async def test_another_payment_with_our_number_proves_that_ours_was_not_written(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        presentation = await tear(till, shop.wallet, Fault.TORN_BEFORE)
    async with shop.till("b") as other:
        await other.buy("b1", (await other.tap(shop.wallet)).presentation, 10)
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        assert [event["outcome"] for event in till.events] == ["not_written"]
        assert await advice(till) == REPEAT
        posted = await till.buy("s1", presentation, BURN)
        assert posted["state"] == "posted"
    assert shop.wallet.balance == LOADED - BURN - 10
    assert shop.hold() == -BURN


async def test_until_it_is_decided_commit_void_return_and_status_say_what_to_do(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        presentation = await tear(till, shop.wallet, Fault.TORN_AFTER)
        assert await advice(till) == TAP_AGAIN
    await forget(shop)
    async with shop.till() as till:
        await undecided(till, shop)
        for call in (
            till.buy("s1", presentation, BURN),
            till.void("s1"),
            till.give_back("s1"),
        ):
            with pytest.raises(RefusedError) as refused:
                await call
            assert refused.value.detail == DECIDE
            assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.TORN, True)
        assert await advice(till) == DECIDE
        await decide(till, "written")
        assert await advice(till) == ""
        entries = await till.ledger.read(lambda store: [one.body for one in store.entries()])
        (kept,) = (body for body in entries if b'"kind":"decide"' in body)
        assert b'"by":"olha","reason":"the tape says so"' in kept
        assert (await till.give_back("s1"))["refund"] == 10_000 - BURN


@OUTCOMES
async def test_a_sale_whose_chip_has_forgotten_it_is_closed_by_a_manager_s_word(
    shop: ChipShop, outcome: str
) -> None:
    fault = Fault.TORN_AFTER if outcome == "written" else Fault.TORN_BEFORE
    async with shop.till() as till:
        await tear(till, shop.wallet, fault)
    await forget(shop)
    async with shop.till() as till:
        await undecided(till, shop)
        told = await decide(till, outcome)
        state = "posted" if outcome == "written" else "intent"
        assert told == {"state": state, "sale_id": "s1", "outcome": outcome, "replayed": False}
        assert await decide(till, outcome) == told | {"replayed": True}
        if outcome == "not_written":
            assert await advice(till) == REPEAT
            presentation = (await till.tap(shop.wallet)).presentation
            assert (await till.buy("s1", presentation, BURN))["state"] == "posted"
        await till.tap(shop.wallet)
        assert await till.state("s1") == "posted"
        shown = await till.show(shop.wallet)
        assert shown.unsettled == ()
    assert shop.wallet.balance == LOADED - BURN - FORGOTTEN
    assert shop.hold() == -BURN


@OUTCOMES
async def test_a_voided_one_is_closed_too_and_what_the_chip_paid_is_owed_to_it(
    shop: ChipShop, outcome: str
) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_AFTER)
        await till.void("s1")
        assert await advice(till) == TAP_VOIDED
    await forget(shop)
    async with shop.till() as till:
        await undecided(till, shop)
        assert await advice(till) == DECIDE
        assert (await decide(till, outcome))["state"] == "voided"
        owed = BURN if outcome == "written" else 0
        assert (await till.tap(shop.wallet)).balance == LOADED - BURN - FORGOTTEN + owed


@OUTCOMES
async def test_what_was_on_its_way_to_a_lost_card_is_free_or_gone_by_a_manager_s_word(
    shop: ChipShop, outcome: str
) -> None:
    async with shop.till() as till:
        await till.top_up(shop.wallet, "t1", 300)
        with pytest.raises(RefusedError):
            await till.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_AFTER})
        (transfer,) = (await till.show(shop.wallet)).unsettled
        with pytest.raises(RefusedError) as refused:
            await decide(till, outcome, transfer)
        assert "The chip can still tell" in refused.value.detail
        assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.TORN, True)
        await till.change("block", shop.wallet, "b1")
        await decide(till, outcome, transfer)
        shown = await till.show(shop.wallet)
        assert shown.unsettled == ()
        assert shown.balances["bonus:owed"].available == (0 if outcome == "written" else 300)
    assert shop.hold() == (300 if outcome == "written" else 0)


@OUTCOMES
async def test_an_amount_that_a_chip_has_forgotten_is_told_waits_and_is_closed_too(
    shop: ChipShop, outcome: str
) -> None:
    async with shop.till() as till:
        await till.top_up(shop.wallet, "t1", 300)
        with pytest.raises(RefusedError):
            await till.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_AFTER})
    await forget(shop)
    async with shop.till() as till:
        await till.tap(shop.wallet)
        (event,) = till.events
        assert (event["type"], event["outcome"]) == ("sale.settled", "undecided")
        (transfer,) = (await till.show(shop.wallet)).unsettled
        assert event["sale_id"] == transfer
        assert (await till.tap(shop.wallet)).balance == LOADED + 300 - FORGOTTEN, "and waits"
        assert (await decide(till, outcome, transfer))["sale_id"] == transfer
        more = 0 if outcome == "written" else 300
        assert (await till.tap(shop.wallet)).balance == LOADED + 300 - FORGOTTEN + more


async def test_nothing_else_is_decided_by_hand(shop: ChipShop) -> None:
    async with shop.till() as till:
        with pytest.raises(RefusedError) as refused:
            await decide(till, "written", "never", "d-never")
        assert refused.value.code is ErrorCode.NOT_RETURNABLE
        presentation = (await till.tap(shop.wallet)).presentation
        await till.buy("s0", presentation, 1)
        with pytest.raises(RefusedError) as refused:
            await decide(till, "not_written", "s0", "d-s0")
        assert refused.value.code is ErrorCode.ALREADY_POSTED
        await tear(till, shop.wallet, Fault.TORN_BEFORE)
        await till.tap(shop.wallet)
        with pytest.raises(RefusedError) as refused:
            await decide(till, "written", "s1", "d-s1")
        assert refused.value.detail == REPEAT
