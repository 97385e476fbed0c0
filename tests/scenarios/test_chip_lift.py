"""A chip that was blocked, expired or alarming is good again when its card is, and once."""

from pathlib import Path

import msgspec
import pytest

from card_formats.chip.purse import open_purse, set_status
from card_formats.chip.purse_layout import STATE_FILE, VALUE_FILE, PurseStatus
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.faults import Fault
from tests.support.chip_till import LOADED, ChipShop, HandTill, entries, falsified, make_home

APDUS_MAX = 13


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


def status(shop: ChipShop) -> int:
    """Return what the chip says of itself, without asking it."""
    (application,) = shop.wallet.model.snapshot().applications.values()
    content: bytes = application.files[STATE_FILE].content  # type: ignore[union-attr]
    return content[1]


def set_on_chip(shop: ChipShop, new: PurseStatus) -> None:
    """Write a status as another till does."""
    model = shop.wallet.model
    model.reset()
    key = shop.keys.till_key(shop.wallet.uid)
    purse = run_dialogue(open_purse(key, bytes(16)), model.transmit)
    run_dialogue(set_status(purse, new), model.transmit)


async def refused(shop: ChipShop, till: HandTill) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await till.tap(shop.wallet)
    return caught.value


async def test_a_card_that_is_unblocked_pays_at_its_next_tap_here_and_everywhere(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await till.change("block", shop.wallet, "r1")
        assert (await refused(shop, till)).code is ErrorCode.CARD_BLOCKED
        assert status(shop) == PurseStatus.BLOCKED
        await till.change("unblock", shop.wallet, "r2")
        posted = await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        assert posted["chip"]["apdus"] <= APDUS_MAX
    assert status(shop) == PurseStatus.ACTIVE
    async with shop.till("b") as other:
        await other.buy("s2", (await other.tap(shop.wallet)).presentation, 700)
    assert shop.hold() == -700
    assert len(entries(shop.home / "a", "chip_good")) == 1


async def test_a_block_by_another_till_stays_until_this_ledger_unblocks_the_card(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await till.change("block", shop.wallet, "r1")
        await till.change("unblock", shop.wallet, "r2")
        await till.tap(shop.wallet)  # good on its chip too: the unblocking has done its work
        set_on_chip(shop, PurseStatus.BLOCKED)
        for _ in range(2):
            error = await refused(shop, till)
            assert (error.code, "on its chip" in error.detail) == (ErrorCode.CARD_BLOCKED, True)
        assert (await till.change("unblock", shop.wallet, "r3"))["state"] == "active"
        await till.tap(shop.wallet)
        assert status(shop) == PurseStatus.ACTIVE


async def test_a_chip_that_says_expired_is_good_again_when_its_card_is_extended(
    shop: ChipShop,
) -> None:
    set_on_chip(shop, PurseStatus.EXPIRED)
    async with shop.till() as till:
        await till.change("block", shop.wallet, "r0")
        await refused(shop, till)  # now the chip is known here
        await till.change("unblock", shop.wallet, "r1")
        assert (await refused(shop, till)).code is ErrorCode.CARD_EXPIRED
        await till.change("extend", shop.wallet, "r2", until="2099-12-31")
        await till.tap(shop.wallet)
    assert status(shop) == PurseStatus.ACTIVE


@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER])
@pytest.mark.parametrize("apdu", [6, 7])
async def test_a_card_torn_while_it_is_made_good_is_made_good_at_the_next_tap(
    shop: ChipShop, apdu: int, fault: Fault
) -> None:
    async with shop.till() as till:
        await till.change("block", shop.wallet, "r1")
        await refused(shop, till)
        await till.change("unblock", shop.wallet, "r2")
        with pytest.raises(RefusedError) as torn:
            await till.tap(shop.wallet, {apdu: fault})
        assert torn.value.code.retryable
        await till.tap(shop.wallet)
        assert status(shop) == PurseStatus.ACTIVE


async def test_an_alarm_stays_until_the_owner_unblocks_the_card_and_what_it_says_then_is_known(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        falsified(shop.wallet.model, VALUE_FILE, value=LOADED)
        for _ in range(2):
            assert "does not follow" in (await refused(shop, till)).detail
        words = {"by": "olha", "reason": "the chip was looked at"}
        assert (await till.change("unblock", shop.wallet, "r1", **words))["state"] == "active"
        assert (await till.tap(shop.wallet)).balance == LOADED
        await till.buy("s2", (await till.tap(shop.wallet)).presentation, 700)
        assert len(till.events) == 1, "the alarm, once"
    told = msgspec.json.decode(entries(shop.home / "a", "card")[-1].detail)
    assert {name: told[name] for name in words} == words
    assert told["alarm"]
    assert status(shop) == PurseStatus.ACTIVE
