"""``rpc.discover`` describes every method truly, and as OpenRPC wants it."""

import re
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from daemon.base.refusals import ErrorCode
from daemon.pos.discover import document
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.sale.answers import Identified
from tests.scenarios.baskets import BASKET, show_plastic
from tests.support.till import Pos

# The fields that the specification knows, each object's required ones first.
KEYS = {
    "document": (["openrpc", "info", "methods"], ["servers", "components", "externalDocs"]),
    "info": (["title", "version"], ["description", "termsOfService", "contact", "license"]),
    "method": (
        ["name", "params"],
        ["summary", "description", "tags", "result", "errors", "paramStructure", "examples"],
    ),
    "descriptor": (["name", "schema"], ["summary", "description", "required", "deprecated"]),
    "error": (["code", "message"], ["data"]),
}


@pytest.fixture
async def described(pos: Pos) -> dict[str, Any]:
    found: dict[str, Any] = await pos.call("rpc.discover")
    return found


def check_keys(kind: str, value: dict[str, Any]) -> None:
    required, optional = KEYS[kind]
    assert set(required) <= value.keys() <= {*required, *optional}, (kind, value.keys())


def references(value: Any) -> set[str]:
    match value:
        case {"$ref": str(ref)}:
            return {ref}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
        case _:
            return set()


def test_it_keeps_the_rules_of_openrpc(described: dict[str, Any]) -> None:
    check_keys("document", described)
    check_keys("info", described["info"])
    assert re.fullmatch(r"1\.\d+\.\d+", described["openrpc"])
    names = [method["name"] for method in described["methods"]]
    assert len(set(names)) == len(names)
    for method in described["methods"]:
        check_keys("method", method)
        assert method["paramStructure"] == "by-name"
        params = method["params"]
        assert len({param["name"] for param in params}) == len(params)
        for descriptor in (*params, method["result"]):
            check_keys("descriptor", descriptor)
        needed = [param["required"] for param in params]
        assert needed == sorted(needed, reverse=True), "what is required comes first"
        refs = [error["$ref"] for error in method["errors"]]
        assert len(set(refs)) == len(refs)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    components = described["components"]
    for ref in references(described):
        _, _, kind, name = ref.split("/")
        assert name in components[kind], ref


def test_every_schema_is_a_json_schema(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert schema["description"], name


async def test_every_method_that_is_served_is_described_with_what_it_answers(pos: Pos) -> None:
    described = await pos.call("rpc.discover")
    methods = {method["name"]: method for method in described["methods"]}
    assert sorted(methods) == pos.greeting["capabilities"]
    for method in methods.values():
        assert method["summary"].endswith("."), method["name"]
        if method["name"] != "rpc.discover":
            assert "$ref" in method["result"]["schema"], "a result has a struct of its own"


def test_every_error_code_stands_with_its_name(described: dict[str, Any]) -> None:
    errors = described["components"]["errors"]
    for error in errors.values():
        check_keys("error", error)
    codes = {name: error["code"] for name, error in errors.items() if error["code"] > 0}
    assert codes == {code.wire_name: code.value for code in ErrorCode}
    assert {error["code"] for error in errors.values() if error["code"] < 0} == {
        *(-32700, -32600, -32601, -32602, -32603)
    }


async def test_real_answers_are_what_the_document_says(pos: Pos) -> None:
    described = await pos.call("rpc.discover")
    results = {method["name"]: method["result"]["schema"] for method in described["methods"]}
    presentation = await show_plastic(pos)
    sale = {"presentation": presentation, "lines": BASKET}
    for method, params in (
        ("hello", {"client": "test", "version": "1"}),
        ("events.subscribe", {}),
        ("events.ack", {"event_id": "none"}),
        ("status", {}),
        ("reader.claim", {"reader": "chip", "ttl_s": 1}),
        ("reader.release", {"reader": "chip"}),
        ("card.identify", {"number": "2900000000018"}),
        ("sale.quote", sale),
        ("sale.hold", {"sale_id": "s1", **sale}),
        ("sale.commit", {"sale_id": "s1"}),
        ("sale.return", {"return_id": "r1", "sale_id": "s1", "lines": [{"line": 2, "qty": 1}]}),
        ("sale.status", {"sale_id": "s1"}),
        ("sale.void", {"sale_id": "s2"}),
        ("input.simulate", {"reader": "chip", "do": "present", "card": "chip"}),
    ):
        answer = await pos.call(method, **params)
        schema = {"$ref": results[method]["$ref"], "components": described["components"]}
        jsonschema_rs.validate(schema, answer)
        _, _, _, name = results[method]["$ref"].split("/")
        known = described["components"]["schemas"][name]["properties"]
        assert answer.keys() <= known.keys(), method


class Params(msgspec.Struct, frozen=True):
    """What is asked."""

    reader: str
    note: str = ""


async def ask(session: Session, params: Params) -> Identified:
    """Say whose it is."""
    raise NotImplementedError


def test_a_method_s_row_and_its_structs_are_all_that_is_needed() -> None:
    method = Method(Params, ask, Role.SALE, Identified, (ErrorCode.MISREAD,))
    (described,) = document({"ask": method})["methods"]
    assert described["summary"] == "Say whose it is."
    assert described["description"] == "Needs the role sale. What is asked."
    assert described["params"] == [
        {"name": "reader", "required": True, "schema": {"type": "string"}},
        {"name": "note", "required": False, "schema": {"type": "string", "default": ""}},
    ]
    assert described["result"]["schema"] == {"$ref": "#/components/schemas/Identified"}
    assert {"$ref": "#/components/errors/misread"} in described["errors"]
