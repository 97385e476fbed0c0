"""The largest basket under a large programme, while others are served."""

import asyncio

import pytest

from daemon.app.running import App
from daemon.programme.basket import LINES_MAX
from daemon.sale.pricing import LINES_TIMES_RULES_MAX
from tests.scenarios.shops import HEAD, goods
from tests.support.till import Pos

RULES = 1_000
SERVED_MEANWHILE_MIN = 4
"""Two are served while the request is still being read; more only if it is priced beside."""


@pytest.fixture
def programme() -> str:
    rule = '[[rule]]\nid = "r{n}"\nlane = "card"\ngive = {{ percent = {percent} }}\n'
    rules = (rule.format(n=n, percent=1 + n % 20) for n in range(RULES))
    return HEAD + '[[lane]]\nid = "card"\n' + "".join(rules)


async def test_a_large_basket_is_priced_and_keeps_no_other_client_waiting(
    pos: Pos, till: App
) -> None:
    assert LINES_MAX * RULES > LINES_TIMES_RULES_MAX
    lines = goods(*[1_000] * LINES_MAX)
    async with Pos.connect(till.socket) as other:
        asking, served = asyncio.create_task(pos.call("sale.quote", lines=lines)), 0
        while not asking.done():
            await other.call("sale.status", sale_id="s1")
            served += 1
        quote = await asking
    assert served >= SERVED_MEANWHILE_MIN
    assert quote["total"] == LINES_MAX * 800
    posted = await pos.call("sale.commit", sale_id="s1", quote_id=quote["quote_id"])
    assert posted["total"] == LINES_MAX * 800
