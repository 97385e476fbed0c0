import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import Entry
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, StorageFullError, Store
from daemon.ledger.writer import QUEUE_JOBS_MAX, LedgerWriter

AT = "2026-11-23T08:00:00.000000Z"
PATIENCE_S = 10


class CountingStore(SQLiteStore):
    """Counts commits; fails the next one when told to."""

    commits = 0
    fail_next = False

    def commit(self) -> None:
        if self.fail_next:
            self.fail_next = False
            raise StorageFullError("no room")
        super().commit()
        self.commits += 1


@asynccontextmanager
async def open_writer(path: Path) -> AsyncIterator[tuple[LedgerWriter, CountingStore]]:
    store = CountingStore(path)
    writer = LedgerWriter(store)
    async with asyncio.timeout(PATIENCE_S):
        yield writer, store
        await writer.close()
    store.close()


def entry(ref: str) -> Change:
    return Change(entry=Entry(at=AT, kind="sale", ref=ref))


def note(order: list[int], n: int, store: Store) -> None:
    order.append(n)


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self) -> None:
        self._entered, self._opened = threading.Event(), threading.Event()

    def job(self, store: Store) -> None:
        self._entered.set()
        assert self._opened.wait(PATIENCE_S)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, PATIENCE_S)

    def open(self) -> None:
        self._opened.set()


async def test_jobs_that_wait_together_share_one_sync_and_keep_their_order(
    tmp_path: Path,
) -> None:
    async with open_writer(tmp_path / "l.db") as (writer, store):
        gate, order = Gate(), list[int]()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.submit(gate.job))
            await gate.entered()
            for n in range(20):
                tasks.create_task(writer.submit(partial(note, order, n)))
            await asyncio.sleep(0)
            gate.open()
        assert order == list(range(20))
        assert store.commits == 2


async def test_one_job_that_fails_takes_nothing_along(tmp_path: Path) -> None:
    async with open_writer(tmp_path / "l.db") as (writer, store):
        gate = Gate()

        def broken(store: Store) -> None:
            store.write(entry("broken"))
            raise KeyError("a bug")

        holding = asyncio.create_task(writer.submit(gate.job))
        await gate.entered()
        good = asyncio.create_task(writer.submit(lambda store: store.write(entry("good"))))
        bad = asyncio.create_task(writer.submit(broken))
        late = asyncio.create_task(writer.submit(lambda store: store.write(entry("late"))))
        await asyncio.sleep(0)
        gate.open()
        with pytest.raises(KeyError):
            await bad
        await asyncio.gather(holding, good, late)
        bodies = [chained.body for chained in store.entries()]
        assert [b"good" in body or b"late" in body for body in bodies] == [True, True]


async def test_a_group_that_cannot_be_made_durable_is_refused_whole(tmp_path: Path) -> None:
    async with open_writer(tmp_path / "l.db") as (writer, store):
        store.fail_next = True
        with pytest.raises(RefusedError) as refused:
            await writer.submit(lambda store: store.write(entry("lost")))
        assert refused.value.code is ErrorCode.STORAGE_FULL
        assert list(store.entries()) == []
        await writer.submit(lambda store: store.write(entry("kept")))
        assert [chained.seq for chained in store.entries()] == [1]


async def test_a_full_queue_refuses_at_once_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    async with open_writer(tmp_path / "l.db") as (writer, _):
        gate = Gate()
        waiting = [asyncio.create_task(writer.submit(gate.job))]
        await gate.entered()
        waiting += [
            asyncio.create_task(writer.submit(lambda store: None))
            for _ in range(QUEUE_JOBS_MAX - 1)
        ]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as refused:
            await writer.submit(lambda store: None)
        assert refused.value.code is ErrorCode.BUSY
        gate.open()
        await asyncio.gather(*waiting)
        await writer.submit(lambda store: None)


async def test_a_job_is_finished_even_when_its_caller_has_gone(tmp_path: Path) -> None:
    async with open_writer(tmp_path / "l.db") as (writer, store):
        gate = Gate()
        holding = asyncio.create_task(writer.submit(gate.job))
        await gate.entered()
        gone = asyncio.create_task(writer.submit(lambda store: store.write(entry("orphan"))))
        await asyncio.sleep(0)
        gone.cancel()
        gate.open()
        await holding
        await writer.submit(lambda store: None)
        assert gone.cancelled()
        assert len(list(store.entries())) == 1


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    store = CountingStore(tmp_path / "l.db")
    writer = LedgerWriter(store)
    queued = [
        asyncio.create_task(writer.submit(lambda store: store.write(entry("queued"))))
        for _ in range(10)
    ]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*queued)
    assert len(list(store.entries())) == 10
    store.close()
