"""What a POS writes wrongly is named by its place, in words: no library's language."""

from typing import Any

import pytest

from daemon.base.text_limits import CODE_CHARS_MAX
from tests.scenarios.shops import goods
from tests.support.till import Pos, RefusedByTillError

LINES = goods(10_000)
LINE = LINES[0]
TERMS = {"request_id": "r1", "campaign": "snow"}
OVERRIDE = {"by": "anna", "reason": " "}
FAR = {"request_id": "p", "text": "", "at": "9999-12-31T23:59:59-14:00"}
WRONG = [
    ("programme.activate", FAR, "at must be before the year 9999."),
    ("sale.quote", {"lines": LINES, "codes": ["x" * 201]}, "codes[0]: has more than 200 letters"),
    ("sale.quote", {"lines": LINES, "codes": [""]}, "codes[0]: is empty; write something"),
    ("sale.quote", {"lines": LINES, "codes": ["a\n"]}, "codes[0]: must have no control characters"),
    ("sale.quote", {"lines": LINES, "codes": ["a"] * 51}, "codes: has more than 50 entries"),
    (
        "sale.quote",
        {"lines": LINES, "override": OVERRIDE},
        "override.reason: must say something",
    ),
    (
        "sale.quote",
        {"lines": LINES, "facts": {"ask.a": 1, "ask.b": 2.5, "ask.c": 3.5}},
        "facts.ask.b: expected true or false or a whole number or a text or a list, "
        'got a number with a point; write decimals as a text, such as "2.5"',
    ),
    (
        "sale.quote",
        {"lines": LINES, "facts": {"flag.a": ["x"], "flag.b": ["x", 1]}},
        "facts.flag.b[1]: expected a text, got a whole number",
    ),
    (
        "sale.quote",
        {"lines": LINES, "burn": {"bonus": "5"}},
        "burn.bonus: expected a whole number, got a text",
    ),
    (
        "sale.quote",
        {"lines": LINES, "tenders": [{"type": "cash"}, {"type": None}]},
        "tenders[1].type: expected a whole number or a text, got nothing",
    ),
    ("sale.quote", {"lines": [LINE, {"line": 2}]}, "lines[1].sku: is missing; write it"),
    (
        "sale.quote",
        {"card": "1", "presentation": "p"},
        "params: give a presentation or a card, not both",
    ),
    (
        "sale.quote",
        {"lines": [LINE | {"qty": "abc"}]},
        "lines[0].qty: 'abc' is no quantity; send pieces as a number or a decimal string",
    ),
    (
        "sale.quote",
        {"lines": [LINE | {"qty": "1.250"}]},
        "lines[0].unit: qty '1.250' is weighed; send its unit, as kg",
    ),
    ("sale.hold", {"sale_id": "s", "lines": LINES, "ttl_s": 0}, "ttl_s: is below 1"),
    ("reader.claim", {"reader": "scanner", "ttl_s": 10**9}, "ttl_s: is above 86400"),
    ("sale.void", {}, "sale_id: is missing; write it"),
    ("sale.status", {}, "Name the sale by its sale_id or by its receipt, by one of the two."),
    ("sale.status", {"sale_id": "s", "receipt": "r"}, "Name the sale by its sale_id or by its"),
    (
        "programme.activate",
        {"request_id": "p", "text": "", "at": "soon"},
        "at: is no time; write such as 2026-12-01T00:00:00+02:00",
    ),
    ("code.issue", {**TERMS, "until": "May"}, "until: must be a day such as 2026-12-31"),
    ("input.simulate", {"reader": "scanner", "do": "eat"}, "do: 'eat' is not one of 'present',"),
]


@pytest.mark.parametrize(("method", "params", "said"), WRONG, ids=[row[2][:40] for row in WRONG])
async def test_what_is_wrong_is_said_with_its_place(
    pos: Pos, method: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedByTillError) as caught:
        await pos.call(method, **params)
    assert caught.value.data["name"] == "invalid_params"
    assert caught.value.message.startswith(said)


async def test_a_code_may_be_as_long_as_is_said(pos: Pos) -> None:
    with pytest.raises(RefusedByTillError, match="is not known here"):
        await pos.call("sale.quote", lines=LINES, codes=["x" * CODE_CHARS_MAX])
