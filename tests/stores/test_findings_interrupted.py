"""A look at a day that is cut off, at any of its steps, and two tills that look at once."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, StorageFullError, Store
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import LEDGER, Pos, RefusedByTillError, lay_out, open_till

CARDS = tuple(f"29000000{n:04d}" for n in range(100, 130))
"""More than are written in one job."""
BY = {"by": "maria"}
FULL = "storage_full"


class Steps:
    """Fails at the n-th job that writes a finding or the mark of a day; 0 never."""

    def __init__(self) -> None:
        self.fails_at = self.seen = 0

    def open(self, location: str, home: Path, *, read_only: bool = False) -> Store:
        steps = self

        class Counted(SQLiteStore):
            def write(self, change: Change) -> None:
                if change.entry is not None and change.entry.kind == "finding":
                    steps.seen += 1
                    if steps.seen == steps.fails_at:
                        raise StorageFullError("no room")
                super().write(change)

        return Counted(home / location, read_only=read_only)


async def thirty_often(pos: Pos) -> None:
    """Show thirty cards too often."""
    for card in CARDS:
        number = f"{card}{_check(card)}"
        await pos.call("card.issue", request_id=card, number=number)
        for n in range(3):
            await pos.call("sale.commit", sale_id=f"{card}{n}", card=number, lines=goods(100))


def _check(body: str) -> int:
    digits = [int(digit) for digit in reversed(body)]
    return -sum(d * (3 if n % 2 == 0 else 1) for n, d in enumerate(digits)) % 10


async def run(pos: Pos, request_id: str) -> Any:
    return await pos.call("finding.run", request_id=request_id, **BY)


async def test_a_look_that_fails_at_any_step_goes_on_and_finds_nothing_twice(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path, HEAD)
    steps, clock = Steps(), HandClock()
    async with open_till(tmp_path, clock, steps.open) as app, Pos.connect(app.socket) as pos:
        await thirty_often(pos)
        clock.move(days=1)
        for step in range(1, 40):
            steps.seen, steps.fails_at = 0, step
            try:
                await run(pos, "r")
                break
            except RefusedByTillError as error:
                if error.data["name"] != FULL:
                    raise
        assert step > 3, "it has failed at some"
        listed = await pos.call("finding.list")
        assert len(listed["findings"]) == len(CARDS)
    with closing(open_store(LEDGER, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()
        assert len(found_in(store)) == len(set(found_in(store))) == len(CARDS)


def found_in(store: Store) -> list[str]:
    """Return the findings that entries say were found."""
    entries = (decode(chained.body) for chained in store.entries())
    return [e.ref for e in entries if e.kind == "finding" and b'"found"' in bytes(e.detail)]


@pytest.mark.cluster
async def test_two_tills_of_a_database_look_at_a_night_once(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    location, clock = postgres.new_database(postgres_template), HandClock()
    async with AsyncExitStack() as stack:
        tills = []
        for name in ("one", "two"):
            replace = {f'ledger = "{LEDGER}"': f'ledger = "{location}"'}
            lay_out(tmp_path / name, HEAD, **replace, **{'"till-1"': f'"till-{name}"'})
            app = await stack.enter_async_context(open_till(tmp_path / name, clock))
            tills.append(await stack.enter_async_context(Pos.connect(app.socket)))
        await thirty_often(tills[0])
        clock.move(days=1)
        await asyncio.gather(*(run(pos, f"r{n}") for n, pos in enumerate(tills)))
        [new, known] = [
            await pos.call("finding.run", request_id=f"d{n}", day="2026-11-23", **BY)
            for n, pos in enumerate(tills)
        ]
        assert (new["new"], known["new"], known["known"]) == (0, 0, len(CARDS))
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()
        assert len(found_in(store)) == len(CARDS)


async def test_a_detector_that_cannot_read_a_row_keeps_no_other_from_looking(
    tmp_path: Path,
) -> None:
    rules = '[[card]]\nkind = "sold"\nissue = { min_purchase = 100000 }\n'
    lay_out(tmp_path, HEAD + rules)
    clock = HandClock()
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await thirty_often(pos)
        with closing(sqlite3.connect(tmp_path / LEDGER)) as db:
            db.execute("UPDATE fact SET minute = 'late' WHERE seq = (SELECT max(seq) FROM fact)")
            db.commit()
        clock.move(days=1)
        await run(pos, "r")
        names = {row["detector"] for row in (await pos.call("finding.list"))["findings"]}
        assert names == {"card_often"}
        asked = {"request_id": "d", "day": "2026-11-23", **BY}
        assert await refusal(pos, "finding.run", **asked) == (1052, "too_new")
