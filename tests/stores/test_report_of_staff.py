"""What cashiers are rewarded for, on every store: the worked example, receipt by receipt."""

from pathlib import Path
from typing import Any

import pytest

from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from tests.scenarios.shops import HEAD
from tests.stores.reported import Reported, reported
from tests.stores.test_reports_of_people import number
from tests.support.pos import refused
from tests.support.till import PLASTIC

SEPTEMBER = ("2026-09-01", "2026-09-30")
PLAN = """
[[plan]]
role = "cashier"
period = "month"
cards_used = 30
card_share = 40
questionnaires = 90
per_card = 500
bonus = 30000
"""
QUESTIONNAIRE = """
[[question]]
id = "name"
kind = "name"
"""
ISSUED, USED, FILLED, WITH_CARD, RECEIPTS = 32, 28, 31, 177, 412


async def issue(till: Reported, count: int) -> list[str]:
    """Anna issues cards; the last customer fills nothing."""
    cards = [number(n) for n in range(30, 30 + count)]
    for n, card in enumerate(cards, start=1):
        said: dict[str, Any] = {"name": f"Ann {n}", "consents": ("personal_data",)}
        profile = said if n < count else {}
        await till.pos.call(
            "card.issue", request_id=f"i{n}", number=card, by="anna", profile=profile
        )
    return cards


async def test_28_used_bring_140_00_and_30_bring_450_00(tmp_path: Path, location: str) -> None:
    async with reported(tmp_path, location, PLAN) as till:
        await till.pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="o")
        cards = await issue(till, ISSUED)
        used, (_, own, late, once) = cards[:USED], cards[USED:]
        till.clock.move(days=1)
        for card in used:
            await till.sell(1_000, card=card, cashier="ivan")
            await till.sell(3_000, card=card, cashier="anna")
        await till.sell(1_000, card=once, cashier="ivan")
        for _ in range(2):
            await till.sell(3_000, card=own, cashier="anna")
        till.clock.move(days=7)
        for _ in range(2):
            await till.sell(1_000, card=late, cashier="ivan")
        for _ in range(WITH_CARD - USED - 2):
            await till.sell(3_000, card=PLASTIC, cashier="anna")
        for _ in range(RECEIPTS - WITH_CARD):
            await till.sell(2_000, cashier="anna")
        anna, ivan = await till.rows("staff", SEPTEMBER)
        counts = [anna[name] for name in ("issued", "used", "filled", "with_card", "receipts")]
        assert counts == [ISSUED, USED, FILLED, WITH_CARD, RECEIPTS]
        assert (anna["card_share_bp"], anna["filled_bp"]) == (4_296, 9_688)
        assert (anna["average_with_card"], anna["average_without"]) == (3_000, 2_000)
        targets = ("cards_target_bp", "share_target_bp", "filled_target_bp")
        assert [anna[name] for name in targets] == [9_333, 10_740, 10_764]
        assert (anna["reward"], anna["bonus"]) == (14_000, 0)
        assert (ivan["issued"], ivan["reward"], ivan["filled_bp"]) == (0, 0, None)
        await till.sell(1_000, card=once, cashier="ivan")
        [anna, _] = await till.rows("staff", SEPTEMBER)
        assert (anna["used"], anna["reward"]) == (29, 14_500)
        file = tmp_path / "staff.csv"
        period = ("--from", SEPTEMBER[0], "--to", SEPTEMBER[1])
        written = await till.run("report", "staff", *period, "--csv", str(file))
        assert written.exit_code == 0, written.output
        assert "anna;32;29;31;96.88;177;412;42.96;30.00;20.00;" in file.read_text("utf-8")


async def test_a_month_with_all_targets_met_has_its_bonus(tmp_path: Path, location: str) -> None:
    async with reported(tmp_path, location, PLAN) as till:
        await till.pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="o")
        cards = await issue(till, 31)
        for card in cards[:30]:
            await till.sell(1_000, card=card, cashier="ivan")
            await till.sell(1_000, card=card, cashier="anna")
        [anna, _] = await till.rows("staff", SEPTEMBER)
        assert (anna["used"], anna["bonus"], anna["reward"]) == (30, 30_000, 45_000)
        for period in (("2026-09-01", "2026-09-29"), ("2026-09-02", "2026-09-30")):
            days = {"from": period[0], "to": period[1]}
            said = await refused(till.pos, "report.run", report="staff", **days)
            assert "plans are of a month" in said.message
        assert await till.rows("staff", ("9999-12-01", "9999-12-31")) == []


async def test_who_has_no_plan_has_no_reward(tmp_path: Path, location: str) -> None:
    plan = PLAN.replace('"cashier"', '"manager"')
    async with reported(tmp_path, location, plan) as till:
        terms = {"request_id": "o", "name": "Maria", "role": "manager", "stores": [], "by": "olha"}
        await till.pos.call("operator.add", **terms)
        for cashier in ("Maria", "anna"):
            await till.sell(1_000, card=PLASTIC, cashier=cashier)
        rows = {row["cashier"]: row for row in await till.rows("staff", SEPTEMBER)}
        assert (rows["Maria"]["reward"], rows["anna"]["reward"]) == (0, None)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (('role = "cashier"', 'role = "accountant"'), "plan[0].role"),
        (("cards_used = 30", "cards_used = -1"), "plan[0].cards_used"),
        (("cards_used = 30", "cards_used = 100001"), "plan[0].cards_used"),
        (("card_share = 40", "card_share = 101"), "plan[0].card_share"),
        (("per_card = 500", "per_card = -1"), "plan[0].per_card"),
        (("bonus = 30000", 'bonus = "free"'), "plan[0].bonus"),
        (('period = "month"', 'period = "week"'), "plan[0].period"),
    ],
)
def test_a_plan_that_says_no_sense_is_refused_with_its_place(
    change: tuple[str, str], path: str
) -> None:
    with pytest.raises(ProgrammeError) as refusal:
        load(HEAD + PLAN.replace(*change))
    assert refusal.value.path == path


def test_a_role_has_one_plan() -> None:
    with pytest.raises(ProgrammeError) as refusal:
        load(HEAD + PLAN + PLAN)
    assert refusal.value.path == "plan[1].role"
