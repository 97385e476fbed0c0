"""A card sells beside a sale that waits for its chip: what is due once is given once.

A sale that waits for its chip has moved no meter yet: `daemon.sale.standing`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from daemon.base.ids import PosSaleId, PresentationId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import SaleTerms
from tests.support.chip_till import BURN_ONLY, LINES, ChipShop, HandTill, hand_till, make_home

WELCOME = (
    BURN_ONLY
    + """
[[meter]]
id = "visits"
of = "visits"

[[meter]]
id = "lately"
of = "visits"
window = "30d"

[[rule]]
id = "welcome"
when = { meter = { METER = { below = 1 } } }
give = { percent = 10 }
"""
)
PRINTED = "2900000000018"
FULL, LESS = 10_000, 9_000
COMMIT_APDU = 9
BURN = 700


@pytest.fixture(params=["visits", "lately"])
async def till(
    request: pytest.FixtureRequest, location: str, tmp_path: Path
) -> AsyncIterator[tuple[ChipShop, HandTill]]:
    shop = ChipShop(tmp_path)
    home = tmp_path / "a"
    await make_home(home, [shop.wallet], shop.clock, tmp_path / "keys", location, PRINTED)
    programme = WELCOME.replace("METER", request.param)
    async with hand_till(home, shop.clock, programme=programme, location=location) as till:
        yield shop, till


async def shown_before(shop: ChipShop, till: HandTill) -> str:
    """Lay the card down and take it away: a sale that its chip has no part in may follow."""
    presentation: str = (await till.tap(shop.wallet)).presentation
    till.readers.take_away()
    return presentation


async def torn(shop: ChipShop, till: HandTill, fault: Fault) -> None:
    presentation = (await till.tap(shop.wallet, {COMMIT_APDU: fault})).presentation
    with pytest.raises(RefusedError):
        await till.buy("s1", presentation, BURN)
    assert await till.state("s1") == "unknown"
    till.readers.take_away()


async def test_a_hold_beside_a_sale_that_waits_for_its_chip_gets_no_second_welcome(
    till: tuple[ChipShop, HandTill],
) -> None:
    shop, hand = till
    shown = await shown_before(shop, hand)
    terms = SaleTerms(presentation=PresentationId(shown), lines=LINES)
    key = RequestKey.of("sale.hold", "s2", terms)
    held = msgspec.json.decode(await hand.checkout.hold(key, PosSaleId("s2"), terms, None))
    assert held["total"] == LESS
    await torn(shop, hand, Fault.TORN_AFTER)
    terms = SaleTerms()
    key = RequestKey.of("sale.commit", "s2", terms)
    with pytest.raises(RefusedError) as refused:
        await hand.checkout.commit(key, PosSaleId("s2"), terms, None)
    assert refused.value.code is ErrorCode.TOTAL_CHANGED
    assert refused.value.extra["total"] == FULL
    await hand.tap(shop.wallet)
    assert await hand.state("s1") == "posted"


async def test_a_chip_that_was_not_written_and_a_void_leave_the_welcome(
    till: tuple[ChipShop, HandTill],
) -> None:
    shop, hand = till
    await torn(shop, hand, Fault.TORN_BEFORE)
    await hand.void("s1")
    shown = await shown_before(shop, hand)
    assert await hand.state("s1") == "voided"
    assert (await hand.buy("s2", shown))["receipt"]["total"] == LESS


async def test_a_quote_and_a_sale_by_the_printed_number_see_the_meters_of_one_that_waits(
    till: tuple[ChipShop, HandTill],
) -> None:
    shop, hand = till
    terms = SaleTerms(card=PRINTED, lines=LINES)
    assert (await hand.checkout.quote(terms)).total == LESS
    await torn(shop, hand, Fault.TORN_AFTER)
    assert (await hand.checkout.quote(terms)).total == FULL
    key = RequestKey.of("sale.commit", "s2", terms)
    sold = msgspec.json.decode(await hand.checkout.commit(key, PosSaleId("s2"), terms, None))
    assert sold["receipt"]["total"] == FULL
    await hand.tap(shop.wallet)
    assert await hand.state("s1") == "posted"
