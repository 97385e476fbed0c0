"""A customer's phone: a browser with a touch screen, and a scanner that looks at it."""

import io

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, StorageState

from card_formats.credential import Credential, Medium, Trust
from daemon.app.running import App
from tests.web.decode import read_codes
from web.phone.code_images import CodeKind

LIVE = "#live:not([hidden])"
PATIENCE_MS = 15_000


async def new_phone(
    browser: Browser,
    *,
    width: int = 390,
    height: int = 844,
    dark: bool = False,
    ignore_https_errors: bool = False,
    cookies: StorageState | None = None,
) -> BrowserContext:
    """Make a phone. cookies: those of another one, which came with a copy of its page."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=3,
        has_touch=True,
        is_mobile=True,
        color_scheme="dark" if dark else "light",
        ignore_https_errors=ignore_https_errors,
        storage_state=cookies,
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


async def join(phone: BrowserContext, url: str, name: str = "Olha") -> Page:
    """Fill in the form and wait until the card on the screen is live."""
    page = await phone.new_page()
    await page.goto(f"{url}/join")
    await page.fill("#name", name)
    await page.check("[name=personal_data]")
    await page.tap("button[type=submit]")
    await page.wait_for_selector(LIVE)
    return page


async def scan(page: Page, kind: CodeKind) -> str:
    """Look at the screen as a scanner does; return what the one code there says."""
    picture = Image.open(io.BytesIO(await page.screenshot())).convert("L")
    (text,) = read_codes(picture, kind)
    return text


async def link(till: App, live_code: str) -> str:
    """Make a link for the card that ``live_code`` says, as the till does; return its address."""
    by_phone = Credential("phone", live_code[2:12], Medium.BARCODE, Trust.STATIC)
    code = await till.phones.offer(await till.cards.resolve(by_phone))
    return f"{till.web_url}/bind/{code}"
