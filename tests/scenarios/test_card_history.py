"""A card's page says of each movement what it was, where, and how much of which balance."""

import re
from datetime import date
from pathlib import Path

import pytest
from aiohttp import ClientSession

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till
from web.page_language import Language

TOKEN, NUMBER = "d" * 22, "2900000000117"
PROGRAMME = (
    HEAD
    + """
[[purse]]
id = "bonus"
unit = "UAH"

[[purse]]
id = "stars"
unit = "points"

[[rule]]
id = "earn"
give = { earn = "bonus", percent = 5 }

[[rule]]
id = "star"
give = { earn = "stars", amount = 2 }

[[rule]]
id = "pay"
give = { burn = "bonus" }
"""
)
TERMINAL, BALANCES = 'terminal = "till-1"', "[web.balances]"
NAMES = """[web.stores]
7 = { en = "Khreshchatyk 12", uk = "Хрещатик, 12" }
[web.balances]
stars = { en = "Stars", uk = "Зірки" }"""
LINE = re.compile(r"<li>(.*?)</li>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


async def lines_of(app: App, language: str) -> list[str]:
    """Return the lines of lists on the card's page as they are read."""
    url = f"{app.web_url}/c/{TOKEN}?lang={language}"
    async with ClientSession() as web, web.get(url) as page:
        lines = LINE.findall(await page.text())
    return [" ".join(TAG.sub(" ", line).split()) for line in lines]


async def issued(app: App) -> None:
    card = NewCard(kind="plastic", number=NUMBER, token=TOKEN, identifiers=(("number", NUMBER),))
    await app.cards.issue(card, Profile(name="Ann"))


async def played(app: App, pos: Pos) -> None:
    """Top up, buy, pay with what was collected, and bring all of it back."""
    await issued(app)
    await pos.call(
        "card.topup", topup_id="t1", card=NUMBER, purse="bonus", amount=2_000, cashier="Olena"
    )
    by = {"override": {"by": "Olena", "reason": "no phone"}}
    sale = {"sale_id": "s1", "card": NUMBER, "lines": goods(10_000), "burn": {"bonus": 1_500}}
    await pos.call("sale.commit", **sale, **by)
    back = {"return_id": "r1", "sale_id": "s1", "whole": True}
    await pos.call("sale.return", **back, cashier="Olena", reason="torn")


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                "Return +15.00 UAH Khreshchatyk 12 · {day} Bonuses",
                "Return -4.25 UAH Khreshchatyk 12 · {day} Bonuses",
                "Return -2 Khreshchatyk 12 · {day} Stars",
                "Paid at a purchase -15.00 UAH Khreshchatyk 12 · {day} Bonuses",
                "Purchase +2 Khreshchatyk 12 · {day} Stars",
                "Purchase +4.25 UAH Khreshchatyk 12 · {day} Bonuses",
                "Top-up +20.00 UAH Khreshchatyk 12 · {day} Bonuses",
            ],
        ),
        (
            "uk",
            [
                "Оплата покупки -15,00 ₴ Хрещатик, 12 · {day} Бонуси",
                "Повернення +15,00 ₴ Хрещатик, 12 · {day} Бонуси",
                "Повернення -2 Хрещатик, 12 · {day} Зірки",
                "Повернення -4,25 ₴ Хрещатик, 12 · {day} Бонуси",
                "Покупка +2 Хрещатик, 12 · {day} Зірки",
                "Покупка +4,25 ₴ Хрещатик, 12 · {day} Бонуси",
                "Поповнення +20,00 ₴ Хрещатик, 12 · {day} Бонуси",
            ],
        ),
    ],
)
async def test_each_movement_says_its_kind_its_shop_its_amount_and_its_day(
    tmp_path: Path, clock: HandClock, language: str, lines: list[str]
) -> None:
    lay_out(tmp_path, PROGRAMME, **{TERMINAL: f'{TERMINAL}\nstore = "7"', BALANCES: NAMES})
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await played(app, pos)
        day = " ".join(Language(language).day(date(2026, 11, 23)).split())
        assert sorted(await lines_of(app, language)) == sorted(one.format(day=day) for one in lines)


@pytest.mark.parametrize(
    ("store", "place"), [("1", "Sample shop"), ("04", "Sample shop"), ("Podil 4", "Podil 4")]
)
async def test_a_store_without_a_name_for_customers_is_said_as_the_till_says_it(
    tmp_path: Path, clock: HandClock, store: str, place: str
) -> None:
    lay_out(tmp_path, PROGRAMME, **{TERMINAL: f'{TERMINAL}\nstore = "{store}"'})
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await played(app, pos)
        assert f"Top-up +20.00 UAH {place} · 23 Nov 2026 Bonuses" in await lines_of(app, "en")


STEPS = """
[[meter]]
id = "spend"
of = "paid"
window = "life"

[[rule]]
id = "club"
scope = { category = ["tea"] }
give = { percent = { by = "meter.spend", steps = [[30000, 5], [100000, 7]] } }

[[rule]]
id = "gift"
text = "a free cup"
when = { "meter.spend" = { at_least = 40000 } }
give = { percent = 100 }
scope = { sku = "cup" }

[[rule]]
id = "large"
when = { "basket.total" = { at_least = 50000 } }
give = { percent = 1 }
"""


async def test_the_page_says_after_each_sale_what_is_missing_to_the_next_steps(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, HEAD + STEPS)
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await issued(app)
        assert await lines_of(app, "en") == [
            "300.00 UAH more for 5 %",
            "400.00 UAH more for a free cup",
        ]
        await pos.call("sale.commit", sale_id="s1", card=NUMBER, lines=goods(24_900))
        assert await lines_of(app, "en") == [
            "51.00 UAH more for 5 %",
            "151.00 UAH more for a free cup",
        ]
        await pos.call("sale.commit", sale_id="s2", card=NUMBER, lines=goods(20_000))
        assert await lines_of(app, "uk") == ["7 %: ще 551,00 ₴"]
