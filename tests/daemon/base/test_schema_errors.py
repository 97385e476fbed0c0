"""What whoever wrote a wrong file or request is told: which key, and what may stand there."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from daemon.base.schema_errors import KEY_CHARS_SHOWN_MAX, explained, join, types_at


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Tea(msgspec.Struct, tag_field="kind", tag="tea", forbid_unknown_fields=True):
    leaves: int = 1


class Coffee(msgspec.Struct, tag_field="kind", tag="coffee", forbid_unknown_fields=True):
    beans: int = 1


class Shelf(msgspec.Struct, forbid_unknown_fields=True):
    drinks: list[Tea | Coffee] = []
    prices: dict[str, int] = {}


class Shop(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=3)]
    open: bool = True
    colour: Colour = Colour.RED
    size: Literal["small", "large"] = "small"
    shelf: Shelf = msgspec.field(default_factory=Shelf)
    since: datetime | None = None
    staff: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("anna",)
    code: Annotated[str, msgspec.Meta(pattern="^[0-9]+$", description="must be digits")] = "1"
    stock: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0


TEA = {"kind": "tea"}


def told(**raw: Any) -> tuple[str, str]:
    raw = {"name": "A"} | raw
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, Shop)
    return explained(str(caught.value), Shop, raw)


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"nam": 1}, "nam", "there is no such key; did you mean name?"),
        ({"shelf": {"price": {}}}, "shelf.price", "there is no such key; did you mean prices?"),
        ({"name": 1}, "name", "expected a text, got a whole number"),
        ({"name": "long"}, "name", "has more than 3 letters"),
        ({"staff": []}, "staff", "is empty; write something"),
        ({"open": "yes"}, "open", "expected true or false, got a text"),
        ({"colour": "green"}, "colour", "'green' is not one of 'red', 'blue'"),
        ({"size": "tiny"}, "size", "'tiny' is not one of 'small', 'large'"),
        ({"since": "now"}, "since", "is no time; write such as 2026-12-01T00:00:00+02:00"),
        ({"code": "x"}, "code", "must be digits"),
        ({"stock": 10}, "stock", "is above 9"),
        ({"stock": -1}, "stock", "is below 0"),
        ({"stock": 1.5}, "stock", "expected a whole number, got a number with a point"),
        (
            {"name": 1.5},
            "name",
            'got a number with a point; write decimals as a text, such as "2.5"',
        ),
        (
            {"shelf": {"drinks": [{"kind": "tea"}, {"kind": "milk"}]}},
            "shelf.drinks[1].kind",
            "'tea'",
        ),
        (
            {"shelf": {"drinks": [{"kind": "tea", "beans": 1}]}},
            "shelf.drinks[0].beans",
            "does not go",
        ),
        ({"shelf": {"prices": {"tea": 5, "milk": "x"}}}, "shelf.prices.milk", "expected a whole"),
        ({"shelf": 3}, "shelf", "expected a table of keys, got a whole number"),
    ],
)
def test_the_key_is_named_and_what_may_stand_there(
    raw: dict[str, Any], path: str, words: str
) -> None:
    found, said = told(**raw)
    assert (found, words in said) == (path, True), said


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({}, Shop)
    assert explained(str(caught.value), Shop) == ("name", "is missing; write it")


def test_where_no_key_is_near_all_are_named() -> None:
    path, said = told(zzz=1)
    assert path == "zzz"
    assert said.startswith("there is no such key; write one of name, open, colour, ")


def test_a_long_key_of_a_free_form_table_is_cut_before_it_is_shown() -> None:
    path, _ = told(shelf={"prices": {"k" * 1_000: "x"}})
    assert path == "shelf.prices." + "k" * KEY_CHARS_SHOWN_MAX


def test_without_the_raw_value_a_free_form_key_stays_unnamed() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"name": "A", "shelf": {"prices": {"tea": "x"}}}, Shop)
    path, said = explained(str(caught.value), Shop)
    assert path.startswith("shelf.prices")
    assert "tea" not in path
    assert said == "expected a whole number, got a text"


def test_paths_are_joined_and_types_are_found_behind_lists_and_unions() -> None:
    assert [join("a", "b"), join("", "b"), join("a", "")] == ["a.b", "b", "a"]
    assert types_at(Shop, "shelf.drinks[3].leaves") == [int]
    assert types_at(Shop, "shelf.drinks") == [Tea, Coffee]
    assert types_at(Shop, "nothing.here") == []
