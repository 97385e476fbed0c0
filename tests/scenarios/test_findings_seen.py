"""Whose findings somebody sees and judges: the table of operators."""

from pathlib import Path

from daemon.base.permissions import OperatorRole
from tests.scenarios.shops import goods
from tests.scenarios.staff import KNOWN, PERMISSION, approval, shop
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, RefusedByTillError


async def found_of(pos: Pos, clock: HandClock) -> str:
    for n in range(3):
        terms = {"cashier": "cashier", "card": PLASTIC, "lines": goods(1_000)}
        await pos.call("sale.commit", sale_id=f"s{n}", **terms)
    clock.move(days=1)
    await pos.call("finding.run", request_id="r", by="manager")
    [found] = (await pos.call("finding.list", reader="owner"))["findings"]
    finding: str = found["finding"]
    return finding


async def sees(pos: Pos, reader: str) -> int | tuple[int, str]:
    try:
        return len((await pos.call("finding.list", reader=reader))["findings"])
    except RefusedByTillError as error:
        return error.code, error.data["name"]


async def test_a_manager_judges_and_sees_their_stores_and_a_senior_sees_nothing(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with shop(tmp_path, clock, KNOWN) as (_, pos):
        for name, store in (("here", "1"), ("there", "2")):
            terms = {"role": "manager", "stores": [store], "by": "owner"}
            await pos.call("operator.add", request_id=f"o{name}", name=name, **terms)
        finding = await found_of(pos, clock)
        expected: dict[str, int | tuple[int, str]] = {
            "owner": 1,
            "manager": 1,
            "accountant": 1,
            "here": 1,
            "there": 0,
        }
        expected |= {name: PERMISSION for name in ("senior", "cashier", "nobody", "")}
        assert {name: await sees(pos, name) for name in expected} == expected
        error = await refused(pos, "finding.show", finding=finding, reader="senior")
        assert error.code == PERMISSION[0]
        judged = {"finding": finding, "verdict": "fine"}
        for by in ("senior", "there", "accountant"):
            error = await refused(pos, "finding.judge", request_id=by, by=by, **judged)
            assert error.code == PERMISSION[0], by
        signed = judged | {"by": "senior"} | approval(OperatorRole.MANAGER)
        answer = await pos.call("finding.judge", request_id="j", **signed)
        assert answer["state"] == "fine"
