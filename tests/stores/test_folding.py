"""A ledger from before there were facts is folded beside the till's work; a cut doubles nothing."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.base.ids import SaleId
from daemon.ledger import folding, sales
from daemon.ledger.audit import audit
from daemon.ledger.storage.inserts import FACTS
from daemon.ledger.storage.queries import HEAD, ROWS_MAX
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Reads, Store, StoreConflictError
from tests.stores.hand_made import made_sale, open_ledger
from tests.stores.test_audit_of_the_schema import Editor
from tests.support.postgres import PostgresServer

OLD = ROWS_MAX + 70
"""Two steps of folding."""


def sell(store: Store, first: int, wanted: int) -> None:
    store.begin()
    for n in range(first, first + wanted):
        store.savepoint()
        sale = made_sale(f"s{n}", account=f"a{n % 7}", earn=n % 3)
        sale_id = SaleId(f"{store.ledger_id}/s{n}")
        view = store.view(Reads(sale_id=sale_id, accounts=sale.accounts))
        store.write(sales.commit(view, sale).change)
        store.release()
    store.commit()


def forget_facts(location: str, home: Path) -> None:
    """Make the ledger as migration 0015 finds one that is older than it."""
    editor = Editor(location, home)
    for table, _ in FACTS:
        editor.run(f"DELETE FROM {table}")
    editor.run("DELETE FROM fold")
    editor.run(
        "INSERT INTO fold (ledger_id, done, upto)"
        " SELECT ledger_id, 0, max(seq) FROM entry GROUP BY ledger_id"
    )
    editor.db.close()


def step(store: Store) -> bool:
    store.begin()
    store.savepoint()
    more = folding.fold_some(store, store.ledger_id)
    store.release()
    store.commit()
    return more


Rows = list[tuple[str, tuple[Any, ...]]]


def fact_rows(store: Store) -> Rows:
    return sorted(store.rows(FACTS), key=repr)


@pytest.fixture
def old(location: str, tmp_path: Path) -> Rows:
    """An old ledger; give the facts that it had."""
    with closing(open_store(location, tmp_path)) as store:
        sell(store, 0, OLD)
        known = fact_rows(store)
    forget_facts(location, tmp_path)
    return known


def test_an_old_ledger_is_folded_step_by_step_and_sales_come_between(
    location: str, tmp_path: Path, old: Rows
) -> None:
    with closing(open_store(location, tmp_path)) as store:
        assert fact_rows(store) == []
        assert audit(store).findings == ()
        assert folding.progress(store) == folding.FoldingProgress(0, OLD)
        assert step(store)
        assert folding.progress(store).done == ROWS_MAX
    with closing(open_store(location, tmp_path)) as store:  # stopped in the middle
        assert audit(store).findings == ()
        sell(store, OLD, 5)
        assert audit(store).findings == ()
        assert not step(store)
        assert not step(store)
        assert audit(store).findings == ()
        assert folding.progress(store) == folding.FoldingProgress(OLD, OLD)
        assert store.ask_one(HEAD, store.ledger_id) is not None
        with_new = fact_rows(store)
    of_old = [row for row in with_new if row[0] == "fact" and row[1][2] <= OLD]
    assert of_old == [row for row in old if row[0] == "fact"]


def test_a_group_that_was_not_committed_is_folded_again(
    location: str, tmp_path: Path, old: Rows
) -> None:
    with closing(open_store(location, tmp_path)) as store:
        store.begin()
        store.savepoint()
        folding.fold_some(store, store.ledger_id)
        store.release()
        store.rollback()
        while step(store):
            pass
        assert fact_rows(store) == old


async def test_a_till_folds_by_itself(location: str, tmp_path: Path, old: Rows) -> None:
    writing = open_store(location, tmp_path)
    reading = open_store(location, tmp_path, read_only=True)
    async with open_ledger(writing, reading) as ledger:
        await folding.fold(ledger)
        assert await ledger.read(fact_rows) == old
        assert (await ledger.read(audit)).findings == ()


@pytest.mark.cluster
def test_two_tills_that_fold_one_ledger_double_nothing(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    location = postgres.new_database(postgres_template)
    with closing(open_store(location, tmp_path / "a")) as one:
        sell(one, 0, 30)
        known = fact_rows(one)
        forget_facts(location, tmp_path)
        with closing(open_store(location, tmp_path / "b")) as other:
            for store in (one, other):
                store.begin()
                store.savepoint()
                folding.fold_some(store, one.ledger_id)
                store.release()
            one.commit()
            with pytest.raises(StoreConflictError):
                other.commit()
            other.rollback()
        assert fact_rows(one) == known
