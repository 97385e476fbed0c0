import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from daemon.chip.hot_list import encode
from daemon.keys.chip_keys import load_chip_keys, make_chip_keys
from daemon.keys.hot_list_keys import load_hot_list_key, make_hot_list_keys
from daemon.ledger.entries import Entry
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change
from tests.scenarios.baskets import BASKET
from tests.support.clock import MORNING, HandClock
from tests.support.commands import tillcard
from tests.support.till import Pos, lay_out, open_till

COMMANDS = ("run", "demo", "doctor", "call", "watch", "price", "check", "audit", "plan", "backup")


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """The folder of a till that has sold once and was stopped."""
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", lines=BASKET)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    assert command in tillcard("--help").output
    result = tillcard(command, "--help")
    assert result.exit_code == 0
    assert len(result.output) > 100


def test_an_audit_says_that_the_ledger_is_whole_and_names_its_head(home: Path) -> None:
    result = tillcard("audit", "--config", str(home / "tillcard.toml"), "--json")
    assert result.exit_code == 0
    said = msgspec.json.decode(result.stdout)
    assert (said["entries"], said["findings"]) == (6, [])
    again = ["audit", "--ledger", str(home / "tillcard.db"), "--head", said["heads"][0]["hash"]]
    result = tillcard(*again)
    assert (result.exit_code, "The ledger is whole." in result.output) == (0, True)


def test_an_audit_that_finds_something_says_what_and_ends_with_1(home: Path) -> None:
    with sqlite3.connect(home / "tillcard.db") as db:
        db.execute("UPDATE entry SET hash = zeroblob(32) WHERE seq = 2")
    db.close()
    result = tillcard("audit", "--config", str(home / "tillcard.toml"))
    assert result.exit_code == 1
    assert "FOUND: ledger" in result.output
    assert "NOT whole" in result.output


@pytest.mark.parametrize("head", ["abc", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_an_audit_is_told_that_a_head_is_none_and_not_that_the_ledger_is_broken(
    home: Path, head: str
) -> None:
    said = tillcard("audit", "--config", str(home / "tillcard.toml"), "--head", head)
    assert said.exit_code == 2
    assert "is no head: it has 64 hex characters" in " ".join(said.output.replace("│", "").split())
    assert "NOT whole" not in said.output


def test_an_audit_of_nothing_ends_with_2(tmp_path: Path) -> None:
    result = tillcard("audit", "--ledger", str(tmp_path / "none.db"))
    assert result.exit_code == 2
    assert "There is no ledger" in result.output
    assert not (tmp_path / "none.db").exists()


def test_a_doctor_finds_a_healthy_till_healthy(home: Path) -> None:
    result = tillcard("doctor", "--config", str(home / "tillcard.toml"))
    assert result.exit_code == 0, result.output
    for found in ("configuration", "programme sample, 3 rules", "ledger tillcard.db: id"):
        assert f"ok  {found}" in result.output
    assert "No tillcard daemon answers" in result.output


def test_a_doctor_finds_a_configuration_wrong_that_was_named_and_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tillcard("doctor", "--config", str(tmp_path / "none.toml"))
    assert (said.exit_code, "WRONG  no configuration at" in said.output) == (1, True)
    monkeypatch.chdir(tmp_path)
    assert " note  no configuration at tillcard.toml" in tillcard("doctor").output


def test_a_doctor_names_the_wrong_key_and_the_mend(home: Path) -> None:
    path = home / "tillcard.toml"
    path.write_text(path.read_text("utf-8").replace("[till]", "[tll]"), "utf-8")
    result = tillcard("doctor", "--config", str(path))
    assert result.exit_code == 1
    assert "WRONG  configuration" in result.output
    assert "tll: there is no such key" in result.output


async def test_a_doctor_says_which_reader_is_out_of_order_and_what_to_do(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        await pos.call("input.simulate", reader="scanner", do="unplug")
        command = ["doctor", "--config", str(tmp_path / "tillcard.toml")]
        result = await asyncio.to_thread(tillcard, *command)
    assert result.exit_code == 1
    assert "ok  reader keypad is ready" in result.output
    assert "WRONG  reader scanner is absent: " in result.output
    assert "-> plug it in" in result.output


async def test_a_doctor_notices_a_second_daemon(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    lay_out(tmp_path / "first")
    lay_out(tmp_path / "second", **{'path = "pos.sock"': f'path = "{runtime}/pos.sock"'})
    command = ["doctor", "--config", str(tmp_path / "first/tillcard.toml")]
    environ = {"RUNTIME_DIRECTORY": str(runtime)}
    async with (
        open_till(tmp_path / "first", HandClock()),
        open_till(tmp_path / "second", HandClock()),
    ):
        result = await asyncio.to_thread(tillcard, *command, environ=environ)
    assert result.exit_code == 1
    assert f"WRONG  a second daemon at {runtime}/pos.sock" in result.output


def diagnosed(home: Path) -> tuple[int, str]:
    result = tillcard("doctor", "--config", str(home / "tillcard.toml"))
    return result.exit_code, result.output


def test_a_doctor_looks_at_the_chip_s_keys_and_the_hot_list(tmp_path: Path) -> None:
    lay_out(tmp_path, **{"[simulated]\n": '[chip]\nhot_list = "hot.txt"\n[simulated]\n'})
    keys = tmp_path / "chip.keys"
    status, said = diagnosed(tmp_path)
    assert (status, "WRONG  chip keys chip.keys: There is no" in said) == (1, True)
    make_chip_keys(keys)
    keys.chmod(0o644)
    status, said = diagnosed(tmp_path)
    assert (status, "can be read by others (mode 0644)" in said) == (1, True)
    keys.chmod(0o600)
    status, said = diagnosed(tmp_path)
    assert (status, "WRONG  hot list hot.txt: " in said) == (1, True)
    assert "There is no" in said, "the public half that it is read with"
    assert "-> copy hot-list.pub here" in said
    make_hot_list_keys(tmp_path / "hot-list.key", tmp_path / "hot-list.pub")
    assert "WRONG  hot list hot.txt: it is not there" in diagnosed(tmp_path)[1]
    (tmp_path / "hot.txt").write_text("no hot list", "utf-8")
    assert diagnosed(tmp_path)[0] == 1
    signer = load_hot_list_key(tmp_path / "hot-list.key")
    listed = encode(["04A1B2C3D4E580"], MORNING, load_chip_keys(keys), signer)
    (tmp_path / "hot.txt").write_text(listed, "utf-8")
    status, said = diagnosed(tmp_path)
    assert (status, "ok  hot list hot.txt: of 2026-" in said) == (0, True), said
    ahead = encode([], MORNING + timedelta(days=1), load_chip_keys(keys), signer)
    (tmp_path / "hot.txt").write_text(ahead, "utf-8")
    status, said = diagnosed(tmp_path)
    assert (status, "WRONG  hot list hot.txt: it is dated ahead" in said) == (1, True), said


def test_a_doctor_names_each_reader_that_needs_a_pcscd_that_is_not_there(
    no_pcscd: None, tmp_path: Path
) -> None:
    readers = '[[reader]]\nname = "desk"\nkind = "pcsc"\n\n[[reader]]\nname = "chip"'
    lay_out(tmp_path, **{'[[reader]]\nname = "chip"': readers})
    status, said = diagnosed(tmp_path)
    assert (status, "WRONG  reader desk needs pcscd" in said) == (1, True), said


def test_a_doctor_finds_what_a_start_would_find_in_the_readers(tmp_path: Path) -> None:
    lay_out(tmp_path, **{'name = "keypad"': 'name = "chip"'})
    status, said = diagnosed(tmp_path)
    assert (status, "two readers are called chip" in said) == (1, True)


def test_a_backup_prints_its_head_and_a_restored_one_says_what_it_lacks(home: Path) -> None:
    config, copy = str(home / "tillcard.toml"), home / "monday.db"
    result = tillcard("backup", str(copy), "--config", config)
    assert result.exit_code == 0, result.output
    [head] = re.findall(r"head ([0-9a-f]{64})", result.output)
    assert tillcard("audit", "--ledger", str(copy), "--head", head).exit_code == 0
    assert tillcard("backup", str(copy), "--config", config).exit_code == 2
    nowhere = tillcard("backup", str(home / "none/copy.db"), "--config", config)
    assert nowhere.exit_code == 2
    assert f"there is no folder {home / 'none'}; make it first" in nowhere.output
    with closing(SQLiteStore(home / "tillcard.db")) as store:
        store.begin()
        store.write(Change(entry=Entry(at="2099-01-01T00:00:00.000000Z", kind="x", ref="x")))
        store.commit()
    copy.replace(home / "tillcard.db")
    for command in ("audit", "doctor"):
        said = tillcard(command, "--config", config)
        assert said.exit_code == 1
        assert "1 entries are missing that this till has answered" in said.output
