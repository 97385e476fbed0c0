"""Programmes, cards and baskets for scenarios beside the sample shop."""

from pathlib import Path
from typing import Any

import msgspec

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from tests.support.pos import refused
from tests.support.till import Pos

PROGRAMMES = Path(__file__).parents[2] / "docs" / "programmes"
HEAD = '[programme]\nid = "test"\ncurrency = "UAH"\ntz = "Europe/Kyiv"\n'
FRIEND = "2900000000025"


def documented(name: str) -> str:
    """Return a programme of docs/programmes."""
    return (PROGRAMMES / f"{name}.toml").read_text("utf-8")


def goods(*prices: int, **more: Any) -> list[dict[str, Any]]:
    """Return one line for each price, in minor units."""
    return [
        {"line": n, "sku": f"sku-{n}", "qty": 1, "unit_price": price} | more
        for n, price in enumerate(prices, start=1)
    ]


def sku(name: str, price: int, qty: int = 1, line: int = 1) -> dict[str, Any]:
    return {"line": line, "sku": name, "qty": qty, "unit_price": price}


async def issue(app: App, number: str, kind: str = "plastic", **profile: Any) -> None:
    """Give a card with this number an owner."""
    card = NewCard(kind=kind, number=number, identifiers=(("number", number),))
    assert await app.cards.issue(card, Profile(**profile))


async def account_of(pos: Pos, number: str) -> str:
    account: str = (await pos.call("card.show", card=number))["account"]
    return account


async def refusal(pos: Pos, method: str, /, **params: Any) -> tuple[int, str]:
    """Call what must be refused; return the code and its name."""
    error = await refused(pos, method, **params)
    return error.code, error.data["name"]


def override() -> dict[str, dict[str, str]]:
    return {"override": {"by": "senior", "reason": "the test spends with a printed card"}}


def canonical(answer: Any) -> bytes:
    return msgspec.json.encode(answer, order="sorted")
