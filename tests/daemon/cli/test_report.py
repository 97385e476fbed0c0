"""``tillcard report`` against a running till."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from daemon.app.running import App
from tests.scenarios.shops import goods
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, lay_out, open_till

DAY = ("--from", "2026-11-23", "--to", "2026-11-23")


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


async def run(till: App, *words: str) -> Result:
    line = ["report", *words, "--socket", str(till.socket)]
    return await asyncio.to_thread(tillcard, *line)


async def sell(till: App) -> None:
    async with Pos.connect(till.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000, 5_000))
        await pos.call("sale.commit", sale_id="s2", lines=goods(1_000))
        back = [{"line": 2, "qty": 1}]
        await pos.call("sale.return", return_id="r1", sale_id="s1", lines=back)


async def test_all_sums_agree_by_command_and_by_socket(till: App) -> None:
    await sell(till)
    result = await run(till, "reconcile", *DAY)
    assert result.exit_code == 0, result.output
    assert "All sums agree." in result.output
    printed: dict[str, Any] = msgspec.json.decode(
        (await run(till, "reconcile", *DAY, "--json")).stdout
    )
    async with Pos.connect(till.socket) as pos:
        answer = await pos.call("report.reconcile", **{"from": "2026-11-23", "to": "2026-11-23"})
    assert printed == answer
    assert answer["differing"] == []
    by_source = {(one["source"], one["of"]): one["sums"] for one in answer["sources"]}
    assert by_source["entry", "all"]["list_total"] == 11_000
    assert by_source["entry", "accounts"]["list_total"] == 10_000
    assert by_source["month_sum", "accounts"] == by_source["fact", "accounts"]
    assert {sums["net"] for (_, of), sums in by_source.items() if of == "all"} == {
        by_source["day_sum", "all"]["net"]
    }


async def test_a_day_without_sales_is_all_zeros(till: App) -> None:
    result = await run(till, "reconcile", "--from", "2020-01-01", "--to", "2020-12-31", "--json")
    sources = msgspec.json.decode(result.stdout)["sources"]
    assert {
        amount for one in sources if one["of"] != "ever" for amount in one["sums"].values()
    } == {0}


@pytest.mark.parametrize(
    ("first", "last", "what"),
    [
        ("2026-11-31", "2026-12-01", "from: '2026-11-31' is no day"),
        ("2026-12-02", "2026-12-01", "to: 2026-12-01 is before 2026-12-02"),
        ("yesterday", "2026-12-01", "from: 'yesterday' is no day"),
    ],
)
async def test_days_that_are_none_are_refused_with_a_sentence(
    till: App, first: str, last: str, what: str
) -> None:
    result = await run(till, "reconcile", "--from", first, "--to", last)
    assert (result.exit_code, what in result.output) == (1, True), result.output
