"""Money that a customer pays in goes to the chip: at once where it lies, else at its next tap."""

import shutil
from pathlib import Path

import msgspec
import pytest

from card_formats.chip.purse import understood
from card_formats.chip.purse_layout import SEQ_MAX, STATE_FILE, decode_state, encode_state
from daemon.base.ids import PosSaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.programme.basket import BasketLine
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import ReturnTerms
from tests.support.chip_till import CAP, LOADED, READER, ChipShop, falsified, make_home
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.till import CHIP_UID, Pos, open_till


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    await make_home(tmp_path / "a", [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def test_a_chip_that_lies_on_the_reader_is_loaded_at_once_and_once(tmp_path: Path) -> None:
    lay_out_chips(tmp_path)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("input.simulate", reader="chip", do="present", card="chip")
        assert (await pos.call("card.identify", reader="chip"))["balance"] == 0
        terms = {"topup_id": "u1", "card": CHIP_UID, "amount": 2_000, "purse": "bonus"}
        answer = await pos.call("card.topup", **terms)
        assert answer["balances"]["bonus:owed"] == {"available": 2_000, "pending": 0}
        assert (await pos.call("card.identify", reader="chip"))["balance"] == 2_000
        assert (await pos.call("card.topup", **terms))["replayed"] is True
        assert (await pos.call("card.identify", reader="chip"))["balance"] == 2_000


async def test_a_chip_that_is_away_gets_it_at_its_next_tap(shop: ChipShop) -> None:
    async with shop.till() as till:
        for _ in range(2):
            await till.top_up(shop.wallet, "u1", 2_000)
        assert shop.wallet.balance == LOADED
        assert (await till.tap(shop.wallet)).balance == LOADED + 2_000
        assert (await till.tap(shop.wallet)).balance == LOADED + 2_000
    assert shop.hold() == 2_000


async def test_what_a_full_chip_does_not_take_is_owed(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.top_up(shop.wallet, "u1", CAP)
        assert (await till.tap(shop.wallet)).balance == CAP
        card = await till.ledger.read(
            lambda store: store.ask_one(CARD_BY_IDENTIFIER, "uid", shop.wallet.uid.hex().upper())
        )
        assert card is not None
        purses = await till.ledger.read(lambda store: store.purses(card.account))
        assert purses["bonus:owed"].posted == LOADED


async def test_a_load_that_is_torn_is_settled_without_an_event_of_a_sale_that_no_pos_made(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await till.top_up(shop.wallet, "u1", 2_000)
        with pytest.raises(RefusedError):
            await till.tap(shop.wallet, {9: Fault.TORN_AFTER})
        assert (await till.tap(shop.wallet)).balance == LOADED + 2_000
        assert till.events == []
    assert shop.hold() == 2_000


async def test_a_burn_of_more_than_this_ledger_has_loaded_comes_back_whole(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.top_up(shop.wallet, "u1", 300)
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        await till.give_back("s1")
        assert (await till.tap(shop.wallet)).balance == LOADED + 300
    assert shop.hold() == 300


async def test_a_burn_of_more_than_this_ledger_has_loaded_comes_back_piece_by_piece(
    shop: ChipShop,
) -> None:
    pieces = (BasketLine(line=1, sku="tea", qty=10, unit_price=1_000),)
    async with shop.till() as till:
        await till.top_up(shop.wallet, "u1", 300)
        identified = await till.tap(shop.wallet)
        await till.buy("s1", identified.presentation, 700, lines=pieces)
        for number in range(10):
            terms = ReturnTerms(lines={1: 1_000}, cashier="anna", reason="broken")
            key = RequestKey("sale.return", f"r{number}", b"%d" % number)
            await till.checkout.return_sale(key, PosSaleId("s1"), terms)
            till.readers.take_away()
            assert (await till.tap(shop.wallet)).balance == LOADED + 300 - 700 + 70 * (number + 1)
    assert shop.hold() == 300


@pytest.fixture
async def two_tills(shop: ChipShop, tmp_path: Path) -> ChipShop:
    await make_home(tmp_path / "b", [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


def both_generations(shop: ChipShop) -> ChipKeys:
    path = shop.home / "both.keys"
    shutil.copy(shop.home / "keys" / "chip.keys", path)
    add_chip_keys(path)
    return load_chip_keys(path)


async def test_what_is_owed_is_written_while_two_generations_of_keys_are_accepted(
    shop: ChipShop,
) -> None:
    async with shop.till(keys=both_generations(shop)) as till:
        await till.top_up(shop.wallet, "u1", 300)
        assert (await till.tap(shop.wallet)).balance == LOADED + 300
        await till.top_up(shop.wallet, "u2", 300)
        assert shop.wallet.balance == LOADED + 600
    assert shop.hold() == 600


async def test_each_change_of_a_chip_that_lies_there_is_written_at_once(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        await till.top_up(shop.wallet, "u1", 300)
        await till.top_up(shop.wallet, "u2", 300)
        await till.give_back("s1")
        assert shop.wallet.balance == LOADED + 600
        identified = await till.recognition.identify(till.readers.cards[READER], READER)
        posted = await till.buy("s2", identified.presentation, 10)
        assert posted["chip"]["apdus"] == 4, "what was loaded meanwhile is no part of a sale"
    assert shop.hold() == 590


async def test_a_card_that_pays_at_another_till_between_its_visits_gets_what_it_is_owed(
    two_tills: ChipShop,
) -> None:
    shop = two_tills
    async with shop.till("a") as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        till.readers.take_away()
        await till.top_up(shop.wallet, "u1", 300)
    async with shop.till("b") as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
    async with shop.till("a") as till:
        assert (await till.tap(shop.wallet)).balance == LOADED - 20 + 300
        await till.top_up(shop.wallet, "u2", 300)
    assert shop.wallet.balance == LOADED - 20 + 600


async def test_a_card_made_with_less_room_than_the_till_has_now_is_tapped_pays_and_fills(
    shop: ChipShop,
) -> None:
    async with shop.till(cap=2 * CAP) as till:
        await till.top_up(shop.wallet, "u1", 2 * CAP - LOADED)
        identified = await till.tap(shop.wallet)
        for _ in range(20):
            identified = await till.tap(shop.wallet)
            assert identified.balance == shop.wallet.balance
        assert CAP - CAP // 32 <= shop.wallet.balance <= CAP
        before = shop.wallet.balance
        await till.buy("s1", identified.presentation, 700)
        assert shop.wallet.balance == before - 700
        balances = (await till.show(shop.wallet)).balances
        assert balances["bonus:owed"].available == 2 * CAP - before
    assert shop.hold() == before - 700 - LOADED


async def test_a_till_that_forgets_a_card_s_own_limit_between_taps_loses_and_doubles_nothing(
    shop: ChipShop,
) -> None:
    """What a process has learned of a card's limit ends with it: the books hold all that counts."""
    bought = 0
    for number in range(12):
        async with shop.till(cap=2 * CAP) as till:  # knows nothing of the card's limit yet
            if number == 0:
                await till.top_up(shop.wallet, "u1", 2 * CAP - LOADED)
            identified = await till.tap(shop.wallet)
            if number % 3 == 1:
                await till.buy(f"s{number}", identified.presentation, 700)
                bought += 700
            if number % 3 == 2:
                await till.buy(f"s{number}", identified.presentation, codes=("BACK",))
                bought -= 250
            owed = (await till.show(shop.wallet)).balances["bonus:owed"].available
            assert shop.wallet.balance + owed == 2 * CAP - bought
            assert 0 < shop.wallet.balance <= CAP
        assert LOADED + shop.hold() == shop.wallet.balance
    async with shop.till(cap=2 * CAP) as till:  # one that is not forgotten fills the card
        for _ in range(20):
            await till.tap(shop.wallet)
    assert CAP - CAP // 32 <= shop.wallet.balance <= CAP


async def test_what_a_sale_earns_above_the_card_s_own_limit_is_owed(shop: ChipShop) -> None:
    async with shop.till(cap=2 * CAP) as till:
        await till.top_up(shop.wallet, "u1", CAP - LOADED - 100)
        identified = await till.tap(shop.wallet)
        assert identified.balance == CAP - 100
        posted = await till.buy("s1", identified.presentation, codes=("BACK",))
        assert posted["state"] == "posted"
        identified = await till.tap(shop.wallet)
        posted = await till.buy("s2", identified.presentation, 10, codes=("BACK",))
        assert posted["state"] == "posted"
        balances = (await till.show(shop.wallet)).balances
        assert shop.wallet.balance + balances["bonus:owed"].available == CAP - 100 + 250 + 240


def counted_to(shop: ChipShop, seq: int) -> None:
    (application,) = shop.wallet.model.snapshot().applications.values()
    state = decode_state(application.files[STATE_FILE].content, 0)  # type: ignore[union-attr]
    worn = msgspec.structs.replace(understood(state), seq=seq)
    falsified(shop.wallet.model, STATE_FILE, content=encode_state(worn))


async def test_a_card_whose_count_is_at_its_end_is_shown_though_it_is_owed(shop: ChipShop) -> None:
    counted_to(shop, SEQ_MAX)
    async with shop.till() as till:
        await till.top_up(shop.wallet, "u1", 300)
        assert (await till.tap(shop.wallet)).balance == LOADED


async def test_a_sale_that_only_earns_is_sold_though_the_card_s_count_is_at_its_end(
    shop: ChipShop,
) -> None:
    counted_to(shop, SEQ_MAX)
    async with shop.till() as till:
        identified = await till.tap(shop.wallet)
        sold = await till.buy("s1", identified.presentation, codes=("BACK",))
        assert sold["state"] == "posted"
        assert (await till.show(shop.wallet)).balances["bonus:owed"].available == 250
        for burn, codes in ((10, ()), (10, ("BACK",)), (500, ("BACK",))):
            identified = await till.tap(shop.wallet)
            with pytest.raises(RefusedError) as refused:
                await till.buy(f"s2 {burn}{codes}", identified.presentation, burn, codes=codes)
            assert refused.value.code is ErrorCode.CARD_EXPIRED
        await till.give_back("s1")
        assert (await till.tap(shop.wallet)).balance == LOADED
        assert (await till.show(shop.wallet)).balances["bonus:owed"].available == 0
    assert (shop.wallet.balance, shop.hold()) == (LOADED, 0)


async def test_the_last_count_of_a_card_is_written_and_what_comes_after_it_is_owed(
    shop: ChipShop,
) -> None:
    counted_to(shop, SEQ_MAX - 1)
    async with shop.till() as till:
        for sale_id in ("s1", "s2"):
            identified = await till.tap(shop.wallet)
            await till.buy(sale_id, identified.presentation, codes=("BACK",))
        assert (await till.show(shop.wallet)).balances["bonus:owed"].available == 250
    assert (shop.wallet.balance, shop.hold()) == (LOADED + 250, 250)
