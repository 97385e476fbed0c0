"""What a phone with a bad line loads before it can show a code."""

import pytest
from playwright.async_api import Browser, Request, Route

from daemon.app.running import App
from tests.browser.phones import join, new_phone, scan
from tests.support.till import Pos
from web.phone.code_images import CodeKind

PAGE_BYTES_MAX = 60 * 1024


@pytest.mark.parametrize("kind", CodeKind)
async def test_a_code_is_on_the_screen_with_the_page_itself(
    till: App, pos: Pos, browser: Browser, kind: CodeKind
) -> None:
    address = (await join(await new_phone(browser), till.web_url)).url
    # Nothing else may be needed: whatever is not the page itself never arrives.
    bare = await browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=3)
    page = await bare.new_page()
    arrived: list[str] = []

    async def let_pass(route: Route) -> None:
        needed = route.request.resource_type == "document"
        await (route.continue_() if needed else route.abort())

    await page.route("**", let_pass)
    page.on("requestfinished", lambda request: arrived.append(request.resource_type))
    await page.goto(f"{address}?kind={kind}")
    assert (await pos.call("card.identify", scan=await scan(page, kind)))["trust"] == "static"
    assert arrived == ["document"]


async def test_a_whole_card_page_weighs_no_more_than_sixty_kibibytes(
    till: App, browser: Browser
) -> None:
    phone = await new_phone(browser)
    address = (await join(phone, till.web_url, "Щ" * 80)).url
    fresh = await new_phone(browser)
    page = await fresh.new_page()
    sizes: dict[str, int] = {}

    async def weigh(request: Request) -> None:
        sizes[request.url] = (await request.sizes())["responseBodySize"]

    page.on("requestfinished", weigh)
    await page.goto(address)
    await page.wait_for_load_state("networkidle")
    assert len(sizes) >= 5, "the page, its style and three scripts"
    assert all(url.startswith(till.web_url) for url in sizes), "no third party"
    assert sum(sizes.values()) <= PAGE_BYTES_MAX
