"""What ``tillcard cards`` says before a card is laid down."""

from pathlib import Path

import pytest

from tests.support.chips import lay_out_chips
from tests.support.commands import tillcard


@pytest.mark.parametrize("missing", ["chip.keys", "tillcard.toml", "reader"])
@pytest.mark.parametrize("command", ["show", "personalise"])
def test_no_card_is_asked_for_where_something_is_missing(
    tmp_path: Path, command: str, missing: str
) -> None:
    lay_out_chips(tmp_path)
    if missing != "reader":  # no reader for chips is configured but a simulated one
        (tmp_path / missing).unlink()
    done = tillcard("cards", command, "--config", str(tmp_path / "tillcard.toml"))
    assert done.exit_code == 1
    assert missing in done.output
    assert "lay a card down" not in done.output


def test_the_help_of_the_hot_list_names_its_key_in_the_configuration() -> None:
    said = tillcard("cards", "hot-list", "--help").output
    assert "chip.hot_list" in said


@pytest.mark.parametrize(
    "words", [["--again"], ["--again", "--by", "olha"], ["--by", "olha", "--reason", "because"]]
)
def test_whoever_makes_a_card_again_says_who_and_why(tmp_path: Path, words: list[str]) -> None:
    done = tillcard("cards", "personalise", *words, "--config", str(tmp_path / "tillcard.toml"))
    assert (done.exit_code, "--again, --by and --reason go together" in done.output) == (1, True)


def test_what_the_system_refuses_is_said_with_the_file_and_without_a_number(tmp_path: Path) -> None:
    lay_out_chips(tmp_path)
    (tmp_path / "chip.keys").unlink()
    settings = tmp_path / "tillcard.toml"
    text = settings.read_text("utf-8").replace("[chip]", '[chip]\nkeys = "none/chip.keys"')
    settings.write_text(text, "utf-8")
    done = tillcard("cards", "keys", "--config", str(settings))
    assert done.exit_code == 1
    assert f"tillcard: {tmp_path}/none/chip.keys: No such file or directory" in done.output


def test_a_transport_key_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "transport.key"
    done = tillcard("cards", "personalise", "--transport-key", str(file))
    assert (done.exit_code, f"There is no {file}: name" in done.output) == (1, True)
