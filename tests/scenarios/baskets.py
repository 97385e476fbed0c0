"""Baskets and sales that several scenarios use. Money is in minor units."""

from typing import Any

from tests.support.till import CHIP_UID, PLASTIC, Pos

COFFEE = {"line": 1, "sku": "coffee", "qty": 1, "unit_price": 40_000}
CUPS = {"line": 2, "sku": "cups", "qty": 3, "unit_price": 10_000}
BASKET = [COFFEE, CUPS]
BASKET_TOTAL = 70_000


async def show_plastic(pos: Pos) -> str:
    presentation: str = (await pos.call("card.identify", number=PLASTIC))["presentation"]
    return presentation


async def show_chip(pos: Pos) -> str:
    """Lay the sample chip on its reader and wait until the till has seen it."""
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    event = await pos.event("card.presented")
    assert event["card"] == f"{CHIP_UID[:4]}…{CHIP_UID[-4:]}"
    presentation: str = (await pos.call("card.identify", reader="chip"))["presentation"]
    return presentation


async def sell(pos: Pos, sale_id: str, presentation: str, **more: Any) -> Any:
    terms = {"sale_id": sale_id, "presentation": presentation, "lines": BASKET} | more
    return await pos.call("sale.commit", **terms)
