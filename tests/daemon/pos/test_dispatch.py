import asyncio
import logging
from typing import Any

import msgspec
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import ANSWER_BYTES_MAX
from daemon.pos.dispatch import Method, dispatch
from daemon.pos.peers import Role
from daemon.pos.session import Session
from tests.daemon.pos.shop import Shop, new_ring, request


def session_of(role: Role = Role.ADMIN) -> Session:
    return Session(role, "till-1", new_ring())


async def answer_to(line: bytes, role: Role = Role.ADMIN) -> dict[str, Any]:
    answer = await dispatch(line, Shop().methods(), session_of(role))
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1
    return msgspec.json.decode(answer, type=dict[str, Any])


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"", -32700, None),
        (b"{", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"s\xffy"}', -32700, 1),
        (b'{"jsonrpc":"2.0","id":"a","method":"\\ud800"}', -32700, "a"),
        (b'{"jsonrpc":"2.0","method":"say","id":7,"params":{"text":"\\ud800"}}', -32700, 7),
        (b'{"jsonrpc":"2.0","id":"\\ud800","method":"say"}', -32700, None),
        (DEEP, -32700, None),
        (b'{"jsonrpc":"2.0","id":1%s,"method":"say"}' % (b"0" * 30), -32602, 10**30),
        (b'{"jsonrpc":"2.0","id":1%s,"method":"say"}' % (b"0" * 5_000), -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"say","x":' + DEEP + b"}", -32700, None),
        (b"7", -32600, None),
        (b"null", -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc":"1.0","id":7,"method":"say"}', -32600, 7),
        (b'{"id":"a","method":"say"}', -32600, "a"),
        (b'{"jsonrpc":"2.0","id":7,"method":5}', -32600, 7),
        (b'{"jsonrpc":"2.0","id":[7],"method":"say"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"say"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"say"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":7,"method":"drop"}', -32601, 7),
        (b'{"jsonrpc":"2.0","id":null,"method":"drop"}', -32601, None),
        (b'{"jsonrpc":"2.0","id":"a","method":"say"}', -32602, "a"),
        (b'{"jsonrpc":"2.0","id":7,"method":"say","params":["hi"]}', -32602, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"say","params":{"text":5}}', -32602, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"say","params":{"text":"\xff"}}', -32602, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"say","params":{"text":5,"x":"\xff"}}', -32602, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"unencodable"}', -32603, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"crash"}', -32603, 7),
    ],
)
async def test_what_the_pos_gets_wrong_has_its_standard_code(
    line: bytes, code: int, request_id: int | str | None
) -> None:
    answer = await answer_to(line)
    assert answer["error"]["code"] == code
    assert answer["id"] == request_id
    assert answer["error"]["data"].keys() == {"name", "retryable", "state_unknown", "detail"}


async def test_an_answer_comes_under_its_id_and_unknown_fields_are_ignored() -> None:
    line = (
        b'{"later":1, "params":{"text":"hi","more":2}, "method":"say", "id":"x", "jsonrpc":"2.0"}'
    )
    assert await answer_to(line) == {"jsonrpc": "2.0", "id": "x", "result": {"text": "hi"}}


async def test_a_batch_is_refused_in_words() -> None:
    answer = await answer_to(b"[" + request("say", {"text": "hi"}).strip() + b"]")
    assert answer["error"]["code"] == -32600
    assert "Batches are not served" in answer["error"]["message"]


async def test_wrong_params_are_named_by_their_path() -> None:
    answer = await answer_to(request("say", {"text": 5}))
    assert answer["error"]["data"]["detail"] == "text: expected a text, got a whole number"
    answer = await answer_to(request("say", ["hi"]))
    wrong = "params: expected a table of keys, got a list"
    assert answer["error"]["data"]["detail"] == wrong


async def test_a_refusal_carries_all_its_data_and_extras_never_hide_the_fixed_fields() -> None:
    answer = await answer_to(request("refuse"))
    assert answer["error"] == {
        "code": 112,
        "message": "Tap the same card again.",
        "data": {
            "name": "timeout",
            "retryable": True,
            "state_unknown": True,
            "reader": "chip",
            "detail": "Tap the same card again.",
            "age_s": 720,
        },
    }


@pytest.mark.parametrize("method", ["sale.commit", "owner.only"])
async def test_a_role_that_is_too_low_is_refused_before_the_params_are_looked_at(
    method: str,
) -> None:
    error = (await answer_to(request(method, {"sale_id": 5}), Role.READ))["error"]
    assert (error["code"], error["data"]["name"]) == (1040, "permission")


async def test_a_higher_role_may_do_what_a_lower_one_may() -> None:
    answer = await answer_to(request("owner.only"), Role.ADMIN)
    assert answer["result"]["role"] == "admin"


async def test_a_stored_answer_goes_out_byte_for_byte() -> None:
    answer = await dispatch(request("replay"), Shop().methods(), session_of())
    assert answer == b'{"jsonrpc":"2.0","id":1,"result":{"receipt" : "1.50",  "x":1e2}}\n'


async def test_a_bug_is_logged_and_answered_as_an_unknown_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await answer_to(request("crash"))
    assert answer["error"]["data"]["state_unknown"] is True
    assert "a bug" not in answer["error"]["message"]
    assert "method crash failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_refusal_that_no_json_can_carry_is_answered_as_a_bug() -> None:
    async def refuse(session: Session, params: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError(ErrorCode.MISREAD, "half a letter: \udc80")

    answer = await dispatch(
        request("refuse"), {"refuse": Method(dict, refuse, Role.READ)}, session_of()
    )
    assert msgspec.json.decode(answer)["error"]["code"] == -32603


async def test_a_request_whose_own_work_was_cancelled_is_answered_too() -> None:
    async def wait_for_nothing(session: Session, params: dict[str, Any]) -> dict[str, Any]:
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        await never
        return {}

    methods = {"wait": Method(dict, wait_for_nothing, Role.READ)}
    answer = await dispatch(request("wait"), methods, session_of())
    assert msgspec.json.decode(answer)["error"]["code"] == -32603


async def test_an_answer_over_the_limit_becomes_an_error_that_says_so() -> None:
    fixed_bytes = len(b'{"jsonrpc":"2.0","id":1,"result":{"blob":""}}\n')
    size = ANSWER_BYTES_MAX - fixed_bytes
    assert len((await answer_to(request("blob", {"size": size})))["result"]["blob"]) == size
    error = (await answer_to(request("blob", {"size": size + 1})))["error"]
    assert error["code"] == -32603
    assert str(ANSWER_BYTES_MAX) in error["message"]


async def test_a_notification_is_carried_out_and_never_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop, session = Shop(), session_of()
    shop.may_post.set()
    caplog.set_level(logging.INFO)
    commit = b'{"jsonrpc":"2.0","method":"sale.commit","params":{"sale_id":"s-1"}}'
    assert await dispatch(commit, shop.methods(), session) == b""
    assert shop.posted == ["s-1"]
    refused = b'{"jsonrpc":"2.0","method":"refuse"}'
    assert await dispatch(refused, shop.methods(), session) == b""
    assert "notification refuse: Tap the same card again." in caplog.text


async def test_a_null_id_is_an_id() -> None:
    answer = await answer_to(request("say", {"text": "hi"}, request_id=None))
    assert answer == {"jsonrpc": "2.0", "id": None, "result": {"text": "hi"}}
