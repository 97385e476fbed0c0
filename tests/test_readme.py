"""Every command and every snippet of README.md, and of the tour that follows it, is run."""

import re
import sys
import tomllib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import output_of, started, until_said
from tests.support.till import PATIENCE_S

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
TOUR = (ROOT / "docs/tour.md").read_text("utf-8")
README_LINES_MAX = 120


def blocks(text: str, language: str) -> list[str]:
    """Return what stands in the fences of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


COMMANDS = [line for text in blocks(README + TOUR, "sh") for line in text.splitlines()]


async def run(*words: str, cwd: Path, stdin: bytes = b"") -> str:
    status, said = await output_of(*words, stdin=stdin, patience_s=3 * PATIENCE_S, cwd=cwd)
    assert status == 0, said
    return said


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder as a newcomer has it: an environment in .venv, and the demo running in .demo.

    The web port is a free one, so that a newcomer's own demo may run meanwhile.
    """
    (tmp_path / ".venv").symlink_to(sys.prefix)
    line = (".venv/bin/tillcard", "demo", "--bare", "--port", "0")
    async with started(*line, cwd=tmp_path, stdout=PIPE) as demo:
        await until_said(demo.stdout, "Ctrl-C stops", patience_s=3 * PATIENCE_S)
        yield tmp_path


async def test_every_shell_command_works_in_its_order(folder: Path) -> None:
    commands = [command for command in COMMANDS if not command.startswith("make")]
    assert len(commands) >= 15
    for command in commands:
        said = await run("bash", "-o", "pipefail", "-c", command, cwd=folder)
        assert said.strip() or command.startswith("echo '[{")


async def test_the_ten_line_client_prints_a_total(folder: Path) -> None:
    (client,) = blocks(README, "python")
    assert len([line for line in client.splitlines() if line]) <= 12
    # The sample customer has spent over 1,500.00 by then: 7 % off 90.00.
    assert await run(sys.executable, "-I", "-", cwd=folder, stdin=client.encode()) == "8370\n"


async def test_make_run_once_makes_a_sale_and_ends(tmp_path: Path) -> None:
    arguments = f"ARGS=--once --port 0 --home {tmp_path / 'demo'}"
    said = await run("make", "--no-print-directory", "run", arguments, cwd=ROOT)
    assert "TO PAY" in said
    assert "New balance" in said


async def test_every_make_target_that_is_named_is_there() -> None:
    targets = {command.split()[1] for command in COMMANDS if command.startswith("make")}
    targets |= set(re.findall(r"`make (\w+)`", README + TOUR))
    assert targets >= {"run", "test", "docs", "deb"}
    said = await run("make", "--no-print-directory", "help", cwd=ROOT)
    for target in sorted(targets):
        assert f"make {target} " in said, target
        await run("make", "--no-print-directory", "--dry-run", target, cwd=ROOT)


def test_the_programme_snippet_is_the_demo_s_own() -> None:
    (snippet,) = blocks(TOUR, "toml")
    sample = (ROOT / "daemon/cli/sample/programme.toml").read_text("utf-8")
    assert tomllib.loads(snippet)["rule"][0] in tomllib.loads(sample)["rule"]


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= README_LINES_MAX
