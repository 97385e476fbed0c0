"""Coupons for once and for many times: the same card as a page, a picture and a pass."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import jwt
import pytest
from aiohttp import ClientSession

from daemon.accounts.card_numbers import draw
from daemon.accounts.cards import Profile
from daemon.app.running import App
from daemon.base.config import CardNumbersSection
from tests.scenarios.baskets import BASKET
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till
from tests.web.decode import read_codes, to_picture
from tests.web.wallets.iphone import Phone, unpacked
from web.phone.code_images import CodeKind, ImageFormat

RULES = """
[[rule]]
id = "{kind}"
text = "10 % with the coupon"
lane = "card"
when = {{ card = {{ kind = "{kind}" }} }}
limit = {{ per_card = {times} }}
give = {{ percent = 10 }}
"""
COUPONS = """
[web.coupons.once]
rule = "once"
en = "Ten per cent off"

[web.coupons.thrice]
rule = "thrice"

[web.coupons.free]
uk = "Вітаємо"
"""
UNTIL = "2026-11-30T22:00:00.000000Z"
ENDS = "2026-11-30T22:00:00Z"
LAST_SECOND = "2026-11-30T21:59:59"


@pytest.fixture
def home(home: Path) -> Path:
    sample = (resources.files("daemon.cli") / "sample" / "programme.toml").read_text("utf-8")
    rules = RULES.format(kind="once", times=1) + RULES.format(kind="thrice", times=3)
    (home / "programme.toml").write_text(sample + rules, "utf-8")
    with (home / "tillcard.toml").open("a", encoding="utf-8") as file:
        file.write(COUPONS)
    return home


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected


@pytest.fixture
async def phone(till: App) -> AsyncIterator[Phone]:
    async with ClientSession() as client:
        yield Phone(till, client)


async def take(till: App, phone: Phone, kind: str) -> str:
    """Issue a coupon and open it on the phone; return its number."""
    card = draw(CardNumbersSection(), kind=kind, until=UNTIL)
    assert await till.cards.issue(card, Profile())
    phone.card = f"/c/{card.token}"
    return card.number


async def page(phone: Phone, language: str = "en") -> str:
    return (await phone.call("GET", f"{phone.card}?lang={language}")).text


async def pass_of(phone: Phone) -> Any:
    return json.loads(unpacked((await phone.authorised("GET", phone.mine)).body)["pass.json"])


async def spend(pos: Pos, number: str, sale_id: str) -> int:
    shown = (await pos.call("card.identify", scan=number))["presentation"]
    sale = {"sale_id": sale_id, "presentation": shown, "lines": BASKET}
    discount: int = (await pos.call("sale.commit", **sale))["receipt"]["discount"]
    return discount


async def test_a_coupon_for_once_is_a_page_a_picture_and_a_pass_until_it_is_used(
    till: App, phone: Phone, pos: Pos, clock: HandClock
) -> None:
    number = await take(till, phone, "once")
    shown = await page(phone)
    for words in ("Ten per cent off", "Valid until 30 Nov 2026", "Uses left: 1"):
        assert words in shown
    for words in ("History", "Bonuses", "My card"):
        assert words not in shown, "a coupon is no account"
    picture = await phone.call("GET", f"{phone.card}/code.png")
    assert read_codes(to_picture(picture.body, ImageFormat.PNG), CodeKind.QR) == [number]
    await phone.add()
    assert phone.content["storeCard"]["primaryFields"][0]["value"] == "Ten per cent off"
    assert phone.content["description"] == "Coupon of Sample shop"
    assert phone.content["expirationDate"] == ENDS
    lines = {one["label"]: one["value"] for one in phone.content["storeCard"]["secondaryFields"]}
    assert (lines["Valid until"], lines["Uses left"]) == ("30 Nov 2026", "1")
    google = (await phone.call("GET", f"{phone.card}/google")).headers["Location"]
    claims = jwt.decode(google.rpartition("/")[2], options={"verify_signature": False})
    [saved] = claims["payload"]["loyaltyObjects"]
    assert saved["validTimeInterval"] == {"end": {"date": ENDS}}
    assert saved["textModulesData"] == [
        {"id": "offer", "header": "Coupon", "body": "Ten per cent off"}
    ]
    catima = (await phone.call("GET", f"{phone.card}/catima")).headers["Location"]
    (expiry_ms,) = parse_qs(unquote_plus(catima.partition("#")[2]))["expiry"]
    assert datetime.fromtimestamp(int(expiry_ms) / 1_000, UTC).isoformat()[:19] == LAST_SECOND
    await phone.authorised("POST", phone.held(), {"pushToken": "p1"})
    clock.move(seconds=5)

    assert await spend(pos, number, "s1") == 7_000
    shown = await page(phone)
    assert "This coupon has been used" in shown
    assert "Uses left" not in shown
    assert "code.svg" not in shown
    assert (await phone.call("GET", f"{phone.card}/code.png")).status == 410
    assert (await pass_of(phone))["voided"] is True
    listed = json.loads((await phone.call("GET", phone.held(serial=False))).body)
    assert listed["serialNumbers"] == [phone.content["serialNumber"]], "the phone will ask"


async def test_a_coupon_for_many_times_counts_down(till: App, phone: Phone, pos: Pos) -> None:
    number = await take(till, phone, "thrice")
    for left in (3, 2, 1):
        assert f"Uses left: {left}" in await page(phone)
        assert f"Залишилося використань: {left}" in await page(phone, "uk")
        assert await spend(pos, number, f"s{left}") == 7_000
    assert "This coupon has been used" in await page(phone)
    await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True, cashier="a", reason="b")
    assert "This coupon has been used" in await page(phone), "unless its rule says returnable"


async def test_a_coupon_ends_with_its_last_day_by_itself(
    till: App, phone: Phone, clock: HandClock
) -> None:
    await take(till, phone, "once")
    clock.move(hours=24 * 8)
    shown = await page(phone)
    assert "This coupon has expired" in shown
    assert "code.svg" not in shown
    assert (await phone.call("GET", f"{phone.card}/apple")).status == 410


async def test_a_coupon_without_a_rule_says_what_it_can(till: App, phone: Phone) -> None:
    await take(till, phone, "free")
    assert '<p class="offer">Coupon</p>' in await page(phone)
    assert '<p class="offer">Вітаємо</p>' in await page(phone, "uk")
    assert "Uses left" not in await page(phone)


async def test_a_coupon_of_a_rule_that_is_gone_is_no_error(tmp_path: Path) -> None:
    lay_out(tmp_path)
    with (tmp_path / "tillcard.toml").open("a", encoding="utf-8") as file:
        file.write(COUPONS)
    async with open_till(tmp_path, HandClock()) as till, ClientSession() as client:
        phone = Phone(till, client)
        await take(till, phone, "thrice")
        assert '<p class="offer">Coupon</p>' in await page(phone)
