"""How long a till waits for a customer among a million, by all that customers are found by.

``python -m tests.bench.find [--count N]``, a million without it. Names are drawn with a seed: some
are common and most are not, as in a shop. They are written by a store, in its groups.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec
from rich.progress import track

from daemon.accounts.cards import Profile
from daemon.base.ids import AccountId, CardId
from daemon.customers.search_keys import keys_of
from daemon.ledger.entries import Entry
from daemon.ledger.storage.customer_rows import CustomerKeyRow
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import CardRow, CustomerRow, IdentifierRow
from daemon.ledger.storage.store import Change, KeptRow
from tests.bench.commit import judge
from tests.support.clock import HandClock
from tests.support.till import LEDGER, Pos, begin_ledger, lay_out, open_till

CUSTOMERS, GROUP, SEED, ROUNDS = 1_000_000, 5_000, 20261128, 40
AT = "2026-11-22T08:00:00.000000Z"
FIND_MS_MAX = 20.0
SYLLABLES = [
    "ba",
    "da",
    "ko",
    "le",
    "ma",
    "ni",
    "ol",
    "pe",
    "ro",
    "sa",
    "ta",
    "vi",
    "za",
    "chuk",
    "enko",
    "ska",
    "shyn",
    "iv",
    "yn",
    "ych",
]
FIRST_NAMES = 400
NUMBER = "29{:010d}"


def people(wanted: int) -> Iterator[tuple[int, Profile]]:
    """Give customers; a first name is shared by thousands, a family name by dozens."""
    draw = random.Random(SEED)
    first = ["".join(draw.choices(SYLLABLES, k=2)).capitalize() for _ in range(FIRST_NAMES)]
    for n in range(wanted):
        common = first[int(FIRST_NAMES * draw.random() * draw.random())]
        family = "".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))).capitalize()
        yield (
            n,
            Profile(
                name=f"{common} {family}",
                phone=f"+38067{n:07d}",
                email=f"{family.lower()}.{n}@example.ua",
            ),
        )


def fill(home: Path, wanted: int) -> None:
    """Write the customers, each with a card."""
    begin_ledger(home)
    with closing(open_store(LEDGER, home)) as store:
        drawn = track(people(wanted), "customers", total=wanted)
        store.begin()
        for n, profile in drawn:
            account, card = AccountId(f"a{n:016x}"), CardId(f"c{n:016x}")
            number = NUMBER.format(n)
            token = n.to_bytes(32, "big")
            rows: tuple[KeptRow, ...] = (
                CardRow(card, account, "active", "plastic", number, "", token),
                IdentifierRow("number", number, card),
                CustomerRow(account, msgspec.json.encode(profile)),
                *(CustomerKeyRow(*key, account) for key in sorted(keys_of(profile))),
            )
            entry = Entry(at=AT, kind="card", ref=card, account=account)
            store.write(Change(entry=entry, rows=rows))
            if n % GROUP == GROUP - 1:
                store.commit()
                store.begin()
        store.commit()


def asked(wanted: int) -> dict[str, list[str]]:
    """Return what is searched for, by kind."""
    draw = random.Random(SEED + 1)
    known = [profile for _, profile in people(min(wanted, 20_000))]
    some = draw.sample(known, min(ROUNDS, len(known)))
    return {
        "a name": [one.name for one in some],
        "beginnings of a name": [f"{one.name[:2]} {one.name.split()[1][:3]}" for one in some],
        "two common beginnings": ["ba ko", "ol iv", "ma da", "sa ta"] * (ROUNDS // 4),
        "one letter": list("abdklmnoprstvz"),
        "words that nobody has both": [f"ba{one.name[:4]} zz" for one in some],
        "the end of a telephone": [one.phone[-4:] for one in some],
        "a whole telephone": [one.phone for one in some],
        "an e-mail": [one.email for one in some],
    }


async def measured(home: Path, wanted: int) -> list[bool]:
    """Ask a till over its socket; judge each kind by its median and print its slowest."""
    held = []
    async with open_till(home, HandClock()) as app, Pos.connect(app.socket) as pos:
        for kind, texts in asked(wanted).items():
            spent, brought = [], 0
            for text in texts:
                begun = perf_counter()
                found = await pos.call("customer.find", text=text, limit=50)
                spent.append(1_000 * (perf_counter() - begun))
                brought += len(found["customers"])
            said = f"{kind}: p50 {median(spent):.1f} ms, most {max(spent):.1f} ms"
            print(f"{said}, {brought / len(texts):.0f} found:", end=" ")
            held.append(judge(f"at most {FIND_MS_MAX:.0f}", median(spent) <= FIND_MS_MAX))
    return held


def main() -> int:
    """Fill a ledger and search in it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=CUSTOMERS)
    wanted = parser.parse_args().count
    with TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home)
        begun = perf_counter()
        fill(home, wanted)
        print(f"{wanted:,} customers: {perf_counter() - begun:.0f} s")
        return 0 if all(asyncio.run(measured(home, wanted))) else 1


if __name__ == "__main__":
    sys.exit(main())
