"""Noise on the air while a torn sale is settled is no verdict: the next good tap settles it."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from daemon.base.refusals import RefusedError
from daemon.readers.simulated.desfire.faults import Fault
from daemon.readers.simulated.desfire.memory import Generation
from tests.support.chip_till import LOADED, ChipShop, HandTill, Noise, Wallet, make_home

BURN, OTHER_BURN = 700, 300
COMMIT_APDU = 9
READERS_WORDS = ("6300", "6F00", "6401", "6A82", "6700", "0000", "9000", "91AE", "91BE", "")
BOTH = pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())


class TornShop(ChipShop):
    """A card whose sale was torn behind its commit, and that has paid elsewhere since."""

    async def build(self, generation: Generation) -> None:
        self.wallet = Wallet(self.keys, Random(generation), generation)
        for name in ("a", "b"):
            await make_home(self.home / name, [self.wallet], self.clock, self.home / "keys")
        is_old = generation is Generation.EV1
        async with self.till("a") as till:
            torn = {COMMIT_APDU + is_old: Fault.TORN_AFTER}
            presentation = (await till.tap(self.wallet, torn)).presentation
            with pytest.raises(RefusedError):
                await till.buy("s1", presentation, BURN)
        async with self.till("b") as other:
            presentation = (await other.tap(self.wallet)).presentation
            await other.buy("s9", presentation, OTHER_BURN)


@pytest.fixture
async def shop(tmp_path: Path, generation: Generation) -> TornShop:
    shop = TornShop(tmp_path)
    await shop.build(generation)
    return shop


def flipped(answer: bytes, bit: int) -> bytes:
    """Return an answer with one bit of it another; as it is where it has not so many."""
    at, mask = bit // 8, 1 << bit % 8
    return answer[:at] + bytes(b ^ mask for b in answer[at : at + 1]) + answer[at + 1 :]


def said(answer: bytes, words: str) -> bytes:
    """Return what a reader says of itself in place of the card's answer."""
    return bytes.fromhex(words)


async def settled_by_the_next_good_tap(till: HandTill, shop: ChipShop) -> None:
    assert (till.events, await till.state("s1")) == ([], "unknown")
    await till.tap(shop.wallet)
    await settled(till, shop)


async def settled(till: HandTill, shop: ChipShop) -> None:
    assert [event["outcome"] for event in till.events] == ["written"]
    assert await till.state("s1") == "posted"
    assert shop.wallet.balance == LOADED - BURN - OTHER_BURN
    assert shop.hold() == -BURN


async def answers_of_a_tap(shop: TornShop) -> list[int]:
    """Return the length of each answer of the dialogue that settles, in bits."""
    before = shop.wallet.model.snapshot()
    async with shop.till("b") as till:
        await till.tap(shop.wallet)
        assert till.readers.lying is not None
        lengths = [8 * len(one.answer or b"") for one in till.readers.lying.exchanges]
    assert shop.wallet.model.snapshot() == before
    # The till that settles reads the payment's record beside it; its answer is as long as STATE's.
    return [*lengths, lengths[-2]]


def every_bit(lengths: list[int]) -> Iterator[tuple[int, Noise]]:
    for number, bits in enumerate(lengths, start=1):
        for bit in range(bits):
            yield number, partial(flipped, bit=bit)


@BOTH
async def test_a_flipped_bit_of_any_answer_while_a_sale_is_settled_decides_nothing(
    shop: TornShop, generation: Generation
) -> None:
    lengths = await answers_of_a_tap(shop)
    assert len(lengths) == 6
    async with shop.till("a") as till:
        for number, noise in every_bit(lengths):
            with pytest.raises(RefusedError):
                await till.tap(shop.wallet, noise={number: noise})
        await settled_by_the_next_good_tap(till, shop)


@BOTH
@pytest.mark.parametrize("number", range(1, 7))
async def test_a_flipped_bit_of_a_card_that_keeps_its_power_settles_rightly_or_not_yet(
    shop: TornShop, number: int, generation: Generation
) -> None:
    bits = (await answers_of_a_tap(shop))[number - 1]
    async with shop.till("a") as till:
        till.readers.keeps_power = True
        for bit in Random(number).sample(range(bits), bits):
            with suppress(RefusedError):  # else the till has asked such a card once more
                await till.tap(shop.wallet, noise={number: partial(flipped, bit=bit)})
            if till.events:
                break
        else:
            await till.tap(shop.wallet)
        await settled(till, shop)


@BOTH
@pytest.mark.parametrize("keeps_power", [False, True], ids=["reset", "keeps_power"])
async def test_whatever_a_reader_says_in_place_of_an_answer_decides_nothing(
    shop: TornShop, keeps_power: bool, generation: Generation
) -> None:
    async with shop.till("a") as till:
        till.readers.keeps_power = keeps_power
        for number in range(1, 7):
            for words in READERS_WORDS:
                with pytest.raises(RefusedError):
                    await till.tap(shop.wallet, noise={number: partial(said, words=words)})
        await settled_by_the_next_good_tap(till, shop)
