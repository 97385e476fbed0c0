"""Nobody is erased while it is not known what their chip has done; then the chip is blocked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.base.config import RetentionSection
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.erasing import EraseTerms, Erasing
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from tests.stores.test_beside_a_waiting_chip import BURN, COMMIT_APDU
from tests.support.chip_till import LOADED, ChipShop, HandTill, hand_till, make_home


@pytest.fixture
async def till(location: str, tmp_path: Path) -> AsyncIterator[tuple[ChipShop, HandTill]]:
    shop = ChipShop(tmp_path)
    home = tmp_path / "a"
    await make_home(home, [shop.wallet], shop.clock, tmp_path / "keys", location)
    async with hand_till(home, shop.clock, location=location) as till:
        yield shop, till


async def erase(shop: ChipShop, hand: HandTill, request_id: str, **more: Any) -> Any:
    programme = hand.versions.active
    erasing = Erasing(hand.ledger, shop.clock, lambda: programme, RetentionSection())
    account = (await hand.show(shop.wallet)).account
    said: dict[str, Any] = {"by": "olha", "reason": "asked by letter"} | more
    terms = EraseTerms(request_id=request_id, account=account, **said)
    key = RequestKey.of("customer.erase", request_id, terms)
    return msgspec.json.decode(await erasing.erase(key, terms))


async def refused(shop: ChipShop, hand: HandTill, request_id: str) -> ErrorCode:
    with pytest.raises(RefusedError) as error:
        await erase(shop, hand, request_id)
    return error.value.code


async def test_an_undecided_purchase_stands_in_the_way(till: tuple[ChipShop, HandTill]) -> None:
    shop, hand = till
    torn = (await hand.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_AFTER})).presentation
    with pytest.raises(RefusedError):
        await hand.buy("s1", torn, BURN)
    hand.readers.take_away()
    assert await refused(shop, hand, "e1") is ErrorCode.BUSY
    await hand.tap(shop.wallet)
    assert await hand.state("s1") == "posted"
    done = await erase(shop, hand, "e2", forfeit=True)
    assert done["forfeited"] == {"chips:": LOADED}
    with pytest.raises(RefusedError) as error:
        await hand.tap(shop.wallet)
    assert error.value.code is ErrorCode.CARD_BLOCKED


async def test_money_on_a_chip_is_money(till: tuple[ChipShop, HandTill]) -> None:
    shop, hand = till
    await hand.top_up(shop.wallet, "t1", 500)
    await hand.tap(shop.wallet)
    hand.readers.take_away()
    assert await refused(shop, hand, "e1") is ErrorCode.CONDITION_UNMET
    done = await erase(shop, hand, "e2", keep_cards=True)
    assert (done["kept"], done["forfeited"]) == (1, {})
    assert (await hand.tap(shop.wallet)).balance == LOADED + 500
