"""What a status brings, on every store: the worked example, lived through by thirty who join."""

from pathlib import Path

from daemon.reports.before_after import Estimate, estimated
from tests.scenarios.shops import goods
from tests.stores.reported import Reported, reported
from tests.stores.test_reports_of_people import number
from tests.support.till import PLASTIC

EVER = ("2026-09-01", "2027-12-31")
CLUB = """
[[meter]]
id = "spend"
of = "net"
[[status]]
id = "club_a"
of = "spend"
enter = { at_least = 45000, within = "1d" }
decide = "auto"
"""
EACH = 15
EARLY, LATE = range(20, 20 + EACH), range(50, 50 + EACH)


def test_the_worked_example_is_150_00() -> None:
    joined = [(100_000, 130_000, 100_000, 120_000), (50_000, 45_000, 100_000, 80_000)]
    assert estimated(joined) == Estimate(150_000, 175_000, 160_000, 15_000)


def test_what_is_expected_is_rounded_once_and_not_for_each() -> None:
    third = (1, 1, 3, 1)
    assert estimated([third, third, third]) == Estimate(3, 3, 1, 2)
    assert estimated([third]) == Estimate(1, 1, 0, 1)
    assert estimated([]) == Estimate(0, 0, 0, 0)


async def test_joining_is_held_against_what_all_others_did_in_the_same_days(
    tmp_path: Path, location: str
) -> None:
    """1,000.00 to 1,300.00 where others went up by 1.2; 500.00 to 450.00 where down by 0.8."""
    async with reported(tmp_path, location, CLUB) as till:
        for n in (*EARLY, *LATE):
            await till.pos.call("card.issue", request_id=f"i{n}", number=number(n))
        early, late = ([number(n) for n in some] for some in (EARLY, LATE))
        today = 0
        for day, price, cards in (
            (5, 10_000, (*early, PLASTIC)),
            (20, 40_000, (*early, PLASTIC)),
            (21, 40_000, (*early, PLASTIC)),
            (22, 20_000, (*early, PLASTIC)),
            (100, 130_000, early),
            *((day, 40_000, [PLASTIC]) for day in (110, 111, 112)),
            (200, 7_000, late),
            (250, 40_000, (*late, PLASTIC)),
            (251, 10_000, late),
            *((day, price, [PLASTIC]) for day, price in ((252, 40_000), (253, 20_000))),
            (300, 45_000, late),
            *((day, 40_000, [PLASTIC]) for day in (310, 389)),
        ):
            till.clock.move(days=day - today)
            today = day
            for card in cards:
                await till.sell(card=card, lines=goods(price, cost=price // 2))
        await told_before_90_days_are_over(till)
        till.clock.move(days=1)
        words, terms = ("--status", "club_a"), {"status": "club_a"}
        *groups, net, margin = await till.rows("effect", EVER, *words, terms=terms)
        figures = [net[name] for name in ("customers", "before", "after", "expected", "effect")]
        assert figures == [*(30, EACH * 150_000, EACH * 175_000, EACH * 160_000, EACH * 15_000)]
        assert (margin["effect"], margin["expected"]) == (EACH * 7_500, EACH * 80_000)
        assert "an estimate: " in net["note"]
        shown = {row["who"]: (row["customers"], row["purchases"], row["net"]) for row in groups}
        assert shown["without a card"] == (None, 0, 0)
        assert sum(purchases for _, purchases, _ in shown.values()) == 5 * EACH + 4 * EACH + 12
        file = tmp_path / "effect.csv"
        period = ("--from", EVER[0], "--to", EVER[1])
        written = await till.run("report", "effect", *period, *words, "--csv", str(file))
        assert written.exit_code == 0, written.output
        assert "joined: net;30;" in file.read_text("utf-8")
        other = await till.run("report", "effect", *period, "--status", "club%a")
        assert other.exit_code != 0
        assert "say which; there are: club_a" in other.output


async def told_before_90_days_are_over(till: Reported) -> None:
    """Fifteen alone are too few; who joined 89 days ago is not among them."""
    *_, net, margin = await till.rows(
        "effect", EVER, "--status", "club_a", terms={"status": "club_a"}
    )
    for row in (net, margin):
        assert (row["customers"], row["effect"], row["note"]) == (EACH, None, "too few to say")
