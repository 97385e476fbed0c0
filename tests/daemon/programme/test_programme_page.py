"""docs/programme.md names every key that a programme file may have, and every example loads."""

import re
from collections.abc import Iterator
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

from daemon.programme.benefits.benefit import Benefit
from daemon.programme.benefits.registry import KINDS as BENEFITS
from daemon.programme.conditions.bounds import FactBounds
from daemon.programme.conditions.condition import ConditionTable
from daemon.programme.conditions.fact import FactIs
from daemon.programme.conditions.has import PresentTable
from daemon.programme.conditions.registry import KINDS as CONDITIONS
from daemon.programme.limits import LimitTable
from daemon.programme.numbers.number import NumberTable
from daemon.programme.numbers.registry import KINDS as NUMBERS
from daemon.programme.scope import GoodsTable, PerTable
from tests.daemon.programme.drawn import Table, fields_of, tables
from tests.daemon.programme.shops import PROGRAMMES, shop

PAGE = (PROGRAMMES.parent / "programme.md").read_text("utf-8")
FENCED = re.compile(r"```toml\n(.*?)```", re.DOTALL)
SECTION_OF: list[tuple[Table, str]] = [
    (Benefit, "give"),
    (NumberTable, "give"),
    (LimitTable, "give"),
    (ConditionTable, "when"),
    (PresentTable, "when"),
    (GoodsTable, "scope"),
    (PerTable, "scope"),
]
"""Where the keys of a table and of its kinds are told; those of others anywhere."""
NAMED_OTHERWISE = {
    ("FactIs", "name"),
    ("FactIs", "values"),
    ("FactBounds", "name"),
    ("FactBounds", "bounds"),
}
"""A condition on a fact has the fact's name as its key."""
DECLARED = """
[[calendar]]
id = "holidays"
dates = ["01-01"]
[[meter]]
id = "spend"
of = "paid"
[[purse]]
id = "bonus"
unit = "UAH"
[[purse]]
id = "points"
unit = "point"
worth = 100
[[purse]]
id = "coffee"
unit = "cup"
[[rule]]
id = "r"
"""


def section(name: str) -> str:
    """The part of the page under a heading, or the whole page."""
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0] if name else PAGE


def is_named(word: object, text: str) -> bool:
    """In code: between backticks, alone or with what may be written there."""
    codes = FENCED.findall(text) + re.findall(r"`([^`]+)`", FENCED.sub("", text))
    whole_word = rf"(?<![\w.-]){re.escape(str(word))}(?![\w-])"
    return any(re.search(whole_word, code) for code in codes)


def words_of(kind: Any) -> Iterator[object]:
    """The words of which one must be written."""
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    elif get_origin(kind) in (Union, UnionType, Annotated):
        for inner in get_args(kind):
            yield from words_of(inner)


@pytest.mark.parametrize(
    "table", sorted(set(tables()), key=str), ids=lambda table: str(table.__name__)
)
def test_every_key_of_a_table_and_every_word_of_a_key_is_named(table: Table) -> None:
    text = section(next((name for base, name in SECTION_OF if issubclass(table, base)), ""))
    for field in fields_of(table):
        if (table.__name__, field.encode_name) not in NAMED_OTHERWISE:
            assert is_named(field.encode_name, text), field.encode_name
        for word in words_of(field.type):
            assert is_named(word, text), f"{field.encode_name} = {word}"


@pytest.mark.parametrize("kind", BENEFITS, ids=lambda kind: str(kind.name))
def test_every_benefit_has_a_row_of_its_own(kind: Any) -> None:
    assert re.search(rf"^\| `{kind.name}\b", section("give"), re.MULTILINE)


@pytest.mark.parametrize("key", CONDITIONS)
def test_every_condition_is_told_with_when(key: str) -> None:
    assert re.search(rf"^\| `{key}`|`{key} = ", section("when"), re.MULTILINE)


WHEN: list[Table] = [*CONDITIONS.values(), FactIs, FactBounds]
KINDS: list[tuple[Table, str]] = [(kind, "give") for kind in BENEFITS]
KINDS += [(kind, "when") for kind in WHEN] + [(kind, "percent") for kind in NUMBERS]


@pytest.mark.parametrize(("kind", "key"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
def test_a_kind_s_module_opens_with_an_example_that_loads(kind: Table, key: str) -> None:
    text = import_module(kind.__module__).__doc__ or ""
    assert text.partition("\n")[0].endswith((".", ":")), "one sentence"
    (example,) = re.findall(r"^    (.*)$", text, re.MULTILINE)[:1]
    assert example.startswith(f"{key} = ")
    assert len(text.split(example)[1].split()) > 5, "a worked figure"
    rest = {
        "give": f"{example}\n",
        "when": f"give.percent = 1\n{example}\n",
        "percent": f"give = {{ {example} }}\n",
    }[key]
    assert len(shop(DECLARED + rest).rules) == 1
