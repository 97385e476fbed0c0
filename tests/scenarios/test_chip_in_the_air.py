"""What is on its way to a chip, outcome unknown, is given to no other card of the account."""

from pathlib import Path
from random import Random

import pytest

from daemon.accounts.card_terms import IssueTerms, ReplaceTerms
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import Override
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from tests.support.chip_till import LOADED, ChipShop, HandTill, Wallet, make_home

COMMIT_APDU = 9
LOAD = 300
WHO = Override(by="anna", reason="she is the customer's daughter")
TEARS = pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST])
OTHERS = pytest.mark.parametrize("other", ["second", "replacement"])


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    await make_home(tmp_path / "a", [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def tear_the_load(till: HandTill, wallet: Wallet, fault: Fault) -> None:
    """Tap a card that is owed something; its load is torn at the commit."""
    with pytest.raises(RefusedError) as refused:
        await till.tap(wallet, {COMMIT_APDU: fault})
    assert refused.value.state_unknown
    till.readers.take_away()


async def another_card(till: HandTill, shop: ChipShop, other: str) -> Wallet:
    """Give the family a second card of the same account, or a new one in place of the first."""
    wallet, old = Wallet(shop.keys, Random(6)), shop.wallet.uid.hex().upper()
    uid = wallet.uid.hex().upper()
    if other == "second":
        terms = IssueTerms(request_id="i", kind="chip", uid=uid, with_card=old, override=WHO)
        await till.life.issue(RequestKey.of("card.issue", "i", terms), terms)
    else:
        asked = ReplaceTerms(request_id="r", card=old, uid=uid, override=WHO)
        await till.life.replace(RequestKey.of("card.replace", "r", asked), asked)
    return wallet


@TEARS
@OTHERS
async def test_a_load_that_was_torn_is_not_written_on_another_card_of_the_account_too(
    shop: ChipShop, fault: Fault, other: str
) -> None:
    written = fault is not Fault.TORN_BEFORE
    async with shop.till() as till:
        another = await another_card(till, shop, "second") if other == "second" else None
        await till.top_up(shop.wallet, "t1", LOAD)
        await tear_the_load(till, shop.wallet, fault)
        another = another or await another_card(till, shop, other)
        assert (await till.tap(another)).balance == LOADED, "the amount is in the air"
        if other == "replacement":
            with pytest.raises(RefusedError) as refused:
                await till.tap(shop.wallet)
            assert refused.value.code is ErrorCode.CARD_BLOCKED
        else:
            await till.tap(shop.wallet)
        await till.tap(another)
        assert shop.wallet.balance + another.balance == 2 * LOADED + LOAD
        assert (another.balance == LOADED) is (written or other == "second")
    assert shop.hold() == LOAD


@TEARS
async def test_what_a_torn_card_gives_back_is_not_taken_from_another_card_too(
    shop: ChipShop, fault: Fault
) -> None:
    async with shop.till() as till:
        another = await another_card(till, shop, "second")
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, codes=("BACK",))
        till.readers.take_away()
        await till.give_back("s1")  # the 250 that it earned are to leave the chip
        await tear_the_load(till, shop.wallet, fault)
        assert (await till.tap(another)).balance == LOADED
        await till.tap(shop.wallet)
        await till.tap(another)
        assert shop.wallet.balance + another.balance == 2 * LOADED
    assert shop.hold() == 0


async def test_what_is_owed_beside_the_amount_in_the_air_is_given_to_whichever_card_is_there(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        another = await another_card(till, shop, "second")
        await till.top_up(shop.wallet, "t1", LOAD)
        await tear_the_load(till, shop.wallet, Fault.TORN_AFTER)
        await till.top_up(shop.wallet, "t2", 40)
        assert (await till.tap(another)).balance == LOADED + 40
        assert (await till.tap(shop.wallet)).balance == LOADED + LOAD
    assert shop.hold() == LOAD + 40
