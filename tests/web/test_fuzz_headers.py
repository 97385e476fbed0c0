"""Any bytes in a header, a cookie or a body: an answer below 500, and no traceback in the log."""

import asyncio
import http.client
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.clock import HandClock
from tests.support.till import lay_out, open_till
from tests.web.authority import PASS_TYPE, Authority
from tests.web.wallets.iphone import lay_out_wallets

EXAMPLES, EXAMPLES_SOAK, ANSWER_S = 250, 20_000, 20.0
TOKEN = "A" * 22
PASSES = f"/passes/v1/passes/{PASS_TYPE}/c0"
ROUTES = [
    *("GET /", "GET /join", "POST /join", "GET /join.svg", "GET /healthz", "GET /static/web.css"),
    *(f"GET /c/{TOKEN}", f"POST /c/{TOKEN}/phone", f"POST /c/{TOKEN}/renewal"),
    *(
        "GET /nowhere",
        "GET /c",
        "DELETE /join",
        "POST /healthz",
        "PUT /static/web.css",
        "OPTIONS *",
    ),
    *(f"GET /bind/{TOKEN}", f"POST /bind/{TOKEN}", "POST /passes/v1/log", f"GET {PASSES}"),
]
NAMES = [
    *(b"Cookie", b"Authorization", b"Accept-Language", b"X-Forwarded-For", b"If-None-Match"),
    *(b"If-Modified-Since", b"Range", b"Host", b"Origin", b"Content-Encoding", b"Expect"),
    *(b"Upgrade", b"Content-Type", b"Transfer-Encoding"),
]
FORM = b"application/x-www-form-urlencoded"
PIECES = [
    *(b"visitor=", b"card=", b"lang=", b"\xe9", b"\xff", b";", b"=", b'"', b",", b"\\", b"uk"),
    *(b"ApplePass ", b"Basic ", b"127.0.0.1", b"[::1]:8", b":80", b"unknown", b"q=nan"),
    *(b"bytes=0-", b"gzip", FORM, b"%ED%A0%80", b"A" * 22, b"Sat, 28 Nov 2026 00:00:00 GMT"),
    *(b"\xd0\x97", b"1" * 300, b"chunked", b"100-continue"),
]
BODIES = [
    *(b"", b"[" * 5_000, b'{"logs":' * 900, b'{"logs":["\xed\xa0\x80"]}', b"\xe9=\xff", b"\x00"),
    *(b'{"logs":["\\ud800"]}', b"form_id=%ED%A0%80&proof=\xe9", b"a=1&" * 100, b"\x1f\x8b\x08"),
]
VALUES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=6).map(b"".join)
REQUESTS = st.tuples(
    st.sampled_from(ROUTES),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4),
    st.sampled_from(BODIES) | st.binary(max_size=200),
)


def status_of(port: int, asked: tuple[str, list[tuple[bytes, bytes]], bytes]) -> int:
    route, headers, body = asked
    lines = [f"{route} HTTP/1.1".encode(), b"Host: x", b"Connection: close"]
    lines += [
        name + b": " + value.replace(b"\r", b"").replace(b"\n", b"") for name, value in headers
    ]
    lines += [b"Content-Length: %d" % len(body)]
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = http.client.HTTPResponse(connection, method=route.partition(" ")[0])
        try:
            answer.begin()
        except (http.client.HTTPException, ConnectionError):
            return 0  # cut, as a body that never comes is
        return answer.status


KNOWN = [
    ("POST /passes/v1/log", [], b"[" * 5_000),
    ("POST /passes/v1/log", [], b'{"logs":' * 900),
    ("POST /join", [(b"Cookie", b"visitor=\xe9"), (b"Content-Type", FORM)], b"form_id=x"),
    ("GET /join", [(b"Cookie", b"visitor=\xe9")], b""),
    ("GET /nowhere", [(b"Expect", b"\xff")], b""),
    ("DELETE /join", [(b"Expect", b"\xff")], b""),
    ("OPTIONS *", [(b"Expect", b"\xff")], b""),
    (f"GET {PASSES}", [(b"Authorization", b"ApplePass \xe9")], b""),
]


async def test_an_address_that_is_not_served_says_so_whatever_is_expected(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till:
        port = urlsplit(till.web_url).port
        assert port is not None
        for headers, not_found, wrong_method in (
            ([], 404, 405),
            ([(b"Expect", b"\xff")], 417, 417),
            ([(b"Expect", b"soon")], 417, 417),
        ):
            for route, status in (
                ("GET /nowhere", not_found),
                ("GET /c", not_found),
                ("DELETE /join", wrong_method),
                ("POST /", wrong_method),
            ):
                asked = (route, headers, b"")
                assert await asyncio.to_thread(status_of, port, asked) == status, asked


async def fuzz(tmp_path: Path, examples: int) -> None:
    authority = Authority()
    lay_out_wallets(tmp_path, authority, authority.pass_party())
    config = tmp_path / "tillcard.toml"
    text = config.read_text("utf-8")
    limits = "[web]\nbody_timeout_s = 0.05\njoins_max = 1000000\n"
    limits += 'proxies = ["127.0.0.1"]\n'
    config.write_text(text.replace("[web]\n", limits), "utf-8")
    async with open_till(tmp_path, HandClock()) as till:
        port = urlsplit(till.web_url).port
        assert port is not None
        at = port

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(REQUESTS)
        def run(asked: tuple[str, list[tuple[bytes, bytes]], bytes]) -> None:
            assert status_of(at, asked) < 500, asked

        for asked in KNOWN:
            assert await asyncio.to_thread(status_of, at, asked) < 500, asked
        await asyncio.to_thread(run)


async def test_any_bytes_in_headers_cookies_and_bodies_are_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fuzz(tmp_path, EXAMPLES)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.soak
async def test_many_bytes_in_headers_cookies_and_bodies_are_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fuzz(tmp_path, EXAMPLES_SOAK)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
