"""Visitors have places of their own, keep none for nothing, and leave the till's alone."""

import asyncio
import logging
import os
import resource
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till
from tests.web.conftest import OpenShop
from tests.web.memory_desk import MemoryDesk
from tests.web.test_tls import FILES, write_tls_files
from web.visits import Places
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

WAIT_S = 20.0
QUICK_S = 0.05
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


class Visitor:
    """A connection to the pages, from an address of this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def come(cls, stack: AsyncExitStack, port: int, address: str = "127.0.0.1") -> "Visitor":
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        stack.callback(writer.close)
        return cls(reader, writer)

    async def is_answered(self) -> bool:
        try:
            self.writer.write(ASK)
            async with asyncio.timeout(WAIT_S):
                return b"200 OK" in await self.reader.readline()
        except ConnectionError:
            return False

    async def is_cut(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.reader.read() == b""
        except ConnectionError:
            return True


async def test_one_address_has_so_many_places_and_another_its_own(open_shop: OpenShop) -> None:
    async with (
        open_shop(WebSettings(connections_max=5, connections_by_address=3)) as shop,
        AsyncExitStack() as stack,
    ):
        port = port_of(shop.url)
        here = [await Visitor.come(stack, port) for _ in range(3)]
        assert all([await visitor.is_answered() for visitor in here])
        assert not await (await Visitor.come(stack, port)).is_answered()
        there = [await Visitor.come(stack, port, "127.0.0.2") for _ in range(2)]
        assert all([await visitor.is_answered() for visitor in there])
        assert not await (await Visitor.come(stack, port, "127.0.0.3")).is_answered(), "5 in all"
        here[0].writer.write(ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"ok" in await here[0].reader.read()
        assert await (await Visitor.come(stack, port, "127.0.0.3")).is_answered()


def test_a_proxy_is_many_visitors() -> None:
    places = Places(4, 2, {"10.0.0.1"})
    assert [places.take("10.0.0.1") for _ in range(5)] == [True] * 4 + [False]
    places.leave("10.0.0.1")
    assert places.take("2001:db8::1")
    assert not Places(4, 0).take("2001:db8::1")


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", ASK + b"GET"])
async def test_who_says_nothing_or_half_is_cut(open_shop: OpenShop, said: bytes) -> None:
    async with (
        open_shop(WebSettings(head_timeout_s=QUICK_S)) as shop,
        AsyncExitStack() as stack,
    ):
        visitor = await Visitor.come(stack, port_of(shop.url))
        if said.startswith(ASK):
            assert await visitor.is_answered()
            async with asyncio.timeout(WAIT_S):
                await visitor.reader.readuntil(b"ok\n")
        visitor.writer.write(said.removeprefix(ASK))
        assert await visitor.is_cut()


async def test_who_does_not_shake_hands_is_cut(tmp_path: Path) -> None:
    write_tls_files(tmp_path)
    settings = msgspec.structs.replace(FILES, head_timeout_s=QUICK_S)
    server = WebServer(make_app(MemoryDesk(), settings, HandClock()), settings, tmp_path)
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        assert await (await Visitor.come(stack, port_of(server.url))).is_cut()


async def test_with_the_pages_full_a_pos_connects_within_a_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, AsyncExitStack() as stack:
        port = port_of(till.web_url)
        for number in range(400):
            await Visitor.come(stack, port, f"127.0.0.{number % 8 + 1}")
        async with asyncio.timeout(1), Pos.connect(till.socket) as pos:
            assert (await pos.call("status"))["web"] == till.web_url
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_status_opens_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        next_file = os.dup(0)
        os.close(next_file)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (next_file, hard))
            with pytest.raises(OSError, match="Too many open files"):
                os.dup(0)
            assert (await pos.call("status"))["terminal"] == "till-1"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_till_opens_as_many_files_as_it_may() -> None:
    program = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (64, 200));"
        "from daemon.app.startup import raise_file_limit;"
        "assert raise_file_limit() == 200; print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"(200, 200)\n"
