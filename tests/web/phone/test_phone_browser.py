import io

import pytest
from PIL import Image
from playwright.async_api import Browser, Page

from daemon.shop.phone_card_views import CardState
from tests.web.conftest import Shop
from tests.web.decode import read_codes
from tests.web.memory_desk import BALANCES, HISTORY
from web.phone.code_images import CodeKind

MODULES = {CodeKind.QR: 29, CodeKind.CODE128: 145, CodeKind.EAN13: 117}
SCROLL = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CODE_PIXELS = "document.querySelector('#static').getBoundingClientRect().width * devicePixelRatio"


async def open_page(
    browser: Browser, width: int, density: float = 2, dark: bool = False
) -> tuple[Page, list[str]]:
    """Open a phone's page; the list fills with whatever the browser complains of."""
    page = await browser.new_page(
        viewport={"width": width, "height": 800},
        device_scale_factor=density,
        color_scheme="dark" if dark else "light",
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


async def seen(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(await page.screenshot())).convert("RGB")


async def test_a_customer_joins_and_a_scanner_reads_the_screen(
    browser: Browser, shop: Shop
) -> None:
    page, complaints = await open_page(browser, 390)
    await page.goto(f"{shop.url}/")
    await page.click("text=Get a card")
    await page.fill("#name", "Olha")
    await page.fill("#phone", "050 12")
    await page.click("button[type=submit]")
    assert await page.input_value("#name") == "Olha"
    assert await page.is_visible("#phone-mistake")
    await page.fill("#phone", "050 123 45 67")
    await page.check("[name=personal_data]")
    complaints.clear()  # a browser reports the 422 of the form that came back
    await page.click("button[type=submit]")
    await page.wait_for_url("**/c/*")
    view = shop.desk.cards[page.url.rpartition("/")[2]]
    assert read_codes(await seen(page), CodeKind.QR) == [view.number]
    await page.click("nav >> text=Bars")
    assert read_codes(await seen(page), CodeKind.CODE128) == [view.number]
    await page.click("nav >> text=Short bars")
    assert read_codes(await seen(page), CodeKind.EAN13) == [view.ean13]
    await page.click("footer >> text=Українська")
    assert await page.inner_text("h2") == "Історія"
    assert read_codes(await seen(page), CodeKind.EAN13) == [view.ean13]
    assert complaints == []


@pytest.mark.parametrize("kind", CodeKind)
@pytest.mark.parametrize(("width", "density"), [(320, 1), (320, 2), (360, 3), (412, 2.625)])
async def test_a_module_covers_whole_pixels_on_a_dark_phone_and_is_read(
    browser: Browser, shop: Shop, kind: CodeKind, width: int, density: float
) -> None:
    token = shop.desk.add(ean13="0412345678903", balances=BALANCES)
    page, complaints = await open_page(browser, width, density, dark=True)
    await page.goto(f"{shop.url}/c/{token}?kind={kind}")
    per_module = await page.evaluate(CODE_PIXELS) / MODULES[kind]
    assert per_module == pytest.approx(round(per_module), abs=0.002)
    assert per_module >= 2
    picture = await seen(page)
    number = (
        shop.desk.cards[token].ean13 if kind is CodeKind.EAN13 else shop.desk.cards[token].number
    )
    assert read_codes(picture, kind) == [number]
    box = await page.locator(".code").bounding_box()
    assert box is not None
    corner = (round((box["x"] + 2) * density), round((box["y"] + 2) * density))
    assert picture.getpixel(corner) == (255, 255, 255), "the card stays white"
    assert picture.getpixel((1, 1)) != (255, 255, 255), "round a dark page"
    assert complaints == []


@pytest.mark.parametrize("language", ["en", "uk"])
async def test_no_page_scrolls_sideways_at_320_pixels(
    browser: Browser, shop: Shop, language: str
) -> None:
    full = shop.desk.add(
        name="W" * 80,
        ean13="0412345678903",
        status="W" * 20,
        balances=BALANCES * 2,
        history=HISTORY,
    )
    blocked = shop.desk.add(name="Щ" * 80, state=CardState.BLOCKED)
    page, _ = await open_page(browser, 320)
    paths = ["/", "/join", f"/c/{full}", f"/c/{full}?kind=code128", f"/c/{blocked}", "/nope"]
    for path in paths:
        joint = "&" if "?" in path else "?"
        await page.goto(f"{shop.url}{path}{joint}lang={language}")
        assert await page.evaluate(SCROLL) == 0, path


async def test_markup_in_a_name_runs_nothing(browser: Browser, shop: Shop) -> None:
    name = "<img src=x onerror=document.title=1><script>document.title=2</script>"
    token = shop.desk.add(name=name)
    page, complaints = await open_page(browser, 390)
    await page.goto(f"{shop.url}/c/{token}")
    assert await page.inner_text(".holder") == name
    assert await page.title() == "My card · Bakery on the Corner"
    assert complaints == []
