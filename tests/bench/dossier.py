"""How long a manager waits for all that is known of a customer, the busiest of many among them.

``python -m tests.bench.dossier [SALES]``, 200,000 without one: a year's sales of three lines, drawn
with a seed, of which one customer has one in forty. Each earns points that expire a year later, so
that who comes every day has hundreds of lots.
"""

import asyncio
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
from msgspec.structs import replace
from rich.progress import track

from daemon.accounts.cards import Profile
from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId, CardId
from daemon.customers.dossiers import PAGE_MAX
from daemon.ledger.entries import Entry, LotMove, MeterMove, Posting
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_rows import for_entry
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import CardRow, CustomerRow, IdentifierRow
from daemon.ledger.storage.store import Change, Store
from tests.bench.commit import judge
from tests.bench.growth import SALES_A_CARD, drawn_sales
from tests.support.clock import MORNING, HandClock
from tests.support.till import LEDGER, Pos, lay_out, open_till

SALES, GROUP, DAYS, ROUNDS = 200_000, 2_000, 365, 40
DOSSIER_MS_MAX = 50.0
EARNED = 24
REGULAR_EACH = 40
"""Of so many sales one is the busiest customer's: 5,000 of 200,000."""
QUESTIONS: dict[str, dict[str, Any]] = {
    "a page of 20": {},
    f"a page of {PAGE_MAX}": {"limit": PAGE_MAX},
    "the figures of ten years": {"limit": 0, "from": "2017-01-15"},
}


def give_cards(store: Store, wanted: int) -> None:
    """Write the customers of so many sales, each with a card."""
    store.begin()
    for n in range(max(1, wanted // SALES_A_CARD)):
        account, card = AccountId(f"a{n}"), CardId(f"k{n}")
        number = f"28{n:011d}"
        rows = (
            CardRow(card, account, "active", "plastic", number, "", card.encode()),
            IdentifierRow("number", number, card),
            CustomerRow(account, msgspec.json.encode(Profile(name=f"Olena {n}", tags=("vip",)))),
        )
        entry = Entry(at=rfc3339(MORNING), kind="card", ref=card, account=account)
        store.write(Change(entry=entry, rows=rows))
    store.commit()


def entry_of(sale: Sale, days_ago: int) -> Entry:
    """Return the entry of a sale so many days ago, with the points that it earned."""
    day = sale.today - days_ago
    at = rfc3339(MORNING - timedelta(days=days_ago))
    bonus = (sale.account, "bonus")
    return Entry(
        at=at,
        kind="sale",
        ref=sale.sale_id,
        account=sale.account,
        postings=(Posting(*bonus, EARNED), Posting(AccountId("@issued"), "bonus", -EARNED)),
        lots=(LotMove(*bonus, day + DAYS, day, EARNED),),
        meters=(MeterMove(sale.account, "spend", day, sale.quote.net),),
        detail=msgspec.Raw(msgspec.json.encode(for_entry(replace(sale, today=day)))),
    )


def fill(home: Path, wanted: int) -> dict[str, int]:
    """Write the sales, the oldest first; return how many each customer has."""
    bought: dict[str, int] = {}
    with closing(open_store(LEDGER, home)) as store:
        give_cards(store, wanted)
        drawn = enumerate(track(drawn_sales(wanted), "sales", total=wanted))
        store.begin()
        for n, sale in drawn:
            if n % REGULAR_EACH == 0:
                sale = replace(sale, account=AccountId("a0"))
            bought[sale.account] = bought.get(sale.account, 0) + 1
            store.write(Change(entry=entry_of(sale, DAYS - 1 - n * DAYS // wanted)))
            if n % GROUP == GROUP - 1:
                store.commit()
                store.begin()
        store.commit()
    return bought


async def measured(home: Path, bought: dict[str, int]) -> list[bool]:
    """Ask a till over its socket for the busiest customer and for one in the middle."""
    by_count = sorted(bought, key=bought.__getitem__, reverse=True)
    asked = {"the busiest": by_count[0], "one in the middle": by_count[len(by_count) // 2]}
    held = []
    async with open_till(home, HandClock()) as app, Pos.connect(app.socket) as pos:
        for who, account in asked.items():
            for what, terms in QUESTIONS.items():
                spent = await spent_ms(pos, account, terms)
                said = f"{who}, {bought[account]:,} sales, {what}: p50 {median(spent):.1f} ms"
                print(f"{said}, most {max(spent):.1f} ms:", end=" ")
                held.append(judge(f"at most {DOSSIER_MS_MAX:.0f}", median(spent) <= DOSSIER_MS_MAX))
    return held


async def spent_ms(pos: Pos, account: str, terms: dict[str, Any]) -> list[float]:
    spent = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        known = await pos.call("customer.show", account=account, **terms)
        spent.append(1_000 * (perf_counter() - begun))
        assert known["figures"]["purchases"] > 0
    return spent


async def begun(home: Path) -> None:
    """Start a till and stop it: a programme that is new would count all past sales."""
    async with open_till(home, HandClock()):
        pass


def main() -> int:
    """Fill a ledger and ask for dossiers; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SALES
    with TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home)
        asyncio.run(begun(home))
        before = perf_counter()
        bought = fill(home, wanted)
        print(f"{wanted:,} sales of {len(bought):,} customers: {perf_counter() - before:.0f} s")
        return 0 if all(asyncio.run(measured(home, bought))) else 1


if __name__ == "__main__":
    sys.exit(main())
