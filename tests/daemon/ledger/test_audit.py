import sqlite3
from pathlib import Path

import pytest

from daemon.base.ids import AccountId
from daemon.ledger.audit import audit
from daemon.ledger.entries import FOREVER, Entry, LotMove, Posting
from daemon.ledger.status_moves import moves, rows
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change
from daemon.programme.status import StatusState

MEMBER = StatusState(stage="outside", total=5)
AT = "2026-11-23T08:00:00.000000Z"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    store = SQLiteStore(path)
    store.begin()
    for n in range(3):
        store.write(
            Change(
                entry=Entry(
                    at=AT,
                    kind="sale",
                    ref=f"s{n}",
                    account=AccountId("a1"),
                    postings=(
                        Posting(AccountId("a1"), "bonus", 50),
                        Posting(AccountId("@liability"), "bonus", -50),
                    ),
                    lots=(LotMove(AccountId("a1"), "bonus", FOREVER, 0, 50),),
                    statuses=moves(AccountId("a1"), {"club": MEMBER}),
                ),
                rows=rows({}, AccountId("a1"), {"club": MEMBER}),
            )
        )
    store.commit()
    store.close()
    return path


def findings(path: Path, *, expected_head: str = "") -> tuple[str, ...]:
    store = SQLiteStore(path, read_only=True)
    try:
        return audit(store, expected_head=expected_head).findings
    finally:
        store.close()


def tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.create_function("reworded", 1, lambda body: packed(unpacked(body).replace(b"s1", b"s9")))
        assert db.execute(statement).rowcount > 0
    db.close()


def test_an_untouched_ledger_is_whole(ledger: Path) -> None:
    assert findings(ledger) == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE entry SET body = reworded(body) WHERE seq = 2", "entry 2: its hash"),
        ("UPDATE entry SET body = body || CAST('x' AS BLOB) WHERE seq = 2", "entry 2: its hash"),
        ("UPDATE entry SET body = 7 WHERE seq = 2", "entry 2: its hash"),
        ("DELETE FROM entry WHERE seq = 2", "entry 3: follows 1; entries are missing"),
        (
            "UPDATE member SET state = replace(state, 'outside', 'member')",
            "status a1 club: no entry",
        ),
        ("DELETE FROM member", "status a1 club: no entry"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 3", "entry 3: its hash"),
        ("UPDATE balance SET posted = posted + 1", "balance a1 bonus posted: cached 151"),
        ("UPDATE lot SET amount = amount - 1", "cached 149, the entries say 150"),
        ("DELETE FROM posting WHERE seq = 1 AND leg = 0", "posting"),
        ("INSERT INTO meter VALUES ('a1', 'spend', 0, 7)", "meter a1 spend 0: cached 7"),
        ("INSERT INTO counter VALUES ('code', 1)", "counter code: cached 1"),
        ("UPDATE entry SET body = CAST('{' AS BLOB) WHERE seq = 1", "entry 1: cannot be read"),
    ],
)
def test_whatever_is_changed_behind_its_back_is_found(
    ledger: Path, statement: str, said: str
) -> None:
    tamper(ledger, statement)
    assert any(said in finding for finding in findings(ledger)), findings(ledger)


def test_a_head_that_was_kept_elsewhere_proves_that_the_end_was_not_cut_off(ledger: Path) -> None:
    store = SQLiteStore(ledger, read_only=True)
    head = audit(store).heads[0].hash
    store.close()
    assert findings(ledger, expected_head=head) == ()
    for table in ("entry", "posting"):
        tamper(ledger, f"DELETE FROM {table} WHERE seq = 3")
    tamper(ledger, "UPDATE balance SET posted = 100")
    tamper(ledger, "UPDATE lot SET amount = 100")
    [found] = findings(ledger)
    assert found.endswith(": 1 entries are missing that this till has answered")
    ledger.with_name(ledger.name + ".head").unlink()  # who cuts off the end thinks of it too
    assert findings(ledger) == ()
    assert findings(ledger, expected_head=head) == (f"no entry has the hash {head}",)
