"""A card that answers over somebody's network, or is just slow: it is not paid with."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.readers.simulated.desfire.memory import Generation
from tests.support.chip_till import LOADED, ChipShop, HandTill, Wallet, make_home

BOUND_S = 1.5
COMMIT = b"\x90\xc7"  # CommitTransaction, wrapped
BEFORE_COMMIT = 8
"""The APDUs of a purchase but the last: select, two to authenticate, state, value; three to pay."""


class Relayed:
    """A card at the other end of a line that takes ``delay_s`` for each exchange."""

    def __init__(self, wallet: Wallet, wait: Callable[[], None]) -> None:
        self.uid, self.model, self.atr = wallet.uid, self, wallet.model.atr
        self._wallet = wallet
        self._wait = wait

    def reset(self) -> None:
        self._wallet.model.reset()

    def transmit(self, command: bytes) -> bytes:
        self._wait()
        return self._wallet.model.transmit(command)


@pytest.fixture(params=[Generation.EV1, Generation.EV2])
async def shop(tmp_path: Path, request: pytest.FixtureRequest) -> ChipShop:
    shop = ChipShop(tmp_path)
    shop.wallet = Wallet(shop.keys, Random(5), request.param)
    await make_home(tmp_path / "a", [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


def relayed(shop: ChipShop, delay_s: float) -> Relayed:
    return Relayed(shop.wallet, lambda: shop.clock.move(seconds=delay_s))


async def refused(till: HandTill, presentation: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await till.buy("s1", presentation, 700)
    return caught.value


async def test_a_relay_of_800_ms_an_apdu_is_not_paid_and_costs_nothing(shop: ChipShop) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(relayed(shop, 0.8))).presentation
        error = await refused(till, presentation)
        assert (error.code, error.state_unknown) == (ErrorCode.TIMEOUT, False)
        assert "too slowly" in error.detail
        lying = till.readers.lying
        assert lying is not None
        sent = [exchange.command[:2] for exchange in lying.exchanges]
        assert COMMIT not in sent, "what was written is not committed"
        assert (shop.wallet.balance, await till.state("s1")) == (LOADED, "new")
        again = await refused(till, presentation)
        assert again.code is ErrorCode.TIMEOUT, "it stays too slow at the next try"
        presentation = (await till.tap(shop.wallet)).presentation
        await till.buy("s1", presentation, 700)
    assert (shop.wallet.balance, shop.hold()) == (LOADED - 700, -700), "once, from the card itself"


@pytest.mark.parametrize(("delay_s", "is_paid"), [(0.18, True), (0.19, False)])
async def test_the_bound_is_over_the_whole_purchase_and_not_over_the_cashier_s_time(
    shop: ChipShop, delay_s: float, is_paid: bool
) -> None:
    assert is_paid == (delay_s * BEFORE_COMMIT <= BOUND_S)
    # At its first tap a till asks an EV1 card for the newer channel in vain.
    asked_in_vain = shop.wallet.model.snapshot().generation is Generation.EV1
    async with shop.till(card_time_s_max=BOUND_S + asked_in_vain * delay_s) as till:
        presentation = (await till.tap(relayed(shop, delay_s))).presentation
        shop.clock.move(minutes=5)
        if is_paid:
            for sale_id in ("s1", "s2"):
                await till.buy(sale_id, presentation, 700)
                presentation = (await till.tap(relayed(shop, delay_s))).presentation
        else:
            assert (await refused(till, presentation)).code is ErrorCode.TIMEOUT
    assert shop.hold() == shop.wallet.balance - LOADED == (-1400 if is_paid else 0)


@pytest.mark.parametrize("most_s", [0, 20.0])
async def test_a_shop_may_allow_slow_cards(shop: ChipShop, most_s: float) -> None:
    async with shop.till(card_time_s_max=most_s) as till:
        presentation = (await till.tap(relayed(shop, 0.8))).presentation
        await till.buy("s1", presentation, 700)
    assert shop.wallet.balance == LOADED - 700


async def test_a_card_that_was_too_slow_and_then_is_not_pays_once_where_it_lies(
    shop: ChipShop,
) -> None:
    delays_s = [0.8]
    slow = Relayed(shop.wallet, lambda: shop.clock.move(seconds=delays_s[-1]))
    async with shop.till() as till:
        presentation = (await till.tap(slow)).presentation
        assert (await refused(till, presentation)).code is ErrorCode.TIMEOUT
        delays_s.append(0.01)
        # The card has kept what was written and not committed; it must not come with this commit.
        await till.buy("s1", presentation, 700)
    assert (shop.wallet.balance, shop.hold()) == (LOADED - 700, -700)
