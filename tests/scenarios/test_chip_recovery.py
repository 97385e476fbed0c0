"""What a till does about a torn purse, a card that was away, keys and limits; nine APDUs."""

import shutil
from pathlib import Path
from random import Random

import pytest

from card_formats.chip.purse_issue import renew_keys
from daemon.base.receipt_codes import TillNames, receipt_code
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.faults import Fault
from daemon.readers.simulated.desfire.memory import Generation
from tests.support.chip_till import (
    LOADED,
    ChipShop,
    HandTill,
    PowerCut,
    Wallet,
    make_home,
)

COMMIT_APDU = 9


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def tear(till: HandTill, wallet: Wallet, fault: Fault, burn: int = 700) -> str:
    """Begin a sale whose commit command is lost or whose answer is; return its presentation."""
    presentation: str = (await till.tap(wallet, {COMMIT_APDU: fault})).presentation
    with pytest.raises(RefusedError) as refused:
        await till.buy("s1", presentation, burn)
    assert refused.value.state_unknown
    assert await till.state("s1") == "unknown"
    till.readers.take_away()
    return presentation


# Torn.


async def test_until_the_card_is_back_the_sale_is_unknown_and_says_so(shop: ChipShop) -> None:
    async with shop.till() as till:
        presentation = await tear(till, shop.wallet, Fault.TORN_AFTER)
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", presentation, 700)
        assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.TORN, True)


@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER])
async def test_the_next_tap_settles_it_and_the_pos_is_told(shop: ChipShop, fault: Fault) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, fault)
        await till.tap(shop.wallet)
        (event,) = till.events
        written = fault is Fault.TORN_AFTER
        assert event["type"] == "sale.settled"
        assert (event["sale_id"], event["state"]) == ("s1", "posted" if written else "intent")
        assert event["receipt"] == receipt_code(TillNames("1", "till"), "s1")
        assert await till.state("s1") == event["state"]


async def test_a_settled_sale_s_call_gets_its_answer_and_the_chip_is_not_asked_again(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        presentation = await tear(till, shop.wallet, Fault.TORN_AFTER)
        await till.tap(shop.wallet)
        assert till.readers.lying is not None
        count = till.readers.lying.count
        posted = await till.buy("s1", presentation, 700)
        assert (posted["state"], posted["replayed"]) == ("posted", True)
        assert posted["balances"]["bonus"]["available"] == LOADED - 700
        assert till.readers.lying.count == count


async def test_a_crash_while_the_chip_is_written_is_unknown_after_the_restart(
    shop: ChipShop,
) -> None:
    whole = PowerCut()
    async with shop.till(cut=whole) as till:
        await till.buy("s0", (await till.tap(shop.wallet)).presentation, 1)
    _, intent, post = (n for n, name in enumerate(whole.calls) if name == "begin")
    # The chip is known by now, so the next sale begins with its intent; it dies as it is to post.
    async with shop.till(cut=PowerCut(post - intent + 1)) as till:
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        assert refused.value.state_unknown
    assert shop.wallet.balance == LOADED - 701
    async with shop.till() as till:
        assert await till.state("s1") == "unknown"
        await till.tap(shop.wallet)
        assert await till.state("s1") == "posted"


async def test_a_torn_sale_that_was_paid_otherwise_is_voided_and_the_chip_gets_its_money_back(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_AFTER)
        assert (await till.void("s1"))["state"] == "void_pending"
        assert shop.wallet.balance == LOADED - 700
        identified = await till.tap(shop.wallet)
        assert (identified.balance, shop.wallet.balance) == (LOADED, LOADED)
        assert await till.state("s1") == "voided"
    assert shop.hold() == 0


async def test_a_torn_sale_that_was_never_written_is_voided_for_nothing(shop: ChipShop) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_BEFORE)
        await till.void("s1")
        await till.tap(shop.wallet)
        assert (await till.state("s1"), shop.wallet.balance) == ("voided", LOADED)


async def test_a_sale_that_is_open_again_may_be_voided(shop: ChipShop) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_BEFORE)
        await till.tap(shop.wallet)
        assert (await till.void("s1"))["state"] == "voided"
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", "p", 700)
        assert refused.value.code is ErrorCode.ALREADY_VOIDED


async def test_an_open_sale_is_sold_anew_with_another_basket(shop: ChipShop) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_BEFORE)
        posted = await till.buy("s1", (await till.tap(shop.wallet)).presentation, 20)
        assert posted["balances"]["bonus"]["available"] == LOADED - 20


async def test_the_history_settles_what_other_tills_have_written_over(shop: ChipShop) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_AFTER)
    async with shop.till("b") as other:
        for number in range(3):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 10)
    async with shop.till() as till:
        await till.tap(shop.wallet)
        assert till.readers.lying is not None
        assert (await till.state("s1"), till.readers.lying.count) == ("posted", 6)


async def test_what_the_history_has_forgotten_is_a_case_for_the_owner(shop: ChipShop) -> None:
    async with shop.till() as till:
        await tear(till, shop.wallet, Fault.TORN_AFTER)
    async with shop.till("b") as other:
        for number in range(21):
            await other.buy(f"b{number}", (await other.tap(shop.wallet)).presentation, 1)
    async with shop.till() as till:
        await till.tap(shop.wallet)
        (event,) = till.events
        assert (event["outcome"], event["state"]) == ("undecided", "unknown")
        identified = await till.tap(shop.wallet)  # the card itself goes on
        assert len(till.events) == 1, "a case is told once"
        await till.buy("s2", identified.presentation, 5)


async def test_a_hold_whose_chip_was_not_written_is_held_again(shop: ChipShop) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet, {8: Fault.TORN_BEFORE})).presentation
        await till.hold("s1", presentation, 700)
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", presentation, 700)
        assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.TORN, False)
        assert await till.state("s1") == "held"
        till.readers.lay(shop.wallet)
        posted = await till.buy("s1", presentation, 600)
        assert posted["balances"]["bonus"]["available"] == LOADED - 600
    assert shop.hold() == -600


# Away.


async def test_a_burn_needs_the_card_and_an_earn_is_owed_to_it(shop: ChipShop) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        till.readers.take_away()
        with pytest.raises(RefusedError) as refused:
            await till.buy("s1", presentation, 700)
        assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.NO_CARD, False)
        posted = await till.buy("s2", (await till.tap(shop.wallet)).presentation, 0)
        assert "chip" not in posted, "nothing changes on the chip"
        presentation = (await till.tap(shop.wallet)).presentation
        till.readers.take_away()
        posted = await till.buy("s3", presentation, codes=("BACK",))
        assert posted["balances"]["bonus:owed"]["available"] == 250
        assert (await till.tap(shop.wallet)).balance == LOADED + 250
        assert shop.wallet.balance == LOADED + 250
    assert shop.hold() == 250


async def test_a_return_without_the_card_is_owed_or_paid_in_cash(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        till.readers.take_away()
        back = await till.give_back("s1")
        assert (back["refund"], back["balances"]["bonus:owed"]["available"]) == (9_300, 700)
        assert shop.wallet.balance == LOADED - 700
        assert (await till.tap(shop.wallet)).balance == LOADED
    assert shop.hold() == 0


async def test_a_return_in_cash_leaves_the_chip_alone(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        till.readers.take_away()
        assert (await till.give_back("s1", in_cash=True))["refund"] == 10_000
        assert (await till.tap(shop.wallet)).balance == LOADED - 700
    assert shop.hold() == -700


async def test_a_return_with_the_card_there_is_written_at_once(shop: ChipShop) -> None:
    async with shop.till() as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        await till.give_back("s1")
        assert shop.wallet.balance == LOADED


async def test_what_was_earned_and_given_back_is_taken_at_the_next_tap(shop: ChipShop) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        await till.buy("s1", presentation, codes=("BACK",))
        assert shop.wallet.balance == LOADED + 250
        till.readers.take_away()
        await till.give_back("s1")
        assert (await till.tap(shop.wallet)).balance == LOADED


@pytest.mark.parametrize("number", range(6, 10))
@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER])
async def test_what_is_owed_is_written_once_wherever_it_is_torn(
    shop: ChipShop, number: int, fault: Fault
) -> None:
    async with shop.till() as till:
        presentation = (await till.tap(shop.wallet)).presentation
        till.readers.take_away()
        await till.buy("s1", presentation, codes=("BACK",))
        with pytest.raises(RefusedError):
            await till.tap(shop.wallet, {number: fault})
    async with shop.till() as till:
        for _ in range(2):
            assert (await till.tap(shop.wallet)).balance == LOADED + 250
    assert shop.hold() == 250


# Keys and limits.


def debit_only(shop: ChipShop) -> ChipKeys:
    path = shop.home / "debit.keys"
    lines = (shop.home / "keys" / "chip.keys").read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("load", "read", "master"))]
    path.write_text("\n".join(kept), "utf-8")
    path.chmod(0o600)
    return load_chip_keys(path)


async def test_a_till_with_the_debit_key_takes_and_what_it_gives_waits_for_a_load_till(
    shop: ChipShop,
) -> None:
    async with shop.till(keys=debit_only(shop)) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        posted = await till.buy("s2", (await till.tap(shop.wallet)).presentation, codes=("BACK",))
        assert posted["balances"]["bonus:owed"]["available"] == 250
        assert (await till.tap(shop.wallet)).balance == LOADED - 700
    async with shop.till() as till:
        assert (await till.tap(shop.wallet)).balance == LOADED - 700 + 250


async def test_a_return_at_a_till_that_only_takes_never_reaches_the_chip_and_is_owed(
    shop: ChipShop,
) -> None:
    async with shop.till(keys=debit_only(shop)) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 700)
        back = await till.give_back("s1")
        assert (back["refund"], back["balances"]["bonus:owed"]["available"]) == (9_300, 700)
        assert (await till.tap(shop.wallet)).balance == shop.wallet.balance == LOADED - 700
    async with shop.till() as till:
        assert (await till.tap(shop.wallet)).balance == LOADED
    assert shop.hold() == 0


async def test_a_full_purse_is_owed_the_rest(shop: ChipShop) -> None:
    async with shop.till(cap=LOADED + 100) as till:
        posted = await till.buy("s1", (await till.tap(shop.wallet)).presentation, codes=("BACK",))
        assert posted["balances"]["bonus"]["available"] == LOADED + 100
        assert posted["balances"]["bonus:owed"]["available"] == 150


# Nine APDUs.


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
async def test_a_purchase_is_nine_apdus_ten_at_first_sight_and_thirteen_with_recovery(
    shop: ChipShop, generation: Generation
) -> None:
    wallet = Wallet(shop.keys, Random(generation), generation)
    await make_home(shop.home / "c", [wallet], shop.clock, shop.home / "keys")
    counts = []
    for number in range(3):
        async with shop.till("c") as till:
            posted = await till.buy(f"s{number}", (await till.tap(wallet)).presentation, 10)
            assert till.readers.lying is not None
            counts.append(till.readers.lying.count)
            assert posted["chip"]["apdus"] == counts[-1]
    assert counts == [9 + (generation is Generation.EV1), 9, 9]
    async with shop.till("c") as till:
        presentation = (await till.tap(wallet, {9: Fault.TORN_BEFORE})).presentation
        with pytest.raises(RefusedError):
            await till.buy("s9", presentation, 10)
        till.readers.lay(wallet)
        posted = await till.buy("s9", presentation, 10)
        assert posted["chip"]["apdus"] <= 13


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
async def test_while_keys_are_renewed_every_purchase_is_ten_apdus_whatever_the_card(
    shop: ChipShop, generation: Generation
) -> None:
    renewed, old = (Wallet(shop.keys, Random(seed), generation) for seed in (1, 2))
    await make_home(shop.home / "c", [renewed, old], shop.clock, shop.home / "keys")
    async with shop.till("c") as till:  # with the old keys alone
        await till.buy("s0", (await till.tap(renewed)).presentation, 10)
    both_path = shop.home / "both.keys"
    shutil.copy(shop.home / "keys" / "chip.keys", both_path)
    add_chip_keys(both_path)
    both = load_chip_keys(both_path)
    from_keys, to_keys = (both.card_keys(renewed.uid, one) for one in both.versions)
    run_dialogue(renew_keys(from_keys, to_keys, bytes(16)), renewed.model.transmit)
    async with shop.till("c", keys=both) as till:
        for number, wallet in enumerate((renewed, old, renewed, old), start=1):
            posted = await till.buy(f"s{number}", (await till.tap(wallet)).presentation, 10)
            assert till.readers.lying is not None
            assert till.readers.lying.count == posted["chip"]["apdus"] == 10
