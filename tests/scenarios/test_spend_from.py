"""What a card must prove before its balance is spent is the shop's word."""

from pathlib import Path

import pytest

from tests.scenarios.baskets import BASKET, sell, show_chip
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos, lay_out, open_till


@pytest.mark.parametrize(("weakest", "spends"), [("static", True), ("uid", True), ("sun", False)])
async def test_a_bare_uid_collects_and_spends_only_where_the_shop_trusts_it(
    weakest: str, spends: bool, tmp_path: Path
) -> None:
    policy = f'[policy]\nspend_from = "{weakest}"\n\n[socket]'
    lay_out(tmp_path, **{"[socket]": policy})
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        earned = await sell(pos, "s1", await show_chip(pos))
        assert earned["balances"]["bonus"]["available"] == 3_500
        burning = {"presentation": await show_chip(pos), "lines": BASKET, "burn": 1_000}
        if spends:
            assert (await pos.call("sale.quote", **burning))["burn"] == {"bonus": 1_000}
        else:
            error = await refused(pos, "sale.quote", **burning)
            assert (error.code, error.data["name"]) == (1021, "needs_live_card")
