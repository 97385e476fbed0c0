"""The class "words": what a POS was told of a sale holds after a kill, whatever failed before it.

Posted is there; ``state_unknown: false`` is not there, and never will be; unknown is either. A disk
that fails is played by the tracer, which answers a sync with EIO in the kernel's place. A line to
PostgreSQL is cut at any message, or its backend ended.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.base.ids import SaleId, given_id
from daemon.base.refusals import RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store
from tests.scenarios.baskets import BASKET
from tests.stores.hand_made import commit, made_sale, open_ledger
from tests.stores.wire import Lost, carried
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer, running_server
from tests.support.processes import daemon_of
from tests.support.till import Pos, RefusedByTillError, lay_out, open_till

POSTED, UNKNOWN, NOT_WRITTEN = "posted", "unknown", "not written"
SALES = 6
SYNCS_MAX = 14
"""A till that starts and sells so often syncs about so many times."""
Told = dict[str, str]


def check(told: Told, store: Store) -> None:
    """Hold what was told against what is there."""
    result = audit(store)
    assert result.findings == ()
    there: Counter[str] = Counter(
        given_id(SaleId(entry.ref))
        for entry in (decode(chained.body) for chained in store.entries())
        if entry.kind == "sale"
    )
    for sale_id, outcome in told.items():
        if outcome == POSTED:
            assert there[sale_id] == 1, f"{sale_id} was acknowledged and is not there once"
        elif outcome == NOT_WRITTEN:
            assert there[sale_id] == 0, f"{sale_id} was told as not written and is there"
        else:
            assert there[sale_id] <= 1


async def sell_on(home: Path, syncs: range) -> Told:
    told: Told = {}
    fault = f"inject=fdatasync,fsync:error=EIO:when={syncs.start}..{syncs.stop - 1}"
    tracer = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync")
    async with (
        daemon_of(home, *tracer, "-e", fault) as till,
        Pos.connect(home / "pos.sock") as pos,
    ):
        for n in range(SALES):
            sale_id = f"s{syncs.start}-{n}"
            told[sale_id] = await outcome_of(pos, sale_id)
            if told[sale_id] == UNKNOWN and n % 2:  # now it is known
                status = await pos.call("sale.status", sale_id=sale_id)
                told[sale_id] = POSTED if status["state"] == "posted" else NOT_WRITTEN
        till.kill()
        await till.wait()
    return told


async def outcome_of(pos: Pos, sale_id: str) -> str:
    try:
        await pos.call("sale.commit", sale_id=sale_id, lines=BASKET)
    except RefusedByTillError as refused:
        return UNKNOWN if refused.data["state_unknown"] else NOT_WRITTEN
    return POSTED


async def walk_of_failing_syncs(tmp_path: Path, firsts: list[int]) -> None:
    seen: Counter[str] = Counter()
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()):
        pass
    for first in firsts:
        told: Told = {}
        with suppress(AssertionError):  # a till whose disk fails while it starts does not start
            told = await sell_on(tmp_path, range(first, first + 1))
        seen.update(told.values())
        store = open_store("tillcard.db", tmp_path)
        try:
            check(told, store)
        finally:
            store.close()
    assert seen[POSTED]
    assert seen[UNKNOWN] or seen[NOT_WRITTEN], "a sync failed in a sale"


async def test_what_was_told_of_a_sale_holds_after_a_failed_sync_and_a_kill(
    tmp_path: Path,
) -> None:
    await walk_of_failing_syncs(tmp_path, [5, 7, 9])


@pytest.mark.soak
async def test_what_was_told_holds_whichever_sync_fails(tmp_path: Path) -> None:
    await walk_of_failing_syncs(tmp_path, list(range(1, SYNCS_MAX)) * 3)


async def cut_lines(server: PostgresServer, folder: Path, rounds: int, seed: int) -> Counter[str]:
    """Sell by a line that is cut at a random message, again and again; check what was told."""
    chance, told = random.Random(seed), Told()
    address = server.new_database()
    wires = folder / "w"
    wires.mkdir()
    async with carried(server.folder, wires) as wire:
        cuttable = address.replace(str(server.folder), str(wires))
        writing = await asyncio.to_thread(open_store, cuttable, folder)
        async with open_ledger(writing, open_store(address, folder, read_only=True)) as ledger:
            for n in range(rounds):
                wire.arm(chance.randint(1, 4), chance.choice(list(Lost)))
                try:
                    await commit(ledger, made_sale(f"s{n}", earn=7))
                    told[f"s{n}"] = POSTED
                except RefusedError as refused:
                    told[f"s{n}"] = UNKNOWN if refused.state_unknown else NOT_WRITTEN
    store = open_store(address, folder)
    try:
        check(told, store)
    finally:
        store.close()
    return Counter(told.values())


async def test_what_was_told_of_a_sale_holds_after_the_line_was_cut(
    tmp_path: Path,
) -> None:
    with running_server() as server:
        seen = await cut_lines(server, tmp_path, rounds=30, seed=11)
    assert seen[POSTED]
    assert seen[UNKNOWN], "a COMMIT lost its answer"


@pytest.mark.soak
async def test_what_was_told_holds_over_many_cut_lines(tmp_path: Path) -> None:
    with running_server() as server:
        for seed in range(20):
            folder = tmp_path / str(seed)
            folder.mkdir()
            await cut_lines(server, folder, rounds=100, seed=seed)
