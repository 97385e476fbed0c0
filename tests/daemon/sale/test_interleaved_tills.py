"""Two tills, one card, any programme: interleaved, they come to what some order would come to."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.daemon.programme.drawn import Drawn, drawn_programmes, toml
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

Step = tuple[int, str]
SALES = 4
MOVING = [("FactBounds", "bounds"), ("StepTable", "steps"), ("RuleTable", "limit")]
"""Fields whose rules look at what other sales change."""
PROGRAMMES = st.sampled_from(MOVING).flatmap(
    lambda field: drawn_programmes(towards=field, skip={"ProgrammeFile": {"store"}})
)
STEPS = st.permutations(
    [(n % SALES, what) for n, what in enumerate(["quote"] * 4 + ["commit"] * 4)]
)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "sku": st.sampled_from(["tea", "jam"]),
            "category": st.sampled_from([["tea"], ["jam"]]),
            "qty": st.integers(1, 4),
            "unit_price": st.integers(1, 20_000),
        }
    ),
    min_size=1,
    max_size=3,
)
CHANCE = {"total_changed", "limit_reached", "invalid_params"}
WRITTEN = ("total", "net", "earn", "burn")


async def interleaved(home: Path, steps: list[Step], baskets: list[Any]) -> list[tuple[int, Any]]:
    """Play the steps, each sale's quote before its commit; return what was posted, in order."""
    quotes: dict[int, Any] = {}
    posted: list[tuple[int, Any]] = []
    async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
        for n, _ in steps:
            terms = {"card": PLASTIC, "lines": baskets[n]}
            try:
                if n not in quotes:
                    quotes[n] = await pos.call("sale.quote", **terms)
                    continue
                named = {"quote_id": quotes[n]["quote_id"], "card": PLASTIC}
                sale = await pos.call("sale.commit", sale_id=f"s{n}", **named)
            except RefusedByTillError as error:
                if error.data["name"] not in CHANCE:
                    raise
                continue
            assert sale["total"] == quotes[n]["total"], "what was shown is what is paid"
            posted.append((n, sale))
    return posted


async def in_order(home: Path, posted: list[tuple[int, Any]], baskets: list[Any]) -> None:
    """Sell the same one after the other at one till; it comes to the same."""
    async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
        for n, sale in posted:
            alone = await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=baskets[n])
            for key in WRITTEN:
                assert alone["receipt"][key] == sale["receipt"][key]
            assert alone["balances"] == sale["balances"]


@given(PROGRAMMES, STEPS, st.lists(LINES, min_size=SALES, max_size=SALES))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_interleaved_sales_come_to_what_one_after_the_other_does(
    drawn: Drawn, steps: list[Step], lines: list[list[dict[str, Any]]]
) -> None:
    note(toml(drawn.file))
    baskets = [[{"line": i, **line} for i, line in enumerate(some)] for some in lines]
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "1"), Path(folder, "2")
        for home in (first, second):
            lay_out(home, toml(drawn.file))
        posted = asyncio.run(interleaved(first, steps, baskets))
        asyncio.run(in_order(second, posted, baskets))
