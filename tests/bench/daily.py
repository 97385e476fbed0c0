"""How long the daily check of a large club takes, while sales go on.

``python -m tests.bench.daily [--members N]``, a million without it; one in fifty has a window that
ended yesterday. The members are written by a store, in its groups.
"""

import argparse
import asyncio
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from rich.progress import track

from daemon.base.ids import AccountId
from daemon.ledger import status_moves
from daemon.ledger.entries import Entry
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change
from daemon.programme.programme import load
from daemon.programme.status import StatusState
from tests.bench.commit import judge
from tests.scenarios.shops import goods
from tests.scenarios.test_club import CLUB
from tests.support.clock import MORNING, HandClock
from tests.support.till import LEDGER, PLASTIC, Pos, audited, begin_ledger, lay_out, open_till

MEMBERS, GROUP, ONE_IN = 1_000_000, 5_000, 50
AT = "2026-11-22T08:00:00.000000Z"
CHECK_S_MAX = 60.0
STATUS = load(CLUB).statuses["club"]


def fill(home: Path, wanted: int) -> int:
    """Write the members; return how many have a window that ends on the clock's first day."""
    begin_ledger(home)
    last_day, due = MORNING.date(), 0
    with closing(open_store(LEDGER, home)) as store:
        store.begin()
        for n in track(range(wanted), "members"):
            is_due = n % ONE_IN == 0
            due += is_due
            left = 0 if is_due else 1 + n % (STATUS.keep_days - 1)
            first = last_day - timedelta(days=STATUS.keep_days - 1 - left)
            account = AccountId(f"a{n:016x}")
            after = {"club": StatusState(stage="member", since=first, window_from=first, total=n)}
            moves = status_moves.moves(account, after)
            entry = Entry(at=AT, kind="club", ref="club", account=account, statuses=moves)
            rows = status_moves.rows({"club": STATUS}, account, after)
            store.write(Change(entry=entry, rows=rows))
            if n % GROUP == GROUP - 1:
                store.commit()
                store.begin()
        store.commit()
    return due


async def measured(home: Path, due: int) -> bool:
    """Let midnight come; sell until the check is done, and judge how long it took."""
    clock = HandClock()
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        clock.move(days=1)
        begun, sales, slowest_s = perf_counter(), 0, 0.0
        checking = asyncio.ensure_future(till.look_after())
        while not checking.done():
            sold = perf_counter()
            terms = {"sale_id": f"s{sales}", "card": PLASTIC, "lines": goods(100)}
            await pos.call("sale.commit", **terms)
            slowest_s = max(slowest_s, perf_counter() - sold)
            sales += 1
        await checking
        took_s = perf_counter() - begun
        checked = await pos.call("club.checked")
    assert checked["closed"] == due, checked
    said = f"{due:,} windows closed in {took_s:.1f} s, {sales:,} sales beside it,"
    print(f"{said} the slowest {1_000 * slowest_s:.0f} ms:", end=" ")
    return judge(f"at most {CHECK_S_MAX:.0f} s", took_s <= CHECK_S_MAX)


def main() -> int:
    """Fill a ledger and check it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS)
    wanted = parser.parse_args().members
    with TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home, CLUB)
        begun = perf_counter()
        due = fill(home, wanted)
        print(f"{wanted:,} members: {perf_counter() - begun:.0f} s")
        held = asyncio.run(measured(home, due))
        if wanted < MEMBERS:
            held &= judge("the ledger is whole", audited(home).findings == ())
        return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
