"""Every tenth coffee is free at the till: across visits, held, repeated, at two tills, returned."""

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.shops import documented, refusal
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

Answer = dict[str, Any]


@pytest.fixture
def programme() -> str:
    return documented("tenth")


def coffees(*prices: int, qty: int = 1) -> list[Answer]:
    return [
        {"line": n, "sku": "c", "qty": qty, "unit_price": price, "category": ["coffee"]}
        for n, price in enumerate(prices, start=1)
    ]


async def buy(pos: Pos, sale_id: str, lines: list[Answer], **more: Any) -> int:
    posted = await pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=lines, **more)
    return int(posted["total"])


async def still(pos: Pos, pieces: int = 1) -> tuple[int, int]:
    """What coffees of 50.00 cost now, and how many are still to be paid then."""
    answer = await pos.call("sale.quote", card=PLASTIC, lines=coffees(5_000, qty=pieces))
    (step,) = answer["next"]
    return answer["total"], step["missing"]


async def test_stamps_are_counted_across_visits_and_the_tenth_is_free(pos: Pos) -> None:
    assert await buy(pos, "s1", coffees(5_000, qty=6)) == 30_000
    assert await still(pos) == (5_000, 2)
    assert await buy(pos, "s2", coffees(5_000, 6_000, 5_500)) == 16_500
    assert await still(pos) == (0, 9)
    assert await buy(pos, "s3", coffees(7_000)) == 0
    assert await still(pos) == (5_000, 8)


async def test_a_free_one_is_named_with_its_pieces(pos: Pos) -> None:
    posted = await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=coffees(5_000, qty=10))
    (line,) = posted["receipt"]["lines"]
    assert line["applied"] == [
        {"rule": "tenth", "minor": 5_000, "text": "a free coffee", "free": 1}
    ]


async def test_a_sale_that_is_sent_again_brings_its_stamps_once(pos: Pos) -> None:
    for _ in range(3):
        assert await buy(pos, "s1", coffees(5_000, qty=4)) == 20_000
    assert await still(pos) == (5_000, 4)


async def test_a_refused_or_void_sale_brings_none(pos: Pos) -> None:
    nine = {"card": PLASTIC, "lines": coffees(5_000, qty=9)}
    assert (await refusal(pos, "sale.commit", sale_id="s1", expect_total=1, **nine))[0] == 1007
    await pos.call("sale.hold", sale_id="s2", **nine)
    await pos.call("sale.void", sale_id="s2")
    assert await still(pos) == (5_000, 8)


async def test_of_two_tills_only_one_gives_the_free_one(pos: Pos) -> None:
    assert await buy(pos, "s1", coffees(5_000, qty=9)) == 45_000
    tenth = {"card": PLASTIC, "lines": coffees(5_000)}
    assert (await pos.call("sale.hold", sale_id="h1", **tenth))["total"] == 0
    assert await buy(pos, "s2", coffees(5_000), expect_total=0) == 0
    changed = (1007, "total_changed")
    assert await refusal(pos, "sale.commit", sale_id="s3", expect_total=0, **tenth) == changed
    assert await refusal(pos, "sale.commit", sale_id="h1") == changed
    assert await still(pos) == (5_000, 8)


async def test_a_till_that_starts_again_has_the_stamps(tmp_path: Path, programme: str) -> None:
    lay_out(tmp_path, programme)
    for sale in range(3):
        async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
            await buy(pos, f"s{sale}", coffees(5_000, qty=3))
            assert await still(pos) == ((5_000, 5), (5_000, 2), (0, 9))[sale]


class TestReturns:
    """Eight stamps, then a coffee for 50.00 and a free one for 60.00."""

    @pytest.fixture(params=["keep", "recompute"])
    def policy(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def programme(self, policy: str) -> str:
        head = f'tz = "Europe/Kyiv"\nreturn_policy = "{policy}"'
        return documented("tenth").replace('tz = "Europe/Kyiv"', head)

    @pytest.fixture
    async def sold(self, pos: Pos) -> Pos:
        assert await buy(pos, "s1", coffees(5_000, qty=8)) == 40_000
        assert await buy(pos, "s2", coffees(5_000, 6_000)) == 5_000
        return pos

    async def back(self, pos: Pos, name: str, sale_id: str, line: int, qty: int = 1) -> int:
        lines = [{"line": line, "qty": qty}]
        answer = await pos.call("sale.return", return_id=name, sale_id=sale_id, lines=lines)
        again = await pos.call("sale.return", return_id=name, sale_id=sale_id, lines=lines)
        assert again == answer | {"replayed": True}
        return int(answer["refund"])

    async def test_the_free_one_comes_back_for_its_stamps(self, sold: Pos) -> None:
        assert await self.back(sold, "r1", "s2", 2) == 0
        assert await still(sold) == (0, 9)

    async def test_the_paid_one_comes_back_with_its_stamp(self, sold: Pos, policy: str) -> None:
        refund = await self.back(sold, "r1", "s2", 1)
        if policy == "keep":  # a stamp is missing, and the free one stays free
            assert refund == 5_000
            assert await still(sold) == (5_000, 9)
        else:  # the coffee that stays is the ninth, and would have cost 60.00
            assert refund == 0
            assert await still(sold) == (0, 9)

    async def test_one_of_an_earlier_visit_takes_its_stamp_and_no_free_one(self, sold: Pos) -> None:
        assert await self.back(sold, "r1", "s1", 1) == 5_000
        assert await still(sold) == (5_000, 9)

    async def test_when_all_is_back_it_is_as_if_nothing_was_sold(self, sold: Pos) -> None:
        refunds = [await self.back(sold, f"r{line}", "s2", line) for line in (1, 2)]
        assert sum(refunds) == 5_000
        assert await still(sold) == (5_000, 0)
        assert await self.back(sold, "r3", "s1", 1, 8) == 40_000
        assert await still(sold) == (5_000, 8)

    async def test_a_dry_return_moves_no_stamp(self, sold: Pos) -> None:
        lines = [{"line": 2, "qty": 1}]
        await sold.call("sale.return", return_id="r1", sale_id="s2", lines=lines, dry=True)
        assert await still(sold) == (5_000, 8)
