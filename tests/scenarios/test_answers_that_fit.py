"""What cannot be answered is not written, and what waits for one client is kept from others."""

import pytest

from daemon.app.running import App
from daemon.programme.basket import LINES_MAX
from daemon.sale.posting import QUOTES_MAX
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.till import Pos, RefusedByTillError


class TestAnswersThatCannotBeSent:
    @pytest.fixture
    def programme(self) -> str:
        lane = '[[lane]]\nid = "l{n}"\n'
        rule = '[[rule]]\nid = "r{n}"\nlane = "l{n}"\ntext = "{text}"\ngive = {{ percent = 1 }}\n'
        rules = "".join(
            each.format(n=n, text="x" * 150) for each in (lane, rule) for n in range(20)
        )
        return HEAD + rules

    async def test_what_cannot_be_answered_is_refused_before_it_is_written(self, pos: Pos) -> None:
        lines = [{"line": n, "sku": "s", "qty": 1, "unit_price": 100_000} for n in range(400)]
        for method, params in (
            ("sale.quote", {}),
            ("sale.hold", {"sale_id": "s1"}),
            ("sale.commit", {"sale_id": "s1"}),
        ):
            with pytest.raises(RefusedByTillError, match="lines: the answer would have") as refused:
                await pos.call(method, lines=lines, **params)
            assert refused.value.data["name"] == "invalid_params"
        assert (await pos.call("sale.status", sale_id="s1"))["state"] == "new"
        posted = await pos.call("sale.commit", sale_id="s1", lines=lines[:100])
        assert posted["state"] == "posted"
        assert (await pos.call("sale.commit", sale_id="s1", lines=lines[:100]))["replayed"]


async def test_a_client_s_quotes_make_no_room_for_another_s(till: App, pos: Pos) -> None:
    lines = goods(100)
    await pos.call("hello", client="the counter", version="1")
    kept = (await pos.call("sale.quote", lines=lines))["quote_id"]
    async with Pos.connect(till.socket) as other:
        await other.call("hello", client="the bar", version="1")
        for _ in range(QUOTES_MAX + 1):
            await other.call("sale.quote", lines=lines)
    posted = await pos.call("sale.commit", sale_id="kept", quote_id=kept)
    assert posted["state"] == "posted"


async def test_large_quotes_that_wait_have_a_bound_in_bytes(pos: Pos) -> None:
    large = {"lines": goods(*[1_000] * LINES_MAX, name="n" * 100)}
    asked = [(await pos.call("sale.quote", **large))["quote_id"] for _ in range(25)]
    first, last = asked[0], asked[-1]
    gone = await refusal(pos, "sale.commit", sale_id="s", quote_id=first)
    assert gone == (1006, "quote_unknown")
    assert (await pos.call("sale.commit", sale_id="s", quote_id=last))["total"] == 1_000_000
