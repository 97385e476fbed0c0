import asyncio
import logging
import re
from datetime import date
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientConnectionError

from daemon.base.refusals import ErrorCode
from daemon.shop.phone_card_views import (
    CardState,
    Coupon,
    HistoryKind,
    HistoryLine,
    ShownBalance,
    ShownStep,
)
from tests.web.conftest import OpenShop, Shop
from tests.web.decode import paint_svg, read_codes
from tests.web.memory_desk import BALANCES, HISTORY
from web.phone.card_pages import HISTORY_LINES_MAX
from web.phone.code_images import CodeKind
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

PAGE_BYTES_MAX = 60 * 1024
UNKNOWN = "A" * 22
SCRIPT = re.compile(r'<script type="module" src="/static/[a-z]+.js"></script>')
IMPORTED = ("/static/codes.js", "/static/phone.js", "/sw.js")  # by the page's script
LINK = re.compile(r'(?:href|src|action)="([^"]*)"')


INLINE = re.compile(r'id="static".*?viewBox="0 0 (\d+) (\d+)".*?<path d="([^"]+)"')


def drawn(page: str, kind: CodeKind) -> str:
    """Return what a scanner reads off the page."""
    found = INLINE.search(page)
    assert found is not None
    width, height, path = found.groups()
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" shape-rendering="crispEdges"><rect width="100%" height="100%"'
        f' fill="#fff"/><path d="{path}"/></svg>'
    )
    (text,) = read_codes(paint_svg(svg.encode()), kind)
    return text


def full_card(shop: Shop, **changes: object) -> str:
    plain: dict[str, object] = {
        "ean13": "0412345678903",
        "name": "Olha",
        "status": "Gold",
        "balances": BALANCES,
        "history": HISTORY,
    }
    return shop.desk.add(**(plain | changes))


async def test_the_card_shows_its_number_in_groups_its_balance_and_its_history(shop: Shop) -> None:
    token = full_card(shop)
    page = (await shop.get(f"/c/{token}")).text
    number = shop.desk.cards[token].number
    groups = [number[at : at + 4] for at in range(0, 16, 4)]
    assert "".join(f"<span>{group}</span>" for group in groups) in page
    for text in ("Olha", "Gold", "1,240.50 UAH", "+42.50\xa0UAH", "20 Nov 2026", "Khreshchatyk"):
        assert text in page
    assert drawn(page, CodeKind.QR) == number


async def test_the_number_below_an_ean13_is_the_ean13(shop: Shop) -> None:
    token = full_card(shop)
    page = (await shop.get(f"/c/{token}?kind=ean13")).text
    assert "<span>0</span><span>412345</span><span>678903</span>" in page
    assert drawn(page, CodeKind.EAN13) == "0412345678903"


async def test_a_card_without_an_ean13_offers_none(shop: Shop) -> None:
    token = full_card(shop, ean13="")
    assert "ean13" not in (await shop.get(f"/c/{token}")).text
    assert (await shop.get(f"/c/{token}?kind=ean13")).status == 404
    assert (await shop.get(f"/c/{token}/code.svg?kind=ean13")).status == 404


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        ("2900000000018", ["qr", "ean13"]),  # plastic, an EAN-13
        ("29000000000180", ["qr", "code128"]),
        ("9900000000000019", ["qr"]),
        ("1" * 28, []),
        ("K12345", []),
        ("", []),  # a chip
    ],
)
async def test_any_card_of_the_shop_has_a_page_with_the_codes_that_it_can_have(
    shop: Shop, number: str, kinds: list[str]
) -> None:
    card = f"/c/{shop.desk.add(number=number)}"
    for kind in CodeKind:
        page, picture = (
            await shop.get(f"{card}?kind={kind}"),
            await shop.get(f"{card}/code.png?kind={kind}"),
        )
        assert picture.status == (200 if kind in kinds else 404)
        assert ('id="static"' in page.text) == (kind in kinds)
        if kind in kinds:
            assert drawn(page.text, kind) == number
    page = await shop.get(card)
    assert page.status == 200
    offered = re.findall(r'data-kind="(\w+)"', page.text.partition('class="kinds"')[2])
    assert offered == (kinds or ["qr", "code128"]), "the live code can be either"


@pytest.mark.parametrize("kind", ["", "QR", "aztec", "qr%00", "code128x"])
async def test_an_unknown_kind_is_a_bad_request(shop: Shop, kind: str) -> None:
    token = full_card(shop)
    for path in ("", "/code.svg", "/code.png"):
        assert (await shop.get(f"/c/{token}{path}?kind={kind}")).status == 400


@pytest.mark.parametrize("lang", ["en", "uk"])
async def test_an_unknown_token_and_a_malformed_one_look_the_same(shop: Shop, lang: str) -> None:
    pages = set()
    for path in (UNKNOWN, UNKNOWN + "A", "A", "..%2f..%2fetc", "%ff", UNKNOWN + "/code.svg"):
        answer = await shop.get(f"/c/{path}?lang={lang}")
        assert answer.status == 404
        pages.add(answer.text)
    assert len(pages) == 1
    assert {"en": "no such page or card", "uk": "немає такої сторінки"}[lang] in pages.pop()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (CardState.BLOCKED, "This card is blocked."),
        (CardState.REPLACED, "This card was replaced"),
        (CardState.EXPIRED, "This card has expired."),
    ],
)
async def test_a_card_that_is_not_valid_says_so_and_has_no_code(
    shop: Shop, state: CardState, sentence: str
) -> None:
    token = full_card(shop)
    assert sentence not in (await shop.get(f"/c/{token}")).text
    shop.desk.set_state(token, state)
    page = (await shop.get(f"/c/{token}")).text
    assert sentence in page
    assert "<svg" not in page
    assert "code.png" not in page
    for image in ("svg", "png"):
        assert (await shop.get(f"/c/{token}/code.{image}")).status == 410


async def test_the_page_says_what_is_missing_to_each_next_step(shop: Shop) -> None:
    steps = (ShownStep(75_100, "7 %", "UAH"), ShownStep(2, "a free coffee"), ShownStep(0, "a <b>"))
    token = full_card(shop, steps=steps)
    english = (await shop.get(f"/c/{token}?lang=en")).text.replace("\xa0", " ")
    assert "<li>751.00 UAH more for 7 %</li>" in english
    assert "<li>2 more for a free coffee</li>" in english
    assert "<li>The next one: a &lt;b&gt;</li>" in english
    ukrainian = (await shop.get(f"/c/{token}?lang=uk")).text.replace("\xa0", " ")
    assert "<li>7 %: ще 751,00 ₴</li>" in ukrainian
    assert "<li>a free coffee: ще 2</li>" in ukrainian
    shop.desk.set_state(token, CardState.BLOCKED)
    assert "751" not in (await shop.get(f"/c/{token}?lang=en")).text


async def test_one_line_of_help_stands_there_and_the_rest_waits_behind_more(shop: Shop) -> None:
    page = (await shop.get(f"/c/{full_card(shop)}?lang=en")).text
    shown = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert re.findall(r'class="hint[^"]*">([^<]*)', shown) == [
        "Hold the screen to the scanner, bright."
    ]
    for more in ("Save as a picture", "If the code does not read", "Put this page on your home"):
        assert more in page
        assert more not in shown


async def test_history_above_its_limit_is_not_shown(shop: Shop) -> None:
    lines = tuple(
        HistoryLine(date(2026, 1, 1), HistoryKind.SALE, 1, store=f"place {number}.")
        for number in range(HISTORY_LINES_MAX + 1)
    )
    page = (await shop.get(f"/c/{full_card(shop, history=lines)}")).text
    assert f"place {HISTORY_LINES_MAX - 1}." in page
    assert f"place {HISTORY_LINES_MAX}." not in page


async def test_every_answer_is_closed_to_other_sites_and_to_caches(shop: Shop) -> None:
    token = full_card(shop)
    for path in ("/", "/join", f"/c/{token}", f"/c/{token}/code.png", "/nope", "/healthz"):
        headers = (await shop.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "tillcard"
    joined = await shop.join()
    assert joined.headers["Cache-Control"] == "no-store"
    assert joined.headers["Referrer-Policy"] == "no-referrer"


async def test_no_page_has_inline_code_or_another_host(shop: Shop) -> None:
    token = full_card(shop)
    for path in ("/", "/join", f"/c/{token}", "/nope"):
        page = (await shop.get(path)).text
        assert SCRIPT.sub("", page).count("<script") == 0
        assert "<style" not in page
        assert " style=" not in page
        assert all(link.startswith(("/", "?")) for link in LINK.findall(page))
        assert not any(link.startswith("//") for link in LINK.findall(page))


@pytest.mark.parametrize("kind", ["qr", "code128", "ean13"])
async def test_the_whole_card_page_is_small(shop: Shop, kind: str) -> None:
    lines = tuple(
        HistoryLine(date(2026, 1, 1), HistoryKind.CORRECTION, 10**9, "UAH", "П" * 30, "П" * 32)
        for _ in range(HISTORY_LINES_MAX)
    )
    token = full_card(shop, history=lines, name="Щ" * 80)
    page = (await shop.get(f"/c/{token}?kind={kind}&lang=uk")).text
    paths = re.findall(r'(?:src|rel="(?:icon|stylesheet)" href)="([^"]*)"', page)
    assert len(paths) == 3
    parts = [len((await shop.get(path)).body) for path in (*paths, *IMPORTED)]
    assert len(page.encode()) + sum(parts) <= PAGE_BYTES_MAX


async def test_the_style_sheet_is_kept_but_asked_after(shop: Shop) -> None:
    first = await shop.get("/static/web.css")
    assert first.headers["Content-Type"] == "text/css"
    assert first.headers["Cache-Control"] == "no-cache"
    again = await shop.get("/static/web.css", **{"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    assert (await shop.get("/static/")).status in (403, 404)
    assert (await shop.get("/static/nope.css")).headers["Cache-Control"] == "no-store"


async def test_the_language_is_the_one_asked_for_then_kept_then_the_browser_s(shop: Shop) -> None:
    async def language(path: str, accepted: str) -> str:
        page = (await shop.get(path, **{"Accept-Language": accepted})).text
        found = re.search('<html lang="(..)">', page)
        assert found is not None
        return found[1]

    token = full_card(shop)
    assert await language(f"/c/{token}", "de") == "en"
    assert await language(f"/c/{token}", "uk-UA,en;q=0.5") == "uk"
    assert await language(f"/c/{token}?lang=xx", "uk") == "uk"
    assert await language(f"/c/{token}?lang=uk", "en") == "uk"
    assert await language("/", "en") == "uk", "kept in a cookie"
    assert await language("/?lang=en", "uk") == "en"


async def test_a_ukrainian_reads_ukrainian(shop: Shop) -> None:
    token = full_card(shop)
    page = (await shop.get(f"/c/{token}", **{"Accept-Language": "uk"})).text
    for text in ("Історія", "Покупка", "1\xa0240,50 ₴", "Зберегти як зображення"):
        assert text in page


async def test_the_front_door_leads_back_to_one_s_own_card(shop: Shop) -> None:
    assert "/c/" not in (await shop.get("/")).text
    joined = await shop.join()
    assert f'href="{joined.headers["Location"]}"' in (await shop.get("/")).text


async def test_a_card_cookie_that_is_no_token_is_not_followed(shop: Shop) -> None:
    page = await shop.get("/", Cookie='card="><script>')
    assert page.status == 200
    assert "script" not in page.text


async def test_a_busy_desk_is_said_on_the_card_page_too(shop: Shop) -> None:
    token = full_card(shop)
    shop.desk.refusal = ErrorCode.BUSY
    assert (await shop.get(f"/c/{token}")).status == 503


async def test_another_method_is_answered_with_those_allowed(shop: Shop) -> None:
    async with shop.client.delete(f"{shop.url}/join") as refused:
        assert refused.status == 405
        assert set(refused.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_health_is_a_word(shop: Shop) -> None:
    assert (await shop.get("/healthz")).text == "ok\n"


async def test_no_log_ever_holds_a_token(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = full_card(shop)
    await shop.get(f"/c/{token}")
    await shop.get(f"/c/{token}/code.svg?kind=qr")
    await shop.get(f"/c/{token}/nope")
    for garbage in (f"GET /c/{token}\x00 HTTP/1.1", f"/c/{token} GET", f"GET /c/{token} HTTP/x"):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shop.url).port)
        writer.write(f"{garbage}\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.0 400 ")
        writer.close()
        await writer.wait_closed()
    logged = [record for record in caplog.records if record.name.startswith("tillcard")]
    routes = [record.getMessage() for record in logged]
    assert any("/c/{token}/code.{image}" in route for route in routes)
    assert token not in caplog.text


async def test_a_stopped_server_listens_no_more(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings()) as shop:
        url = shop.url
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        await shop.server.stop()
        with pytest.raises(ClientConnectionError):
            await shop.client.get(url)


async def test_a_port_that_is_taken_is_an_error_at_the_start(shop: Shop) -> None:
    taken = WebSettings(port=urlsplit(shop.url).port or 0)
    second = WebServer(make_app(shop.desk, taken, shop.clock), taken)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await second.stop()


async def test_an_amount_without_a_currency_is_whole_units(shop: Shop) -> None:
    token = shop.desk.add(balances=(ShownBalance("Points", 1500),))
    assert "<dd>1,500</dd>" in (await shop.get(f"/c/{token}")).text


async def test_a_card_that_is_looked_at_does_not_take_the_place_of_one_s_own(shop: Shop) -> None:
    mine = (await shop.join(name="Olha", personal_data="yes")).headers["Location"]
    other = f"/c/{shop.desk.add()}"
    assert (await shop.get(other)).status == 200
    assert f'href="{mine}"' in (await shop.get("/")).text


async def bind(shop: Shop, card: str) -> None:
    async with shop.client.post(f"{shop.url}{card}/phone") as bound:
        assert bound.status == 200


async def test_a_coupon_is_not_one_s_card(shop: Shop) -> None:
    coupon = f"/c/{shop.desk.add(coupon=Coupon({'en': 'Coffee', 'uk': ''}))}"
    assert "Set-Cookie" not in (await shop.get(coupon)).headers
    assert "Open my card" not in (await shop.get("/")).text
    first = f"/c/{shop.desk.add()}"
    await bind(shop, first)
    assert f'href="{first}"' in (await shop.get("/")).text, "a card is kept by whom it is given to"


async def test_the_front_door_forgets_a_card_that_is_not_there_any_more(shop: Shop) -> None:
    for gone in (404, 410):
        token = shop.desk.add()
        await bind(shop, f"/c/{token}")
        assert "Open my card" in (await shop.get("/")).text
        del shop.desk.cards[token]
        if gone == 410:
            shop.desk.moved[token] = ""
        assert (await shop.get(f"/c/{token}")).status == gone
        assert "Open my card" not in (await shop.get("/")).text


async def test_an_expired_coupon_counts_no_uses_any_more(shop: Shop) -> None:
    good = shop.desk.add(coupon=Coupon({"en": "Coffee", "uk": ""}, 3))
    assert "Uses left: 3" in (await shop.get(f"/c/{good}")).text
    shop.desk.set_state(good, CardState.EXPIRED)
    assert "Uses left" not in (await shop.get(f"/c/{good}")).text


async def test_a_picture_to_save_says_that_it_only_collects_but_for_a_coupon(shop: Shop) -> None:
    says = "Save as a picture, which only collects"
    assert says in (await shop.get(f"/c/{shop.desk.add()}")).text
    coupon = f"/c/{shop.desk.add(coupon=Coupon({'en': 'Coffee', 'uk': ''}))}"
    assert says not in (await shop.get(coupon)).text
    assert "Save as a picture" in (await shop.get(coupon)).text
