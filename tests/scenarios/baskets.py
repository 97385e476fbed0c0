"""Baskets and sales that several scenarios use. Money is in minor units."""

from typing import Any

from tests.support.pos import lay_down
from tests.support.till import PLASTIC, Pos

COFFEE = {"line": 1, "sku": "coffee", "qty": 1, "unit_price": 40_000}
CUPS = {"line": 2, "sku": "cups", "qty": 3, "unit_price": 10_000}
BASKET = [COFFEE, CUPS]
BASKET_TOTAL = 70_000


async def show_plastic(pos: Pos) -> str:
    presentation: str = (await pos.call("card.identify", number=PLASTIC))["presentation"]
    return presentation


async def show_chip(pos: Pos) -> str:
    """Lay the sample chip on its reader; return its presentation."""
    presentation: str = (await lay_down(pos))["presentation"]
    return presentation


async def sell(pos: Pos, sale_id: str, presentation: str, **more: Any) -> Any:
    terms = {"sale_id": sale_id, "presentation": presentation, "lines": BASKET} | more
    return await pos.call("sale.commit", **terms)
