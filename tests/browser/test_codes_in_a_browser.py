"""The phone's own drawing, held against python-barcode, qrcode and the till's arithmetic."""

import random

import pytest
from PIL import Image
from playwright.async_api import Browser

from card_formats.phone.rotating import card_key, compose
from daemon.app.running import App
from tests.web.decode import read_codes
from web.phone.code_images import CODE128_DIGITS_MAX, QR_DIGITS_MAX, CodeKind, Modules, modules_of

DRAW = """async (all) => {
  const { qr, code128 } = await import('/static/codes.js');
  return all.map(([kind, digits]) => (kind === 'qr' ? qr : code128)(digits));
}"""
COUNT = """async (all) => {
  const { liveCode } = await import('/static/codes.js');
  return Promise.all(all.map(async ([prefix, number, hex, step]) => {
    const bytes = Uint8Array.from(hex.match(/../g), (octet) => parseInt(octet, 16));
    const algorithm = { name: 'HMAC', hash: 'SHA-1' };
    const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']);
    return liveCode({ prefix, number, key }, step);
  }));
}"""
REFUSE = """async ([kind, digits]) => {
  const { qr, code128 } = await import('/static/codes.js');
  try { (kind === 'qr' ? qr : code128)(digits); return ''; } catch (error) { return error.name; }
}"""


def some_numbers(rng: random.Random) -> list[tuple[CodeKind, str]]:
    numbers = [(CodeKind.QR, digits(rng, length)) for length in range(1, QR_DIGITS_MAX + 1)]
    for length in range(2, CODE128_DIGITS_MAX + 1, 2):
        # python-barcode reads a leading 99 as a switch of code sets; no card begins with it.
        numbers += [(CodeKind.CODE128, "97" + digits(rng, length)[2:]) for _ in range(3)]
    for _ in range(100):
        code = digits(rng, 22).replace("99", "97")
        numbers += [(CodeKind.QR, code), (CodeKind.CODE128, code)]
    return numbers


def digits(rng: random.Random, length: int) -> str:
    return f"{rng.randrange(10**length):0{length}d}"


def painted(rows: list[str], modules: Modules, scale: int = 3) -> Image.Image:
    """Paint rows as the page's SVG does, quiet zone included."""
    size = (modules.width, modules.height)
    picture = Image.new("L", size, 255)
    for y, row in enumerate(rows):
        for x, module in enumerate(row):
            if module == "1":
                top = modules.quiet + y * modules.row_height
                left = modules.quiet + x
                picture.paste(0, (left, top, left + 1, top + modules.row_height))
    return picture.resize((size[0] * scale, size[1] * scale), Image.Resampling.NEAREST)


async def test_the_phone_draws_what_the_server_draws_and_a_scanner_reads_it(
    till: App, browser: Browser
) -> None:
    numbers = some_numbers(random.Random(20261122))
    page = await browser.new_page()
    await page.goto(till.web_url)
    drawn = await page.evaluate(DRAW, numbers)
    for (kind, number), rows in zip(numbers, drawn, strict=True):
        modules = modules_of(kind, number)
        assert tuple(rows) == modules.rows, (kind, number)
        assert read_codes(painted(rows, modules), kind) == [number]


async def test_the_phone_counts_as_the_till_does(till: App, browser: Browser) -> None:
    rng = random.Random(20261122)
    cards = [
        (str(rng.randint(90, 98)), digits(rng, 10), card_key(bytes(32), str(n), n), step)
        for n, step in enumerate([0, 1, 99, 100, 2**32 - 1, 2**32, 2**33 + 7] * 30)
    ]
    page = await browser.new_page()
    await page.goto(till.web_url)
    sent = [(prefix, number, key.hex(), step) for prefix, number, key, step in cards]
    assert await page.evaluate(COUNT, sent) == [compose(*card) for card in cards]


@pytest.mark.parametrize(
    ("kind", "number"), [("qr", "1" * (QR_DIGITS_MAX + 1)), ("code128", "123")]
)
async def test_what_has_no_room_is_refused(
    till: App, browser: Browser, kind: str, number: str
) -> None:
    page = await browser.new_page()
    await page.goto(till.web_url)
    assert await page.evaluate(REFUSE, [kind, number]) == "RangeError"
