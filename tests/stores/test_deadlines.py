"""The class "deadlines": no answer later than its limit, whatever the PostgreSQL server does."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.postgres import PostgresStore
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store, StoreError
from daemon.ledger.writer import LedgerWriter
from tests.stores.hand_made import Answer, commit, made_sale, open_ledger
from tests.stores.wire import SOCKET
from tests.support.postgres import PostgresServer, running_server

LIMIT_S = 0.8
PATIENCE_S = 20
TILLS = 16
CALLS_MAX = 40


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be stopped."""
    with running_server() as server:
        yield server


@asynccontextmanager
async def hurried(address: str, home: Path) -> AsyncIterator[Ledger]:
    """A ledger whose exchanges end soon."""
    stores = [
        await asyncio.to_thread(PostgresStore, address, home, read_only=read_only, limit_s=LIMIT_S)
        for read_only in (False, True)
    ]
    async with open_ledger(*stores) as ledger, asyncio.timeout(PATIENCE_S):
        yield ledger


async def until_answered(ledger: Ledger, sale_id: str) -> Answer:
    for _ in range(CALLS_MAX):
        with suppress(RefusedError):
            return await commit(ledger, made_sale(sale_id, earn=7))
    raise AssertionError("never answered")


async def test_a_frozen_server_is_busy_and_the_sale_is_posted_once_after(
    server: PostgresServer, tmp_path: Path
) -> None:
    async with hurried(server.new_database(), tmp_path) as ledger:
        await commit(ledger, made_sale("s1", earn=7))
        with server.frozen():
            for _ in range(2):  # in the exchange, and then already when connecting
                with pytest.raises(RefusedError) as refused:
                    await commit(ledger, made_sale("s2", earn=7))
                assert refused.value.code is ErrorCode.BUSY
            with pytest.raises(RefusedError):
                await ledger.read(audit)
        assert (await until_answered(ledger, "s2")).balances == {"bonus": 14}
        result = await ledger.read(audit)
        assert (result.entries, result.findings) == (2, ())


async def test_a_server_that_freezes_in_a_commit_leaves_it_unknown(
    server: PostgresServer, tmp_path: Path
) -> None:
    store = await asyncio.to_thread(PostgresStore, server.new_database(), tmp_path, limit_s=LIMIT_S)
    writer = LedgerWriter(store)
    await writer.submit(lambda store: None)  # it knows its head now, and sends nothing but COMMIT
    with pytest.raises(RefusedError) as refused, server.frozen():
        await writer.submit(lambda store: None)
    assert refused.value.state_unknown
    assert store.in_doubt
    await writer.close()
    store.close()


@pytest.mark.parametrize("table", ["ledger", "sale"])
async def test_sales_behind_a_foreign_lock_are_all_refused_in_time_and_never_written(
    server: PostgresServer, table: str, tmp_path: Path
) -> None:
    address = server.new_database()
    async with hurried(address, tmp_path) as ledger:
        with psycopg.connect(address) as other:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            sales = (commit(ledger, made_sale(f"s{n}", earn=7)) for n in range(TILLS))
            told = await asyncio.gather(*sales, return_exceptions=True)
            for refusal in told:
                assert isinstance(refusal, RefusedError)
                assert refusal.code is ErrorCode.BUSY
            other.rollback()
        answer = await until_answered(ledger, "later")
        known = [r for r in told if isinstance(r, RefusedError) and not r.state_unknown]
        if len(known) == TILLS:
            assert answer.balances == {"bonus": 7}
        assert (await ledger.read(audit)).findings == ()


async def test_a_commit_that_was_told_not_to_wait_for_a_standby_is_no_answer(
    server: PostgresServer, tmp_path: Path
) -> None:
    address = server.new_database()
    stores = [
        await asyncio.to_thread(open_store, address, tmp_path, read_only=r) for r in (False, True)
    ]
    async with open_ledger(*stores) as ledger, asyncio.timeout(PATIENCE_S):
        await commit(ledger, made_sale("s1", earn=7))
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            standby(admin, "nobody")
            n, refused = 1, None
            while refused is None:  # some may be made before the server has heard of it
                n += 1
                selling = asyncio.create_task(commit(ledger, made_sale(f"s{n}", earn=7)))
                while not selling.done() and not await asyncio.to_thread(has_cancelled, admin):
                    pass
                await asyncio.wait([selling])
                refused = selling.exception()
            assert isinstance(refused, RefusedError)
            assert refused.state_unknown
            standby(admin, "")
        assert (await until_answered(ledger, f"s{n}")).replayed


def standby(admin: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Name the standby that a COMMIT waits for; "" for none."""
    admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'".encode())
    admin.execute("SELECT pg_reload_conf()")


def has_cancelled(admin: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Cancel the COMMIT that waits for a standby, if there is one."""
    query = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep' AND application_name = 'tillcard'"
    )
    threading.Event().wait(0.01)
    return bool(admin.execute(query).fetchall())


async def test_a_job_that_waits_too_long_is_refused_and_never_run(tmp_path: Path) -> None:
    store = open_store("ledger.db", tmp_path)
    writer = LedgerWriter(store, wait_s=0.05)
    entered, opened, ran = threading.Event(), threading.Event(), list[str]()

    def gate(store: Store) -> None:
        entered.set()
        assert opened.wait(PATIENCE_S)

    first = asyncio.create_task(writer.submit(gate))
    assert await asyncio.to_thread(entered.wait, PATIENCE_S)
    with pytest.raises(RefusedError) as refused:
        await writer.submit(lambda store: ran.append("late"))
    assert (refused.value.code, refused.value.state_unknown) == (ErrorCode.BUSY, False)
    opened.set()
    await first
    await writer.close()
    assert ran == []
    store.close()


async def test_a_pooler_that_shares_sessions_out_is_refused_before_it_holds_a_lock(
    server: PostgresServer, tmp_path: Path
) -> None:
    """It is played by a line that gives every session the options of another one."""
    address = server.new_database()

    async def share(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_unix_connection(str(server.folder / SOCKET))
        first = await reader.read(4_096)
        here.write(re.sub(rb"(tillcard\.session=)\w{16}", rb"\g<1>" + b"0" * 16, first))
        async with asyncio.TaskGroup() as tasks:
            for source, target in ((reader, here), (there, writer)):
                tasks.create_task(pump(source, target))

    with TemporaryDirectory(prefix="pool-") as folder:
        async with await asyncio.start_unix_server(share, str(Path(folder) / SOCKET)):
            pooled = address.replace(str(server.folder), folder)
            for read_only in (False, True):
                with pytest.raises(StoreError, match="a pooler stands before this server"):
                    await asyncio.to_thread(open_store, pooled, tmp_path, read_only=read_only)
    (await asyncio.to_thread(open_store, address, tmp_path)).close()


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(65_536):
            target.write(chunk)
        target.close()
