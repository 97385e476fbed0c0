"""What is bought in the sample year, on which day, by whom, and what comes back. Pure."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from daemon.programme.basket import BasketLine
from daemon.sample_year.drawn_people import CASHIERS, DAYS, Person

SALES = 20_000
WITHOUT_CARD_SHARE, RETURN_SHARE = 0.12, 0.025
RETURNED_WITHIN = 10
"""Days after the sale within which goods come back."""
LINES_MAX = 5
OPENS_MIN, CLOSES_MIN = 9 * 60, 20 * 60
"""Minutes of the day between which people buy; the programme's shop is open a little longer."""
BY_WEEKDAY = (0.9, 0.85, 0.9, 1.0, 1.3, 1.4, 0.7)
"""From Monday on, how busy a day is beside others."""
DECEMBER, DECEMBER_RUSH = 12, 1.5
GOODS = (
    ("coffee-250", "Coffee beans, 250 g", "coffee", 18_900, 12_100),
    ("coffee-1kg", "Coffee beans, 1 kg", "coffee", 62_000, 43_500),
    ("tea-green", "Green tea, 100 g", "tea", 14_500, 7_900),
    ("tea-black", "Black tea, 100 g", "tea", 11_900, 6_200),
    ("cup", "Cup", "dishes", 8_550, 4_000),
    ("pot", "Teapot", "dishes", 54_900, 31_000),
    ("grinder", "Coffee grinder", "machines", 189_900, 139_000),
    ("press", "French press", "machines", 79_900, 48_000),
    ("honey", "Honey, 0.5 l", "food", 16_500, 10_900),
    ("biscuits", "Biscuits", "food", 7_490, 4_300),
    ("chocolate", "Chocolate, 90 g", "food", 9_200, 5_600),
    ("syrup", "Syrup, 0.25 l", "food", 12_800, 7_100),
)
"""Number, name, category, price and cost of the shop's goods, minor units."""


class Purchase(NamedTuple):
    """A sale. buyer: the card's number, or "" without one. minute: of the local day.

    back_after: the goods come back so many days later; 0: they stay.
    """

    number: int
    minute: int
    buyer: str
    cashier: str
    lines: tuple[BasketLine, ...]
    back_after: int


class Day(NamedTuple):
    """Who comes for a card on a day, and what is sold, by the minute."""

    people: tuple[Person, ...]
    purchases: tuple[Purchase, ...]


def draw_days(
    random: Random, people: Sequence[Person], weekday: int, month_of: Sequence[int], sales: int
) -> Iterator[Day]:
    """Draw a year. weekday: of its first day, Monday is 0. month_of: each day's month, 1 to 12."""
    busy = [
        BY_WEEKDAY[(weekday + day) % 7] * (DECEMBER_RUSH if month_of[day] == DECEMBER else 1)
        for day in range(DAYS)
    ]
    ends = [round(sales * part / sum(busy)) for part in accumulate(busy)]
    numbers = 0
    for day, end in enumerate(ends):
        new = tuple(one for one in people if one.since == day)
        there = [one for one in people if one.since <= day <= one.until]
        buyers = _drawn(random, there, end - numbers)
        purchases = [
            _purchase(random, number, None if random.random() < WITHOUT_CARD_SHARE else buyer)
            for number, buyer in enumerate(buyers, start=numbers)
        ]
        yield Day(new, tuple(sorted(purchases, key=lambda one: one.minute)))
        numbers = end


def _drawn(random: Random, there: Sequence[Person], count: int) -> list[Person]:
    """Draw so many people, by how often they come; nobody twice on a day where that can be."""
    often = [one.often for one in there]
    drawn: dict[Person, None] = {}
    while len(drawn) < min(count, len(there)):
        drawn |= dict.fromkeys(random.choices(there, often, k=count - len(drawn)))
    return [*drawn, *random.choices(there, often, k=count - len(drawn))]


def _purchase(random: Random, number: int, buyer: Person | None) -> Purchase:
    spends = buyer.spends if buyer else 25_000
    lines: list[BasketLine] = []
    total = 0
    while len(lines) < LINES_MAX and total < spends:
        sku, name, category, price, cost = random.choice(GOODS)
        qty = random.choice((1, 1, 1, 2))
        total += price * qty
        line = BasketLine(
            line=len(lines) + 1,
            sku=sku,
            name=name,
            category=(category,),
            qty=qty,
            unit_price=price,
            cost=cost,
        )
        lines.append(line)
    comes_back = random.random() < RETURN_SHARE
    return Purchase(
        number=number,
        minute=random.randrange(OPENS_MIN, CLOSES_MIN),
        buyer=buyer.number if buyer else "",
        cashier=random.choice(CASHIERS),
        lines=tuple(lines),
        back_after=random.randrange(1, RETURNED_WITHIN + 1) if comes_back else 0,
    )
