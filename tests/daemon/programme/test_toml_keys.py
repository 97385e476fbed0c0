"""Dotted keys are counted before a parser walks them."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.config import ConfigError, parse
from daemon.keys.chip_keys import load_chip_keys
from daemon.keys.key_files import KeyFileError
from daemon.programme.checks import check
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import read
from daemon.programme.programme import load
from daemon.programme.toml_keys import KEY_DOTS_MAX, has_long_key

SAMPLES = Path(__file__).parents[3] / "docs" / "programmes"
PARTS = ["a", '"b.c"', "'d.e'", " . ", ".", " = ", "1.5", "\n", '"""x"y.\n"""', "'''z.'''", "# .\n",
         "[", "]", "{", "}", ",", "\\", '"', "'"]  # fmt: skip


@pytest.mark.parametrize("dot", [".", " . ", '."x".', ".'y'."])
def test_nine_dots_in_a_key_are_too_many_and_eight_are_not(dot: str) -> None:
    each = dot.count(".")
    for dots in (KEY_DOTS_MAX, KEY_DOTS_MAX + 1):
        key = "a" + dot.join(["" if each > 1 else "k"] * (dots // each + 1)) + "b" * 1
        wanted = key.count(".") > KEY_DOTS_MAX
        for text in (f"{key} = 1", f"[{key}]", f"[[{key}]]", f"x = {{ {key} = 1 }}"):
            assert has_long_key(text) is wanted, text


@pytest.mark.parametrize(
    "text",
    [
        'a = "1.2.3.4.5.6.7.8.9.10.11"',
        '"1.2.3.4.5.6.7.8.9.10.11" = 1',
        "# 1.2.3.4.5.6.7.8.9.10.11",
        "a = '''\n1.2.3.4.5.6.7.8.9.10.11'''''",
        'a = """\\""".1.2.3.4.5.6.7.8.9.10"""',
        "a = [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]",
        "a.b = 1.5\n" * 20,
    ],
)
def test_dots_elsewhere_are_none_of_a_key(text: str) -> None:
    assert not has_long_key(text)


def deepest(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(deepest, value.values()), default=0)
    return max(map(deepest, value), default=0) if isinstance(value, list) else 0


@given(st.lists(st.sampled_from(PARTS), max_size=60).map("".join))
def test_what_a_parser_reads_has_no_long_key_that_was_not_seen(text: str) -> None:
    try:
        parsed = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    if not has_long_key(text):
        tables = text.count("[") + text.count("{")
        assert deepest(parsed) <= (KEY_DOTS_MAX + 1) * (tables + 1) + 1


@pytest.mark.parametrize("number", ["1e99", "1e-99", "-1.5e99", "1e" + "9" * 99])
def test_a_number_that_no_rule_can_mean_is_refused_in_words(number: str) -> None:
    with pytest.raises(ProgrammeError, match="is out of range"):
        read(f"a = {number}")


def test_a_key_with_thousands_of_dots_is_refused_before_it_is_walked() -> None:
    with pytest.raises(ProgrammeError, match="more than 8 dots"):
        read("x." * 60_000 + "x = 1")


NESTED = {
    "table": "[" + "a." * 3_000 + "a]",
    "key": "x." * 3_000 + "x = 1",
    "lists": "a = " + "[" * 3_000 + "]" * 3_000,
    "tables": "a = " + "{ a = " * 3_000 + "1" + " }" * 3_000,
    "tables in lists": "a = " + "[{ a = " * 3_000 + "1" + " }]" * 3_000,
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deeply_is_refused_in_words(text: str, tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match=r"nested too deeply|more than 8 dots"):
        read(text)
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse(text)
    keys = tmp_path / "chip.keys"
    keys.touch(0o600)
    keys.write_text(text, "utf-8")
    with pytest.raises(KeyFileError, match="is no key file"):
        load_chip_keys(keys)


VALUE = re.compile(r"(?<== )[^\n=,{}\[\]]+(?=[\n,}\]])|(?<= )[0-9.]+(?=[,}\] \n])")
ODD = ["-nan", "nan", "inf", "-inf", "1e30", "1e-30", "-1e30", "0.0", "-0", "9223372036854775808",
       "-1", "[]", "{}", '""', "true", "[-nan]", "2026-01-01", '"\\u0000"']  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_an_odd_value_anywhere_is_read_or_refused_in_words(sample: Path, odd: str) -> None:
    text = sample.read_text("utf-8")
    for found in VALUE.finditer(text):
        changed = text[: found.start()] + odd + text[found.end() :]
        try:
            programme = load(changed)
        except ProgrammeError:
            continue
        check(programme, date(2026, 11, 28))
