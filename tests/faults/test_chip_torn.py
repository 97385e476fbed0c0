"""A purchase with a purse on the chip, cut anywhere: chip and ledgers agree, exactly one debit."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from daemon.base.refusals import RefusedError
from daemon.keys.chip_keys import ChipKeys
from daemon.readers.simulated.desfire.card_state import AS_OBSERVED, Traits
from daemon.readers.simulated.desfire.faults import Fault
from daemon.readers.simulated.desfire.memory import Generation, Memory
from tests.support.chip_till import (
    LOADED,
    READER,
    HandTill,
    PowerCut,
    Wallet,
    chip_moves,
    hand_till,
    make_home,
    make_keys,
)
from tests.support.clock import HandClock

BURN, OTHER_BURN = 700, 300
PURCHASE_APDUS = 9
BOTH = pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
TRAITS = {
    "as_observed": AS_OBSERVED,
    "forgets": Traits(keeps_pending=False, tells_limited_credit=False),
}
BACK = pytest.mark.parametrize("comes_back", ["same", "other_card", "other_till", "never"])


class ChipShop:
    """Two tills with ledgers of their own, two customers, and what they looked like at first."""

    def __init__(self, home: Path, keys: ChipKeys, generation: Generation, traits: Traits) -> None:
        random = Random(generation)
        self.home, self.clock = home, HandClock()
        self.wallet = Wallet(keys, random, generation, traits)
        self.other = Wallet(keys, random, generation, traits)
        self._first: dict[Wallet, Memory] = {}
        self.cuts = 0

    async def build(self) -> None:
        wallets = [self.wallet, self.other]
        for name in ("template-a", "template-b"):
            await make_home(self.home / name, wallets, self.clock, self.home / "keys")
        self._first = {wallet: wallet.model.snapshot() for wallet in wallets}

    def begin_again(self) -> None:
        for name in ("a", "b"):
            shutil.rmtree(self.home / name, ignore_errors=True)
            shutil.copytree(self.home / f"template-{name}", self.home / name)
        for wallet, memory in self._first.items():
            wallet.model.restore(memory)

    @asynccontextmanager
    async def till(self, name: str, cut: PowerCut | None = None) -> AsyncIterator[HandTill]:
        async with hand_till(self.home / name, self.clock, cut=cut) as till:
            yield till

    def check(self, sold: dict[str, int]) -> None:
        """Every debit stands in exactly one ledger, and the chips hold what is left."""
        moves = chip_moves(self.home / "a", self.home / "b")
        mine = [m.amount for m in moves if m.uid == self.wallet.uid.hex().upper()]
        assert sum(mine) == -sum(sold.values())
        assert len(mine) == len(sold)
        assert self.wallet.balance == LOADED - sum(sold.values())


@pytest.fixture(params=list(TRAITS))
def traits(request: pytest.FixtureRequest) -> Traits:
    return TRAITS[request.param]


@pytest.fixture
async def shop(generation: Generation, traits: Traits) -> AsyncIterator[ChipShop]:
    # In memory where there is such a folder: a power cut here is one of the program, not the disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        home = Path(folder)
        shop = ChipShop(home, make_keys(home / "keys"), generation, traits)
        await shop.build()
        yield shop


async def attempt(shop: ChipShop, faults: dict[int, Fault], cut: PowerCut) -> None:
    """Tap and buy at till A until something breaks."""
    async with shop.till("a", cut) as till:
        refusal = None
        try:
            identified = await till.tap(shop.wallet, faults)
            await till.buy("s1", identified.presentation, BURN)
        except RefusedError as error:
            refusal = error
        broke = bool(faults) or cut.dead
        assert (refusal is not None) is broke
        assert refusal is None or refusal.code.retryable


async def insist(till: HandTill, wallet: Wallet) -> None:
    """Do what a till does: tap again, look, and repeat the call if it is still wanted."""
    identified = await till.tap(wallet)
    if await till.state("s1") != "posted":
        # The first call's content is lost with the till; a new presentation is the same wish.
        await till.buy("s1", identified.presentation, BURN)
    assert await till.state("s1") == "posted"


async def come_back(shop: ChipShop, how: str) -> dict[str, int]:
    """Return with the card in one of the ways; give what must have been debited by then."""
    if how == "other_card":
        async with shop.till("a") as till:
            identified = await till.tap(shop.other)
            await till.buy("s2", identified.presentation)
            assert shop.other.balance == LOADED
            await insist(till, shop.wallet)
        return {"s1": BURN}
    if how == "same":
        async with shop.till("a") as till:
            await insist(till, shop.wallet)
        return {"s1": BURN}
    if how == "never":
        async with shop.till("a") as till:
            was_posted = await till.state("s1") == "posted"
        return {"s1": BURN} if was_posted else {}
    written = shop.wallet.balance != LOADED
    async with shop.till("b") as till:
        identified = await till.tap(shop.wallet)
        await till.buy("s9", identified.presentation, OTHER_BURN)
    async with shop.till("a") as till:
        before = await till.state("s1")
        await till.tap(shop.wallet)
        after = await till.state("s1")
        if written:
            assert after == "posted"
            return {"s1": BURN, "s9": OTHER_BURN}
        # Another payment has the number of ours, so ours was not written: it may be repeated.
        assert (before, after) in {("unknown", "intent"), ("new", "new")}
        return {"s9": OTHER_BURN}


def agree(shop: ChipShop, how: str, sold: dict[str, int]) -> None:
    if how == "never" and not sold and shop.wallet.balance != LOADED:
        assert shop.wallet.balance == LOADED - BURN  # the ledger says unknown until it is seen
        assert chip_moves(shop.home / "a") == []
        return
    shop.check(sold)


@BOTH
@BACK
async def test_a_card_torn_at_any_apdu_is_debited_exactly_once(
    shop: ChipShop, comes_back: str, generation: Generation
) -> None:
    for number in range(1, PURCHASE_APDUS + 1 + (generation is Generation.EV1)):
        for fault in (Fault.TORN_BEFORE, Fault.TORN_AFTER):
            shop.begin_again()
            await attempt(shop, {number: fault}, PowerCut())
            agree(shop, comes_back, await come_back(shop, comes_back))


@BOTH
async def test_a_card_torn_at_any_apdu_and_tapped_again_at_once_lets_the_same_call_through(
    shop: ChipShop, generation: Generation
) -> None:
    for number in range(6, PURCHASE_APDUS + 1):  # the first five are the first tap's
        for fault in (Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST):
            shop.begin_again()
            late = number + (generation is Generation.EV1)
            async with shop.till("a") as till:
                identified = await till.tap(shop.wallet, {late: fault})
                with pytest.raises(RefusedError) as refused:
                    await till.buy("s1", identified.presentation, BURN)
                assert refused.value.state_unknown is (number == PURCHASE_APDUS)
                till.readers.lay(shop.wallet)
                posted = await till.buy("s1", identified.presentation, BURN)
                again = await till.buy("s1", identified.presentation, BURN)
            assert (posted["state"], again) == ("posted", posted | {"replayed": True})
            shop.check({"s1": BURN})


@BOTH
@BACK
async def test_a_till_that_dies_at_any_call_of_its_ledger_debits_exactly_once(
    shop: ChipShop, comes_back: str, generation: Generation
) -> None:
    whole = PowerCut()
    shop.begin_again()
    await attempt(shop, {}, whole)
    assert whole.calls.count("commit") == 3, "what was seen of the chip, the intent, the sale"
    for number, name in enumerate(whole.calls, start=1):
        # After any other call is the same as before the next: nothing of it would last.
        for after in (False, True) if name == "commit" else (False,):
            shop.begin_again()
            await attempt(shop, {}, PowerCut(number, after=after))
            agree(shop, comes_back, await come_back(shop, comes_back))


@BOTH
async def test_a_card_that_keeps_its_power_when_an_answer_is_lost_is_debited_exactly_once(
    shop: ChipShop, generation: Generation
) -> None:
    for number in range(6, PURCHASE_APDUS + 1):
        for looked_at in (False, True):  # a till that shows the card again asks it first
            shop.begin_again()
            late = number + (generation is Generation.EV1)
            async with shop.till("a") as till:
                identified = await till.tap(shop.wallet, {late: Fault.ANSWER_LOST})
                till.readers.keeps_power = True
                with pytest.raises(RefusedError) as refused:
                    await till.buy("s1", identified.presentation, BURN)
                assert refused.value.state_unknown is (number == PURCHASE_APDUS)
                if looked_at:
                    await till.recognition.identify(till.readers.cards[READER], READER)
                posted = await till.buy("s1", identified.presentation, BURN)
                assert posted["state"] == "posted"
                assert posted["chip"]["apdus"] <= 13
            shop.check({"s1": BURN})


@BOTH
async def test_what_is_owed_to_a_card_that_keeps_its_power_is_written_exactly_once(
    shop: ChipShop, generation: Generation
) -> None:
    for number in range(6, PURCHASE_APDUS + 1):
        shop.begin_again()
        late = number + (generation is Generation.EV1)
        async with shop.till("a") as till:
            await till.top_up(shop.wallet, "t1", OTHER_BURN)
            with suppress(RefusedError):
                till.readers.keeps_power = True
                await till.tap(shop.wallet, {late: Fault.ANSWER_LOST})
            for _ in range(2):  # as the reader shows it again
                await till.recognition.identify(till.readers.cards[READER], READER)
            await till.tap(shop.wallet)
        assert shop.wallet.balance == LOADED + OTHER_BURN
        assert sum(move.amount for move in chip_moves(shop.home / "a")) == OTHER_BURN


@BOTH
async def test_a_voided_sale_does_not_ride_along_with_the_next_where_the_card_keeps_its_power(
    shop: ChipShop, generation: Generation
) -> None:
    for number in range(6, PURCHASE_APDUS):
        shop.begin_again()
        late = number + (generation is Generation.EV1)
        async with shop.till("a") as till:
            identified = await till.tap(shop.wallet, {late: Fault.ANSWER_LOST})
            till.readers.keeps_power = True
            with pytest.raises(RefusedError):
                await till.buy("s1", identified.presentation, BURN)
            await till.void("s1")
            again = await till.recognition.identify(till.readers.cards[READER], READER)
            await till.buy("s2", again.presentation, OTHER_BURN)
        shop.check({"s2": OTHER_BURN})


def garbled(answer: bytes) -> bytes:
    return bytes((answer[0] ^ 1,)) + answer[1:]


@BOTH
async def test_a_garbled_answer_and_the_same_call_again_debit_once_though_the_card_keeps_its_write(
    shop: ChipShop, generation: Generation
) -> None:
    for number in range(6, PURCHASE_APDUS + 1):
        shop.begin_again()
        late = number + (generation is Generation.EV1)
        async with shop.till("a") as till:
            identified = await till.tap(shop.wallet, noise={late: garbled})
            with pytest.raises(RefusedError) as refused:
                await till.buy("s1", identified.presentation, BURN)
            assert refused.value.state_unknown is (number == PURCHASE_APDUS)
            assert till.readers.lying is not None, "the card stays where it is"
            posted = await till.buy("s1", identified.presentation, BURN)
            assert posted["state"] == "posted"
            assert posted["chip"]["apdus"] <= 13
        shop.check({"s1": BURN})


EDGE = pytest.mark.parametrize("keeps_power", [False, True], ids=["reset", "keeps_power"])
EDGE_FAULTS = (Fault.COMMAND_LOST, Fault.ANSWER_LOST, Fault.TORN_BEFORE, Fault.TORN_AFTER)


async def lost(till: HandTill, wallet: Wallet, fault: dict[int, Fault], keeps_power: bool) -> None:
    """Tap and buy until the card is lost; it comes back as ``keeps_power`` says."""

    async def tap_and_buy() -> None:
        first = await till.tap(wallet, fault)
        till.readers.keeps_power = keeps_power
        await till.buy("s1", first.presentation, BURN)

    with pytest.raises(RefusedError) as refused:
        await tap_and_buy()
    assert refused.value.code.retryable
    till.readers.keeps_power = keeps_power


async def after_it(till: HandTill, shop: ChipShop, meanwhile: str) -> dict[str, int]:
    """Do what the till does next; give what must have been debited then."""
    if meanwhile == "other_card":
        await till.buy("s2", (await till.tap(shop.other)).presentation)
    if meanwhile == "void":
        await till.void("s1")
        await till.tap(shop.wallet)  # what was written all the same is given back here
        await till.buy("s3", (await till.tap(shop.wallet)).presentation, OTHER_BURN)
        return {"s3": OTHER_BURN}
    await insist(till, shop.wallet)
    return {"s1": BURN}


@BOTH
@EDGE
@pytest.mark.parametrize("meanwhile", ["nothing", "other_card", "void"])
async def test_a_card_lost_at_any_apdu_at_the_edge_of_the_field_is_debited_exactly_once(
    shop: ChipShop, meanwhile: str, keeps_power: bool, generation: Generation
) -> None:
    for number in range(1, PURCHASE_APDUS + 1 + (generation is Generation.EV1)):
        for fault in EDGE_FAULTS:
            shop.begin_again()
            async with shop.till("a") as till:
                await lost(till, shop.wallet, {number: fault}, keeps_power)
                sold = sum((await after_it(till, shop, meanwhile)).values())
            assert shop.wallet.balance == LOADED - sold
            assert sum(move.amount for move in chip_moves(shop.home / "a")) == -sold
