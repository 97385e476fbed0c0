"""PostgreSQL goes away at any moment: the till says so, comes back, and counts nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.ledger import Ledger
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store, StoreError
from tests.stores.hand_made import Answer, commit, made_sale, open_ledger
from tests.stores.wire import Lost, Wire, carried
from tests.support.postgres import PostgresServer, running_server

MESSAGES_MAX = 20
CALLS_MAX = 10


class Line(NamedTuple):
    """A till whose writing connection goes by way of ``wire``."""

    ledger: Ledger
    wire: Wire


@pytest.fixture
async def line(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Line]:
    address = postgres.new_database(postgres_template)
    with TemporaryDirectory(prefix="wire-") as folder:
        async with carried(postgres.folder, Path(folder)) as wire:
            cuttable = address.replace(str(postgres.folder), folder)
            writing = await asyncio.to_thread(open_store, cuttable, tmp_path)
            reading = open_store(address, tmp_path, read_only=True)
            async with open_ledger(writing, reading) as ledger:
                yield Line(ledger, wire)


def entries(store: Store) -> int | None:
    """Count the entries of the database."""
    return store.ask_one(Question("SELECT count(*) FROM entry", int))


async def until_answered(ledger: Ledger, sale: Sale) -> Answer:
    """Send a sale as a POS does: again, with the same id, for as long as the answer is ``busy``."""
    for _ in range(CALLS_MAX):
        try:
            return await commit(ledger, sale)
        except RefusedError as refusal:
            if refusal.code is not ErrorCode.BUSY:
                raise
    raise AssertionError("never answered")


@pytest.mark.parametrize("lost", Lost)
async def test_whichever_message_the_line_is_cut_at_the_sale_is_posted_once(
    line: Line, lost: Lost
) -> None:
    for message in range(1, MESSAGES_MAX):
        line.wire.arm(message, lost)
        answer = await until_answered(line.ledger, made_sale(f"s{message}", earn=7))
        assert answer.balances == {"bonus": 7 * message}
        result = await line.ledger.read(audit)
        assert (result.entries, result.findings) == (message, ())
        if not line.wire.cut:
            break
    assert not line.wire.cut, "a sale without a cut ends the walk"
    assert message > 2, "reading and writing are two messages at least"


async def test_a_commit_whose_answer_was_lost_is_busy_and_then_a_replay(line: Line) -> None:
    await commit(line.ledger, made_sale("s1", earn=7))
    line.wire.arm(2, Lost.ANSWER)
    with pytest.raises(RefusedError) as refused:
        await commit(line.ledger, made_sale("s2", earn=7))
    assert refused.value.code is ErrorCode.BUSY
    assert (await commit(line.ledger, made_sale("s2", earn=7))).replayed
    assert (await line.ledger.read(audit)).entries == 2


async def test_a_line_cut_before_the_commit_is_not_noticed_by_the_pos(line: Line) -> None:
    await commit(line.ledger, made_sale("s1", earn=7))
    line.wire.arm(1, Lost.REQUEST)
    assert not (await commit(line.ledger, made_sale("s2", earn=7))).replayed
    assert line.wire.cut


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of the test's own, to be killed."""
    with running_server() as server:
        yield server


async def test_a_killed_server_is_busy_while_it_is_away_and_has_every_answered_sale_after(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    address = own_postgres.new_database()
    async with open_ledger(
        open_store(address, tmp_path), open_store(address, tmp_path, read_only=True)
    ) as ledger:
        first, second = made_sale("s1", earn=7), made_sale("s2", earn=7)
        await commit(ledger, first)
        own_postgres.kill()
        with pytest.raises(RefusedError) as refused:
            await commit(ledger, second)
        assert refused.value.code is ErrorCode.BUSY
        with pytest.raises(RefusedError) as unread:
            await ledger.read(entries)
        assert unread.value.code is ErrorCode.BUSY
        assert unread.value.detail == "The ledger could not be read; try again."
        assert "PostgreSQL: " in str(unread.value.__cause__)
        own_postgres.start()
        assert (await commit(ledger, first)).replayed
        assert (await until_answered(ledger, second)).balances == {"bonus": 14}
        assert await ledger.read(entries) == 2
        assert (await ledger.read(audit)).findings == ()


async def test_a_killed_backend_costs_no_answer(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    address = own_postgres.new_database()
    async with open_ledger(
        open_store(address, tmp_path), open_store(address, tmp_path, read_only=True)
    ) as ledger:
        await commit(ledger, made_sale("s1", earn=7))
        own_postgres.kill_backend(own_postgres.backends()[0])
        assert (await commit(ledger, made_sale("s2", earn=7))).balances == {"bonus": 14}
        assert await ledger.read(entries) == 2


def test_a_server_that_is_away_at_the_start_is_named(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    address = own_postgres.new_database()
    own_postgres.kill()
    with pytest.raises(StoreError, match=r"PostgreSQL: .* failed"):
        open_store(address, tmp_path)
    own_postgres.start()
