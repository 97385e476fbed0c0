"""A purse that cannot be the one seen before: hot-listed, told, never mended in silence."""

import shutil
from pathlib import Path
from random import Random

import msgspec
import pytest

from card_formats.chip.purse import understood
from card_formats.chip.purse_issue import renew_keys
from card_formats.chip.purse_layout import (
    STATE_FILE,
    VALUE_FILE,
    PurseStatus,
    decode_state,
    encode_state,
)
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change
from daemon.readers.channel import run_dialogue
from tests.support.chip_till import LOADED, ChipShop, Wallet, falsified, make_home, make_keys


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def test_a_card_that_is_blocked_here_is_blocked_on_its_chip_for_all_others(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        uid = shop.wallet.uid.hex().upper()
        card = await till.ledger.read(lambda store: store.ask_one(CARD_BY_IDENTIFIER, "uid", uid))
        assert card is not None
        blocked = msgspec.structs.replace(card, state="blocked")
        await till.ledger.write(Change(rows=(blocked,)))
        with pytest.raises(RefusedError) as refused:
            await till.tap(shop.wallet)
        assert refused.value.code is ErrorCode.CARD_BLOCKED
    async with shop.till("b") as other:
        with pytest.raises(RefusedError) as refused:
            await other.tap(shop.wallet)
        assert (refused.value.code, "on its chip" in refused.value.detail) == (
            ErrorCode.CARD_BLOCKED,
            True,
        )


@pytest.mark.parametrize(
    ("payments", "reason"),
    [
        (0, "count fell"),
        (1, "two payments have one number"),
        (2, "its balance does not follow"),
        (3, "two payments have one number"),
        (20, "two payments have one number"),
    ],
)
async def test_a_card_that_cannot_be_the_one_seen_before_is_blocked_for_good(
    shop: ChipShop, payments: int, reason: str
) -> None:
    before = shop.wallet.model.snapshot()
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
    shop.wallet.model.restore(before)  # as if somebody could
    async with shop.till("b") as other:
        for number in range(payments):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 10)
    async with shop.till() as till:
        for _ in range(2):
            with pytest.raises(RefusedError) as refused:
                await till.tap(shop.wallet)
            assert refused.value.code is ErrorCode.CARD_BLOCKED
            assert reason in refused.value.detail
        (event,) = till.events
        assert event["type"] == "card.alarm"
    (application,) = shop.wallet.model.snapshot().applications.values()
    content: bytes = application.files[STATE_FILE].content  # type: ignore[union-attr]
    assert content[1] == PurseStatus.BLOCKED
    assert shop.hold() == -700


@pytest.fixture(params=["old keys", "new keys"])
def both(shop: ChipShop, request: pytest.FixtureRequest) -> ChipKeys:
    """Two generations of keys; the card has the first or the second."""
    path = shop.home / "both.keys"
    shutil.copy(shop.home / "keys" / "chip.keys", path)
    add_chip_keys(path)
    both = load_chip_keys(path)
    if request.param == "new keys":
        old, new = (both.card_keys(shop.wallet.uid, one) for one in both.versions)
        run_dialogue(renew_keys(old, new, bytes(16)), shop.wallet.model.transmit)
    return both


@pytest.mark.parametrize("payments", [3, 20])
async def test_a_forked_card_is_found_while_two_generations_of_keys_are_accepted_too(
    shop: ChipShop, both: ChipKeys, payments: int
) -> None:
    before = shop.wallet.model.snapshot()
    async with shop.till(keys=both) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
    shop.wallet.model.restore(before)
    async with shop.till("b", keys=both) as other:
        for number in range(payments):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 10)
    async with shop.till(keys=both) as till:
        with pytest.raises(RefusedError) as refused:
            await till.tap(shop.wallet)
        assert refused.value.code is ErrorCode.CARD_BLOCKED
        assert "two payments have one number" in refused.value.detail
        assert [event["type"] for event in till.events] == ["card.alarm"]


async def test_while_keys_are_renewed_another_till_s_payment_costs_the_eleventh_apdu(
    shop: ChipShop, both: ChipKeys
) -> None:
    async with shop.till(keys=both) as till:
        posted = await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        assert posted["chip"]["apdus"] == 10
    async with shop.till("b", keys=both) as other:
        await other.buy("b", (await other.tap(shop.wallet)).presentation, 10)
    async with shop.till(keys=both) as till:
        posted = await till.buy("s2", (await till.tap(shop.wallet)).presentation, 10)
        assert (posted["chip"]["apdus"], till.events) == (11, [])


@pytest.mark.parametrize("payments", [0, 1])
async def test_a_balance_that_does_not_follow_from_its_history_is_an_alarm(
    shop: ChipShop, payments: int
) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
    async with shop.till("b") as other:
        for number in range(payments):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 10)
    balance = shop.wallet.balance + 1
    falsified(shop.wallet.model, VALUE_FILE, value=balance)
    async with shop.till() as till:
        with pytest.raises(RefusedError) as refused:
            await till.tap(shop.wallet)
        assert refused.value.code is ErrorCode.CARD_BLOCKED
        assert "does not follow" in refused.value.detail
    assert shop.wallet.balance == balance, "nothing is repaired in silence"
    (entry,) = alarms(shop.home / "a")
    told = msgspec.json.decode(entry.detail)
    assert (entry.ref, told["seen"]["balance"]) == (shop.wallet.uid.hex().upper(), balance)
    assert told["known"]["balance"] == LOADED - 700


def alarms(home: Path) -> list[Entry]:
    """Return what stands in a ledger for the owner about chips that cannot be."""
    store = SQLiteStore(home / "tillcard.db", read_only=True)
    try:
        entries = [decode(chained.body) for chained in store.entries()]
    finally:
        store.close()
    return [entry for entry in entries if entry.kind == "chip_alarm"]


async def test_a_card_that_others_have_debited_is_looked_up_in_one_apdu_and_no_alarm(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
    async with shop.till("b") as other:
        for number in range(25):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 10)
            if number in (0, 2, 24):
                async with shop.till() as till:
                    await till.tap(shop.wallet)
                    assert till.readers.lying is not None
                    assert till.readers.lying.count == (6 if number < 20 else 5)
                    assert till.events == []


async def test_a_card_with_another_shop_s_keys_is_forged(shop: ChipShop) -> None:
    stranger = Wallet(make_keys(shop.home / "other-keys"), Random(9))
    async with shop.till() as till:
        with pytest.raises(RefusedError) as refused:
            await till.tap(stranger)
    assert refused.value.code is ErrorCode.CARD_FORGED


def said_to_be_newer(shop: ChipShop) -> None:
    """Write a schema that no till knows, as whoever has a debit key can."""
    (application,) = shop.wallet.model.snapshot().applications.values()
    content: bytes = application.files[STATE_FILE].content  # type: ignore[union-attr]
    falsified(shop.wallet.model, STATE_FILE, content=bytes([9]) + content[1:])


async def test_a_card_with_an_alarm_that_is_said_to_be_newer_stays_blocked(shop: ChipShop) -> None:
    before = shop.wallet.model.snapshot()
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        shop.wallet.model.restore(before)
        for is_newer in (False, True):
            if is_newer:
                said_to_be_newer(shop)
            with pytest.raises(RefusedError) as refused:
                await till.tap(shop.wallet)
            assert refused.value.code is ErrorCode.CARD_BLOCKED


async def test_a_card_on_the_hot_list_that_is_said_to_be_newer_is_refused(shop: ChipShop) -> None:
    said_to_be_newer(shop)
    listed = shop.hot_list([shop.wallet.uid.hex().upper()])
    (shop.home / "a" / "hot.list").write_text(listed)
    async with shop.till(hot_list="hot.list") as till:
        with pytest.raises(RefusedError) as refused:
            await till.tap(shop.wallet)
        assert refused.value.code is ErrorCode.CARD_BLOCKED


async def test_a_count_that_was_raised_without_payments_is_an_alarm(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        (application,) = shop.wallet.model.snapshot().applications.values()
        content: bytes = application.files[STATE_FILE].content  # type: ignore[union-attr]
        state = understood(decode_state(content, 0))
        raised = encode_state(msgspec.structs.replace(state, seq=state.seq + 5))
        falsified(shop.wallet.model, STATE_FILE, content=raised)
        for _ in range(2):
            with pytest.raises(RefusedError) as refused:
                await till.tap(shop.wallet)
            assert refused.value.code is ErrorCode.CARD_BLOCKED
        assert [event["type"] for event in till.events] == ["card.alarm"]
