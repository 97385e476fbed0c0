"""Who has brought a customer whose first sale is written on a chip, torn at its commit or not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.accounts.cards import NewCard, Profile
from daemon.base.refusals import RefusedError
from daemon.customers.profiles import person_of
from daemon.ledger.storage.friend_queries import INVITES_OF
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.readers.simulated.desfire.faults import Fault
from tests.support.chip_till import BURN_ONLY, ChipShop, HandTill, hand_till, make_home

INVITES = f'{BURN_ONLY}\n[[card]]\nkind = "chip"\ninvite = "friend"\n'
PRINTED, FRIEND, OTHER = "2900000000018", "2900000000025", "2900000000032"
COMMIT_APDU = 9


@pytest.fixture
async def till(location: str, tmp_path: Path) -> AsyncIterator[tuple[ChipShop, HandTill]]:
    shop = ChipShop(tmp_path)
    home = tmp_path / "a"
    await make_home(home, [shop.wallet], shop.clock, tmp_path / "keys", location, PRINTED)
    async with hand_till(home, shop.clock, programme=INVITES, location=location) as till:
        for number in (FRIEND, OTHER):
            card = NewCard(kind="chip", number=number, identifiers=(("number", number),))
            assert await till.cards.issue(card, Profile(), invites="friend")
        yield shop, till


async def code(hand: HandTill, number: str) -> tuple[str, str]:
    """Return the account of a card, and its code."""
    card = await hand.ledger.read(lambda store: store.ask_one(CARD_BY_IDENTIFIER, "number", number))
    assert card is not None
    [row] = await hand.ledger.read(lambda store: store.ask(INVITES_OF, card.account))
    return card.account, row.code


async def referrer(hand: HandTill) -> str:
    def read(store: Any) -> str:
        card = store.ask_one(CARD_BY_IDENTIFIER, "number", PRINTED)
        return person_of(store, card.account).profile.referrer

    return await hand.ledger.read(read)


@pytest.mark.parametrize("fault", [None, Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST])
async def test_a_first_sale_at_a_chip_brings_the_customer_once_it_is_posted(
    till: tuple[ChipShop, HandTill], fault: Fault | None
) -> None:
    shop, hand = till
    account, shown = await code(hand, FRIEND)
    presentation = (await hand.tap(shop.wallet, {COMMIT_APDU: fault} if fault else {})).presentation
    if fault is None:
        answer = await hand.buy("s1", presentation, 700, codes=(shown,))
        assert answer["invited"]["referrer"] == account
    else:
        with pytest.raises(RefusedError):
            await hand.buy("s1", presentation, 700, codes=(shown,))
        assert await referrer(hand) == "", "it is not known whether it was paid"
        hand.readers.take_away()
        presentation = (await hand.tap(shop.wallet)).presentation
        if fault is Fault.TORN_BEFORE:
            await hand.buy("s1", presentation, 700, codes=(shown,))
    assert await hand.state("s1") == "posted"
    assert await referrer(hand) == account


async def test_a_torn_sale_that_is_void_brings_nobody(till: tuple[ChipShop, HandTill]) -> None:
    shop, hand = till
    _, shown = await code(hand, FRIEND)
    presentation = (await hand.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_BEFORE})).presentation
    with pytest.raises(RefusedError):
        await hand.buy("s1", presentation, 700, codes=(shown,))
    hand.readers.take_away()
    await hand.void("s1")
    await hand.tap(shop.wallet)
    assert (await hand.state("s1"), await referrer(hand)) == ("voided", "")
    other, theirs = await code(hand, OTHER)
    presentation = (await hand.tap(shop.wallet)).presentation
    await hand.buy("s2", presentation, 700, codes=(theirs,))
    assert await referrer(hand) == other
