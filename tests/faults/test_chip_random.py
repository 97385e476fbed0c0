"""Many cards, several tills with ledgers of their own, torn and cut at random; seeded."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.readers.simulated.desfire.faults import Fault
from daemon.readers.simulated.desfire.memory import Generation
from tests.support.chip_till import (
    LOADED,
    HandTill,
    PowerCut,
    Wallet,
    chip_moves,
    hand_till,
    make_home,
    make_keys,
)
from tests.support.clock import HandClock

TILLS, WALLETS, SHIFTS, CUSTOMERS_A_SHIFT = 3, 5, 12, 6
TEARS = (Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST)


@pytest.fixture
def folder() -> Iterator[Path]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


class Town:
    """Customers who pay, tear their cards away, come back, or let the cashier void it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.random, self.home, self.clock = Random(seed), home, HandClock()
        keys = make_keys(home / "keys")
        kinds = [self.random.choice(list(Generation)) for _ in range(WALLETS)]
        self.wallets = [Wallet(keys, self.random, kind) for kind in kinds]
        self.tills = [home / f"till-{number}" for number in range(TILLS)]
        self.torn: list[tuple[Path, str, dict[str, Any], Wallet]] = []
        self.sales = 0

    async def shift(self) -> None:
        """Run one till for some customers, or until its power is cut."""
        random = self.random
        home = random.choice(self.tills)
        cut = PowerCut(random.randrange(1, 60), after=random.random() < 0.5)
        cut = cut if random.random() < 0.4 else PowerCut()
        async with hand_till(home, self.clock, cut=cut) as till:
            for _ in range(CUSTOMERS_A_SHIFT):
                self.clock.move(minutes=1)
                await self._customer(home, till)
                till.readers.take_away()

    async def _customer(self, home: Path, till: HandTill) -> None:
        mine = [torn for torn in self.torn if torn[0] == home]
        if mine and self.random.random() < 0.5:
            await self._come_back(till, self.random.choice(mine))
        else:
            await self._buy(home, till, self.random.choice(self.wallets))

    async def _buy(self, home: Path, till: HandTill, wallet: Wallet) -> None:
        self.sales += 1
        sale_id, faults = f"s{self.sales}", {}
        if self.random.random() < 0.5:
            faults = {self.random.randrange(1, 12): self.random.choice(TEARS)}
        wish: dict[str, Any] = {"burn": self.random.randrange(0, 40)}
        if self.random.random() < 0.3:
            wish = {"codes": ("BACK",)}
        try:
            wish["presentation"] = (await till.tap(wallet, faults)).presentation
            await till.buy(sale_id, **wish)
        except RefusedError as error:
            if not error.code.retryable:
                raise
            if "presentation" in wish:
                self.torn.append((home, sale_id, wish, wallet))

    async def _come_back(
        self, till: HandTill, torn: tuple[Path, str, dict[str, Any], Wallet]
    ) -> None:
        _, sale_id, wish, wallet = torn
        faults = {self.random.randrange(1, 12): self.random.choice(TEARS)}
        try:
            match self.random.randrange(3):
                case 0:
                    await till.void(sale_id)
                case 1:
                    till.readers.lay(wallet, faults if self.random.random() < 0.5 else None)
                    await till.buy(sale_id, **wish)
                case _:
                    await till.tap(wallet, faults if self.random.random() < 0.5 else None)
                    return
        except RefusedError as error:
            allowed = (ErrorCode.ALREADY_VOIDED, ErrorCode.ALREADY_POSTED, ErrorCode.ID_REUSED)
            if not (error.code.retryable or error.code in allowed):
                raise
            return
        self.torn.remove(torn)

    async def close_the_day(self) -> None:
        """Lay every card down at every till, with nothing going wrong, until nothing is owed."""
        for _ in range(2):
            for home in self.tills:
                async with hand_till(home, self.clock) as till:
                    for wallet in self.wallets:
                        await till.tap(wallet)

    def check(self) -> None:
        """The ledgers together say of each chip what it holds, and no number is there twice."""
        moves = chip_moves(*self.tills)
        for wallet in self.wallets:
            mine = [move for move in moves if move.uid == wallet.uid.hex().upper()]
            assert wallet.balance == LOADED + sum(move.amount for move in mine)
            assert max(Counter(move.seq for move in mine).values(), default=1) == 1
            assert sorted(move.seq for move in mine) == list(range(1, len(mine) + 1))
            balance = LOADED
            for move in sorted(mine, key=lambda move: move.seq):
                balance += move.amount
                assert move.balance == balance


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_torn_or_cut_the_ledgers_together_agree_with_every_chip(
    folder: Path, seed: int
) -> None:
    town = Town(folder, seed)
    for home in town.tills:
        await make_home(home, town.wallets, town.clock, town.home / "keys")
    for _ in range(SHIFTS):
        await town.shift()
    await town.close_the_day()
    town.check()
    assert town.sales > SHIFTS
