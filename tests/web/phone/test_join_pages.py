import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, CookieJar, FormData

from daemon.base.refusals import ErrorCode
from daemon.shop.phone_card_views import JoinForm
from tests.support.clock import HandClock
from tests.support.till import lay_out, open_till
from tests.web.conftest import HIDDEN, OpenShop, Shop
from tests.web.decode import read_codes, to_picture
from web.phone.code_images import CodeKind, ImageFormat
from web.phone.join_pages import BODY_BYTES_MAX, FIELDS_MAX
from web.web_settings import WebSettings

OLHA = {"name": "Olha", "phone": "050 123 45 67", "birthday": "1990-12-31", "personal_data": "yes"}
XSS = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Tags(HTMLParser):
    """Collects the names of a page's elements, and of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}


async def test_joining_leads_to_a_card_whose_number_every_picture_holds(shop: Shop) -> None:
    joined = await shop.join(**OLHA)
    assert joined.status == 303
    card = joined.headers["Location"]
    view = shop.desk.cards[card.removeprefix("/c/")]
    page = await shop.get(card)
    assert page.status == 200
    assert "Olha" in page.text
    for kind in CodeKind:
        for image in ImageFormat:
            drawn = await shop.get(f"{card}/code.{image}?kind={kind}")
            assert (
                drawn.headers["Content-Type"] == {"svg": "image/svg+xml", "png": "image/png"}[image]
            )
            expected = view.ean13 if kind is CodeKind.EAN13 else view.number
            assert read_codes(to_picture(drawn.body, image), kind) == [expected]


async def test_the_desk_gets_what_was_typed_in_canonical_form(shop: Shop) -> None:
    fields = await shop.form()
    joined = await shop.send(fields | OLHA | {"marketing_viber": "yes"})
    token = joined.headers["Location"].removeprefix("/c/")
    assert shop.desk.forms[token] == JoinForm(
        form_id=fields["form_id"],
        name="Olha",
        phone="+380501234567",
        birthday=date(1990, 12, 31),
        consents=("personal_data", "marketing:viber"),
        language="en",
    )


async def test_an_empty_form_gives_an_anonymous_card(shop: Shop) -> None:
    joined = await shop.join()
    assert joined.status == 303
    assert (await shop.get(joined.headers["Location"])).status == 200


async def test_a_shop_that_wants_names_gives_no_anonymous_card(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(anonymous=False)) as shop:
        refused = await shop.join()
        assert refused.status == 422
        assert "Please write your name." in refused.text
        assert shop.desk.cards == {}


async def test_mistakes_stand_beside_their_fields_and_what_was_typed_stays(shop: Shop) -> None:
    refused = await shop.join(name="Olha", phone="12", marketing_sms="yes")
    page = refused.text
    assert refused.status == 422
    field = re.search(r'<input id="phone".*?</p>', page, re.DOTALL)
    assert field is not None
    assert 'value="12"' in field[0]
    assert 'aria-describedby="phone-mistake"' in field[0]
    assert "This is not a phone number." in field[0]
    assert 'value="Olha"' in page
    assert re.search(r'name="marketing_sms" value="yes" checked', page)
    assert "Without this consent" in page
    assert shop.desk.cards == {}


@pytest.mark.parametrize("missing", ["form_id", "proof"])
async def test_a_form_without_its_proof_is_refused(shop: Shop, missing: str) -> None:
    fields = await shop.form()
    del fields[missing]
    refused = await shop.send(fields | OLHA)
    assert refused.status == 403
    assert "Please send it again." in refused.text
    assert shop.desk.cards == {}


async def test_a_form_of_another_visitor_is_refused(shop: Shop) -> None:
    async with (
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as attacker,
        attacker.get(f"{shop.url}/join") as response,
    ):
        stolen = dict(HIDDEN.findall(await response.text()))
    await shop.form()
    assert (await shop.send(stolen)).status == 403
    assert shop.desk.cards == {}


async def test_a_proof_of_another_form_or_of_no_text_at_all_is_refused(shop: Shop) -> None:
    first, second = await shop.form(), await shop.form()
    assert (await shop.send(first | {"form_id": second["form_id"]})).status == 403
    assert (await shop.send(first | {"proof": "їжак"})).status == 403
    assert (await shop.send(first)).status == 303


async def test_the_form_shown_after_a_refusal_can_be_sent(shop: Shop) -> None:
    refused = await shop.send(dict(OLHA))
    fields = dict(HIDDEN.findall(refused.text))
    assert (await shop.send(fields | OLHA)).status == 303


async def test_a_form_sent_twice_is_one_card(shop: Shop) -> None:
    fields = await shop.form()
    first, second = await shop.send(fields), await shop.send(fields)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(shop.desk.cards) == 1


async def test_a_body_above_the_limit_is_refused_declared_or_not(shop: Shop) -> None:
    url = f"{shop.url}/join"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"name=" + b"x" * BODY_BYTES_MAX

    async def in_chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 1000):
            yield body[at : at + 1000]

    for data in (body, in_chunks()):
        async with shop.client.post(url, data=data, headers=kind) as refused:
            assert refused.status == 413
            assert "too much text" in await refused.text()


async def test_a_body_that_declares_too_much_is_not_waited_for(shop: Shop) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shop.url).port)
    writer.write(
        b"POST /join HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname="
    )
    async with asyncio.timeout(WebSettings().body_timeout_s / 2):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


async def test_a_browser_without_cookies_is_told_that_they_are_needed(shop: Shop) -> None:
    fields = await shop.form()
    shop.client.cookie_jar.clear()
    refused = await shop.send(fields | OLHA)
    assert refused.status == 403
    assert "needs cookies" in refused.text
    refused = await shop.send(fields | OLHA)
    assert "open too long" in refused.text, "now it has sent one, of another form"


async def test_a_name_that_is_no_utf_8_is_a_mistake(shop: Shop) -> None:
    fields = await shop.form()
    hidden = "&".join(f"{name}={value}" for name, value in fields.items())
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"{hidden}&name=Ol%FFha&personal_data=yes".encode()
    async with shop.client.post(f"{shop.url}/join", data=body, headers=kind) as refused:
        assert refused.status == 422
        assert "characters that cannot be shown" in await refused.text()
    assert shop.desk.cards == {}


async def test_a_body_at_the_limit_is_read(shop: Shop) -> None:
    body = b"name=" + b"x" * (BODY_BYTES_MAX - 5)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with shop.client.post(f"{shop.url}/join", data=body, headers=kind) as answer:
        assert answer.status == 403, "read, and found to have no proof"


async def test_too_many_fields_and_other_content_types_are_refused(shop: Shop) -> None:
    fields = await shop.form()
    padding = {f"x{number}": "" for number in range(FIELDS_MAX - len(fields))}
    assert (await shop.send(fields | padding | {"one": "more"})).status == 400
    assert (await shop.send(fields | padding)).status == 303
    url = f"{shop.url}/join"
    for data in (FormData(fields, default_to_multipart=True), b"{}"):
        async with shop.client.post(url, data=data) as refused:
            assert refused.status == 415


async def test_a_body_that_is_not_the_gzip_it_says_is_a_bad_request(shop: Shop) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    async with shop.client.post(f"{shop.url}/join", data=b"name=Olha", headers=kind) as refused:
        assert refused.status == 400


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(shop: Shop) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b"name=" + b"x" * 5_000_000)
    assert len(bomb) < BODY_BYTES_MAX
    async with shop.client.post(f"{shop.url}/join", data=bomb, headers=kind) as refused:
        assert refused.status == 413


async def test_a_body_that_never_arrives_is_given_up(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(body_timeout_s=0.05)) as shop:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shop.url).port)
        writer.write(
            b"POST /join HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname="
        )
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()


async def test_the_form_above_the_limit_of_an_address_waits(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(joins_max=2, joins_per_s=600)) as shop:
        assert [(await shop.join()).status for _ in range(2)] == [303, 303]
        refused = await shop.join()
        assert refused.status == 429
        assert refused.headers["Retry-After"] == "600"
        assert "try again in a few minutes" in refused.text
        shop.clock.move(seconds=600)
        assert (await shop.join()).status == 303
        assert len(shop.desk.cards) == 3


@pytest.mark.parametrize(("proxies", "second"), [({"127.0.0.1"}, 303), (set(), 429)])
async def test_a_forwarded_address_counts_only_from_a_proxy_of_ours(
    open_shop: OpenShop, proxies: set[str], second: int
) -> None:
    settings = WebSettings(joins_max=1, proxies=frozenset(proxies))
    async with open_shop(settings) as shop:
        statuses = []
        for source in ("203.0.113.1", "spoofed, 203.0.113.2", "spoofed, 203.0.113.2"):
            fields = await shop.form()
            async with shop.client.post(
                f"{shop.url}/join",
                data=fields,
                headers={"X-Forwarded-For": source},
                allow_redirects=False,
            ) as answer:
                statuses.append(answer.status)
        assert statuses == [303, second, 429]


@pytest.mark.parametrize(
    ("refusal", "status", "sentence", "retry_after"),
    [
        (ErrorCode.BUSY, 503, "We are busy right now.", "60"),
        (ErrorCode.LIMIT_REACHED, 409, "Please ask at the till.", None),
    ],
)
async def test_what_the_desk_refuses_is_said_in_a_sentence(
    shop: Shop, refusal: ErrorCode, status: int, sentence: str, retry_after: str | None
) -> None:
    fields = await shop.form()
    shop.desk.refusal = refusal
    refused = await shop.send(fields)
    assert refused.status == status
    assert sentence in refused.text
    assert refused.headers.get("Retry-After") == retry_after
    shop.desk.refusal = None
    assert (await shop.send(fields)).status == 303


async def test_markup_in_what_was_typed_stays_text(shop: Shop) -> None:
    refused = await shop.join(name=XSS, phone=XSS, email=XSS, birthday=XSS)
    joined = await shop.join(name=XSS, personal_data="yes")
    card = await shop.get(joined.headers["Location"])
    plain = await shop.get("/join")
    for response, like in ((refused, plain), (card, None)):
        text = response.text
        tags = Tags(text)
        assert "&lt;script&gt;" in text
        assert tags.elements.count("script") == (1 if like is None else 0), "the card page's own"
        assert not [name for name in tags.attributes if name.startswith("on")]
        if like is not None:
            assert tags.elements.count("img") == Tags(like.text).elements.count("img")
        else:
            assert tags.elements.count("img") == 0


@pytest.mark.parametrize("https", [False, True])
async def test_cookies_are_closed_to_scripts_and_other_sites(
    open_shop: OpenShop, https: bool
) -> None:
    proxied = WebSettings(
        https=True, public_url="https://card.example", proxies=frozenset({"127.0.0.1"})
    )
    async with open_shop(proxied if https else WebSettings()) as shop:
        form = await shop.get("/join?lang=uk")
        token = shop.desk.add()
        async with shop.client.post(f"{shop.url}/c/{token}/phone") as bound:
            cookies = form.headers.getall("Set-Cookie") + bound.headers.getall("Set-Cookie")
        assert {cookie.partition("=")[0] for cookie in cookies} == {"visitor", "lang", "card"}
        for cookie in cookies:
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
            assert ("Secure" in cookie) is https


async def test_everybody_together_is_given_so_many_cards_a_day(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(joins_a_day_max=2)) as shop:
        assert (await shop.join(name="")).status == 303
        assert (await shop.join(name="a" * 1_000, personal_data="yes")).status == 422
        assert (await shop.join(name="")).status == 303, "a form to correct was no card"
        refused = await shop.join(name="")
        assert (refused.status, refused.headers["Retry-After"]) == (503, str(24 * 3600))
        shop.clock.move(days=1)
        assert (await shop.join(name="")).status == 303


async def test_a_disk_that_is_nearly_full_gives_no_card(tmp_path: Path) -> None:
    lay_out(tmp_path, **{"port = 0": "port = 0\ndisk_free_min_mb = 1000000000"})
    async with (
        open_till(tmp_path, HandClock()) as till,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
    ):
        async with client.get(f"{till.web_url}/join") as form:
            fields = dict(HIDDEN.findall(await form.text()))
        async with client.post(f"{till.web_url}/join", data=fields) as refused:
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0


async def test_a_card_becomes_a_browser_s_own_by_joining_and_not_by_looking(shop: Shop) -> None:
    other = shop.desk.add(generation=1)
    assert "card=" not in str((await shop.get(f"/c/{other}")).headers.getall("Set-Cookie", []))
    assert other not in (await shop.get("/")).text
    mine = (await shop.join(name="")).headers["Location"].rpartition("/")[2]
    await shop.get(f"/c/{other}")
    page = (await shop.get("/")).text
    assert mine in page
    assert other not in page


async def test_a_card_becomes_a_browser_s_own_by_binding(shop: Shop) -> None:
    token = shop.desk.add()
    async with shop.client.post(f"{shop.url}/c/{token}/phone") as bound:
        assert bound.status == 200
    assert token in (await shop.get("/")).text


@pytest.mark.parametrize(
    ("day", "taken"), [(date(2026, 11, 22), False), (date(2026, 11, 23), True)]
)
async def test_today_of_the_form_is_the_shop_s_day(shop: Shop, day: date, *, taken: bool) -> None:
    shop.desk.day = day  # whatever day it is in Greenwich
    answer = await shop.join(**(OLHA | {"birthday": "2026-11-23"}))
    assert answer.status == (303 if taken else 422)
