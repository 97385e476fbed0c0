"""A text with a NUL, which PostgreSQL keeps nowhere, wherever the protocol takes a text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.scenarios.test_protocol_page import messages
from tests.support.clock import HandClock
from tests.support.till import Pos, RefusedByTillError, lay_out, open_till

NUL = "a\0b"
A_STORE_S_FAULT = {"busy", "internal_error", "storage_full"}


def spoiled(value: Any) -> Iterator[Any]:
    """Yield ``value`` with one text in it replaced, once for each text."""
    match value:
        case str():
            yield NUL
        case dict():
            for key, each in value.items():
                for other in spoiled(each):
                    yield value | {key: other}
        case list():
            for n, each in enumerate(value):
                for other in spoiled(each):
                    yield [*value[:n], other, *value[n + 1 :]]
        case _:
            return


REQUESTS = [
    (shown["method"], params)
    for arrow, shown in messages()
    if arrow == "-->"
    for params in spoiled(shown.get("params", {}))
]


async def test_a_nul_in_any_text_is_taken_or_refused_for_what_it_is(
    location: str, tmp_path: Path
) -> None:
    assert len(REQUESTS) > 80
    lay_out(tmp_path, **{'ledger = "tillcard.db"': f'ledger = "{location}"'})
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        for method, params in REQUESTS:
            refusal = await refusal_of(pos, method, params)
            assert refusal not in A_STORE_S_FAULT, (method, params)


async def refusal_of(pos: Pos, method: str, params: dict[str, Any]) -> str:
    try:
        await pos.call(method, **params)
    except RefusedByTillError as error:
        return str(error.data["name"])
    return ""
