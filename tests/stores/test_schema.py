"""Old databases come along, newer ones are refused, and one file has one writer."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from daemon.base.ids import LEDGER_ID_CHARS, LedgerId, scoped
from daemon.ledger.audit import audit
from daemon.ledger.entries import Entry, decode
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage import migrations
from daemon.ledger.storage.queries import (
    CARD_BY_IDENTIFIER,
    CODE,
    HISTORY,
    PROGRAMME,
    REQUEST,
    SALE,
)
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.schema import HEAD
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, StoreError
from tests.support.postgres import PostgresServer

DATABASES = Path(__file__).parent / "databases"


class Kept:
    """A database by its address, and a way to run SQL in it behind the store's back."""

    def __init__(self, location: str, home: Path) -> None:
        self.location = location
        self._home = home

    def run(self, script: str) -> None:
        """Run SQL text as SQLite dumps it."""
        if self.location.startswith("postgresql"):
            text = script.replace(" BLOB", " BYTEA").replace("BEGIN TRANSACTION;", "")
            text = text.replace(" WITHOUT ROWID", "")
            text = re.sub(r"X'([0-9A-F]*)'", r"'\\x\1'", text).replace("COMMIT;", "")
            text = text.replace(" WITHOUT ROWID", "")
            with psycopg.connect(self.location) as db:
                db.execute(text.encode())
        else:
            with closing(sqlite3.connect(self._home / self.location)) as db:
                db.executescript(script)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Give an empty database of either kind."""
    if request.param == "sqlite":
        return Kept("ledger.db", tmp_path)
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return Kept(postgres.new_database(), tmp_path)


def revisions() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return ScriptDirectory.from_config(config)


def test_the_schema_that_is_needed_is_the_newest_migration() -> None:
    assert revisions().get_heads() == [HEAD]


def test_a_database_is_kept_of_every_older_schema() -> None:
    kept = {path.stem for path in DATABASES.glob("v*.sql")}
    older = {script.revision for script in revisions().walk_revisions()} - {HEAD}
    assert kept == {f"v{revision}" for revision in older}


@pytest.mark.parametrize("old", sorted(DATABASES.glob("v*.sql")), ids=lambda path: path.stem)
def test_an_old_database_is_migrated_whole(kept: Kept, old: Path, tmp_path: Path) -> None:
    kept.run(old.read_text("utf-8"))
    with pytest.raises(StoreError, match="of an older tillcard"):
        open_store(kept.location, tmp_path, read_only=True)
    with closing(open_store(kept.location, tmp_path)) as store:
        result = audit(store)
        # Where entries bind rows by marks, one more binds those whose ids have a scope now.
        assert result.entries == (5 if old.stem < "v0012" else 6)
        assert result.findings == ()
        card = store.ask_one(CARD_BY_IDENTIFIER, "number", "2900000000018")
        assert card is not None
        history = [decode(body).ref for body in store.ask(HISTORY, card.account, 9)]
        assert history[:2] == ["s3", "s3"]
        [head] = result.heads
        held = store.ask_one(SALE, scoped(head.ledger_id, "s2"))
        assert held is not None
        assert held.state is SaleState.HELD
        assert held.record is not None
        assert held.record.sale.sale_id == held.sale_id
        assert store.ask_one(REQUEST, "sale.commit", scoped(head.ledger_id, "s3")) is not None
        assert store.purses(card.account)["bonus"].held == 10
        assert store.ask_one(PROGRAMME, "v1") == "# the first programme\n"
        # It is not only readable: the chain goes on, or a new one begins beside it.
        store.begin()
        store.write(Change(entry=Entry(at="2026-11-24T08:00:00.000000Z", kind="x", ref="x")))
        store.commit()
        assert audit(store).findings == ()


@pytest.mark.cluster
def test_in_an_old_house_every_id_gets_the_till_whose_entry_names_it(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    house = Kept(postgres.new_database(), tmp_path)
    house.run((DATABASES / "two-tills-v0012.sql").read_text("utf-8"))
    with closing(open_store(house.location, tmp_path)) as store:
        a, b = (LedgerId(letter * LEDGER_ID_CHARS) for letter in "ab")
        for method, given, tills in (
            ("sale.commit", "s1", [a]),
            ("sale.commit", "s2", [b]),
            ("sale.hold", "s4", [a]),
            ("sale.commit", "s4", [b]),  # the hold of a, which b was asked to commit
            ("sale.return", "r1", [b]),
            ("code.issue", "i1", [b]),
            ("card.topup", "u1", [b]),
            ("sale.commit", "s9", []),  # refused, which ends no id
        ):
            found = [t for t in (a, b) if store.ask_one(REQUEST, method, scoped(t, given))]
            assert found == tills, (method, given)
        kept = {t: [n for n in range(1, 5) if store.ask(SALE, f"{t}/s{n}")] for t in (a, b)}
        assert kept == {a: [1, 4], b: [2]}
        code = store.ask_one(CODE, "spring24")
        assert code is not None
        assert code.ref == scoped(b, "i1")
        assert audit(store).findings == ()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_of_a_newer_tillcard_is_refused(
    kept: Kept, read_only: bool, tmp_path: Path
) -> None:
    open_store(kept.location, tmp_path).close()
    kept.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=rf"newer tillcard \(schema 9999, this one knows {HEAD}"):
        open_store(kept.location, tmp_path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("version", ["0007", "abc", "'' OR 1"])
def test_a_database_of_a_schema_that_nobody_knows_is_refused_with_a_sentence(
    kept: Kept, version: str, read_only: bool, tmp_path: Path
) -> None:
    open_store(kept.location, tmp_path).close()
    quoted = version.replace("'", "''")
    kept.run(f"UPDATE alembic_version SET version_num = '{quoted}'")
    with pytest.raises(StoreError, match=r"newer tillcard|no tillcard has released"):
        open_store(kept.location, tmp_path, read_only=read_only)


def test_a_database_that_cannot_be_migrated_is_left_as_it_was(kept: Kept, tmp_path: Path) -> None:
    kept.run("CREATE TABLE sale (somebody TEXT)")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"could not be migrated: .*sale"):
            open_store(kept.location, tmp_path)
    kept.run("DROP TABLE sale")
    open_store(kept.location, tmp_path).close()


def test_two_tills_that_start_on_an_empty_database_make_it_once(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    address, names = postgres.new_database(), []

    def start(home: Path) -> None:
        with closing(open_store(address, home)) as store:
            names.append(store.ledger_id)

    starting = [Thread(target=start, args=(tmp_path / f"till-{n}",)) for n in range(3)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    assert len(set(names)) == 3


def test_a_second_writer_on_a_file_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = SQLiteStore(path)
    with pytest.raises(StoreError, match=r"ledger\.db is being written by another tillcard"):
        SQLiteStore(path)
    SQLiteStore(path, read_only=True).close()
    first.close()
    SQLiteStore(path).close()
