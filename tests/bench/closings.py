"""How long a sale waits while a large run is closed, and while a programme is previewed.

``python -m tests.bench.closings [--entries N] [--sales N]``: 100,000 entries are closed, and 5,000
sales that were made at the till are priced again. Sales go on beside either.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
from rich.progress import track

from daemon.ledger.entries import Entry
from daemon.ledger.sale_rows import for_entry
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change
from tests.bench.commit import judge
from tests.scenarios.shops import goods
from tests.stores.hand_made import AT, made_sale
from tests.support.clock import HandClock
from tests.support.till import LEDGER, PLASTIC, Pos, begin_ledger, lay_out, open_till

ENTRIES, GROUP, SALES = 100_000, 1_000, 5_000
ALONE = 300
"""Sales that are measured before."""
MIDDLE_MS_MAX = 250.0
"""Of the middle sale beside either work: a cashier does not see it."""
DAYS = {"from": "2026-11-01", "to": "2026-11-30"}


def fill(home: Path, wanted: int) -> None:
    """Write the entries of sales, of three lines each."""
    begin_ledger(home)
    detail = msgspec.Raw(msgspec.json.encode(for_entry(made_sale("s", earn=5, lines=3))))
    with closing(open_store(LEDGER, home)) as store:
        for begin in track(range(0, wanted, GROUP), "entries"):
            store.begin()
            for n in range(begin, min(begin + GROUP, wanted)):
                store.write(Change(entry=Entry(at=AT, kind="sale", ref=f"e{n}", detail=detail)))
            store.commit()


class Selling:
    """A POS that sells; ``took_s``: how long each of its sales took."""

    def __init__(self, pos: Pos) -> None:
        self._pos = pos
        self._sold = 0

    async def sell(self, until: Callable[[int], bool]) -> list[float]:
        """Sell until ``until``, which is told how many were sold, says so; return the times."""
        took_s: list[float] = []
        while not until(len(took_s)):
            begun = perf_counter()
            terms = {"sale_id": f"s{self._sold}", "card": PLASTIC, "lines": goods(1_000, 2_000)}
            await self._pos.call("sale.commit", **terms)
            took_s.append(perf_counter() - begun)
            self._sold += 1
        return sorted(took_s)

    async def beside(self, what: str, work: Awaitable[Any]) -> bool:
        """Sell until some work is done; say how long either took."""
        begun, doing = perf_counter(), asyncio.ensure_future(work)
        took_s = await self.sell(lambda sold: doing.done() and sold > 0)
        await doing
        middle, slowest = (1_000 * took_s[at] for at in (len(took_s) // 2, -1))
        print(f"{what} in {perf_counter() - begun:.1f} s, {len(took_s)} sales beside it:", end=" ")
        print(f"p50 {middle:.1f} ms, the slowest {slowest:.0f} ms:", end=" ")
        return judge(f"p50 at most {MIDDLE_MS_MAX:.0f} ms", middle <= MIDDLE_MS_MAX)


async def previewed(pos: Pos) -> None:
    """Preview the programme in force to its end."""
    terms = {"text": (await pos.call("programme.show"))["text"]} | DAYS
    answer = await pos.call("programme.preview", **terms)
    while answer["result"] is None:
        answer = await pos.call("programme.preview", **terms, beyond=answer["done"])
    assert answer["result"]["changed"] == 0


async def measured(home: Path, entries: int, sales: int) -> bool:
    """Close the entries, sell, and preview; return whether sales went on."""
    async with (
        open_till(home, HandClock()) as till,
        Pos.connect(till.socket) as pos,
        Pos.connect(till.socket) as owner,
    ):
        selling = Selling(pos)
        alone = await selling.sell(lambda sold: sold == ALONE)
        print(f"alone: p50 {1_000 * alone[len(alone) // 2]:.1f} ms")
        closing_now = owner.call("day.close", request_id="z", by="olha")
        held = await selling.beside(f"{entries:,} entries closed", closing_now)
        await selling.sell(lambda sold: sold == sales)
        return await selling.beside(f"{sales:,} sales previewed", previewed(owner)) and held


def main() -> int:
    """Fill a ledger, close it and preview; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--sales", type=int, default=SALES)
    said = parser.parse_args()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home)
        fill(home, said.entries)
        return 0 if asyncio.run(measured(home, said.entries, said.sales)) else 1


if __name__ == "__main__":
    sys.exit(main())
