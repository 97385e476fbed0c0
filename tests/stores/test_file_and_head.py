"""The class "file and head": a till sells into the ledger that it opened, whole, or not at all."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, LedgerDamagedError, Store, StoreError
from tests.stores.hand_made import commit, made_sale, open_ledger
from tests.support.postgres import PostgresServer
from tests.support.till import PATIENCE_S

FILE = "ledger.db"
LOG = "ledger.db-wal"
ANSWERED = "ledger.db.head"


def sell(store: Store, *refs: str) -> None:
    for ref in refs:
        store.begin()
        store.write(Change(entry=Entry(at="2026-11-24T08:00:00.000000Z", kind="x", ref=ref)))
        store.commit()


def made(home: Path, *refs: str) -> None:
    with closing(SQLiteStore(home / FILE)) as store:
        sell(store, *refs)


# Which file it is.


def moved(home: Path, name: str) -> None:
    (home / name).rename(home / "elsewhere")


def removed(home: Path, name: str) -> None:
    (home / name).unlink()


def replaced(home: Path, name: str) -> None:
    shutil.copy(home / name, home / "copy")
    (home / "copy").rename(home / name)


def cut_off(home: Path, name: str) -> None:
    os.truncate(home / name, 0)


def halved(home: Path, name: str) -> None:
    os.truncate(home / name, (home / name).stat().st_size // 2)


@pytest.mark.parametrize("name", [FILE, LOG])
@pytest.mark.parametrize("change", [moved, removed, replaced, cut_off, halved])
async def test_a_till_whose_file_or_log_is_gone_or_exchanged_sells_no_more(
    change: Callable[[Path, str], None], name: str, tmp_path: Path
) -> None:
    async with open_ledger(
        SQLiteStore(tmp_path / FILE), SQLiteStore(tmp_path / FILE, read_only=True)
    ) as ledger:
        await commit(ledger, made_sale("s1", earn=7))
        change(tmp_path, name)
        for _ in range(2):
            with pytest.raises(RefusedError) as refused:
                await commit(ledger, made_sale("s2", earn=7))
            assert refused.value.code is ErrorCode.LEDGER_DAMAGED
            assert not refused.value.state_unknown


async def test_a_till_sells_again_into_a_file_that_was_brought_back(tmp_path: Path) -> None:
    async with open_ledger(
        SQLiteStore(tmp_path / FILE), SQLiteStore(tmp_path / FILE, read_only=True)
    ) as ledger:
        moved(tmp_path, FILE)
        with pytest.raises(RefusedError):
            await commit(ledger, made_sale("s1", earn=7))
        (tmp_path / "elsewhere").rename(tmp_path / FILE)
        assert (await commit(ledger, made_sale("s1", earn=7))).balances == {"bonus": 7}


def symbolic(home: Path) -> Path:
    link = home / "other" / "link.db"
    link.parent.mkdir()
    link.symlink_to(home / FILE)
    return link


def hard(home: Path) -> Path:
    os.link(home / FILE, home / "link.db")
    return home / "link.db"


@pytest.mark.parametrize("link", [symbolic, hard])
def test_a_second_till_is_refused_by_any_name_of_the_file(
    link: Callable[[Path], Path], tmp_path: Path
) -> None:
    with closing(SQLiteStore(tmp_path / FILE)), pytest.raises(StoreError):
        SQLiteStore(link(tmp_path))


def test_a_lock_that_is_a_link_to_something_else_leaves_that_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep me", "utf-8")
    (tmp_path / f"{FILE}.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="cannot be claimed"):
        SQLiteStore(tmp_path / FILE)
    assert (tmp_path / "precious").read_text("utf-8") == "keep me"


def test_a_lock_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.lock").write_text("something", "utf-8")
    made(tmp_path, "s1")
    assert (tmp_path / f"{FILE}.lock").read_text("utf-8") == "something"


def test_a_path_may_hold_what_means_something_in_an_address(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "a?mode=memory#b%41.db")) as store:
        sell(store, "s1")
    assert (tmp_path / "a?mode=memory#b%41.db").stat().st_size > 0


# Whether it is whole.


def damage(path: Path) -> None:
    """Write nonsense over the first page of the entries."""
    with closing(sqlite3.connect(path)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry'").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(64))


def test_a_file_that_sqlite_finds_damaged_is_not_sold_into(tmp_path: Path) -> None:
    made(tmp_path, *(f"s{n}" for n in range(40)))
    damage(tmp_path / FILE)
    with pytest.raises(LedgerDamagedError, match="damaged"):
        SQLiteStore(tmp_path / FILE)


def test_a_large_file_is_open_at_once_and_not_sold_into_once_it_is_found_damaged(
    tmp_path: Path,
) -> None:
    made(tmp_path, *(f"s{n}" for n in range(40)))
    with closing(SQLiteStore(tmp_path / FILE, checked_bytes=0)) as store:
        check = store.check_beside
        assert check is not None
        assert check.done.wait(PATIENCE_S)
        assert check.damage == ""
        sell(store, "t1")
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'posting'").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    with (tmp_path / FILE).open("r+b") as file:  # a table that no start reads
        file.seek((page - 1) * size)
        file.write(bytes(64))
    with closing(SQLiteStore(tmp_path / FILE, checked_bytes=0)) as store:
        check = store.check_beside
        assert check is not None
        assert check.done.wait(PATIENCE_S)
        with pytest.raises(LedgerDamagedError, match="damaged"):
            store.begin()


def test_a_look_through_a_large_file_ends_with_the_till(tmp_path: Path) -> None:
    made(tmp_path, *(f"s{n}" for n in range(400)))
    for _ in range(20):
        with closing(SQLiteStore(tmp_path / FILE, checked_bytes=0)) as store:
            check = store.check_beside
        assert check is not None
        assert check.done.is_set()
        assert check.damage == ""


async def test_damage_that_comes_while_the_till_runs_is_not_told_as_busy(tmp_path: Path) -> None:
    made(tmp_path, *(f"s{n}" for n in range(400)))
    ledger = Ledger(SQLiteStore(tmp_path / FILE), SQLiteStore(tmp_path / FILE, read_only=True))
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(4_096)
        file.write(bytes((tmp_path / FILE).stat().st_size - 4_096))
    with pytest.raises(RefusedError) as refused:
        await ledger.read(lambda store: store.purses(made_sale("x").account))
    assert refused.value.code is ErrorCode.LEDGER_DAMAGED
    await ledger.close()


async def test_after_a_clean_stop_the_file_alone_is_whole(tmp_path: Path) -> None:
    async with open_ledger(
        SQLiteStore(tmp_path / FILE), SQLiteStore(tmp_path / FILE, read_only=True)
    ) as ledger:
        for n in range(10):
            await commit(ledger, made_sale(f"s{n}", earn=7))
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(tmp_path / FILE, alone / FILE)
    with closing(SQLiteStore(alone / FILE, read_only=True)) as store:
        result = audit(store)
    assert (result.entries, result.findings) == (10, ())


# Where there is none.


def test_a_mistyped_name_makes_no_new_ledger_where_this_till_has_had_one(tmp_path: Path) -> None:
    made(tmp_path, "s1")
    with pytest.raises(StoreError, match=r"no ledger at .*typo\.db, but .* from ledger\.db"):
        open_store("typo.db", tmp_path)
    assert not (tmp_path / "typo.db").exists()


def test_a_file_that_was_lost_is_not_made_anew(tmp_path: Path) -> None:
    made(tmp_path, "s1")
    removed(tmp_path, FILE)
    with pytest.raises(StoreError, match="bring the file back"):
        SQLiteStore(tmp_path / FILE)
    (tmp_path / ANSWERED).unlink()  # as the sentence says, to begin anew
    made(tmp_path, "s1")


# How far it goes.


def test_an_older_copy_says_how_many_entries_it_lacks(tmp_path: Path) -> None:
    made(tmp_path, "s1")
    shutil.copy(tmp_path / FILE, tmp_path / "monday")
    made(tmp_path, *(f"t{n}" for n in range(7)))
    shutil.copy(tmp_path / "monday", tmp_path / FILE)
    with pytest.raises(LedgerDamagedError, match="7 entries are missing that this till has"):
        SQLiteStore(tmp_path / FILE)
    with closing(SQLiteStore(tmp_path / FILE, read_only=True)) as store:
        found = audit(store).findings
    assert [one for one in found if "7 entries are missing that this till has answered" in one]
    (tmp_path / ANSWERED).unlink()
    made(tmp_path, "s2")


def test_a_log_that_was_lost_after_a_kill_is_noticed(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / FILE)) as store:
        sell(store, "s1", "s2")
        killed = tmp_path / "killed"
        killed.mkdir()
        for name in (FILE, ANSWERED):  # all that is left of the till, but its log
            shutil.copy(tmp_path / name, killed / name)
    with pytest.raises(LedgerDamagedError, match=r"missing|not ledger"):
        SQLiteStore(killed / FILE)


def test_another_end_of_the_same_length_is_noticed(tmp_path: Path) -> None:
    made(tmp_path, "s1")
    shutil.copy(tmp_path / FILE, tmp_path / "monday")
    made(tmp_path, "s2")
    newest = (tmp_path / ANSWERED).read_bytes()
    (tmp_path / ANSWERED).unlink()
    shutil.copy(tmp_path / "monday", tmp_path / FILE)
    made(tmp_path, "another")
    (tmp_path / ANSWERED).write_bytes(newest)
    with pytest.raises(LedgerDamagedError, match="entry 2 is not the one"):
        SQLiteStore(tmp_path / FILE)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"0" * 16, b"no head\n"])
def test_a_head_that_a_power_cut_made_unreadable_stops_nobody(text: bytes, tmp_path: Path) -> None:
    made(tmp_path, "s1")
    (tmp_path / ANSWERED).write_bytes(text)
    made(tmp_path, "s2")
    with closing(SQLiteStore(tmp_path / FILE, read_only=True)) as store:
        assert store.answered is not None
        assert store.answered.seq == 2


def cut_the_tail(address: str, entries: int) -> None:
    with psycopg.connect(address) as db:
        db.execute("DELETE FROM entry WHERE seq > %s", (entries,))


async def test_a_server_that_came_back_on_an_older_snapshot_is_noticed_by_the_running_till(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    writing = await asyncio.to_thread(open_store, address, tmp_path)
    async with open_ledger(writing, open_store(address, tmp_path, read_only=True)) as ledger:
        for n in range(4):
            await commit(ledger, made_sale(f"s{n}", earn=7))
        cut_the_tail(address, 1)
        with psycopg.connect(address, autocommit=True) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'tillcard'"
            )
        codes = set()
        for _ in range(3):
            with pytest.raises(RefusedError) as refused:
                await commit(ledger, made_sale("s9", earn=7))
            codes.add(refused.value.code)
        assert ErrorCode.LEDGER_DAMAGED in codes
    with pytest.raises(LedgerDamagedError, match="3 entries are missing"):
        open_store(address, tmp_path)


def test_a_pipe_in_the_place_of_the_head_is_not_waited_for(tmp_path: Path) -> None:
    made(tmp_path, "s1")
    (tmp_path / ANSWERED).unlink()
    os.mkfifo(tmp_path / ANSWERED)
    with pytest.raises(StoreError, match="it is no file"):
        SQLiteStore(tmp_path / FILE)
