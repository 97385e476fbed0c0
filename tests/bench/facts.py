"""What reports read costs: written with a commit, and asked of a history of years.

``python -m tests.bench.facts [FACTS]``, a million without one: three years of a chain, drawn with a
seed and written by the store's own groups. Limits are those of ten million on the machine that they
were set on; each question is held against a bare scan of the same rows in the same run.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from rich.progress import track

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.ledger.entries import Entry
from daemon.ledger.posted_facts import Buyer, Fact, Figures, facts_of
from daemon.ledger.sale_rows import for_entry
from daemon.ledger.storage.fact_tables import row_of, sums_of
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Store
from daemon.reports.period import Period, of_accounts
from tests.bench.commit import judge
from tests.stores.hand_made import made_sale

FACTS, GROUP, SEED, ROUNDS = 1_000_000, 1_000, 20261128, 5
BUYERS_SHARE = 50  # facts a customer
FIRST, DAYS = date(2024, 1, 1), 3 * 365
COMMIT_US_MAX = 66
MONTH = Period(date(2026, 11, 1), date(2026, 11, 30))
SOME_31_DAYS = Period(date(2026, 10, 16), date(2026, 11, 15))
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
LEDGER = LedgerId("a" * 16)
QUESTIONS: tuple[tuple[str, Period, tuple[str, ...], float], ...] = (
    ("by partner and employee, a calendar month", MONTH, ("partner", "employee"), 0.3),
    ("by partner and employee, any 31 days", SOME_31_DAYS, ("partner", "employee"), 1.0),
    ("by customer, a calendar month", MONTH, ("account",), 0.5),
    ("by customer, any 31 days", SOME_31_DAYS, ("account",), 1.5),
    ("by customer, a year", YEAR, ("account",), 2.0),
)


def drawn_facts(wanted: int) -> Iterator[tuple[LedgerId, int, Fact]]:
    """Give sales in the order of their days, one in twelve of them a return."""
    chance = random.Random(SEED)
    buyers = max(1, wanted // BUYERS_SHARE)
    for seq in range(1, wanted + 1):
        number = int(buyers * chance.random())
        sign = 1 if chance.random() < 11 / 12 else -1
        net = sign * chance.randrange(1_000, 100_000)
        partner = f"p{number % 200}" if number % 3 == 0 else ""
        yield (
            LEDGER,
            seq,
            Fact(
                day=FIRST.toordinal() + seq * DAYS // wanted,
                minute=chance.randrange(540, 1_260),
                kind="sale" if sign > 0 else "return",
                sale_id=SaleId(f"{LEDGER}/{seq}"),
                account=AccountId(f"a{number:016x}"),
                store=str(number % 7),
                terminal=f"t{number % 3}",
                cashier=f"c{seq % 40}",
                visits=sign,
                buyer=Buyer(
                    card_id=CardId(f"c{number}"),
                    partner=partner,
                    employee=f"{partner}-{number % 5}" if partner else "",
                ),
                figures=Figures(
                    list_total=net + sign * 500, discount=sign * 500, net=net, paid=net
                ),
                rules={"club": sign * 500},
            ),
        )


def fill(store: Store, wanted: int) -> None:
    some: list[tuple[LedgerId, int, Fact]] = []
    for placed in track(drawn_facts(wanted), "writing facts", total=wanted):
        some.append(placed)
        if len(some) == GROUP:
            store.begin()
            store.write(Change(facts=tuple(some)))
            store.commit()
            some = []


def best_s(ask: Callable[[], Any]) -> float:
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        ask()
        took.append(time.process_time() - begun)
    return min(took)


def commit_us() -> float:
    """Return the processor time of what a commit adds for reports, in microseconds."""
    detail = msgspec.Raw(msgspec.json.encode(for_entry(made_sale("s", earn=5, lines=3))))
    entry = Entry(at="", kind="sale", ref="s", account=AccountId("a1"), detail=detail)

    def derive() -> None:
        for _ in range(1_000):
            fact = facts_of(entry)
            assert fact is not None
            row_of(LEDGER, 1, fact)
            list(sums_of(fact))

    return best_s(derive) * 1_000


def main() -> int:
    """Measure; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else FACTS
    cost_us = commit_us()
    print("made of an entry, its row and sums:", end=" ")
    good = judge(f"{cost_us:.0f} µs processor time", cost_us <= COMMIT_US_MAX)
    with TemporaryDirectory() as folder:
        with closing(open_store("ledger.db", Path(folder))) as store:
            fill(store, wanted)
        with closing(open_store("ledger.db", Path(folder), read_only=True)) as store:
            for what, period, keys, limit_s in QUESTIONS:
                text, values = of_accounts(period, keys)
                question = Question(text, lambda *row: row)
                took_s = best_s(partial(store.ask, question, *values))
                bare_s = scan_s(store, period)
                said = f"{took_s * 1_000:.0f} ms, {took_s / bare_s:.1f} x a bare scan of its facts"
                print(f"{what}:", end=" ")
                good = judge(said, took_s <= limit_s) and good
    return 0 if good else 1


def scan_s(store: Store, period: Period) -> float:
    question = Question("SELECT sum(net) FROM fact WHERE day BETWEEN ? AND ?", int)
    return best_s(lambda: store.ask(question, *period.days))


if __name__ == "__main__":
    sys.exit(main())
