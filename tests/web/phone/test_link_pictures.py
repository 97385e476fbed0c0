"""Addresses as QR codes, for customers to scan at the till."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.errors import CardFormatError
from tests.web.conftest import OpenShop, Shop
from tests.web.decode import read_codes, to_picture
from web.phone.code_images import LINK_CHARS_MAX, CodeKind, ImageFormat, draw_link
from web.web_settings import WebSettings

TYPES = {ImageFormat.SVG: "image/svg+xml", ImageFormat.PNG: "image/png"}
UNKNOWN = "A" * 22


@pytest.mark.parametrize("image", ImageFormat)
async def test_the_form_s_address_is_on_the_poster(
    open_shop: OpenShop, shop: Shop, image: ImageFormat
) -> None:
    drawn = await shop.get(f"/join.{image}")
    assert drawn.headers["Content-Type"] == TYPES[image]
    assert read_codes(to_picture(drawn.body, image), CodeKind.QR) == [f"{shop.url}/join"]
    async with open_shop(WebSettings(public_url="https://card.example")) as public:
        drawn = await public.get(f"/join.{image}")
        assert read_codes(to_picture(drawn.body, image), CodeKind.QR) == [
            "https://card.example/join"
        ]


@pytest.mark.parametrize("image", ImageFormat)
async def test_a_link_from_the_till_is_drawn_while_it_is_good(
    shop: Shop, image: ImageFormat
) -> None:
    code = shop.desk.offer(shop.desk.add())
    drawn = await shop.get(f"/bind/{code}.{image}")
    assert read_codes(to_picture(drawn.body, image), CodeKind.QR) == [f"{shop.url}/bind/{code}"]
    assert drawn.headers["Cache-Control"] == "no-store"
    assert (await shop.get(f"/bind/{code}")).status == 200, "drawing it does not use it up"
    assert (await shop.get(f"/bind/{UNKNOWN}.{image}")).status == 404


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
def test_any_address_is_read_back(address: str) -> None:
    drawn = draw_link(address, ImageFormat.PNG)
    assert read_codes(to_picture(drawn, ImageFormat.PNG), CodeKind.QR) == [address]


@pytest.mark.parametrize("length", [0, LINK_CHARS_MAX + 1])
def test_an_address_that_no_phone_would_read_is_refused(length: int) -> None:
    with pytest.raises(CardFormatError) as caught:
        draw_link("a" * length, ImageFormat.SVG)
    assert caught.value.code == "qr.bad-link"


@pytest.mark.parametrize(
    "host", ["a b", "[", "[::1", "x" * 400, "h:99999", "\u00e9", "@", "", "a/b"]
)
async def test_a_host_that_is_none_is_no_server_error(shop: Shop, host: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shop.url.rpartition(":")[2]))
    request = f"GET /join.svg HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    writer.write(request.encode("latin-1"))
    async with asyncio.timeout(10):
        status = (await reader.readline()).split()[1]
    assert status in (b"200", b"400")
    writer.close()
    await writer.wait_closed()
