"""The commands of docs/mailing.md, played as they are written there."""

import re
import shlex
from pathlib import Path

import pytest

from tests.daemon.programme.shops import PROGRAMMES
from tests.support.commands import tillcard

PAGE = Path(__file__).parents[3] / "docs" / "mailing.md"
SPRING = "Hello {first_name}, {balance.bonus} wait for you!"


def commands() -> list[str]:
    """Return the commands of the page, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_commands_about_texts_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"`{SPRING}`" in PAGE.read_text("utf-8")
    (tmp_path / "spring.txt").write_text(SPRING, "utf-8")
    programme = (PROGRAMMES / "friend.toml").read_text("utf-8")
    (tmp_path / "programme.toml").write_text(programme, "utf-8")
    monkeypatch.chdir(tmp_path)
    about_texts = [one for one in commands() if one.startswith("tillcard mailing text")]
    said = [tillcard(*shlex.split(one)[1:]) for one in about_texts]
    assert [one.exit_code for one in said] == [0, 0]
    last = said[0].output.splitlines()[-1]
    assert f"`{last}`" in PAGE.read_text("utf-8")
    assert '"alphabet": "utf16"' in said[1].output
