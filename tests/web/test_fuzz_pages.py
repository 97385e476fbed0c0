import asyncio
import logging
import random
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import OpenShop
from web.web_settings import WebSettings

REQUESTS = 4000
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS"]
FORM = "Content-Type: application/x-www-form-urlencoded"
PIECES = [
    "/",
    "//",
    "/c/",
    "/c",
    "/join",
    "/static/",
    "/static/web.css",
    "/healthz",
    "TOKEN",
    "/code.svg",
    "/code.png",
    "/code.gif",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "%zz",
    "\\",
    ":",
    "@",
    "é",
    "ї",
    "\x7f",
    "{token}",
    "*",
    "http://[::1",
    "http://x:99999/",
    "A" * 300,
]
QUERIES = [
    "?kind=",
    "?kind=qr",
    "?kind=ean13",
    "&kind=code128",
    "?lang=",
    "lang=uk",
    "?",
    "&",
    "=",
    "#",
    "%",
    "%ff",
    "%u0041",
    ";",
    "[]",
    "\x01",
    "ї",
    "1" * 300,
]
HEADERS = [
    "Host: x",
    "Host: [",
    "Host: ",
    "Host: a b",
    "Accept-Language: uk;q=nan",
    "Accept-Language: ,;=",
    "Cookie: lang=uk; visitor=; card",
    'Cookie: lang="',
    "Cookie: =;;=",
    "Content-Length: 3",
    "Content-Length: -1",
    "Transfer-Encoding: chunked",
    'If-None-Match: "',
    "If-Modified-Since: x",
    "Range: bytes=5-1",
    "Range: bytes=-",
    "Expect: 100-continue",
    "Expect: x",
    "Upgrade: websocket",
    "X-Forwarded-For: ,",
    "Content-Type: application/x-www-form-urlencoded; charset=nope",
    "Content-Encoding: gzip",
]
BODIES = [b"", b"a=1", b"%ff=%", b"name=\xff&proof=%00", b"3\r\na=1\r\n0\r\n\r\n", b"\x1f\x8b\x08"]


def request(rng: random.Random, token: str) -> bytes:
    def some(pieces: list[str], most: int) -> str:
        return "".join(rng.choices(pieces, k=rng.randint(0, most)))

    start = rng.choice(["/", f"/c/{token}", f"/c/{token}/code.svg", "/join", "/static/web.css", ""])
    target = start + some(PIECES, 3).replace("TOKEN", token) + some(QUERIES, 4)
    line = f"{rng.choice(METHODS)} {target} HTTP/1.1"
    if rng.random() < 0.2:
        line = "POST /join HTTP/1.1"
    lines = [line, "Connection: close", *rng.sample(HEADERS, rng.randint(0, 4))]
    if rng.random() < 0.8:
        lines.append(FORM)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + rng.choice(BODIES)


async def status_of(port: int, data: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(20):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


async def test_no_request_whatever_breaks_the_server(
    open_shop: OpenShop, caplog: pytest.LogCaptureFixture
) -> None:
    rng = random.Random(20261122)
    async with open_shop(WebSettings(body_timeout_s=0.01, joins_max=REQUESTS)) as shop:
        token = shop.desk.add(ean13="0412345678903")
        port = urlsplit(shop.url).port
        assert port is not None
        seen = set()
        for _ in range(REQUESTS):
            data = request(rng, token)
            status = await status_of(port, data)
            assert status < 500, data
            seen.add(status)
        assert seen >= {200, 400, 403, 404, 405, 408, 415}
        assert (await shop.get(f"/c/{token}")).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
