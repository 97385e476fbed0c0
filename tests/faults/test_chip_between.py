"""What happens between two steps of a sale that a chip pays: a second call, a restart, a block."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from daemon.accounts.card_terms import ReplaceTerms
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import Override
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from tests.support.chip_till import LOADED, ChipShop, HandTill, make_home

BURN = 700
COMMIT_APDU = 9


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def prove_not_written(shop: ChipShop, till: HandTill, sale_id: str = "s1") -> str:
    """Tear a sale before its commit reaches the card, and tap again; return its presentation."""
    identified = await till.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_BEFORE})
    with pytest.raises(RefusedError):
        await till.buy(sale_id, identified.presentation, BURN)
    await till.tap(shop.wallet)
    assert till.events[-1]["outcome"] == "not_written"
    presentation: str = identified.presentation
    return presentation


async def test_the_same_call_twice_at_once_is_answered_twice_and_serves_one_sale(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        calls = (till.buy("s1", presentation, BURN) for _ in range(2))
        first, second = await asyncio.gather(*calls)
        assert second == first | {"replayed": True}
        with pytest.raises(RefusedError) as refused:
            await till.buy("s2", presentation, BURN)
        assert refused.value.code is ErrorCode.NO_CARD
    assert shop.hold() == -BURN


async def test_what_is_proved_not_written_stays_so_over_a_restart(shop: ChipShop) -> None:
    async with shop.till() as till:
        await prove_not_written(shop, till)
    async with shop.till("b") as other:
        for number in range(22):  # more than its history has room for
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 1)
    async with shop.till() as till:
        await till.tap(shop.wallet)
        assert (await till.state("s1"), till.events) == ("intent", [])
        assert (await till.void("s1"))["state"] == "voided"
    assert shop.hold() == 0


async def test_a_limit_that_was_set_between_a_tear_and_its_repeat_gives_nothing_back(
    shop: ChipShop,
) -> None:
    async with shop.till(card_day_max=0) as till:
        presentation = await prove_not_written(shop, till)
    async with shop.till(card_day_max=0, till_day_max=1_000) as till:
        await till.tap(shop.wallet, {COMMIT_APDU: Fault.TORN_BEFORE})
        with pytest.raises(RefusedError):
            await till.buy("s1", presentation, BURN)
        await till.tap(shop.wallet)
        await till.void("s1")
        await till.buy("s2", (await till.tap(shop.wallet)).presentation, 1_000)
        with pytest.raises(RefusedError) as refused:
            await till.buy("s3", (await till.tap(shop.wallet)).presentation, BURN)
        assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert shop.wallet.balance == LOADED - 1_000


async def replace_card(shop: ChipShop, till: HandTill) -> None:
    override = Override(by="anna", reason="lost")
    card = shop.wallet.uid.hex().upper()
    terms = ReplaceTerms(request_id="r", card=card, uid="04AABBCCDDEE01", override=override)
    await till.life.replace(RequestKey.of("card.replace", "r", terms), terms)


async def block_card(shop: ChipShop, till: HandTill) -> None:
    await till.change("block", shop.wallet, "b")


@pytest.mark.parametrize("lock", [block_card, replace_card], ids=["blocked", "replaced"])
@pytest.mark.parametrize("held", [True, False], ids=["held", "at once"])
async def test_a_card_that_is_locked_while_it_lies_there_pays_no_more(
    shop: ChipShop, lock: Any, held: bool
) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        if held:
            await till.hold("s1", presentation, BURN)
        await lock(shop, till)
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", presentation, BURN)
        assert refused.value.code is ErrorCode.CARD_BLOCKED
        assert shop.wallet.balance == LOADED
    assert shop.hold() == 0
