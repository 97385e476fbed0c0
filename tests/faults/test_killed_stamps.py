"""kill -9 before every SQL statement of a life with stamps: none is lost and none comes twice."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.dying_till import process
from tests.scenarios.shops import documented
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till


def coffees(*pieces: int) -> dict[str, Any]:
    lines = [
        {"line": n, "sku": "c", "qty": qty, "unit_price": 5_000, "category": ["coffee"]}
        for n, qty in enumerate(pieces)
    ]
    return {"card": PLASTIC, "lines": lines}


async def live(pos: Pos) -> list[int]:
    """Buy eight coffees, hold and buy one and a free one, take the free one back, buy it again.

    Returns: what was paid and given back, and how many are to be paid until the next free one.
    """
    bought = await pos.call("sale.commit", sale_id="s1", **coffees(8))
    await pos.call("sale.hold", sale_id="s2", ttl_s=3_600, **coffees(1, 1))
    with_free = await pos.call("sale.commit", sale_id="s2")
    line = {"line": 0, "qty": 1}
    back = await pos.call("sale.return", return_id="r2", sale_id="s2", lines=[line])
    again = await pos.call("sale.commit", sale_id="s3", **coffees(1))
    answer = await pos.call("sale.quote", **coffees(1))
    sums = [bought["total"], with_free["total"], back["refund"], again["total"]]
    return [*sums, answer["next"][0]["missing"]]


EXPECTED = [40_000, 5_000, 0, 0, 8]


async def test_a_till_killed_at_any_statement_has_the_same_stamps_in_the_end(
    tmp_path: Path,
) -> None:
    start = tmp_path / "start"
    lay_out(start, documented("tenth"))
    async with process(start), Pos.connect(start / "pos.sock"):
        pass  # the sample cards
    shutil.copytree(start, tmp_path / "whole")
    whole = tmp_path / "whole" / "pos.sock"
    async with process(whole.parent) as till, Pos.connect(whole) as pos:
        assert await live(pos) == EXPECTED
    for burns_at in range(1, till.statements + 1):
        home = tmp_path / str(burns_at)
        shutil.copytree(start, home)
        async with process(home, burns_at) as killed:
            with suppress(ConnectionError):  # whichever call it dies in
                async with Pos.connect(home / "pos.sock") as pos:
                    await live(pos)
        if killed.outlived(burns_at, till.statements):
            break
        async with open_till(home, HandClock()), Pos.connect(home / "pos.sock") as pos:
            assert await live(pos) == EXPECTED, f"killed before statement {burns_at}"
        assert audited(home).findings == ()
        shutil.rmtree(home)
