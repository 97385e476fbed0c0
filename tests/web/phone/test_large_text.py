"""Every page and state at 360 pixels, its text at 100 and at 200 %: nothing is cut or too small.

What is held is measured: the boxes of targets, of lines, of groups of digits.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import TypeAlias

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from daemon.base.refusals import ErrorCode
from daemon.shop.phone_card_views import CardState, Coupon, ShownStep
from tests.browser.phones import LIVE, new_phone
from tests.support.browser import PLAIN_HOST
from tests.web.conftest import OpenShop, Shop
from tests.web.memory_desk import BALANCES, HISTORY
from web.web_settings import WebSettings

WIDTH = 360
LONG_SHOP = "Household Goods and Garden Furniture of Khreshchatyk and Podil"
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff Maximilian Alexander the Third of Kyiv"
STEPS = (ShownStep(75_100, "7 %", "UAH"), ShownStep(2, "a free coffee"))
OFFER = Coupon({"en": "A coffee with every breakfast", "uk": "Кава до кожного сніданку"}, 3)
MEASURED = """() => {
  const wrong = [], shown = (element) => element.checkVisibility();
  const name = (element) => `${element.tagName} "${element.textContent.trim().slice(0, 30)}"`;
  for (const target of document.querySelectorAll("a, button, summary, input:not([type=hidden])")) {
    if (!shown(target)) continue;
    const { width, height } = (target.closest("label") ?? target).getBoundingClientRect();
    if (width < 44 || height < 44) wrong.push(`${name(target)}: target of ${width} x ${height}`);
  }
  for (const group of document.querySelectorAll(".number span")) {
    if (shown(group) && group.getClientRects().length !== 1) wrong.push(`${name(group)}: parted`);
  }
  for (const named of document.querySelectorAll(".shop, .holder")) {
    const line = parseFloat(getComputedStyle(named).lineHeight);
    const lines = named.getBoundingClientRect().height / line;
    if (Math.round(lines) > 2) wrong.push(`${name(named)}: ${lines} lines`);
  }
  const boxes = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, parent = text.parentElement, range = document.createRange();
    if (!text.data.trim() || !shown(parent) || parent.closest("script, noscript")) continue;
    range.selectNodeContents(text);
    const clip = parent.matches(".shop, .holder") && parent.getBoundingClientRect();
    for (const box of range.getClientRects()) {
      if (clip && box.top >= clip.bottom - 2) continue;
      if (box.left < -.5 || box.right > innerWidth + .5) wrong.push(`${name(parent)}: cut`);
      boxes.push([parent, box]);
    }
  }
  for (const [i, [one, a]] of boxes.entries()) {
    for (const [other, b] of boxes.slice(0, i)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (one !== other && wide > 1 && high > Math.min(a.height, b.height) / 3) {
        wrong.push(`${name(one)} lies on ${name(other)}`);
      }
    }
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) wrong.push(`scrolls sideways by ${scrollWidth - clientWidth}`);
  return wrong;
}"""
Go: TypeAlias = "Callable[[Shop, Page], AsyncIterator[str]]"


def full(shop: Shop, **changes: object) -> str:
    whole = {
        "name": LONG_NAME,
        "ean13": "0412345678903",
        "status": "Platinum",
        "balances": BALANCES,
        "history": HISTORY,
        "steps": STEPS,
        "until": date(2027, 12, 31),
    }
    return shop.desk.add(**(whole | changes))


async def live_card(shop: Shop, page: Page) -> AsyncIterator[str]:
    yield f"/c/{full(shop)}"
    await page.wait_for_selector(LIVE)
    yield "live"
    await page.tap("summary")
    yield "more"
    await page.tap(".kinds [data-kind=code128]")
    await page.wait_for_selector("#live.code128:not([hidden])")
    yield "live bars"
    await page.goto(f"{page.url.partition('?')[0]}?kind=ean13")
    yield "the till's own kind"


async def other_cards(shop: Shop, page: Page) -> AsyncIterator[str]:
    for state in set(CardState) - {CardState.ACTIVE, CardState.USED}:
        yield f"/c/{full(shop, state=state)}"
    for state in (CardState.ACTIVE, CardState.USED, CardState.EXPIRED):
        yield f"/c/{shop.desk.add(coupon=OFFER, state=state, until=date(2027, 1, 1))}"
    yield f"/c/{full(shop, generation=1)}"
    await page.wait_for_selector("[data-notice=elsewhere]")
    yield "on another phone"


async def a_copy_without_a_key(shop: Shop, page: Page) -> AsyncIterator[str]:
    token = full(shop, generation=1)
    cookie = {"name": "card", "value": token, "url": shop.url}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    yield f"/c/{token}"
    await page.wait_for_selector("[data-notice=no-key]")
    await page.tap("#paste button")
    yield "no link"
    await page.tap("#collect")
    yield "a code that collects"


async def forms(shop: Shop, page: Page) -> AsyncIterator[str]:
    yield "/"
    yield "/join"
    await page.fill("#name", "x" * 81)
    await page.fill("#phone", "050 12")
    await page.fill("#email", "nobody")
    await page.tap("button[type=submit]")
    await page.wait_for_selector(".mistake")
    yield "mistakes"
    await page.goto(f"{shop.url}/join")
    await page.tap("button[type=submit]")
    await page.wait_for_url("**/c/*")
    yield "a card for nothing filled in"
    yield "/"


async def links(shop: Shop, page: Page) -> AsyncIterator[str]:
    code = shop.desk.offer(full(shop))
    yield f"/bind/{code}"
    shop.desk.offers.clear()
    await page.tap("#bind")
    await page.wait_for_selector("#too-late")
    yield "too late"


async def errors(shop: Shop, page: Page) -> AsyncIterator[str]:
    yield "/nope"
    token = full(shop)
    shop.desk.moved[token] = ""
    del shop.desk.cards[token]
    yield f"/c/{token}"
    shop.desk.refusal = ErrorCode.BUSY
    yield f"/c/{full(shop)}"
    shop.desk.refusal = ErrorCode.CARD_BLOCKED
    yield f"/c/{full(shop)}"


async def plain_http(shop: Shop, page: Page) -> AsyncIterator[str]:
    yield f"/c/{full(shop)}"
    await page.wait_for_selector("[data-notice=plain]")
    yield "over plain HTTP"
    yield f"/bind/{shop.desk.offer(full(shop))}"
    await page.wait_for_selector("#plain")
    yield "a link over plain HTTP"


@asynccontextmanager
async def opened(browser: Browser, language: str) -> AsyncIterator[Page]:
    phone: BrowserContext = await new_phone(browser, width=WIDTH, height=640)
    await phone.set_extra_http_headers({"Accept-Language": language})
    yield await phone.new_page()
    await phone.close()


@pytest.mark.parametrize("percent", [100, 200])
@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize(
    "visit",
    [live_card, other_cards, a_copy_without_a_key, forms, links, errors, plain_http],
    ids=lambda visit: visit.__name__,
)
async def test_no_text_is_cut_and_no_target_too_small(
    browser: Browser, open_shop: OpenShop, visit: Go, language: str, percent: int
) -> None:
    settings = WebSettings(shop_name=LONG_SHOP)
    async with open_shop(settings) as shop, opened(browser, language) as page:
        url = shop.url.replace("127.0.0.1", PLAIN_HOST) if visit is plain_http else shop.url
        await page.add_init_script(
            "addEventListener('DOMContentLoaded', () => {"
            f"  document.documentElement.style.fontSize = '{percent}%';"
            "})"
        )
        wrong = {}
        async for state in visit(shop, page):
            if state.startswith("/"):
                await page.goto(url + state)
            # A selector may be found before the style sheet is there; `load` waits for both.
            await page.wait_for_load_state("load")
            if found := await page.evaluate(MEASURED):
                wrong[state] = found
        assert wrong == {}
