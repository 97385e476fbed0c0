"""Every command and every snippet of README.md is run."""

import asyncio
import re
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.till import PATIENCE_S

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.S)
COMMANDS = [
    line
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    if not line.startswith("make")
]


async def run(*words: str, cwd: Path, stdin: bytes = b"") -> str:
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(3 * PATIENCE_S):
        output, _ = await process.communicate(stdin)
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder as a newcomer has it: an environment in .venv, and the demo running in .demo."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    demo = await asyncio.create_subprocess_exec(
        *(".venv/bin/tillcard", "demo"), cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(3 * PATIENCE_S):
            while b"Ctrl-C stops" not in (line := await demo.stdout.readline()):
                assert line, "the demo ended by itself"
        yield tmp_path
    finally:
        demo.terminate()
        await demo.wait()


async def test_every_shell_command_works_in_its_order(folder: Path) -> None:
    assert len(COMMANDS) >= 10
    for command in COMMANDS:
        said = await run("bash", "-o", "pipefail", "-c", command, cwd=folder)
        assert said.strip() or command.startswith("echo '[{")


async def test_the_ten_line_client_prints_a_total(folder: Path) -> None:
    (client,) = [text for language, text in BLOCKS if language == "python"]
    assert len([line for line in client.splitlines() if line]) <= 12
    # The sample customer has spent over 1,500.00 by then: 7 % off 90.00.
    assert await run(sys.executable, "-I", "-", cwd=folder, stdin=client.encode()) == "8370\n"


async def test_make_run_once_makes_a_sale_and_ends(tmp_path: Path) -> None:
    words = ["make", "--no-print-directory", "run", f"ARGS=--once --home {tmp_path / 'demo'}"]
    said = await run(*words, cwd=ROOT)
    assert "TO PAY" in said
    assert "New balance" in said


def test_the_programme_snippet_is_the_demo_s_own() -> None:
    (snippet,) = [text for language, text in BLOCKS if language == "toml"]
    sample = (ROOT / "daemon/cli/sample/programme.toml").read_text("utf-8")
    assert tomllib.loads(snippet)["rule"][0] in tomllib.loads(sample)["rule"]
