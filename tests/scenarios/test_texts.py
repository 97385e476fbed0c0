"""No text that a client sends has control characters or no end, and a name can be read."""

import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.base.text_limits import says_something
from tests.scenarios.shops import FRIEND, goods
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

TIMES = ("programme.activate.at", "clock.set.now")
AS_THEY_COME = {
    "card.identify.scan": "raw, as a reader has it",
    "input.simulate.data": "the same",
    "programme.check.text": "a file",
    "programme.preview.text": "a file",
    "questionnaire.check.text": "a file",
    "questionnaire.activate.text": "a file",
    "programme.activate.text": "a file",
    **dict.fromkeys(TIMES, "a time"),
    "hello.needs": "a number of a version",
    "sale.return.receipt": "a scan; what is no code is a misread",
    "customer.photo.image": "base64, and nothing else is decoded",
    "import.rows.rows.cells": "a table's cells; a bad one is a bad row",
    "sale.decide.receipt": "the same",
    "sale.status.receipt": "the same",
}
DIGITS_AND_LETTERS = ("^([0-9]{4}-", "^[0-9]{4,8}$", "^([0-9]{4,8})?$", "^([A-Z2-7]{32,64})?$")
"""Patterns of which nothing else is let through: days, PINs, what phones share."""
FILES = ("programme", "questionnaire")
NO_BOUND = {*TIMES, "import.rows.rows.cells"} | {
    f"{file}.{what}.text" for file in FILES for what in ("check", "activate", "preview")
}
"""But for a bound of the file, which is counted in bytes."""
OF_ITS_OWN = "profile"
"""What a card's profile may hold is asked for where it is kept: see the last test."""
LINE = goods(10_000)[0]
LONG_WORD, LONG_TEXT = "x" * 65, "x" * 501


def texts(path: str, schema: Any, named: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of every text below ``schema``."""
    if "$ref" in schema:
        schema = named[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "string" and "enum" not in schema and "format" not in schema:
        yield path, schema
    for each in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        yield from texts(path, each, named)
    for name, each in schema.get("properties", {}).items():
        yield from texts(f"{path}.{name}", each, named)
    assert "propertyNames" not in schema, f"{path}: see text_limits.check_tables"
    if schema.get("items"):
        yield from texts(path, schema["items"], named)


async def test_every_text_of_every_method_has_a_bound_and_no_control_characters(pos: Pos) -> None:
    described = await pos.call("rpc.discover")
    named, seen = described["components"]["schemas"], 0
    for method in described["methods"]:
        for param in method["params"]:
            if param["name"] == OF_ITS_OWN:
                continue
            for path, schema in texts(f"{method['name']}.{param['name']}", param["schema"], named):
                seen += 1
                assert "maxLength" in schema or path in NO_BOUND, path
                assert (
                    "x00" in schema.get("pattern", "")
                    or path in AS_THEY_COME
                    or schema["pattern"].startswith(DIGITS_AND_LETTERS)
                ), path
    assert seen > 100


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"lines": [LINE | {"line": LONG_WORD}]}, "lines[0].line: has more than 64 letters"),
        ({"lines": [LINE | {"sku": LONG_WORD}]}, "lines[0].sku: has more than 64 letters"),
        ({"lines": [LINE | {"unit": LONG_WORD}]}, "lines[0].unit: has more than 64 letters"),
        ({"lines": [LINE | {"qty": LONG_WORD}]}, "lines[0].qty: has more than 64 letters"),
        ({"lines": [LINE | {"name": LONG_TEXT}]}, "lines[0].name: has more than 500 letters"),
        ({"lines": [LINE | {"brand": "a\0"}]}, "lines[0].brand: must have no control characters"),
        ({"lines": [LINE], "payment": LONG_TEXT}, "payment: has more than 500 letters"),
        ({"lines": [LINE], "card": LONG_TEXT}, "card: has more than 500 letters"),
        ({"lines": [LINE], "facts": {LONG_TEXT: 1}}, "a text in facts has more than"),
        ({"lines": [LINE], "facts": {"flag.x": LONG_TEXT}}, "has more than 500 letters"),
        (
            {"lines": [LINE], "facts": {"flag.\n": 1}},
            "the texts in facts must have no control",
        ),
        ({"lines": [LINE], "tenders": [{"type": LONG_TEXT}]}, "has more than 500 letters"),
        ({"lines": [LINE], "tenders": [{"\0": 1}]}, "the texts in tenders must have no control"),
        ({"lines": [LINE], "burn": {LONG_TEXT: 1}}, "a text in burn has more than 500"),
        (
            {"lines": [LINE | {"attributes": {"\0": 1}}]},
            "texts in attributes must have no control",
        ),
        ({"lines": [LINE], "quote_id": LONG_WORD}, "quote_id: has more than 64 letters"),
    ],
    ids=str,
)
async def test_a_basket_s_texts_end(pos: Pos, params: dict[str, Any], complaint: str) -> None:
    longest = {"line": "x" * 64, "sku": "x" * 64, "name": "x" * 500}
    taken = await pos.call("sale.quote", lines=[LINE | longest], payment="x" * 500)
    assert taken["total"] == 10_000
    error = await refused(pos, "sale.quote", **params)
    assert (error.code, complaint in error.message) == (-32602, True), error.message


TURNS_AROUND = ("\u202e", "\u2066", "\u2028", "\u2029")
INVISIBLE = ("\u200b", "\u3164", "\u2060\ufeff", "\u0301", "\u00ad", ".", " - ", "\U000e0041")


@pytest.mark.parametrize("name", INVISIBLE, ids=ascii)
async def test_a_name_that_cannot_be_read_answers_for_nothing(pos: Pos, name: str) -> None:
    await pos.call("sale.commit", sale_id="s", lines=[LINE])
    paid = {"card": PLASTIC, "lines": [LINE]}
    for method, params in (
        ("sale.return", {"return_id": "r", "sale_id": "s", "whole": True, "cashier": name}),
        ("card.topup", {"topup_id": "t", "card": PLASTIC, "amount": 1, "cashier": name}),
        ("sale.quote", paid | {"override": {"by": name, "reason": "asked"}}),
        ("clock.accept", {"request_id": "k", "by": "olha", "reason": name}),
    ):
        error = await refused(pos, method, **params)
        assert "must say something" in error.message, method
    await pos.call("card.block", request_id="b", card=PLASTIC, by="olha", reason="lost")
    back = {"request_id": "u", "card": PLASTIC, "by": name, "reason": "found"}
    assert (await refused(pos, "card.unblock", **back)).data["name"] == "needs_override"


@pytest.mark.parametrize("name", ["Ольга", "Łucja", "Σοφία", "7", "李", "ふみ", "נועה", "№1", "१"])
def test_a_name_in_any_script_can_be_read(name: str) -> None:
    assert says_something(name)


def test_no_character_that_is_drawn_as_nothing_is_a_name() -> None:
    nothing = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co"}
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in nothing:
            assert not says_something(chr(code)), hex(code)


@pytest.mark.parametrize("profile", [{"name": "a\0"}, {"tags": ["a\n"]}], ids=str)
async def test_a_profile_has_no_control_characters(pos: Pos, profile: dict[str, Any]) -> None:
    terms = {"request_id": "i", "number": FRIEND, "profile": profile}
    error = await refused(pos, "card.issue", **terms)
    assert (error.code, "control characters" in error.message) == (-32602, True)


async def test_what_turns_a_line_around_or_ends_it_is_refused_and_what_joins_letters_is_not(
    pos: Pos,
) -> None:
    for mark in TURNS_AROUND:
        error = await refused(pos, "sale.quote", lines=[LINE | {"name": f"a{mark}b"}])
        assert error.message == "lines[0].name: must have no control characters"
        profile = {"name": f"a{mark}b"}
        error = await refused(pos, "card.issue", request_id="i", kind="plastic", profile=profile)
        assert error.message.startswith("profile.name: ")
    joined = "\u0645\u06cc\u200c\u0631\u0627 \u0dc1\u0dca\u200d\u0dbb\u0dd3"
    await pos.call("sale.quote", lines=[LINE | {"name": joined}])
    number = {"number": "2900000000032"}
    await pos.call("card.issue", request_id="j", profile={"name": joined}, **number)
