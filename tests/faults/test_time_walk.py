"""The class "time": a till under a random walk of its machine's clock, beside one without steps.

The model knows the real time alone. It holds two promises at every step, whatever the machine's
clock said meanwhile and however often the till was started: no points go before their time, and no
request that is younger than 90 days is forgotten. In the end, when the clock has been right for a
day, what is over is over.

The clock is wrong as clocks are. A step of up to 48 hours is believed at once, so the till's time
may stand so far ahead of the real one, and no further: the promises are held less that slack. A
step beyond it is put right within a day; had it stayed longer, it would have been believed.
"""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.app.running import App
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

PROGRAMME = """
[programme]
id = "walk"
currency = "UAH"
tz = "Europe/Kyiv"

[[purse]]
id = "bonus"
unit = "UAH"
expire = "90d"
"""
LIFE = timedelta(days=90)
"""Of points, and of what is remembered of a request."""
SLACK = timedelta(hours=48)
"""How far the till's time may be wrong."""
A_DAY = timedelta(days=1)
"""A lot is good to the end of its last day; a day of work is forgotten as a whole."""
WRONG_HOURS_MAX = 23


class Walk:
    """A till, its clock, and what the real time says of every request."""

    def __init__(self, home: Path, chance: Random) -> None:
        self.home, self.chance = home, chance
        self.clock = HandClock(synchronised=False)
        self.wrong = timedelta()
        self.real = timedelta()
        self.earned: list[tuple[timedelta, str, int]] = []
        self._stack = AsyncExitStack()
        self.till: App
        self.pos: Pos

    async def start(self) -> None:
        self.till = await self._stack.enter_async_context(open_till(self.home, self.clock))
        self.pos = await self._stack.enter_async_context(Pos.connect(self.till.socket))

    async def stop(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def again(self) -> None:
        await self.stop()
        await self.start()

    async def earn(self) -> None:
        amount = self.chance.randint(1, 10_000)
        topup_id = f"t{len(self.earned)}"
        await self.pos.call("card.topup", topup_id=topup_id, card=PLASTIC, amount=amount)
        self.earned.append((self.real, topup_id, amount))

    async def repeat(self) -> None:
        """Send a request again that is not yet 90 days old: it is known, and adds nothing."""
        young = [each for each in self.earned if self.real - each[0] < LIFE]
        if young:
            _, topup_id, amount = self.chance.choice([young[0], self.chance.choice(young)])
            call: dict[str, Any] = {"topup_id": topup_id, "card": PLASTIC, "amount": amount}
            assert (await self.pos.call("card.topup", **call))["replayed"] is True

    def pass_time(self, hours: float) -> None:
        self.clock.move(hours=hours)
        self.real += timedelta(hours=hours)

    def set_wrong(self, wrong: timedelta) -> None:
        self.clock.step(seconds=(wrong - self.wrong).total_seconds())
        self.wrong = wrong

    async def wrong_for_a_while(self) -> None:
        """Let the machine's clock be wrong, now so and now otherwise, and be put right."""
        far = [timedelta(days=days) for days in (-1_000, -40, -3, 5, 40, 400, 3_000)]
        near = [SLACK * self.chance.uniform(-1, 1)]
        # No two of them are near each other: the clock that jumped anew has not run on.
        for wrong in self.chance.sample(far + near, self.chance.randint(1, 3)):
            self.set_wrong(wrong)
            for _ in range(self.chance.randint(1, 6)):
                await self.look()
                self.pass_time(hours=WRONG_HOURS_MAX / 6)
                await self.chance.choices((self.look, self.repeat, self.again), (8, 4, 1))[0]()
            await self.look()
        self.set_wrong(timedelta())
        await self.look()

    async def look(self) -> None:
        await self.till.look_after()
        shown = await self.pos.call("card.show", card=PLASTIC)
        assert shown["balances"].get("bonus", {}).get("available", 0) >= self.younger_than(
            LIFE - SLACK - A_DAY
        )

    def younger_than(self, age: timedelta) -> int:
        return sum(amount for at, _, amount in self.earned if self.real - at < age)

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self.chance.choice((self.earn, self.repeat, self.wrong_for_a_while, self.again))()
            self.pass_time(hours=self.chance.uniform(0, 36))
            await self.look()

    async def settles(self) -> None:
        """A clock that has been right for a day is believed, and what is over is over."""
        for _ in range(60):
            self.pass_time(hours=1)
            await self.look()
        assert not (await self.pos.call("status"))["clock_suspect"]
        shown = await self.pos.call("card.show", card=PLASTIC)
        left = shown["balances"].get("bonus", {}).get("available", 0)
        assert left <= self.younger_than(LIFE + A_DAY + SLACK)


async def walk(home: Path, seed: int, steps: int) -> None:
    lay_out(home, PROGRAMME)
    walk = Walk(home, Random(seed))
    await walk.start()
    try:
        await walk.steps(steps)
        await walk.settles()
    finally:
        await walk.stop()
    assert walk.real > LIFE * 1.1, "something has come of age"
    assert audited(home).findings == ()


@pytest.mark.parametrize("seed", range(2))
async def test_no_step_of_the_clock_takes_points_or_forgets_a_request(
    seed: int, tmp_path: Path
) -> None:
    await walk(tmp_path, seed, steps=120)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
async def test_no_long_walk_of_the_clock_takes_points_or_forgets_a_request(
    seed: int, tmp_path: Path
) -> None:
    await walk(tmp_path, seed, steps=500)
