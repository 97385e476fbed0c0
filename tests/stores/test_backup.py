"""A copy while the till runs: whole, of one moment, and a restored one says what it lacks."""

import asyncio
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from daemon.ledger.audit import audit
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import open_store, scheme_of
from daemon.ledger.storage.store import LedgerDamagedError, StoreError
from tests.stores.hand_made import commit, made_sale, open_ledger
from tests.support.postgres import BIN, PostgresServer


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")


async def test_a_backup_while_the_till_sells_is_whole_and_of_one_moment(
    location: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    copy = tmp_path / "copies" / "monday"
    copy.parent.mkdir()
    async with open_ledger(
        open_store(location, tmp_path), open_store(location, tmp_path, read_only=True)
    ) as ledger:
        for n in range(5):
            await commit(ledger, made_sale(f"s{n}", earn=7))
        with closing(open_store(location, tmp_path, read_only=True)) as store:
            selling = asyncio.create_task(sell_on(20, ledger))
            [head] = await asyncio.to_thread(store.backup, copy)
            await selling
            with pytest.raises(FileExistsError):
                store.backup(copy)
    assert head.seq >= 5
    assert [path.name for path in copy.parent.iterdir()] == ["monday"]
    address, home = str(copy), copy.parent
    if scheme_of(location):
        address = restored(request.getfixturevalue("postgres"), copy)
        shutil.copy(tmp_path / "ledger.id", home)
        shutil.copy(tmp_path / "ledger.head", home)
    else:
        shutil.copy(tmp_path / "ledger.db.head", home / "monday.head")
    with closing(open_store(address, home, read_only=True)) as store:
        result = audit(store, expected_head=head.hash.hex())
    missing = 25 - head.seq
    said = f"{missing} entries are missing that this till has answered"
    if missing:
        assert [finding.partition(": ")[2] for finding in result.findings] == [said]
        with pytest.raises(LedgerDamagedError, match=said):
            open_store(address, home)
    assert result.heads[0].seq == head.seq


async def sell_on(count: int, ledger: Ledger) -> None:
    for n in range(count):
        await commit(ledger, made_sale(f"t{n}", earn=7))


def restored(server: PostgresServer, dump: Path) -> str:
    address = server.new_database()
    words = [str(BIN / "pg_restore"), "--no-owner", "-d", address, str(dump)]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return address


async def test_without_pg_dump_a_backup_says_what_to_install(
    postgres: PostgresServer,
    postgres_template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    address = postgres.new_database(postgres_template)
    with (
        closing(open_store(address, tmp_path)) as store,
        pytest.raises(StoreError, match="client programs"),
    ):
        store.backup(tmp_path / "copy")


@pytest.mark.parametrize("left", ["link", "junk"])
async def test_what_lies_where_a_backup_is_made_is_not_followed_nor_written_over(
    left: str, location: str, tmp_path: Path
) -> None:
    older, part = tmp_path / "older", tmp_path / "copy.part"
    older.write_text("an older backup", "utf-8")
    if left == "link":
        part.symlink_to(older)
    else:
        part.write_text("junk" * 1_000, "utf-8")
    with closing(open_store(location, tmp_path)):
        pass
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        store.backup(tmp_path / "copy")
        with pytest.raises(StoreError, match="Name the file"):
            store.backup(Path(""))
    assert older.read_text("utf-8") == "an older backup"
    assert (tmp_path / "copy").stat().st_size > 1_000
    assert not (tmp_path / "copy").is_symlink()
    assert not part.exists()
