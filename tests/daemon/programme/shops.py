"""Short ways to say a programme, a basket and the facts of one moment."""

from datetime import UTC, datetime
from pathlib import Path

from daemon.programme.basket import Basket, BasketLine, Fact, Facts
from daemon.programme.price import price
from daemon.programme.programme import Programme, load
from daemon.programme.quote import Quote

PROGRAMMES = Path(__file__).parents[3] / "docs" / "programmes"
HEAD = '[programme]\nid = "test"\ncurrency = "UAH"\ntz = "Europe/Kyiv"\n'
SUNDAY_NOON = datetime(2026, 11, 22, 10, tzinfo=UTC)
A_CARD: dict[str, Fact] = {"card.account": "a1"}


def sample(name: str) -> Programme:
    return load((PROGRAMMES / f"{name}.toml").read_text("utf-8"))


def shop(rest: str) -> Programme:
    return load(HEAD + rest)


def line(number: int, unit_price: int, qty: int = 1, *category: str) -> BasketLine:
    sku = f"sku-{number}"
    return BasketLine(line=number, sku=sku, qty=qty, unit_price=unit_price, category=category)


def basket(*prices: int) -> Basket:
    return Basket(lines=tuple(line(i + 1, minor) for i, minor in enumerate(prices)))


def quote(programme: Programme, goods: Basket, facts: dict[str, Fact] | None = None) -> Quote:
    return price(programme, goods, Facts(SUNDAY_NOON, facts or {}))
