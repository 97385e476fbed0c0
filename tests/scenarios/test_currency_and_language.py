"""Shops that count in yen, which has no smaller unit, and in dinars of a thousand fils."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, lay_out, open_till

HELLO = {"client": "till", "version": "1"}
TOKEN, NUMBER = "d" * 22, "2900000000117"
RULES = """
[[purse]]
id = "bonus"
unit = "{code}"

[[rule]]
id = "off"
when = {{ basket = {{ total = {{ at_least = "{least}" }} }} }}
give = {{ amount = "{off}" }}

[[rule]]
id = "earn"
give = {{ earn = "bonus", percent = 10 }}

[[rule]]
id = "pay"
give = {{ burn = "bonus" }}
"""


class Shop(NamedTuple):
    """A shop that takes ``off`` from ``least`` on, and how it writes 1,500 minor units."""

    code: str
    least: str
    off: str
    written: str
    short: str
    on_the_page: str

    @property
    def programme(self) -> str:
        rules = RULES.format(code=self.code, least=self.least, off=self.off)
        return HEAD.replace("UAH", self.code) + rules


SHOPS = [
    Shop("UAH", "15.00", "5.00", "15.00", "14.99", "1.00 UAH"),
    Shop("JPY", "1500", "500", "1500", "1499", "100 JP¥"),
    Shop("KWD", "1.500", "0.500", "1.500", "1.499", "0.100 KWD"),
]


@asynccontextmanager
async def opened(home: Path, shop: Shop, **replace: str) -> AsyncIterator[tuple[App, Pos]]:
    lay_out(home, shop.programme, **replace)
    async with open_till(home, HandClock()) as app, Pos.connect(app.socket) as pos:
        yield app, pos


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.code)
async def test_a_shop_is_told_in_its_own_currency_from_hello_to_receipt(
    tmp_path: Path, shop: Shop
) -> None:
    async with opened(tmp_path, shop) as (app, pos):
        assert pos.greeting["currency"] == shop.code
        short = await pos.call("sale.quote", lines=goods(1), currency=shop.code)
        assert [step["text"] for step in short["next"]] == [f"{shop.short} more for {shop.off}"]
        assert short["why_not"][0]["text"] == f"basket.total at least {shop.written}"

        card = NewCard(
            kind="plastic", number=NUMBER, token=TOKEN, identifiers=(("number", NUMBER),)
        )
        await app.cards.issue(card, Profile(name="Ann"))
        sold = await pos.call("sale.commit", sale_id="s1", card=NUMBER, lines=goods(1_500))
        assert (sold["total"], sold["balances"]["bonus"]["available"]) == (1_000, 100)
        [line] = sold["receipt"]["lines"]
        assert [applied["text"] for applied in line["applied"]] == [shop.off]
        async with ClientSession() as web, web.get(f"{app.web_url}/c/{TOKEN}") as page:
            text = (await page.text()).replace("\N{NO-BREAK SPACE}", " ")
        assert f"<dd>{shop.on_the_page}</dd>" in text
        assert f"+{shop.on_the_page}" in text, "in the history"


SENTENCES = {
    "en": {
        "total": "The total is {0}, not {1}; nothing was posted.",
        "holds": "bonus holds {0}; {1} was asked.",
        "typed": "A typed number pays up to {0}:",
        "put": "At most {0} are put on a card at once.",
    },
    "uk": {
        "total": "До сплати {0}, а не {1}; нічого не проведено.",
        "holds": "У гаманці bonus є {0}; просили {1}.",
        "typed": "За набраним номером можна заплатити не більше ніж {0}:",
        "put": "За один раз на картку кладуть не більше ніж {0}.",
    },
}


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize(
    ("shop", "amounts"),
    [
        (SHOPS[0], ("15.00", "5.00", "1.00", "0.20", "10.00")),
        (SHOPS[1], ("1500", "500", "100", "20", "1000")),
        (SHOPS[2], ("1.500", "0.500", "0.100", "0.020", "1.000")),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
async def test_every_refusal_says_amounts_in_the_shop_s_currency(
    tmp_path: Path, shop: Shop, amounts: tuple[str, ...], language: str
) -> None:
    sentences = SENTENCES[language]
    policy = "[policy]\ntyped_spend_max = 20\ntopup_max = 100\n[web]"
    async with opened(tmp_path, shop, **{"[web]": policy}) as (_, pos):
        await pos.call("hello", **HELLO, language=language)

        async def told(method: str, **params: Any) -> str:
            return (await refused(pos, method, **params)).message

        total = await told("sale.commit", sale_id="s1", lines=goods(1_500), expect_total=1_500)
        assert total.startswith(sentences["total"].format(amounts[4], amounts[0]))
        put = await told("card.topup", topup_id="t1", card=PLASTIC, purse="bonus", amount=500)
        assert put == sentences["put"].format(amounts[2])
        await pos.call("card.topup", topup_id="t2", card=PLASTIC, purse="bonus", amount=100)
        burn = {"card": PLASTIC, "lines": goods(900), "burn": {"bonus": 500}}
        assert await told("sale.quote", **burn) == sentences["holds"].format(amounts[2], amounts[1])
        typed = await told("sale.quote", **burn | {"burn": {"bonus": 100}})
        assert typed.startswith(sentences["typed"].format(amounts[3]))
