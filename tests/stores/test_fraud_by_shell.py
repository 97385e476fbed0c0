"""Worked examples of fraud at a whole till, looked for and read by the shell, on every store."""

import msgspec
import pytest

from tests.scenarios.shops import goods
from tests.stores.test_findings import OpenShop, Row, Shop, open_shop
from tests.support.till import PLASTIC

__all__ = ["open_shop"]
CAPPED = '[[rule]]\nid = "off"\ngive = { percent = 5, max = 5000 }\nwhen = { codes = ["x"] }\n'
CARDS = CAPPED + '[[card]]\nkind = "sold"\nissue = { min_purchase = 100000 }\n'
BOSS = '[[rule]]\nid = "boss"\ngive = { amount = { max = 10000 } }\n'
OTHERS = {"ivan": 400, "olha": 420, "petro": 440, "yana": 500}
SALES = 50


async def told(shop: Shop) -> list[Row]:
    """Look at yesterday by the shell; return what it lists as new."""
    shop.clock.move(days=1)
    await shop.shell("run", "--by", "maria")
    rows: list[Row] = msgspec.json.decode(await shop.shell("list", "--state", "new", "--json"))
    return rows


@pytest.mark.parametrize(("minutes", "is_found"), [(30, True), (31, False)])
async def test_700_at_ten_and_400_half_an_hour_later_are_a_split_purchase(
    open_shop: OpenShop, minutes: int, is_found: bool
) -> None:
    async with open_shop(rules=CARDS) as shop:
        await shop.sell(PLASTIC, price=70_000)
        shop.clock.move(minutes=minutes)
        await shop.sell(PLASTIC, price=40_000)
        found = await told(shop)
        assert [row["detector"] for row in found] == ["split"] * is_found
        for row in found:
            assert (row["value"], row["threshold"]) == (110_000, 100_000)
            shown = await shop.shell("show", row["finding"])
            assert ": 1100.00 (limit 1000.00), 2 entries" in shown
            assert "No fraud when: Forgot the bread." in shown


@pytest.mark.parametrize(("anna", "is_found"), [(580, False), (581, True)])
async def test_a_cashier_with_581_bp_is_found_among_others_with_400_to_500(
    open_shop: OpenShop, anna: int, is_found: bool
) -> None:
    async with open_shop(rules=BOSS) as shop:
        for cashier, amount in (OTHERS | {"anna": anna}).items():
            for n in range(SALES):
                asked = {"ask.boss": amount, "ask.boss.reason": f"scratch at corner {n}"}
                terms = {"cashier": cashier, "facts": asked, "lines": goods(10_000)}
                await shop.pos.call("sale.commit", sale_id=f"{cashier}{n}", **terms)
        found = sorted(await told(shop), key=lambda row: str(row["detector"]))
        assert [row["detector"] for row in found] == ["asked_share", "discount_share"] * is_found
        for row in found:
            assert (row["subject"], row["value"], row["threshold"]) == ("anna", 581, 580)
            assert row["entries"] == SALES
            assert "anna: 5.81 % (limit 5.80 %), 50 entries" in await shop.shell(
                "show", row["finding"]
            )
