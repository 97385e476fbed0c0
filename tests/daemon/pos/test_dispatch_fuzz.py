import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.pos.dispatch import dispatch
from daemon.pos.peers import Role
from daemon.pos.session import Session
from tests.daemon.pos.shop import Shop, new_ring, request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
NAMES = st.sampled_from(
    ["say", "whoami", "refuse", "crash", "blob", "hello", "events.subscribe", "events.ack"]
)
FIELDS = st.sampled_from(
    ["text", "size", "from_seq", "client", "version", "token", "boot_id", "one_shot", "event_id"]
)


def check(answer: bytes) -> None:
    if answer == b"":
        return  # a notification by chance
    assert answer.endswith(b"\n")
    message = msgspec.json.decode(answer, type=dict[str, Any])
    assert message["jsonrpc"] == "2.0"
    assert ("result" in message) != ("error" in message)
    if "error" in message:
        assert message["error"]["data"]["name"]
        assert message["error"]["message"]


async def answer_to(line: bytes, role: Role = Role.ADMIN) -> bytes:
    shop = Shop()
    shop.may_post.set()
    return await dispatch(line, shop.methods(), Session(role, "till-1", new_ring(), token="secret"))


@given(st.binary(max_size=300))
async def test_any_bytes_get_an_answer(line: bytes) -> None:
    check(await answer_to(line))


@given(JSON)
async def test_any_json_gets_an_answer(message: Any) -> None:
    check(await answer_to(msgspec.json.encode(message)))


@given(NAMES, st.dictionaries(FIELDS, JSON) | JSON)
async def test_without_the_token_any_params_get_a_refusal(name: str, params: Any) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}
    answer = await answer_to(msgspec.json.encode(message), Role.NOBODY)
    assert "error" in msgspec.json.decode(answer)


@given(NAMES, st.dictionaries(FIELDS, JSON) | JSON, JSON)
async def test_any_params_of_a_real_method_get_an_answer(name: str, params: Any, id_: Any) -> None:
    message = {"jsonrpc": "2.0", "id": id_, "method": name, "params": params}
    check(await answer_to(msgspec.json.encode(message)))


def spoiled(chance: random.Random, line: bytes) -> bytes:
    """Cut, repeat, swap and overwrite some bytes of a good line."""
    spoilt = bytearray(line)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(spoilt) + 1)
        match chance.randrange(4):
            case 0:
                del spoilt[at : at + chance.randrange(8)]
            case 1:
                spoilt[at:at] = spoilt[at : at + chance.randrange(16)]
            case 2:
                spoilt[at : at + 1] = chance.randbytes(1)
            case _:
                spoilt[at:at] = chance.choice([b'"', b"{", b"[", b"\\u", b"1e999", b"null", b"-"])
    return bytes(spoilt)


async def test_twenty_thousand_spoiled_lines_all_get_an_answer() -> None:
    chance = random.Random(20261122)
    good = [
        request("say", {"text": "hi"}),
        request("blob", {"size": 5}, request_id="a"),
        request("events.subscribe", {"from_seq": 3, "boot_id": "boot-1"}),
        request("sale.commit", {"sale_id": "s-1"}),
        request("drop"),
    ]
    for _ in range(20_000):
        spoilt = spoiled(chance, chance.choice(good))
        if b"size" not in spoilt:  # a spoiled size may ask for a text that fills the memory
            check(await answer_to(spoilt))
