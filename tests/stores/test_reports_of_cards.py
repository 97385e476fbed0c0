"""Reports of thresholds and of cards that were issued, on every store."""

from pathlib import Path
from typing import Any

import pytest

from daemon.pos.errors import ProtocolCode
from tests.stores.reported import Reported, reported
from tests.stores.test_card_acts import batch_of, hand_out
from tests.support.pos import refused

SEPTEMBER, OCTOBER = ("2026-09-01", "2026-09-30"), ("2026-10-01", "2026-10-31")
BASE = ("--base-from", SEPTEMBER[0], "--base-to", SEPTEMBER[1])
BASE_TERMS = {"base_from": SEPTEMBER[0], "base_to": SEPTEMBER[1]}
ONE_SUM = """
[[card]]
kind = "plastic"
issue = { min_purchase = 40000 }
"""


async def test_thresholds_of_the_worked_example(tmp_path: Path, location: str) -> None:
    """1,200.00 now, 1,000.00 then: 400.00 becomes 600.00, 480.00 or 432.00 (8 % more income)."""
    async with reported(tmp_path, location, ONE_SUM) as till:
        for price in (95_000, 105_000):
            await till.sell(price)
        till.clock.move(days=30)
        for price in (110_000, 130_000):
            await till.sell(price)
        words: tuple[str, ...] = (*BASE, "--income-growth", "8")
        terms = BASE_TERMS | {"income_growth": 800}
        rows = await till.rows("thresholds", OCTOBER, *words, terms=terms)
        assert [(row["method"], row["threshold"]) for row in rows] == [
            ("absolute", 60_000),
            ("relative", 48_000),
            ("income", 43_200),
        ]
        sums = {(row["average_now"], row["average_base"], row["old"]) for row in rows}
        assert sums == {(120_000, 100_000, 40_000)}, "the programme's own purchase"
        words = (*BASE, "--old", "800.00", "--sort", "threshold")
        said = {"terms": BASE_TERMS | {"old": 80_000}, "sort": "threshold"}
        rows = await till.rows("thresholds", OCTOBER, *words, **said)
        assert [row["threshold"] for row in rows] == [80_000, 96_000, 100_000]
        table = await till.run("report", "thresholds", "--from", "2026-10-01", "--to", "2026-10-31",
                               *words, "--csv", str(tmp_path / "t.csv"))  # fmt: skip
        assert table.exit_code == 0, table.output
        assert "absolute;1200.00;1000.00;800.00;1000.00" in (tmp_path / "t.csv").read_text("utf-8")


async def test_thresholds_that_do_not_follow_are_unknown_and_say_why(
    tmp_path: Path, location: str
) -> None:
    async with reported(tmp_path, location) as till:
        await till.sell(100_000)
        till.clock.move(days=30)
        await till.sell(40_000)
        terms = BASE_TERMS | {"old": 50_000, "income_growth": 10_800}
        words = (*BASE, "--old", "500.00", "--income-growth", "108")
        absolute, relative, income = await till.rows("thresholds", OCTOBER, *words, terms=terms)
        assert (absolute["threshold"], relative["threshold"]) == (None, 20_000)
        assert "leaves no threshold" in absolute["warning"]
        assert "is it an index (8 %)" in income["warning"]
        nobody = ("--filter", "cashier=nobody")
        filters = {"cashier": ["nobody"]}
        rows = await till.rows("thresholds", OCTOBER, *words, *nobody, terms=terms, filters=filters)
        assert {(row["average_now"], row["threshold"]) for row in rows} == {(None, None)}


async def four_cards(till: Reported) -> None:
    """Three go out and are issued: one is used on the 7th day, one on the 8th, one never."""
    first, second, third, fourth = await batch_of(till.pos, 4)
    await hand_out(till.pos, "h1", [first, second], to="P0007")
    await hand_out(till.pos, "h2", [third, fourth], store="1")
    back = {"request_id": "h3", "numbers": [fourth], "by": "olha", "reason": "too many"}
    await till.pos.call("card.hand_out", **back)
    for n, (number, by) in enumerate(((first, "anna"), (second, "anna"), (third, "ivan"))):
        issue = {"request_id": f"i{n}", "number": number, "by": by}
        word = {"override": {"by": "olha", "reason": "the partner asks for it"}}
        await till.pos.call("card.issue", **issue, **word)
    till.clock.move(days=7)
    await till.sell(5_000, card=first)
    await till.give_back(await till.sell(700, card=first))
    till.clock.move(days=1)
    await till.sell(3_000, card=second)


async def test_issued_counts_cards_by_whom_and_what_and_how_soon_they_were_used(
    tmp_path: Path, location: str
) -> None:
    async with reported(tmp_path, location) as till:
        await four_cards(till)

        async def told(per: str, *words: str, **more: Any) -> dict[str, tuple[Any, ...]]:
            rows = await till.rows("issued", SEPTEMBER, "--per", per, *words, per=per, **more)
            return {row["by"]: (row["issued"], row["used"], row["net"]) for row in rows}

        batch = (3, 1, 8_000)
        assert await told("batch") == {"B-2026-0001": batch}
        assert await told("kind") == {"plastic": batch}
        by_cashier = {"anna": (2, 1, 8_000), "ivan": (1, 0, 0)}
        assert await told("cashier") == by_cashier
        assert await told("store") == {"1": batch}
        assert set(await told("condition")) <= {"free", "approved"}
        assert await told("distributor") == {"P0007": (2, 1, 8_000), "1": (1, 0, 0)}
        narrow = ("--filter", "cashier=ivan")
        only = await told("distributor", *narrow, filters={"cashier": ["ivan"]})
        assert only == {"1": (1, 0, 0)}
        rows = await till.rows("issued", SEPTEMBER, "--per", "distributor", per="distributor")
        figures = {row["by"]: (row["handed_out"], row["used_bp"], row["cost"]) for row in rows}
        assert figures == {"P0007": (2, 5_000, 500), "1": (2, 0, 250)}
        october = await till.rows("issued", OCTOBER, "--per", "kind", per="kind")
        assert october == []
        file = tmp_path / "issued.xlsx"
        period = ("--from", SEPTEMBER[0], "--to", SEPTEMBER[1])
        written = await till.run("report", "issued", *period, "--xlsx", str(file))
        assert (written.exit_code, file.exists()) == (0, True), written.output
        drawn = await till.run("report", "issued", *period, "--plot", "issued")
        assert "plastic" in drawn.output


@pytest.mark.parametrize(
    ("report", "terms", "problem"),
    [
        ("thresholds", {}, "terms.base_from: say the days to compare with"),
        ("thresholds", BASE_TERMS, "terms.old: the programme has no `min_purchase`"),
        ("thresholds", BASE_TERMS | {"base_from": "2026-09-31"}, "terms.base_from: "),
        ("activity", {"old": 1}, "terms.old: does not go with activity; it takes: none"),
    ],
)
async def test_terms_that_do_not_go_are_refused(
    tmp_path: Path, location: str, report: str, terms: dict[str, str], problem: str
) -> None:
    async with reported(tmp_path, location) as till:
        period = {"from": OCTOBER[0], "to": OCTOBER[1]}
        said = await refused(till.pos, "report.run", report=report, terms=terms, **period)
        assert said.code == ProtocolCode.INVALID_PARAMS
        assert said.message.startswith(problem), said.message
