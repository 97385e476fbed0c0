"""What is put on a card at once has a limit of the shop's, and what was paid for it sums up."""

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.shops import documented, refusal
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

TERMS: dict[str, Any] = {"card": PLASTIC, "cashier": "anna"}
LIMITED = {"[socket]": "[policy]\ntopup_max = 5000\n\n[socket]"}


async def test_a_top_up_above_the_shop_s_limit_is_refused(tmp_path: Path, clock: HandClock) -> None:
    lay_out(tmp_path, documented("credit"), **LIMITED)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        too_much = TERMS | {"topup_id": "t1", "amount": 5_001}
        assert await refusal(pos, "card.topup", **too_much) == (1023, "limit_reached")
        assert (await pos.call("card.topup", topup_id="t2", amount=5_000, **TERMS))[
            "amount"
        ] == 5_000


@pytest.mark.parametrize(
    ("tenders", "is_taken"),
    [
        ([{"kind": "cash", "amount": 3_000}, {"kind": "card", "amount": 2_000}], True),
        ([{"kind": "cash", "amount": 4_999}], False),
        ([{"kind": "cash"}], True),
        ([], True),
    ],
    ids=["sum up", "do not", "say no amount", "none"],
)
async def test_tenders_of_a_top_up_sum_up_where_they_say_amounts(
    tmp_path: Path, clock: HandClock, tenders: list[dict[str, Any]], *, is_taken: bool
) -> None:
    lay_out(tmp_path, documented("credit"))
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        terms = TERMS | {"topup_id": "t1", "amount": 5_000, "tenders": tenders}
        if is_taken:
            assert (await pos.call("card.topup", **terms))["amount"] == 5_000
        else:
            assert await refusal(pos, "card.topup", **terms) == (-32602, "invalid_params")
