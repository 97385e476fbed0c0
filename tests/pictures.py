"""The pictures of the documents, drawn anew from the running product: ``make pictures``.

phone-card.png: a customer's card page in a phone's browser, at a till with a past of two sales.
terminal.png:   what ``tillcard demo --once`` prints.
"""

import asyncio
import io
import os
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.browser.phones import LIVE, join, new_phone, scan
from tests.support.browser import running_browser
from tests.support.clock import HandClock
from tests.support.processes import TILLCARD, output_of
from tests.support.till import Pos, lay_out, open_till
from web.phone.code_images import CodeKind

PICTURES = Path(__file__).parent.parent / "docs/pictures"
PICTURE_BYTES_MAX = 150 * 1024
COLOURS = 64  # text and one code: more only makes the files larger
PHONE_WIDTH, PHONE_HEIGHT = 390, 736  # ends below the line of help
COMMAND = "make run ARGS=--once"
TERMINAL = """<body style="margin: 0">
<pre style="display: inline-block; margin: 0; padding: 18px 26px; background: {background};
            color: {foreground}; font: 15px/1.35 'DejaVu Sans Mono', monospace">{code}</pre>"""
SALES = (
    [{"line": 1, "sku": "grinder", "name": "Coffee grinder", "qty": 1, "unit_price": 74_900}],
    [{"line": 1, "sku": "coffee", "name": "Coffee beans, 1 kg", "qty": 2, "unit_price": 42_000}],
)


async def draw_phone_card(browser: Browser, home: Path) -> bytes:
    """Return the screen of a phone whose owner has joined and bought twice."""
    lay_out(home)
    clock = HandClock()
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        phone = await new_phone(browser, width=PHONE_WIDTH, height=PHONE_HEIGHT)
        await phone.clock.set_fixed_time(clock.now())
        page = await join(phone, till.web_url, "Olha")
        for number, lines in enumerate(SALES):
            code = await scan(page, CodeKind.QR)
            shown = (await pos.call("card.identify", scan=code))["presentation"]
            sale = {"sale_id": f"picture-{number}", "presentation": shown, "lines": lines}
            await pos.call("sale.commit", **sale)
            clock.move(days=3, hours=2)
            await phone.clock.set_fixed_time(clock.now())
            await page.reload()
            await page.wait_for_selector(LIVE)
        return await page.screenshot(scale="css")


async def draw_terminal(browser: Browser, home: Path) -> bytes:
    """Return what the demo prints, as a terminal shows it."""
    words = (*TILLCARD, "demo", "--once", "--home", str(home), "--port", "0")
    status, printed = await output_of(
        *words, env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "80"}
    )
    assert status == 0, printed
    console = Console(record=True, file=io.StringIO(), width=60, highlight=False)
    console.print(Text.from_ansi(f"\x1b[32m$\x1b[0m {COMMAND}\n{printed.rstrip()}"))
    page = await browser.new_page(device_scale_factor=1.5)
    html = console.export_html(theme=MONOKAI, inline_styles=True, code_format=TERMINAL)
    await page.set_content(html)
    return await page.locator("pre").screenshot()


def packed(screenshot: bytes) -> bytes:
    """Return a picture as a PNG that is small enough to stand in the repository."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB").quantize(COLOURS)
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    assert png.tell() <= PICTURE_BYTES_MAX, f"{png.tell()} bytes"
    return png.getvalue()


async def draw_all(folder: Path) -> dict[str, bytes]:
    """Return every picture by its name; tills and demos are kept in ``folder``."""
    async with running_browser() as browser:
        return {
            "phone-card.png": packed(await draw_phone_card(browser, folder / "till")),
            "terminal.png": packed(await draw_terminal(browser, folder / "demo")),
        }


async def main() -> None:
    """Draw the pictures and put them in their place."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, png in (await draw_all(Path(folder))).items():
            (PICTURES / name).write_bytes(png)
            print(f"docs/pictures/{name}: {len(png)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
