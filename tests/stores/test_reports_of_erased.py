"""Reports agree with dossiers and entries where customers were merged, erased, or both."""

from typing import Any

import pytest

from daemon.reports.catalogue import REPORTS
from tests.scenarios.shops import account_of
from tests.stores.test_reports import TERMS
from tests.stores.test_reports_of_people import ANN, BOB, CAT, EVER, Shop, salon, three
from tests.support.pos import refused

__all__ = ["salon"]
WHO = {"by": "olha", "reason": "asked by letter"}
TIMES = [
    {"from": "0001-01-01", "to": "9999-12-31"},
    {"from": "9999-12-31", "to": "9999-12-31"},
    {"from": "0001-01-01", "to": "0001-06-01"},
]


@pytest.mark.parametrize("is_merged", [False, True])
async def test_who_was_erased_is_among_everybody(salon: Shop, *, is_merged: bool) -> None:
    await three(salon)
    ann, bob = await account_of(salon.pos, ANN), await account_of(salon.pos, BOB)
    if is_merged:
        await salon.pos.call("customer.merge", request_id="m", keep=ann, drop=bob, **WHO)
    await salon.pos.call("customer.erase", request_id="e", account=ann, **WHO)
    asked: list[dict[str, Any]] = [{"report": "activity"}]
    asked.append({"report": "dormant", "filters": {"dormant_since": "2030-01-01"}})
    asked.append({"report": "activity", "everybody": True})
    sums = [(await salon.pos.call("report.run", **one, **EVER))["totals"]["net"] for one in asked]
    assert sums == [63_500] * 3
    [erased] = [row for row in await salon.rows("activity", everybody=True) if row["net"] > 50_000]
    shown = await salon.pos.call("customer.show", account=ann, **EVER)
    assert (erased["name"], erased["net"]) == ("", shown["figures"]["net"])
    own = 3 + 3 - is_merged
    assert len(await salon.rows("activity", everybody=True)) == own, "three are of the shop"
    assert (await salon.pos.call("report.reconcile", **EVER))["differing"] == []


async def test_a_status_is_said_by_its_name_and_stage(salon: Shop) -> None:
    await three(salon)
    said = [row["status"] for row in await salon.rows("activity", sort="name")]
    assert said == ["club:candidate", "", ""]


async def test_whose_partner_counts_now_is_that_of_who_is_left(salon: Shop) -> None:
    for n in (1, 2):
        await salon.pos.call("partner.add", request_id=f"p{n}", name=f"Gym {n}", by="olha")
    await salon.issue(ANN, name="Ann", partner="P0001")
    await salon.issue(BOB, name="Bob", partner="P0002")
    await salon.issue(CAT, name="Cat")
    for card in (ANN, BOB, CAT):
        await salon.sell(card, 10_000)
    ann, bob, cat = [await account_of(salon.pos, card) for card in (ANN, BOB, CAT)]
    await salon.pos.call("customer.merge", request_id="m1", keep=ann, drop=bob, **WHO)
    await salon.pos.call("customer.merge", request_id="m2", keep=cat, drop=ann, **WHO)
    found = {}
    for code in ("P0001", "P0002"):
        filters = {"partner": [code], "attribution": "now"}
        found[code] = [row["net"] for row in await salon.rows("activity", filters=filters)]
        filters = {"attribution": "now"}
        rows = await salon.rows("partners", filters=filters)
        assert [row["net"] for row in rows if row["partner"] == code] == (found[code] or [0])
    assert found == {"P0001": [30_000], "P0002": []}


@pytest.mark.parametrize("period", TIMES)
async def test_a_period_at_the_end_of_all_days_is_no_failure(salon: Shop, period: Any) -> None:
    await three(salon)
    for name, report in REPORTS.items():
        for per in report.ways or ("",):
            if name == "cohorts" or per == "month":  # of so many months at most
                continue
            terms = {name: said for name, said in TERMS.items() if name in report.terms}
            base = {"base_from": period["from"], "base_to": period["to"]}
            said = base | {"old": 1, "status": "club"}
            terms = {one: value for one, value in said.items() if one in report.terms}
            assert await salon.rows(name, period, per=per, terms=terms) is not None


async def test_a_result_that_is_kept_does_not_outlast_whom_it_names(salon: Shop) -> None:
    await three(salon)
    ran = await salon.pos.call("report.run", report="activity", keep=True, **EVER)
    page = {"result": ran["result"], "page": 0}
    assert "Ann" in str(await salon.pos.call("report.page", **page))
    ann = await account_of(salon.pos, ANN)
    await salon.pos.call("customer.erase", request_id="e", account=ann, **WHO)
    error = await refused(salon.pos, "report.page", **page)
    assert error.message == "result: is not kept any more; ask for the report again"


@pytest.mark.parametrize(
    "filters",
    [
        {"net_from": 10**30},
        {"min_purchases": 2**63},
        {"standing_from": -(2**64)},
        {"answer": {"a\x00b": ["x"]}},
        {"answer": {"for_whom": []}},
        {"answer": {f"q{n}": ["x"] for n in range(1_000)}},
    ],
)
async def test_a_filter_that_no_database_takes_is_refused(salon: Shop, filters: Any) -> None:
    error = await refused(salon.pos, "report.run", report="activity", filters=filters, **EVER)
    assert error.code == -32602


async def test_as_many_values_as_there_may_be_are_looked_for(salon: Shop) -> None:
    await three(salon)
    many: dict[str, Any] = {"status": ["club:member"] * 100, "tag": ["old"] * 100}
    many["answer"] = {f"q{n}": ["x"] * 100 for n in range(40)}
    assert await salon.rows("activity", filters=many) == []
