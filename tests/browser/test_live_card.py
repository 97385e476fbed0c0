"""The card page in a real browser, its code scanned off the screen at a real till."""

import asyncio
import io
from pathlib import Path

import aiohttp
import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from card_formats.credential import Credential, Medium, Trust
from daemon.app.running import App
from daemon.base.clock import SystemClock
from daemon.keys.phone_keys import PHONE_KEYS_FILE, add_phone_key, retire_phone_keys
from daemon.readers.simulated.pseudo_terminal import Terminal
from tests.browser.phones import LIVE, join, link, new_phone, scan
from tests.scenarios.baskets import sell
from tests.scenarios.test_real_readers import wait_until_ready
from tests.support.browser import PLAIN_HOST
from tests.support.till import (
    CHIP_UID,
    PATIENCE_S,
    Pos,
    RefusedByTillError,
    audited,
    lay_out,
    open_till,
)
from tests.web.decode import read_codes
from tests.web.test_tls import write_tls_files
from web.guesses import GUESSES_MAX
from web.phone.code_images import CodeKind

FORGET = """async () => {
  const { forget } = await import('/static/phone.js');
  await forget(document.getElementById('card').dataset.token);
}"""
KEY_KEPT = """async (id) => {
  const { kept } = await import('/static/phone.js');
  const { token } = document.getElementById('card').dataset;
  while ((await kept(token))?.keyId !== id) await new Promise(requestAnimationFrame);
}"""
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
SCROLL = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
DOTS = "document.querySelector('#live').getBoundingClientRect().width * devicePixelRatio"
AWAKE = """
  window.asked = 0;
  const request = WakeLock.prototype.request;
  WakeLock.prototype.request = function (kind) {
    window.asked += 1;
    return request.call(this, kind);
  };
"""
READY = "[data-ready=offline]"


@pytest.fixture
async def phone(browser: Browser) -> BrowserContext:
    return await new_phone(browser)


@pytest.mark.parametrize("kind", [CodeKind.QR, CodeKind.CODE128])
async def test_a_customer_joins_is_scanned_pays_and_sees_the_balance(
    till: App, pos: Pos, phone: BrowserContext, kind: CodeKind
) -> None:
    page = await join(phone, till.web_url)
    if kind is CodeKind.CODE128:
        await page.tap("nav >> text=Bars")
    await expect(page.locator(f"#live.{kind}")).to_be_visible()
    code, number = await scan(page, kind), await page.locator(".number").inner_text()
    if number.replace("\n", "") != code:  # the half minute ended between the two looks
        code, number = await scan(page, kind), await page.locator(".number").inner_text()
    assert len(code) == 22
    assert number.replace("\n", "") == code
    identified = await pos.call("card.identify", scan=code)
    assert (identified["name"], identified["trust"]) == ("Olha", "rotating")
    posted = await sell(pos, "s1", identified["presentation"])
    assert posted["balances"]["bonus"]["available"] == 3_500
    await page.reload()
    await page.wait_for_selector(LIVE)
    await expect(page.locator("#balances")).to_contain_text("35.00")
    await expect(page.locator("#history")).to_contain_text("Purchase")


async def test_a_screenshot_of_twelve_minutes_ago_is_of_no_use(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    await phone.add_init_script("Date.now = (now => () => now() - 720_000)(Date.now)")
    page = await join(phone, till.web_url)
    code = await scan(page, CodeKind.QR)
    with pytest.raises(RefusedByTillError) as caught:
        await pos.call("card.identify", scan=code)
    assert caught.value.code == 1014


async def test_the_card_opens_and_counts_on_without_a_network(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    await page.wait_for_selector(READY, state="attached")
    await page.tap("summary >> text=More")
    await expect(page.locator("text=Put this page on your home screen")).to_be_visible()
    await phone.set_offline(True)
    await page.reload()
    await page.wait_for_selector(LIVE)
    await expect(page.locator("[data-notice=offline]")).to_be_visible()
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"
    await page.tap("nav >> text=Bars")
    await expect(page.locator("#live.code128")).to_be_visible()
    for needs_network in ("nav >> text=Short bars", "footer >> a"):
        await page.tap(needs_network)
        await expect(page.locator("[data-notice=needs-network]")).to_be_visible()
        await expect(page.locator("#live.code128")).to_be_visible()
    await page.reload()
    await page.wait_for_selector(LIVE)
    await phone.set_offline(False)
    await page.evaluate(LOOK_AGAIN)
    await expect(page.locator("[data-notice=offline]")).to_be_hidden()


async def test_a_scanner_on_a_serial_line_reads_the_screen_and_the_page_shows_the_sale(
    tmp_path: Path, phone: BrowserContext
) -> None:
    port = tmp_path / "scanner"
    terminal = Terminal(port)
    terminal.plug()
    serial = f'kind = "serial"\ndevice = "{port}"'
    lay_out(tmp_path, **{'kind = "simulated"\ndevice = "scanner"': serial})
    try:
        async with open_till(tmp_path, SystemClock()) as till, Pos.connect(till.socket) as pos:
            await wait_until_ready(pos, "scanner")
            page = await join(phone, till.web_url)
            terminal.send(f"]Q1{await scan(page, CodeKind.QR)}\r".encode())
            assert (await pos.event("card.presented"))["trust"] == "rotating"
            identified = await pos.call("card.identify", reader="scanner")
            assert (await sell(pos, "s1", identified["presentation"]))["state"] == "posted"
            await page.evaluate(LOOK_AGAIN)
            await expect(page.locator("#balances")).to_contain_text("35.00")
            await expect(page.locator("#history")).to_contain_text("Purchase")
        assert audited(tmp_path).findings == ()
    finally:
        terminal.unplug()


async def test_somebody_s_guesses_slow_no_card_s_own_page(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    await page.wait_for_selector(READY, state="attached")
    async with aiohttp.ClientSession() as guesser:
        for number in range(GUESSES_MAX):
            async with guesser.get(f"{till.web_url}/c/{number:022d}") as answer:
                assert answer.status == 404
        async with guesser.get(f"{till.web_url}/c/{GUESSES_MAX:022d}") as answer:
            assert answer.status == 429, "the shop's Wi-Fi is one address"
        async with guesser.get(page.url) as answer:
            assert answer.status == 200
    await page.reload()
    await page.wait_for_selector(LIVE)
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"


async def test_over_https_the_code_is_live_under_any_name(tmp_path: Path, browser: Browser) -> None:
    write_tls_files(tmp_path)
    files = 'port = 0\ncertificate = "web.pem"\nkey = "web.key"'
    lay_out(tmp_path, **{"port = 0": files})
    async with open_till(tmp_path, SystemClock()) as till, Pos.connect(till.socket) as pos:
        phone = await new_phone(browser, ignore_https_errors=True)
        page = await join(phone, till.web_url.replace("127.0.0.1", PLAIN_HOST))
        assert page.url.startswith(f"https://{PLAIN_HOST}")
        code = await scan(page, CodeKind.QR)
        assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"


async def test_a_second_phone_with_the_same_address_sees_no_live_code(
    till: App, pos: Pos, browser: Browser, phone: BrowserContext
) -> None:
    first = await join(phone, till.web_url)
    second = await (await new_phone(browser)).new_page()
    await second.goto(first.url)
    await expect(second.locator("[data-notice=elsewhere]")).to_be_visible()
    copied = await scan(second, CodeKind.QR)
    assert (await pos.call("card.identify", scan=copied))["trust"] == "static"
    live = await scan(first, CodeKind.QR)
    assert (await pos.call("card.identify", scan=live))["trust"] == "rotating"


async def test_a_lost_phone_has_no_code_any_more_and_a_link_brings_the_card_back(
    till: App, pos: Pos, browser: Browser, phone: BrowserContext
) -> None:
    lost = await join(phone, till.web_url)
    code = await scan(lost, CodeKind.QR)
    by_phone = Credential("phone", code[2:12], Medium.BARCODE, Trust.STATIC)
    card = (await till.cards.resolve(by_phone)).card.number
    shown = await pos.call("card.identify", number=card, typed_by="anna")
    why = {"by": "senior", "reason": "lost her phone, showed her passport"}
    await pos.call("card.phone_revoke", presentation=shown["presentation"], **why)
    await lost.evaluate(LOOK_AGAIN)
    await expect(lost.locator("[data-notice=moved]")).to_be_visible()
    given = await pos.call("card.phone_link", presentation=shown["presentation"], override=why)
    new = await (await new_phone(browser)).new_page()
    await new.goto(given["url"])
    await new.tap("text=Use this phone")
    await new.wait_for_selector(LIVE)
    identified = await pos.call("card.identify", scan=await scan(new, CodeKind.QR))
    assert (identified["name"], identified["trust"]) == ("Olha", "rotating")


async def test_the_key_never_leaves_the_phone(till: App, phone: BrowserContext) -> None:
    page = await join(phone, till.web_url)
    read = """async () => {
      const { kept } = await import('/static/phone.js');
      const card = await kept(document.getElementById('card').dataset.token);
      try { await crypto.subtle.exportKey('raw', card.key); return 'exported'; }
      catch { return card.key.extractable; }
    }"""
    assert await page.evaluate(read) is False
    cookie = "document.cookie"
    assert await page.evaluate(cookie) == "", "every cookie is closed to scripts"


async def test_a_link_from_the_till_moves_the_card_and_the_old_phone_dies_visibly(
    till: App, pos: Pos, browser: Browser, phone: BrowserContext
) -> None:
    old = await join(phone, till.web_url)
    old_code = await scan(old, CodeKind.QR)
    second = await new_phone(browser)
    page = await second.new_page()
    await page.goto(await link(till, old_code))
    await page.tap("text=Use this phone")
    await page.wait_for_selector(LIVE)
    new_code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=new_code))["name"] == "Olha"
    with pytest.raises(RefusedByTillError) as caught:
        await pos.call("card.identify", scan=old_code)
    assert caught.value.data["reason"] == "old_phone"
    await old.evaluate(LOOK_AGAIN)
    await expect(old.locator("[data-notice=moved]")).to_be_visible()
    assert await old.locator("#code svg").count() == 0
    await old.reload()
    await expect(old.locator("body")).to_contain_text("This card has moved to another phone")
    await old.goto(till.web_url)
    await expect(old.locator("text=Open my card")).to_have_count(0)


async def copy_of(browser: Browser, phone: BrowserContext, page: Page) -> Page:
    """Open the card as a copy on a home screen does: cookies came with it, no storage did."""
    state = await phone.storage_state()
    copy = await new_phone(browser, cookies=state)
    opened = await copy.new_page()
    await opened.goto(page.url)
    return opened


@pytest.mark.parametrize("language", ["en", "uk"])
async def test_a_copy_with_cookies_and_no_key_says_so_and_shows_no_code(
    till: App, browser: Browser, phone: BrowserContext, language: str
) -> None:
    page = await join(phone, till.web_url)
    copy = await copy_of(browser, phone, page)
    await copy.goto(f"{page.url}?lang={language}")
    await expect(copy.locator("[data-notice=no-key]")).to_be_visible()
    await expect(copy.locator("#code")).to_be_hidden()
    await expect(copy.locator("#balances")).to_be_visible()
    picture = Image.open(io.BytesIO(await copy.screenshot(full_page=True))).convert("L")
    assert [read_codes(picture, kind) for kind in CodeKind] == [[], [], []]
    await page.reload()
    await page.wait_for_selector(LIVE)


async def test_a_link_put_into_a_copy_gives_it_the_card_and_its_icon_opens_it_from_then_on(
    till: App, pos: Pos, browser: Browser, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    copy = await copy_of(browser, phone, page)
    await copy.fill("#link", "https://card.example/join")
    await copy.tap("text=Open the link here")
    await expect(copy.locator("#link-mistake")).to_be_visible()
    await copy.fill("#link", f" {await link(till, await scan(page, CodeKind.QR))} ")
    await copy.tap("text=Open the link here")
    await copy.tap("text=Use this phone")
    await copy.wait_for_selector(LIVE)
    code = await scan(copy, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"
    await copy.goto(page.url)
    await copy.wait_for_selector(LIVE)
    assert copy.url != page.url, "the address of the icon leads to the card's new one"
    await page.reload()
    await expect(page.locator("body")).to_contain_text("This card has moved to another phone")


async def test_a_phone_that_lost_its_key_says_so_and_shows_what_collects_when_it_is_asked(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    await page.evaluate(FORGET)
    await page.goto(till.web_url)
    await page.tap("text=Open my card")
    await expect(page.locator("[data-notice=no-key]")).to_be_visible()
    await page.tap("text=Show a code that only collects")
    await expect(page.locator("[data-notice=static]")).to_be_visible()
    await page.locator("#static").scroll_into_view_if_needed()
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "static"
    await page.tap("nav >> text=Bars")
    await page.wait_for_url("**?kind=code128")
    await expect(page.locator("#static.code128")).to_be_visible()


async def test_plain_http_shows_a_static_code_and_says_why(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    url = till.web_url.replace("127.0.0.1", PLAIN_HOST)
    page = await phone.new_page()
    await page.goto(f"{url}/join")
    await page.tap("button[type=submit]")
    await expect(page.locator("[data-notice=plain]")).to_be_visible()
    code = await scan(page, CodeKind.QR)
    assert len(code) == 16
    assert (await pos.call("card.identify", scan=code))["trust"] == "static"
    assert not await page.locator("#live").is_visible()
    assert not await page.locator("text=Put this page on your home screen").is_visible()


@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("kind", [CodeKind.QR, CodeKind.CODE128])
async def test_the_smallest_dark_phone_shows_whole_modules_on_white_and_scrolls_no_way(
    till: App, browser: Browser, kind: CodeKind, language: str
) -> None:
    phone = await new_phone(browser, width=320, dark=True)
    page = await phone.new_page()
    await page.goto(f"{till.web_url}/?lang={language}")
    page = await join(phone, till.web_url, "Щ" * 80)
    await page.tap(f".kinds [data-kind={kind}]")
    await expect(page.locator(f"#live.{kind}")).to_be_visible()
    assert await page.evaluate(SCROLL) == 0
    per_module = await page.evaluate(DOTS) / {CodeKind.QR: 29, CodeKind.CODE128: 178}[kind]
    assert per_module == pytest.approx(round(per_module), abs=0.002)
    assert per_module >= 3
    await page.locator("#live").scroll_into_view_if_needed()
    assert len(await scan(page, kind)) == 22


async def test_a_phone_whose_clock_is_wrong_is_told(till: App, phone: BrowserContext) -> None:
    await phone.add_init_script("Date.now = (now => () => now() + 600_000)(Date.now)")
    page = await join(phone, till.web_url)
    await page.evaluate(LOOK_AGAIN)
    await expect(page.locator("[data-notice=clock]")).to_be_visible()


async def test_the_screen_is_asked_to_stay_on(till: App, phone: BrowserContext) -> None:
    await phone.add_init_script(AWAKE)
    page = await join(phone, till.web_url)
    await page.wait_for_function("window.asked >= 1")
    await page.evaluate(LOOK_AGAIN)
    await page.wait_for_function("window.asked >= 2")


async def test_on_a_desk_the_card_waits_to_be_told_that_it_stays_here(
    till: App, browser: Browser
) -> None:
    page = await browser.new_page()
    await page.goto(f"{till.web_url}/join")
    await page.click("button[type=submit]")
    await expect(page.locator("[data-notice=first]")).to_be_visible()
    assert len(await scan(page, CodeKind.QR)) == 16
    await page.click("text=Keep it on this device")
    await page.wait_for_selector(LIVE)
    assert len(await scan(page, CodeKind.QR)) == 22


async def test_when_the_shop_changes_its_key_the_page_gets_the_new_one_by_itself(
    tmp_path: Path, phone: BrowserContext
) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, SystemClock()) as till:
        page = await join(phone, till.web_url)
        port = till.web_url.rpartition(":")[2]
    settings = tmp_path / "tillcard.toml"
    settings.write_text(settings.read_text("utf-8").replace("port = 0", f"port = {port}"), "utf-8")
    keys = tmp_path / PHONE_KEYS_FILE
    add_phone_key(keys)
    async with open_till(tmp_path, SystemClock()) as till, Pos.connect(till.socket) as pos:
        await page.evaluate(LOOK_AGAIN)
        async with asyncio.timeout(PATIENCE_S):
            await page.evaluate(KEY_KEPT, 2)
        await page.reload()
        await page.wait_for_selector(LIVE)
        code = await scan(page, CodeKind.QR)
        assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"
    add_phone_key(keys)
    retire_phone_keys(keys)
    async with open_till(tmp_path, SystemClock()):
        await page.evaluate(LOOK_AGAIN)
        await expect(page.locator("[data-notice=no-key]")).to_be_visible()


async def test_after_bars_of_a_tills_own_kind_the_card_still_opens_live_without_a_network(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    await page.wait_for_selector(READY, state="attached")
    await page.tap("nav >> text=Short bars")
    await page.wait_for_url("**?kind=ean13")
    await phone.set_offline(True)
    await page.goto(page.url.partition("?")[0])
    await page.wait_for_selector(LIVE)
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"


async def test_a_card_on_another_phone_opens_with_its_static_code_without_a_network(
    till: App, pos: Pos, browser: Browser, phone: BrowserContext
) -> None:
    first = await join(phone, till.web_url)
    other = await new_phone(browser)
    page = await other.new_page()
    await page.goto(first.url)
    await page.wait_for_selector(READY, state="attached")
    await other.set_offline(True)
    await page.reload()
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "static"
    await expect(page.locator("[data-notice=elsewhere]")).to_be_visible()


async def test_a_chip_s_card_lives_on_a_phone_too(
    till: App, pos: Pos, phone: BrowserContext
) -> None:
    chip = Credential("uid", CHIP_UID, Medium.CHIP, Trust.UID)
    code = await till.phones.offer(await till.cards.resolve(chip))
    page = await phone.new_page()
    await page.goto(f"{till.web_url}/bind/{code}")
    await page.tap("text=Use this phone")
    for kind in (CodeKind.QR, CodeKind.CODE128):
        await page.tap(f".kinds [data-kind={kind}]")
        await expect(page.locator(f"#live.{kind}")).to_be_visible()
        live = await scan(page, kind)
        identified = await pos.call("card.identify", scan=live)
        assert (identified["name"], identified["trust"]) == ("Taras", "rotating")


@pytest.mark.parametrize("language", ["en", "uk"])
async def test_on_a_small_screen_the_code_is_whole_after_each_change_of_its_kind(
    till: App, browser: Browser, language: str
) -> None:
    phone = await new_phone(browser, width=360, height=640)
    page = await phone.new_page()
    await page.goto(f"{till.web_url}/?lang={language}")
    page = await join(phone, till.web_url, "Щ" * 80)
    for kind in (CodeKind.CODE128, CodeKind.QR, CodeKind.CODE128, CodeKind.QR):
        await page.evaluate("scrollTo(0, 10_000)")
        await page.tap(f".kinds [data-kind={kind}]")
        await expect(page.locator(f"#live.{kind}")).to_be_in_viewport(ratio=1)
        assert len(await scan(page, kind)) == 22


async def test_the_choice_of_codes_stands_between_the_code_and_the_balance(
    till: App, phone: BrowserContext
) -> None:
    page = await join(phone, till.web_url)
    boxes = [await page.locator(name).bounding_box() for name in ("#code", ".kinds", "#balances")]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert len(tops) == 3
    await expect(page.locator("body")).not_to_contain_text("EAN")


@pytest.mark.parametrize(("width", "height"), [(844, 390), (667, 375), (640, 320)])
async def test_a_phone_on_its_side_shows_the_whole_code(
    till: App, pos: Pos, browser: Browser, width: int, height: int
) -> None:
    phone = await new_phone(browser, width=width, height=height)
    page = await join(phone, till.web_url)
    await page.locator("#live").scroll_into_view_if_needed()
    box = await page.locator("#live").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= height
    code = await scan(page, CodeKind.QR)
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"
