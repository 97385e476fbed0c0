"""The protocol on a loopback port: who has the token may sell, nobody else may do anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from daemon.app.running import App
from daemon.pos.connection import STRANGER_LINE_BYTES_MAX
from daemon.pos.server import TCP_CONNECTIONS_MAX, Server, ServerSettings
from tests.daemon.pos.shop import GREETING, WAIT_S, Shop, connected, new_ring, request
from tests.scenarios.baskets import BASKET, show_plastic
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos, lay_out, open_till

HELLO = {"client": "test", "version": "1"}

NOW_OR_NEVER = ServerSettings(token="secret", hello_s=0.05)


@pytest.fixture
async def tcp_till(tmp_path: Path, clock: HandClock) -> AsyncIterator[App]:
    lay_out(tmp_path, **{"[socket]": "[socket]\ntcp_port = 0"})
    async with open_till(tmp_path, clock) as app:
        yield app


@pytest.fixture
async def stranger(tcp_till: App) -> AsyncIterator[Pos]:
    assert tcp_till.tcp_port is not None
    async with Pos.connect(tcp_till.tcp_port) as pos:
        yield pos


def token_of(till: App) -> str:
    return (till.socket.parent / "pos.token").read_text("ascii").strip()


def test_the_token_is_the_daemon_s_user_s_alone(tcp_till: App) -> None:
    path = tcp_till.socket.parent / "pos.token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(token_of(tcp_till))) == 32


async def test_with_the_token_a_client_may_sell_and_not_more(tcp_till: App, stranger: Pos) -> None:
    hello = await stranger.call("hello", **HELLO, token=token_of(tcp_till))
    assert hello == {"role": "sale", "terminal": "till-1", "language": "en"}
    presentation = await show_plastic(stranger)
    sold = await stranger.call("sale.commit", sale_id="s1", presentation=presentation, lines=BASKET)
    assert sold["state"] == "posted"


async def test_without_the_token_nothing_but_hello_is_answered(
    tcp_till: App, stranger: Pos
) -> None:
    methods = [*stranger.greeting["capabilities"], "no.such.method"]
    for method in set(methods) - {"hello"}:
        assert (await refused(stranger, method)).data["name"] == "permission", method
    token = token_of(tcp_till)
    for wrong in ("", token[:-1], token + "0", "é" * 64, token.upper() + " "):
        assert (await refused(stranger, "hello", **HELLO, token=wrong)).data["name"] == "permission"
    assert (await refused(stranger, "hello", **HELLO)).data["name"] == "permission"
    assert (await refused(stranger, "status")).data["name"] == "permission"
    await stranger.call("hello", **HELLO, token=token)
    await stranger.call("status")


async def test_a_token_is_asked_of_nobody_on_the_unix_socket(tcp_till: App) -> None:
    async with Pos.connect(tcp_till.socket) as pos:
        assert (await pos.call("hello", **HELLO))["role"] == "admin"


async def test_the_same_token_serves_after_a_restart(tmp_path: Path, clock: HandClock) -> None:
    lay_out(tmp_path, **{"[socket]": "[socket]\ntcp_port = 0"})
    tokens = []
    for _ in range(2):
        async with open_till(tmp_path, clock) as app:
            tokens.append(token_of(app))
    assert tokens[0] == tokens[1]


async def test_without_a_port_in_the_configuration_none_is_open_and_no_token_made(
    till: App,
) -> None:
    assert till.tcp_port is None
    assert not (till.socket.parent / "pos.token").exists()


async def test_a_client_that_shows_no_token_in_time_is_cut_off(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, NOW_OR_NEVER)
    async with server.listening(tmp_path / "pos.sock", tcp_port=0) as port:
        assert port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            assert b"greeting" in await reader.readline()
            assert await reader.read() == b""
        writer.close()


async def test_a_client_that_showed_it_stays(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, NOW_OR_NEVER)
    async with server.listening(tmp_path / "pos.sock", tcp_port=0) as port:
        assert port is not None
        async with Pos.connect(port) as good, Pos.connect(port) as bad:
            assert (await good.call("hello", **HELLO, token="secret"))["role"] == "sale"
            with pytest.raises(ConnectionError):
                await bad.event("none comes before the end")
            assert await good.call("say", text="still here") == {"text": "still here"}


async def test_strangers_on_the_port_leave_the_socket_free(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, ServerSettings(token="x"))
    path = tmp_path / "pos.sock"
    async with server.listening(path, tcp_port=0) as port, AsyncExitStack() as stack:
        assert port is not None
        oldest, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(TCP_CONNECTIONS_MAX):
            await stack.enter_async_context(Pos.connect(port))
        async with asyncio.timeout(WAIT_S):
            assert b'"greeting"' in await oldest.readline()
            assert b'"busy"' in await oldest.readline()
            assert await oldest.read() == b""
        writer.close()
        async with connected(path) as pos:
            assert await pos.call("say", {"text": "hi"}) == {"text": "hi"}


async def test_strangers_take_no_place_of_those_who_show_the_token(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, ServerSettings(token="secret"))
    async with (
        server.listening(tmp_path / "pos.sock", tcp_port=0) as port,
        AsyncExitStack() as all_,
    ):
        assert port is not None
        pos = None
        for _ in range(TCP_CONNECTIONS_MAX):
            for _ in range(TCP_CONNECTIONS_MAX):
                await all_.enter_async_context(Pos.connect(port))
            pos = await all_.enter_async_context(Pos.connect(port))
            assert (await pos.call("hello", **HELLO, token="secret"))["role"] == "sale"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            assert b'"busy"' in await reader.readline()
        writer.close()
        assert pos is not None
        assert await pos.call("say", text="still here") == {"text": "still here"}


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, ServerSettings(token="x"))
    async with server.listening(tmp_path / "one.sock", tcp_port=0) as port:
        other = Server(Shop().methods(), new_ring(), GREETING, ServerSettings(token="x"))
        with pytest.raises(OSError, match=f"The port {port} of 127.0.0.1 cannot be opened"):
            async with other.listening(tmp_path / "two.sock", tcp_port=port):
                raise AssertionError("it was opened twice")
    assert not (tmp_path / "two.sock").exists()


async def test_a_line_of_four_kib_is_read_before_hello_and_not_more(
    tcp_till: App, stranger: Pos
) -> None:
    longest = {"params": {"client": "x"}, "pad": ""}
    raw = msgspec.json.encode(longest)
    padded = raw.replace(
        b'"pad":""', b'"pad":"' + b"x" * (STRANGER_LINE_BYTES_MAX - len(raw)) + b'"'
    )
    assert tcp_till.tcp_port is not None
    for line, answered in ((padded, b"invalid_request"), (padded + b" ", b"at most 4096 bytes")):
        reader, writer = await asyncio.open_connection("127.0.0.1", tcp_till.tcp_port)
        async with asyncio.timeout(WAIT_S):
            await reader.readline()
            writer.write(line + b"\n")
            assert answered in await reader.readline()
        writer.close()


async def test_what_stands_behind_hello_is_read_with_the_rights_that_it_gave(
    tcp_till: App,
) -> None:
    assert tcp_till.tcp_port is not None
    hello = request("hello", HELLO | {"token": token_of(tcp_till)})
    long = request("programme.check", {"text": "#" * 2 * STRANGER_LINE_BYTES_MAX})
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_till.tcp_port)
    async with asyncio.timeout(WAIT_S):
        writer.write(hello + long)
        lines = [await reader.readline() for _ in range(3)]
    assert b'"role":"sale"' in lines[1]
    assert b'"errors"' in lines[2]
    writer.close()
