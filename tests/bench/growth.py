"""What a ledger of a million sales costs beside one of a thousand, and what a sale takes on disk.

``python -m tests.bench.growth [SALES]``, a million without one. The sales are drawn with a seed and
written by the ledger's own writer, in its groups. Two tills, a young and a grown one, are asked in
turns, so that both meet the same machine.
"""

import asyncio
import random
import resource
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import psycopg
from msgspec.structs import replace
from rich.progress import track

from daemon.base.ids import AccountId, CardId
from daemon.ledger.audit import audit
from daemon.ledger.entries import Entry
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import CardRow, IdentifierRow
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, Store
from tests.bench.commit import judge
from tests.stores.hand_made import AT, commit, made_sale, open_ledger
from tests.support.clock import HandClock
from tests.support.postgres import running_server
from tests.support.till import PLASTIC, Pos, lay_out, open_till

SALES, YOUNG, ON_POSTGRESQL = 1_000_000, 1_000, 100_000
SALES_A_CARD, LINES, GROUP, SEED = 20, 3, 128, 20261128
CARDS_A_GROUP = 1_000
ROUNDS = 200
RATIO_MAX = 1.1
SQLITE_BYTES_MAX, POSTGRESQL_BYTES_MAX = 3_500, 3_000
AUDIT_A_SECOND_MIN = 40_000
NAMES = ("oats", "rye bread", "apple juice 1 l", "butter 82 %", "coffee beans", "green tea")


def drawn_sales(wanted: int) -> Iterator[Sale]:
    """Give sales of three lines to cards drawn by chance; some buy more often than others."""
    draw = random.Random(SEED)
    cards = max(1, wanted // SALES_A_CARD)
    plain = made_sale("s", earn=24, lines=LINES)
    facts = {"meter.spend": 0, "purse.bonus": 0, "card.kind": "plastic", "card.tags": ()}
    for n in range(wanted):
        account = f"a{int(cards * draw.random() * draw.random())}"
        lines = tuple(
            replace(line, sku=str(draw.randrange(10**12, 10**13)), name=draw.choice(NAMES))
            for line in plain.frozen.basket.lines
        )
        basket = replace(plain.frozen.basket, lines=lines)
        known = facts | {"card.account": account, "meter.spend": draw.randrange(10**7)}
        frozen = replace(plain.frozen, basket=basket, facts=known)
        yield replace(
            plain, sale_id=plain.sale_id + str(n), account=AccountId(account), frozen=frozen
        )


def give_cards(store: Store, wanted: int) -> None:
    """Write the cards of that many sales."""
    cards = max(1, wanted // SALES_A_CARD)
    for first in range(0, cards, CARDS_A_GROUP):
        store.begin()
        for n in range(first, min(first + CARDS_A_GROUP, cards)):
            name = CardId(f"k{n}")
            card = CardRow(name, AccountId(f"a{n}"), "active", "plastic", f"28{n:011d}", "", b"")
            number = IdentifierRow("number", card.number, name)
            entry = Entry(at=AT, kind="issue", ref=name, account=card.account)
            rows = (replace(card, token_hash=name.encode()), number)
            store.write(Change(entry=entry, rows=rows))
        store.commit()


async def grow(address: str, home: Path, wanted: int) -> None:
    """Make a ledger with so many sales, by its own writer."""
    writing = open_store(address, home)
    give_cards(writing, wanted)
    sales = drawn_sales(wanted)
    async with open_ledger(writing, open_store(address, home, read_only=True)) as ledger:
        groups = range(0, wanted, GROUP)
        for _ in track(groups, f"{wanted:,} sales", disable=not sys.stderr.isatty()):
            await asyncio.gather(*(commit(ledger, sale) for sale in islice(sales, GROUP)))


def bytes_in(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("tillcard.db*"))


async def grown(home: Path, wanted: int) -> float:
    """Lay out a till with so many sales; return the bytes that one takes on the disk."""
    lay_out(home)
    async with open_till(home, HandClock()):  # a programme that is new would count all past sales
        pass
    empty = bytes_in(home)
    begun = perf_counter()
    await grow("tillcard.db", home, wanted)
    a_second = wanted / (perf_counter() - begun)
    print(f"{wanted:,} sales written, {a_second:,.0f} a second")
    return (bytes_in(home) - empty) / wanted


Ask = Callable[[Pos, int], Awaitable[Any]]


def basket(n: int) -> list[dict[str, Any]]:
    return [
        {"line": line, "sku": f"4820{n:05d}{line:04d}", "qty": 1, "unit_price": 1_000}
        for line in range(1, LINES + 1)
    ]


ASKED: dict[str, Ask] = {
    "identify": lambda pos, n: pos.call("card.identify", scan=PLASTIC),
    "quote": lambda pos, n: pos.call("sale.quote", card=PLASTIC, lines=basket(n)),
    "commit": lambda pos, n: pos.call(
        "sale.commit", sale_id=f"b{n}", card=PLASTIC, lines=basket(n)
    ),
    "return": lambda pos, n: pos.call(
        "sale.return", return_id=f"r{n}", sale_id=f"b{n}", whole=True
    ),
    "card.show": lambda pos, n: pos.call("card.show", card=PLASTIC),
}


async def looked_through(stores: list[Store]) -> None:
    """Wait until a large file was looked through, which a till does beside its first sales."""
    begun = perf_counter()
    for store in stores:
        if isinstance(store, SQLiteStore) and (check := store.check_beside):
            await asyncio.to_thread(check.done.wait)
            assert not check.damage, check.damage
    print(f"looked through beside the till: {perf_counter() - begun:.1f} s")


async def compared(young: Path, old: Path) -> list[bool]:
    """Ask both tills in turns; judge each question's medians."""
    async with AsyncExitStack() as stack:
        tills, starts_s, stores = [], [], list[Store]()

        def kept(*where: Any, **how: Any) -> Store:
            stores.append(open_store(*where, **how))
            return stores[-1]

        for home in (young, old):
            begun = perf_counter()
            app = await stack.enter_async_context(open_till(home, HandClock(), kept))
            starts_s.append(perf_counter() - begun)
            tills.append(await stack.enter_async_context(Pos.connect(app.socket)))
        print(f"start: {starts_s[0]:.2f} s, grown {starts_s[1]:.2f} s")
        await looked_through(stores)
        times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ASKED}
        for n in range(ROUNDS):
            for name, ask in ASKED.items():
                for pos, spent in zip(tills, times[name], strict=True):
                    begun = perf_counter()
                    await ask(pos, n)
                    spent.append(perf_counter() - begun)
    held = []
    for name, (before, after) in times.items():
        ratio = median(after) / median(before)
        print(f"{name}: p50 {1_000 * median(after):.2f} ms:", end=" ")
        held.append(judge(f"{ratio:.2f} of the young ledger's", ratio <= RATIO_MAX))
    return held


def audited(home: Path) -> bool:
    """Audit and back up; judge the entries a second of processor time."""
    with closing(open_store("tillcard.db", home, read_only=True)) as store:
        begun = process_time()
        result = audit(store)
        a_second = result.entries / (process_time() - begun)
        assert result.whole, result.findings
        most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory, at most: {most_mib:,.0f} MiB")
        begun = perf_counter()
        copy = home / "copy.db"
        store.backup(copy)
        backup_s = perf_counter() - begun
    size_mib = copy.stat().st_size / 2**20
    copy.unlink()
    print(f"backup of {size_mib:,.0f} MiB: {backup_s:.1f} s")
    print(f"audit of {result.entries:,} entries:", end=" ")
    return judge(f"{a_second:,.0f} a second of a core", a_second >= AUDIT_A_SECOND_MIN)


async def on_postgresql(folder: Path, wanted: int) -> bool:
    """Judge the bytes of a sale on PostgreSQL."""
    with running_server() as server:
        address = server.new_database()
        open_store(address, folder).close()

        def size() -> int:
            with psycopg.connect(address, autocommit=True) as db:
                db.execute("VACUUM FULL")
                row = db.execute("SELECT pg_database_size(current_database())").fetchone()
            assert row is not None
            return int(row[0])

        empty = size()
        await grow(address, folder, wanted)
        a_sale = (size() - empty) / wanted
    print(f"a sale of {LINES} lines on PostgreSQL:", end=" ")
    return judge(f"{a_sale:,.0f} bytes", a_sale <= POSTGRESQL_BYTES_MAX)


def main() -> int:
    """Grow both ledgers and compare; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SALES
    with TemporaryDirectory() as folder:
        young, old = Path(folder, "young"), Path(folder, "old")
        asyncio.run(grown(young, YOUNG))
        a_sale = asyncio.run(grown(old, wanted))
        print(f"a sale of {LINES} lines on SQLite:", end=" ")
        held = [judge(f"{a_sale:,.0f} bytes", a_sale <= SQLITE_BYTES_MAX)]
        held += asyncio.run(compared(young, old))
        held.append(audited(old))
        held.append(asyncio.run(on_postgresql(Path(folder), min(wanted, ON_POSTGRESQL))))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
