"""A field that nobody knows was meant to say something: who writes is told, who reads is too."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.shops import goods
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

LINES = goods(2_000)
READING = ("Needs the role nobody", "Needs the role read")


def schemas(node: Any, known: dict[str, Any], seen: set[str]) -> Iterator[dict[str, Any]]:
    """Yield every schema of an object with fields that is reached from ``node``."""
    if isinstance(node, list):
        for one in node:
            yield from schemas(one, known, seen)
    elif isinstance(node, dict):
        name = node.get("$ref", "").rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            yield from schemas(known[name], known, seen)
        if "properties" in node:
            yield node
        for one in node.values():
            yield from schemas(one, known, seen)


async def test_every_method_that_writes_refuses_one_at_any_depth(pos: Pos) -> None:
    described = await pos.call("rpc.discover")
    for method in described["methods"]:
        name = method["name"]
        if not method["description"].startswith(READING):
            error = await refused(pos, name, lihnes=[])
            assert error.code == -32602, name
            assert error.message.startswith("lihnes: there is no such field"), name
        params = [param["schema"] for param in method["params"]]
        for schema in schemas(params, described["components"]["schemas"], set()):
            assert schema["additionalProperties"] is False, (name, schema.get("title"))


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (
            {"lines": [LINES[0] | {"quantity": 3}]},
            "lines[0].quantity: there is no such field; did you mean qty?",
        ),
        ({"lins": LINES}, "lins: there is no such field; did you mean lines?"),
        (
            {"lines": LINES, "override": {"by": "a", "reason": "known", "reeson": "c"}},
            "override.reeson: there is no such field; did you mean reason?",
        ),
    ],
)
async def test_it_is_named_with_its_place_and_the_nearest_name(
    pos: Pos, terms: dict[str, Any], said: str
) -> None:
    assert (await refused(pos, "sale.quote", **terms)).message == said
    assert (await refused(pos, "sale.commit", sale_id="s1", **terms)).message == said


async def test_what_is_free_form_takes_any_key(pos: Pos) -> None:
    terms: dict[str, Any] = {
        "lines": [LINES[0] | {"attributes": {"shelf": 7}}],
        "facts": {"flag.any": True},
        "tenders": [{"type": "cash", "till": 3}],
    }
    assert (await pos.call("sale.commit", sale_id="s1", **terms))["total"] == 2_000


async def test_a_pos_that_asked_for_it_is_told_what_was_passed_over(pos: Pos) -> None:
    await pos.call("hello", client="p", version="1", lenient=True)
    lines = [LINES[0], LINES[0] | {"line": 2, "colour": "red"}]
    terms: dict[str, Any] = {"lines": lines, "later": {"a": 1}, "card": PLASTIC}
    first = await pos.call("sale.commit", sale_id="s1", **terms)
    assert sorted(first["ignored"]) == ["later", "lines[1].colour"]
    plain = terms | {"lines": [LINES[0], LINES[0] | {"line": 2}]}
    del plain["later"]
    again = await pos.call("sale.commit", sale_id="s1", **plain)
    assert again == {name: part for name, part in first.items() if name != "ignored"} | {
        "replayed": True
    }
    assert (await refused(pos, "sale.quote", lines=[{"qty": 1}], x=1)).code == -32602


async def test_a_reading_method_names_them_to_everybody(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", lines=LINES)
    said = await pos.call("sale.status", sale_id="s1", verbose=True)
    assert (said["state"], said["ignored"]) == ("posted", ["verbose"])
    assert (await pos.call("hello", client="p", version="1", colour="red"))["ignored"] == ["colour"]


async def test_no_more_than_a_hundred_are_named(pos: Pos) -> None:
    many = {f"x{n}": n for n in range(500)}
    assert len((await pos.call("status", **many))["ignored"]) == 100


async def test_a_pos_that_needs_a_newer_protocol_is_told_what_is_served(pos: Pos) -> None:
    served = pos.greeting["protocol"]
    ours = f"{served['major']}.{served['minor']}"
    await pos.call("hello", client="p", version="1", needs=ours)
    for needs in (f"{served['major']}.{served['minor'] + 1}", f"{served['major'] + 1}.0"):
        error = await refused(pos, "hello", client="p", version="1", needs=needs)
        assert error.message.startswith(f"needs: this tillcard serves protocol {ours}, not {needs}")
    assert (await refused(pos, "hello", client="p", version="1", needs="soon")).code == -32602
