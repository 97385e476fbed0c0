"""Stamps of a sale that a chip pays, torn at its commit: each is counted once, or not at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from daemon.base.refusals import RefusedError
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import SaleTerms
from tests.support.chip_till import BURN_ONLY, LINES, ChipShop, HandTill, hand_till, make_home

THIRD = f'{BURN_ONLY}\n[[rule]]\nid = "third"\ngive = {{ free = {{ every = 3 }} }}\n'
PRINTED = "2900000000018"
COMMIT_APDU = 9
BURN = 700
PIECE = msgspec.structs.replace(LINES[0], qty=1, unit_price=10_000)


@pytest.fixture
async def till(location: str, tmp_path: Path) -> AsyncIterator[tuple[ChipShop, HandTill]]:
    shop = ChipShop(tmp_path)
    home = tmp_path / "a"
    await make_home(home, [shop.wallet], shop.clock, tmp_path / "keys", location, PRINTED)
    async with hand_till(home, shop.clock, programme=THIRD, location=location) as till:
        yield shop, till


async def missing(hand: HandTill) -> int:
    """How many pieces are to be paid after one more until one is free."""
    quote = await hand.checkout.quote(SaleTerms(card=PRINTED, lines=(PIECE,)))
    return quote.next[0].missing


@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST])
async def test_a_torn_sale_has_its_stamp_once_when_its_chip_has_told(
    till: tuple[ChipShop, HandTill], fault: Fault
) -> None:
    shop, hand = till
    assert await missing(hand) == 1
    presentation = (await hand.tap(shop.wallet, {COMMIT_APDU: fault})).presentation
    with pytest.raises(RefusedError) as refused:
        await hand.buy("s1", presentation, BURN, lines=(PIECE,))
    assert refused.value.state_unknown
    hand.readers.take_away()
    assert await missing(hand) == 0, "it counts while it waits"
    presentation = (await hand.tap(shop.wallet)).presentation
    if fault is Fault.TORN_BEFORE:
        assert await missing(hand) == 0, "the call is to be repeated"
        await hand.buy("s1", presentation, BURN, lines=(PIECE,))
    assert await hand.state("s1") == "posted"
    assert await missing(hand) == 0


async def test_a_torn_sale_that_is_void_has_no_stamp(till: tuple[ChipShop, HandTill]) -> None:
    shop, hand = till
    presentation = (await hand.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_BEFORE})).presentation
    with pytest.raises(RefusedError):
        await hand.buy("s1", presentation, BURN, lines=(PIECE,))
    hand.readers.take_away()
    await hand.void("s1")
    await hand.tap(shop.wallet)
    assert await hand.state("s1") == "voided"
    assert await missing(hand) == 1
