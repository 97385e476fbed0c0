import json
from pathlib import Path

import pytest

from tests.daemon.programme.shops import PROGRAMMES
from tests.support.commands import tillcard

FIRST = str(PROGRAMMES / "first.toml")


def run(folder: Path, text: str, *words: str) -> tuple[int, str]:
    file = folder / "spring.txt"
    file.write_text(text, "utf-8")
    result = tillcard("mailing", "text", str(file), "--programme", FIRST, *words)
    return result.exit_code, result.output


def test_a_text_is_shown_filled_with_its_parts_and_price(tmp_path: Path) -> None:
    code, said = run(
        tmp_path, "Hello {first_name}!\n", "--price", "0.85", "--value", "first_name=Olena"
    )
    assert (code, said) == (0, "Hello Olena!\n12 characters of Latin (GSM), 1 part, 0.85 UAH\n")


def test_a_name_in_cyrillic_makes_the_whole_text_dearer(tmp_path: Path) -> None:
    text = "{first_name}, " + "a" * 100
    _, latin = run(tmp_path, text, "--json", "--price", "0.85", "--value", "first_name=Olena")
    _, other = run(tmp_path, text, "--json", "--price", "0.85", "--value", "first_name=Олена")
    assert [json.loads(said)["cost"] for said in (latin, other)] == [85, 170]
    assert json.loads(other)["variables"] == ["first_name"]


def test_a_value_that_nobody_gives_stays_as_it_is_written(tmp_path: Path) -> None:
    assert run(tmp_path, "Hello {name}")[1].startswith("Hello {name}\n")


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("{nmae}", [], "spring.txt:1:1: there is no {nmae}; did you mean {name}?"),
        ("Hi {", [], "spring.txt:1:4: a single '{'"),
        ("Hi", ["--channel", "email"], "spring.txt: an e-mail must hold {unsubscribe}"),
        ("Hi", ["--channel", "pigeon"], "write one of sms, viber, email, post"),
        ("Hi", ["--price", "1"], "is no amount in UAH"),
        ("Hi", ["--price", "-1.00"], "a price is not below 0"),
        ("Hi", ["--value", "name=x"], "of a variable of the text; it has: none"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: list[str], said: str) -> None:
    code, output = run(tmp_path, text, *words)
    assert code != 0
    assert said in " ".join(output.replace("│", " ").split())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = tillcard("mailing", "text", str(tmp_path / "none.txt"), "--programme", FIRST)
    assert result.exit_code == 1
    assert "none.txt: No such file" in result.output
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    result = tillcard("mailing", "text", str(tmp_path / "latin.txt"), "--programme", FIRST)
    assert "latin.txt: is no UTF-8 text" in result.output
