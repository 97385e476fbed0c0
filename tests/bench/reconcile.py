"""How long `report reconcile` takes of a ledger of whole sales, every entry of which it decodes.

``python -m tests.bench.reconcile [SALES]``, 200,000 without it, on SQLite: sales of three lines,
written by the ledger's own writer over three months of days. One month is asked about.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from msgspec.structs import replace
from rich.progress import track

from daemon.base.config import ReportsSection
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.registry import open_store
from daemon.reports.period import Period
from daemon.reports.reconcile import reconcile
from tests.bench.commit import judge
from tests.bench.growth import GROUP, drawn_sales, give_cards
from tests.stores.hand_made import commit, open_ledger

SALES, DAYS, FIRST = 200_000, 91, date(2026, 9, 1)
MONTH = Period(date(2026, 10, 1), date(2026, 10, 31))
RECONCILE_S_MAX = float(ReportsSection().timeout_s)
"""A report that takes longer is ended."""


def sales_of_days(wanted: int) -> Iterator[Sale]:
    """Give sales in the order of their days."""
    for n, sale in enumerate(drawn_sales(wanted)):
        yield replace(sale, today=FIRST.toordinal() + n * DAYS // wanted, store="1", cashier="anna")


async def fill(home: Path, wanted: int) -> None:
    writing = open_store("l.db", home)
    give_cards(writing, wanted)
    sales = sales_of_days(wanted)
    async with open_ledger(writing, open_store("l.db", home, read_only=True)) as ledger:
        for _ in track(range(0, wanted, GROUP), f"{wanted:,} sales"):
            await asyncio.gather(*(commit(ledger, sale) for sale in islice(sales, GROUP)))


def main() -> int:
    """Fill a ledger and reconcile a month of it; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SALES
    with TemporaryDirectory() as folder:
        home = Path(folder)
        asyncio.run(fill(home, wanted))
        with closing(open_store("l.db", home, read_only=True)) as store:
            begun, worked = perf_counter(), process_time()
            said = reconcile(store, MONTH)
            took_s, cpu_s = perf_counter() - begun, process_time() - worked
        entries = next(one.sums for one in said.sources if one.source == "entry")
        assert entries["sales"] > wanted // 4, entries
        print(
            f"a month of {wanted:,} whole sales: {took_s:.1f} s, {cpu_s:.1f} s of a core:", end=" "
        )
        held = judge(f"at most {RECONCILE_S_MAX:.0f} s", took_s <= RECONCILE_S_MAX)
        return 0 if held & judge("every source says the same", said.agrees) else 1


if __name__ == "__main__":
    sys.exit(main())
