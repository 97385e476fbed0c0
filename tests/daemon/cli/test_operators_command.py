"""``tillcard operators`` against a running till."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyotp import parse_uri
from typer.testing import Result

from daemon.app.running import App
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import LEDGER, lay_out, open_till

COMMANDS = ("add", "list", "role", "close", "pin", "password", "totp")


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


async def run(till: App, *words: str, stdin: str = "") -> Result:
    line = ["operators", *words, "--socket", str(till.socket)]
    return await asyncio.to_thread(lambda: tillcard(*line, stdin=stdin))


async def printed(till: App, *words: str, stdin: str = "") -> Any:
    result = await run(till, *words, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


async def test_an_operator_comes_changes_and_goes(till: App) -> None:
    words = ("add", "Olha", "--role", "senior", "--store", "1", "--store", "7", "--by", "maria")
    added = await printed(till, *words)
    assert (added["role"], added["stores"]) == ("senior", ["1", "7"])
    changed = await printed(till, "role", "olha", "manager", "--by", "maria")
    assert (changed["role"], changed["stores"]) == ("manager", ["1", "7"])
    moved = await printed(till, "role", "olha", "manager", "--everywhere", "--by", "maria")
    assert moved["stores"] == []
    listed = await run(till, "list")
    assert all(word in listed.output for word in ("Olha", "manager", "all", "active"))
    assert (await printed(till, "close", "OLHA", "--by", "maria"))["state"] == "closed"
    assert await printed(till, "list") == {"operators": []}
    assert len((await printed(till, "list", "--closed"))["operators"]) == 1


async def test_without_by_it_is_whoever_is_logged_in(till: App) -> None:
    assert (await run(till, "add", "olha", "--role", "owner")).exit_code == 0


async def test_secrets_are_read_and_never_printed(till: App) -> None:
    await printed(till, "add", "olha", "--role", "owner", "--by", "maria")
    for command, secret in (("pin", "60418"), ("password", "violet tractor sings")):
        result = await run(till, command, "olha", "--by", "maria", stdin=f"{secret}\n")
        assert result.exit_code == 0, result.output
        assert command in result.output
        assert secret not in result.output
        off = await printed(till, command, "olha", "--by", "maria", "--off")
        assert off[f"has_{command}"] is False


async def test_a_second_factor_is_shown_once_and_a_wrong_code_sets_nothing(till: App) -> None:
    await printed(till, "add", "olha", "--role", "owner", "--by", "maria")
    result = await run(till, "totp", "olha", "--by", "maria", stdin="000000\n")
    assert result.exit_code == 1
    assert "is not what the phone shows now" in result.output
    uri = next(line for line in result.output.splitlines() if line.startswith("otpauth://"))
    assert parse_uri(uri).name == "olha"
    assert len(parse_uri(uri).secret) == 32
    [olha] = (await printed(till, "list"))["operators"]
    assert olha["has_totp"] is False


async def test_what_is_refused_is_said_with_status_1(till: App) -> None:
    result = await run(till, "close", "nobody", "--by", "maria")
    assert result.exit_code == 1
    assert "there is no operator of this name" in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = " ".join(tillcard("operators", command, "--help").output.split())
    assert f"Example: tillcard operators {command}" in said


async def test_a_programme_is_activated_in_the_name_that_is_said(tmp_path: Path, till: App) -> None:
    file = str(tmp_path / "programme.toml")
    line = [
        "check",
        file,
        "--activate",
        "--reason",
        "why",
        "--by",
        "maria",
        "--socket",
        str(till.socket),
    ]
    result = await asyncio.to_thread(lambda: tillcard(*line))
    assert result.exit_code == 0, result.output
    with closing(open_store(LEDGER, tmp_path, read_only=True)) as store:
        bodies = [decode(one.body) for one in store.entries()]
    entry = [one for one in bodies if one.kind == "programme"][-1]
    assert msgspec.json.decode(entry.detail)["by"] == "maria"
