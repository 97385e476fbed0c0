"""The dossier's figures are those of the report ``activity``, for one customer."""

import asyncio
import json
from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos

RULES = f"""{HEAD}
[[lane]]
id = "card"
[[rule]]
id = "standing"
lane = "card"
when = {{ card = {{ kind = "plastic" }} }}
give = {{ percent = 5 }}
scope = {{ brand = "acme" }}
"""


@pytest.fixture
def programme() -> str:
    """Give 5 % off what the example gives 25.00 off."""
    return RULES


async def sell(pos: Pos, sale_id: str, price: int, **line: Any) -> None:
    await pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(price, **line))


async def figures(pos: Pos, **terms: Any) -> Any:
    return (await pos.call("customer.show", card=PLASTIC, limit=0, **terms))["figures"]


@pytest.fixture
async def example(pos: Pos, clock: HandClock) -> None:
    """Three sales 500.00 with 25.00 off, 300.00, 200.00, the last wholly returned."""
    await sell(pos, "s1", 50_000, brand="acme")
    clock.move(days=1)
    await sell(pos, "s2", 30_000)
    await sell(pos, "s3", 20_000)
    clock.move(days=3)
    await pos.call("sale.return", return_id="r", sale_id="s3", whole=True)


@pytest.mark.usefixtures("example")
async def test_the_worked_example(pos: Pos) -> None:
    assert await figures(pos) == {
        "from": "2025-11-28",
        "to": "2026-11-27",
        "purchases": 2,
        "list": 80_000,
        "discount": 2_500,
        "net": 77_500,
        "paid": 77_500,
        "burned": 0,
        "earned": 0,
        "discount_bp": 313,
        "standing_bp": 500,
        "average": 38_750,
        "first_day": "2026-11-23",
        "last_day": "2026-11-24",
        "days_since": 3,
        "margin": None,
        "folded": {"done": 0, "upto": 0},
    }


@pytest.mark.usefixtures("example")
async def test_a_period_has_what_came_in_it_and_a_return_is_on_its_own_day(pos: Pos) -> None:
    sold = await figures(pos, **{"from": "2026-11-24", "to": "2026-11-26"})
    assert (sold["purchases"], sold["list"], sold["average"]) == (2, 50_000, 25_000)
    assert (sold["last_day"], sold["days_since"]) == ("2026-11-24", 2)
    back = await figures(pos, **{"from": "2026-11-27"})
    assert (back["purchases"], back["net"]) == (-1, -20_000)
    nothing = ("discount_bp", "average", "first_day", "last_day", "days_since")
    assert [back[name] for name in nothing] == [None] * 5
    before = await figures(pos, to="2026-11-22")
    assert (before["purchases"], before["net"], before["margin"]) == (0, 0, 0)


async def test_the_margin_is_known_where_every_line_says_its_cost(pos: Pos) -> None:
    await sell(pos, "s1", 50_000, brand="acme", cost=30_000)
    found = await figures(pos)
    assert (found["net"], found["margin"]) == (47_500, 17_500)
    await sell(pos, "s2", 10_000)
    assert (await figures(pos))["margin"] is None


async def test_no_period_is_refused_with_its_path(pos: Pos) -> None:
    wrong = (-32602, "invalid_params")
    for terms in (
        {"from": "yesterday"},
        {"to": "2026-02-30"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2000-01-01"},
    ):
        assert await refusal(pos, "customer.show", card=PLASTIC, **terms) == wrong


@pytest.mark.usefixtures("example")
async def test_the_command_says_the_same(pos: Pos, till: App) -> None:
    async def show(*words: str) -> str:
        where = ("--limit", "0", "--socket", str(till.socket))
        result = await asyncio.to_thread(tillcard, "customers", "show", PLASTIC, *words, *where)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert json.loads(await show("--json"))["figures"] == await figures(pos)
    period = ("--from", "2026-11-24", "--to", "2026-11-26")
    found = await figures(pos, **{"from": "2026-11-24", "to": "2026-11-26"})
    assert json.loads(await show("--json", *period))["figures"] == found
    lines = (await show()).splitlines()
    for line in (
        "  2025-11-28 to 2026-11-27:",
        "    discount_rate 3.13 %",
        "    net 775.00",
        "    margin -",
    ):
        assert line in lines
