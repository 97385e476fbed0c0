"""The class "the walk of the schema": whatever decides money cannot be changed unseen."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.ledger.audit import audit
from daemon.ledger.entries import (
    FOREVER,
    CounterMove,
    Entry,
    HeldMove,
    LotMove,
    MeterMove,
    Posting,
)
from daemon.ledger.sale_rows import SaleRow, for_entry
from daemon.ledger.sale_states import SaleState
from daemon.ledger.status_moves import moves
from daemon.ledger.storage.card_rows import ActRow, BatchRow, CardIssueRow, StagedRow
from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
    MergedRow,
    PhotoRow,
    QuestionnaireRow,
)
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.friend_rows import FriendRow, InviteRow
from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow, ImportRow
from daemon.ledger.storage.inserts import KEPT, TABLES
from daemon.ledger.storage.mailing_rows import (
    AudiencePartRow,
    AudienceRow,
    MailingRow,
    MessageRow,
    OccasionRow,
)
from daemon.ledger.storage.partner_rows import AssignmentRow, PartnerRow, StatementRow
from daemon.ledger.storage.registry import open_store, scheme_of
from daemon.ledger.storage.row_marks import EXEMPT, FREE
from daemon.ledger.storage.rows import (
    ActivationRow,
    CardRow,
    ChipRow,
    CodeRow,
    CustomerRow,
    DeviceRow,
    FoldRow,
    IdentifierRow,
    LotFoldRow,
    MemberRow,
    OperatorRow,
    PhoneRow,
    ProgrammeRow,
    RequestRow,
    TillRow,
)
from daemon.ledger.storage.store import Change, Gone, KeptRow, Store, StoreError
from daemon.programme.status import StatusState
from daemon.shop.lot_folding import fold_lots
from tests.stores.hand_made import made_sale

AT = "2026-11-24T08:00:00.000000Z"
A1, C1 = AccountId("a1"), CardId("c1")
STATE = StatusState(stage="member", total=5)
ROWS: tuple[KeptRow, ...] = (
    SaleRow(SaleId("s1"), SaleState.POSTED, A1, AT, b'{"total":9900}', "s1x"),
    RequestRow("sale.commit", "s1", bytes(32), b'{"total":9900,"replayed":false}', AT),
    CardRow(C1, A1, "active", "plastic", "29", "29", bytes(32), AT, "us", "B-2026-0001", 3, "a"),
    IdentifierRow("number", "29", C1),
    CustomerRow(A1, b"{}"),
    PhoneRow(C1, "0123456789", 1),
    DeviceRow("d1", C1, "token"),
    ChipRow("04", 1, "ab", 7, "ev2", "why"),
    MemberRow(A1, "club", '{"stage":"member","total":5}', 739_000, "join"),
    CodeRow("code", "campaign", A1, "s1", 739_000, 739_001, 1, "good"),
    ActivationRow(AT, "v1", "file", 1, "why"),
    ProgrammeRow("v1", "# text"),
    TillRow("1", "till1", LedgerId("a" * 16)),
    FoldRow(LedgerId("a" * 16), 1, 2),
    LotFoldRow(LedgerId("a" * 16), 1, 2),
    PartnerRow("P0001", A1, "partner", AccountId(""), "Gym", "044", "each", "active", AT),
    AssignmentRow(A1, AT, LedgerId("a" * 16), 1, "a2", "a3", "olha"),
    StatementRow("S-2026-000001", A1, 739_000, 739_001, "issued", "{}", "{}", b"{}"),
    QuestionnaireRow(1, "v1", "# text", AT, "olha"),
    ConsentRow(A1, "marketing", "sms", 1, AT, "till", "olha", "v1", "uk"),
    CustomerKeyRow("word", "olena", A1),
    CustomerPrivateRow(A1, b"{}"),
    PhotoRow(A1, "photo", AT, b"\xff\xd8\xff"),
    InviteRow("f7k2", "friend", A1),
    FriendRow(A1, AccountId("a8"), AT),
    MergedRow(AccountId("a9"), A1, LedgerId("a" * 16), 1, AT),
    OperatorRow("olha", "Olha", "senior", "[]", "active", "uk", "p", "q", "r", A1, AT),
    BatchRow(
        *("B-2026-0001", AT, "olha", "plastic", "us", 4, 1_000, 2_000, "10", "Print Ltd", "No. 7"),
        *(AT, "own", "u1", LedgerId("a" * 16), 4),
    ),
    StagedRow("u1", 3, "29"),
    ActRow(
        *("A-2026-000001", "Our shop", "A", AT, "olha", "final", "1", 2, 667, "ab"),
        *(b'{"lines":[]}', b'{"to":"Kiosk"}'),
    ),
    CardIssueRow(C1, 739_000, 600, A1, "anna", "1", "free", 333, 700, "s1", "W-2026-000001"),
    ImportRow(
        *("I-2026-0001", AT, "olha", "old.csv", "ab", "u2", LedgerId("a" * 16)),
        *(9, 5, 3, 1, "done", "maria"),
    ),
    ImportLineRow("u2", 1, 3, "added", "{}", "{}", A1, "why", LedgerId("a" * 16), 1),
    ImportKeyRow("u2", "phone", "765", 3),
    AudienceRow("au-2026-0001", AT, "olha", "Asleep", "list", "{}", 1, "u3"),
    AudiencePartRow("u3", 0, b"[]"),
    MailingRow(
        *("m-2026-0001", AT, "olha", "sms", "{}", "au-2026-0001", 10, 85, AT, "checked"),
        *('{"ready":1}', 1, A1, '["maria"]', LedgerId("a" * 16), AT),
    ),
    MessageRow("m-2026-0001", A1, "sms", "+380", "unknown", AT, 1, AT, "p1", "why", 2),
    OccasionRow("birthday", A1, "2026", 739_000, "m-2026-0001"),
    ClosingRow(LedgerId("a" * 16), 42, "Z-till1-000042"),
    FindingRow("f1", "split", "a1", "", "1", 1, 2, 3, 4, b"[]", 0, "new", AT, "olha", "n", AT),
)
MOVED = Entry(
    at=AT,
    kind="sale",
    ref="s1",
    account=A1,
    postings=(Posting(A1, "bonus", 50), Posting(AccountId("@liability"), "bonus", -50)),
    lots=(LotMove(A1, "bonus", FOREVER, 0, 40),),
    held=(HeldMove(A1, "bonus", 10),),
    meters=(MeterMove(A1, "spend", 739_000, 100),),
    counters=(CounterMove("code", 1),),
    statuses=moves(A1, {"club": STATE}),
    detail=msgspec.Raw(msgspec.json.encode(for_entry(made_sale("s1", earn=50)))),
)
NOT_THE_AUDIT_S = {"alembic_version": "whoever opens a database of another schema is refused"}


def written(store: Store) -> None:
    store.begin()
    store.write(Change(entry=MOVED, rows=ROWS))
    store.commit()
    store.begin()
    assert not fold_lots(store, store.ledger_id, "9999", 739_000)
    store.commit()


Update = Callable[[str, tuple[Any, ...]], None]


class Editor:
    """Somebody who writes to the database by hand."""

    def __init__(self, location: str, home: Path) -> None:
        self.is_file = not scheme_of(location)
        self.db: Any = (
            sqlite3.connect(home / location, isolation_level=None)
            if self.is_file
            else psycopg.connect(location, autocommit=True)
        )

    def close(self) -> None:
        self.db.close()

    def run(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        text = statement if self.is_file else statement.replace("?", "%s")
        cursor = self.db.execute(text, values)
        return list(cursor.fetchall()) if cursor.description else []

    def tables(self) -> dict[str, list[str]]:
        if self.is_file:
            names = [n for (n,) in self.run("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {n: [c[1] for c in self.run(f"PRAGMA table_info({n})")] for n in names}
        found: dict[str, list[str]] = {}
        for table, column in self.run(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        ):
            found.setdefault(table, []).append(column)
        return found

    @contextmanager
    def flipped(self, table: str, columns: list[str], column: str) -> Iterator[None]:
        """Change one value of one row while the block runs."""
        [row, *_] = self.run(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2 LIMIT 1")
        old = row[columns.index(column)]
        after = tuple(
            changed(value) if name == column else value
            for name, value in zip(columns, row, strict=True)
        )
        where = " AND ".join(f"{name} = ?" for name in columns)
        self.run(f"UPDATE {table} SET {column} = ? WHERE {where}", (changed(old), *row))
        yield
        self.run(f"UPDATE {table} SET {column} = ? WHERE {where}", (old, *after))


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return bytes(value) + b"\1" if isinstance(value, bytes | memoryview) else value + "x"


def is_exempt(table: str, column: str) -> bool:
    return table in EXEMPT or (table, column) in FREE or table in NOT_THE_AUDIT_S


def test_every_kind_of_row_is_walked() -> None:
    assert {type(row) for row in ROWS} == set(KEPT)
    assert all(EXEMPT.values())
    assert all(FREE.values())
    assert EXEMPT.keys() <= TABLES.keys()


def test_any_column_of_any_table_that_is_changed_is_found(location: str, tmp_path: Path) -> None:
    with closing(open_store(location, tmp_path)) as store:
        written(store)
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()
        editor = Editor(location, tmp_path)
        unseen = []
        for table, columns in editor.tables().items():
            if table == "outbox":  # nothing forwards entries yet
                continue
            for column in columns:
                if is_exempt(table, column):
                    continue
                with editor.flipped(table, columns, column):
                    if audit(store).whole:
                        unseen.append(f"{table}.{column}")
        assert unseen == []
        assert audit(store).findings == ()
        editor.db.close()


@pytest.mark.parametrize("table", [k.table for k in KEPT.values() if k.table not in EXEMPT])
def test_a_row_that_is_taken_away_or_put_in_is_found(
    location: str, table: str, tmp_path: Path
) -> None:
    with closing(open_store(location, tmp_path)) as store:
        written(store)
    editor = Editor(location, tmp_path)
    names = list(TABLES[table].names)
    [row] = editor.run(f"SELECT {', '.join(names)} FROM {table}")
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        editor.run(f"DELETE FROM {table}")
        assert audit(store).whole is (table == "request")  # these are forgotten in time
        new = [changed(value) for value in row]
        places = ", ".join("?" * len(new))
        editor.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", tuple(new))
        assert not audit(store).whole
    editor.db.close()


def test_rows_that_were_replaced_or_deleted_rightly_are_whole(
    store: Store, location: str, tmp_path: Path
) -> None:
    written(store)
    store.begin()
    later = CodeRow("code", "campaign", A1, "s1", 739_000, 739_001, 1, "taken_back")
    store.write(
        Change(
            entry=Entry(at=AT, kind="return", ref="s1"),
            rows=(later,),
            gone=(Gone(ProgrammeRow, ("v1",)),),
        )
    )
    store.commit()
    store.begin()  # without an entry, as the till does
    store.write(Change(rows=(PhoneRow(C1, "0123456789", 1, last_step=77),)))
    store.commit()
    with closing(open_store(location, tmp_path, read_only=True)) as reading:
        assert audit(reading).findings == ()


@pytest.mark.parametrize("seed", [*range(8), 1_016, 1_048])
def test_a_damaged_file_gives_findings_or_a_sentence(seed: int, tmp_path: Path) -> None:
    damage(seed, tmp_path)


@pytest.mark.soak
def test_many_damaged_files_give_findings_or_a_sentence(tmp_path: Path) -> None:
    """Seeds of the past: text in the schema that is no UTF-8; the table of ledgers torn."""
    for seed in range(1_000, 3_000):
        folder = tmp_path / str(seed)
        damage(seed, folder)


def damage(seed: int, home: Path) -> None:
    chance, path = random.Random(seed), home / "ledger.db"
    with closing(open_store("ledger.db", home)) as store:
        written(store)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(chance.randint(1, 6)):
            file.seek(chance.randrange(100, size))
            file.write(chance.randbytes(chance.choice([1, 8, 600])))
    said_of(home)


def said_of(home: Path) -> tuple[str, ...]:
    """Return what an audit finds, or the sentence with which the file is not opened."""
    try:
        with closing(open_store("ledger.db", home, read_only=True)) as store:
            return audit(store).findings
    except StoreError as error:
        return (str(error),)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lot SET amount = 'x'",
        "UPDATE sale SET sale_id = x'ff'",
        "UPDATE sale SET body = CAST(x'ff' AS TEXT)",
        "UPDATE entry SET hash = 7",
        "UPDATE member SET state = x'00', status = 4",
        "UPDATE request SET answer = 4.5",
        "UPDATE balance SET posted = NULL",
        "DROP TABLE posting",
        "DROP TABLE sale",
        "DELETE FROM ledger",
        "UPDATE ledger SET own = 0",
        "UPDATE entry SET seq = 'many'",
    ],
)
def test_what_no_till_would_write_is_a_finding_or_a_sentence(
    statement: str, tmp_path: Path
) -> None:
    with closing(open_store("ledger.db", tmp_path)) as store:
        written(store)
    editor = Editor("ledger.db", tmp_path)
    with suppress(sqlite3.IntegrityError):  # SQLite itself does not let some pass
        editor.run(statement)
        assert all(said_of(tmp_path))
        assert said_of(tmp_path)
    editor.db.close()
