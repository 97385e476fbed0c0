"""Two tills on one PostgreSQL server: each writes its own chain, and limits hold across both."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from daemon.base.ids import AccountId, SaleId
from daemon.base.refusals import ErrorCode
from daemon.ledger.audit import audit
from daemon.ledger.entries import CounterMove, Entry, MeterMove, decode
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import HISTORY
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Reads, StoreConflictError, StoreError
from tests.stores.hand_made import AT, TODAY, commit, made_sale, open_ledger
from tests.stores.test_under_fire import CODE, POSTED, ring_up
from tests.support.postgres import PostgresServer

HURRIED = "&options=-clock_timeout%3D100ms"
IMPATIENT = "&options=-ctransaction_timeout%3D50ms"


def counted(ref: str) -> Entry:
    """Return an entry that takes one use from the counter ``c``."""
    return Entry(at=AT, kind="sale", ref=ref, counters=(CounterMove("c", 1),))


@pytest.fixture
def address(postgres: PostgresServer, postgres_template: str) -> str:
    return postgres.new_database(postgres_template)


@pytest.fixture
async def tills(address: str, tmp_path: Path) -> AsyncIterator[list[Ledger]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                open_ledger(
                    open_store(address, tmp_path / name),
                    open_store(address, tmp_path / name, read_only=True),
                )
            )
            for name in ("till-1", "till-2")
        ]


async def test_a_code_with_100_uses_gives_100_over_both(tills: list[Ledger]) -> None:
    sales = (made_sale(f"s{n}", f"a{n % 7}", earn=3, uses=(CODE,)) for n in range(800))
    outcomes = await ring_up(tills, sales)
    assert outcomes == {POSTED: 100, ErrorCode.CODE_USED_UP.name: 700}
    result = await tills[0].read(audit)
    assert (result.entries, result.findings) == (100, ())
    assert {head.ledger_id for head in result.heads} == {till.ledger_id for till in tills}


async def test_a_purse_never_goes_below_its_floor_over_both(tills: list[Ledger]) -> None:
    await commit(tills[0], made_sale("earn", earn=1_000))
    outcomes = await ring_up(tills, (made_sale(f"b{n}", burn=30) for n in range(200)))
    assert outcomes == {POSTED: 33, ErrorCode.NOT_ENOUGH.name: 167}
    assert (await tills[0].read(audit)).findings == ()


async def test_one_id_at_both_is_two_sales_each_posted_once(tills: list[Ledger]) -> None:
    for n in range(20):
        sale = made_sale(f"s{n}", f"a{n}", earn=50)
        for replayed in (False, True):
            answers = await asyncio.gather(*(commit(till, sale) for till in tills))
            assert [answer.replayed for answer in answers] == [replayed, replayed]
    result = await tills[0].read(audit)
    assert (result.entries, result.findings) == (40, ())


async def test_crossed_rows_neither_deadlock_nor_fail(
    tills: list[Ledger], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.ledger.writer")
    # Each till's groups meet the same accounts, in opposite orders.
    forward = [made_sale(f"f{n}", f"a{n % 20}", earn=1) for n in range(200)]
    backward = [made_sale(f"b{n}", f"a{19 - n % 20}", earn=1) for n in range(200)]
    there, back = await asyncio.gather(ring_up(tills[:1], forward), ring_up(tills[1:], backward))
    assert there == back == {POSTED: 200}
    assert "deadlock" not in caplog.text
    assert (await tills[0].read(audit)).findings == ()


def test_a_group_that_came_second_wins_when_it_runs_again(address: str, tmp_path: Path) -> None:
    first, second = (open_store(address, tmp_path / name) for name in ("till-1", "till-2"))
    for store in (first, second):
        store.begin()
        store.savepoint()
        store.view(Reads(sale_id=SaleId("s"), accounts=(AccountId("a1"),), counters=("c",)))
        store.write(Change(entry=counted("s1")))
        store.release()
    first.commit()
    with pytest.raises(StoreConflictError):
        second.commit()
    second.rollback()
    second.begin()  # now with the writing to itself
    second.view(Reads(sale_id=SaleId("s"), accounts=(AccountId("a1"),), counters=("c",)))
    second.write(Change(entry=counted("s2")))
    second.commit()
    assert first.counters(["c"]) == {"c": 2}
    for store in (first, second):
        store.close()


def test_two_that_read_what_the_other_writes_and_write_nothing_in_common_are_not_both_written(
    address: str, tmp_path: Path
) -> None:
    first, second = (open_store(address, tmp_path / name) for name in ("till-1", "till-2"))
    rests_on = Reads(meters_of="a1", windows={"tea": None, "coffee": None})

    def metered(meter: str) -> Change:
        moves = (MeterMove(AccountId("a1"), meter, TODAY, 1),)
        return Change(entry=Entry(at=AT, kind="sale", ref=meter, meters=moves))

    for meter in ("tea", "coffee"):  # so that every row is there already
        first.begin()
        first.write(metered(meter))
        first.commit()
    for store, meter in ((first, "tea"), (second, "coffee")):
        store.begin()
        store.savepoint()
        assert store.view(rests_on).meters == {"tea": 1, "coffee": 1}
        store.write(metered(meter))
        store.release()
    first.commit()
    with pytest.raises(StoreConflictError):
        second.commit()
    second.rollback()
    second.begin()
    assert second.view(rests_on).meters == {"tea": 2, "coffee": 1}
    second.rollback()
    assert audit(first).findings == ()
    for store in (first, second):
        store.close()


def test_a_till_keeps_its_chain_over_restarts_and_a_lost_name_begins_another(
    address: str, tmp_path: Path
) -> None:
    names = []
    for _ in range(3):
        store = open_store(address, tmp_path)
        names.append(store.ledger_id)
        store.close()
        if len(names) == 2:
            (tmp_path / "ledger.id").unlink()
    assert names[0] == names[1] != names[2]


def test_a_copied_name_is_refused_while_the_other_till_runs(address: str, tmp_path: Path) -> None:
    store = open_store(address, tmp_path)
    with pytest.raises(StoreError, match=r"written by another tillcard on this server"):
        open_store(address + HURRIED, tmp_path)
    store.close()
    open_store(address + HURRIED, tmp_path).close()


def test_a_damaged_name_is_refused_with_its_path(address: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.id").write_bytes(b"\xff\xfenot hex")
    with pytest.raises(StoreError, match=r"ledger\.id is damaged"):
        open_store(address, tmp_path)


async def test_an_account_s_history_is_by_time_whichever_till_wrote_it(
    address: str, tmp_path: Path
) -> None:
    stores = [open_store(address, tmp_path / name) for name in ("till-1", "till-2")]
    for n in range(6):
        store = stores[n % 2]
        at = f"2026-11-23T08:00:0{n}.000000Z"
        store.begin()
        store.write(Change(entry=Entry(at=at, kind="sale", ref=f"s{n}", account=AccountId("a1"))))
        store.commit()
    newest = [decode(body).ref for body in stores[0].ask(HISTORY, "a1", 5)]
    assert newest == ["s5", "s4", "s3", "s2", "s1"]
    for store in stores:
        store.close()


async def test_a_till_that_stops_in_a_group_holds_nobody_up(address: str, tmp_path: Path) -> None:
    stopped = open_store(address + IMPATIENT, tmp_path / "till-1")
    stopped.begin()
    stopped.savepoint()
    stopped.write(Change(entry=counted("s1")))
    stopped.release()
    stopped.counters(["c"])  # sends what was written; its row is locked now
    async with open_ledger(
        open_store(address, tmp_path / "till-2"),
        open_store(address, tmp_path / "till-2", read_only=True),
    ) as ledger:
        assert await ledger.write(Change(entry=counted("s2")))
        assert await ledger.read(lambda store: store.counters(["c"])) == {"c": 1}
    with pytest.raises(StoreError):
        stopped.commit()
    stopped.close()


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("mysql://shop/ledger", "mysql:// is not known"),
        ("postgresql://shop/ledger?colour=red", "address is wrong"),
        ("postgresql://shop@/ledger?host=/nowhere", "No such file or directory"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(location: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=said):
        open_store(location, tmp_path)
