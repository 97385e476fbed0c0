"""Each limit of the socket: what happens there, to the one client and to the others."""

import asyncio
import socket
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from daemon.base.text_limits import ANSWER_BYTES_MAX
from daemon.pos.connection import REQUESTS_IN_HAND_MAX
from daemon.pos.lines import LINE_BYTES_MAX
from daemon.pos.server import CONNECTIONS_MAX, Server, ServerSettings
from tests.daemon.pos.shop import GREETING, WAIT_S, Pos, Shop, connected, new_ring, request


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pos.sock"


def server_of(shop: Shop, *, drain_s: float = WAIT_S) -> Server:
    return Server(shop.methods(), new_ring(), GREETING, ServerSettings(drain_s=drain_s))


async def still_serves(path: Path) -> bool:
    async with connected(path) as pos:
        return bool(await pos.call("say", {"text": "hi"}) == {"text": "hi"})


def deafen(pos: Pos) -> None:
    transport = pos.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()


def hear_again(pos: Pos) -> None:
    transport = pos.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.resume_reading()


def talk_for_ever(path: Path, chunk: bytes) -> tuple[int, bytes]:
    """Send ``chunk`` until cut off, 10 MB at most; return the bytes sent and what was said."""
    sent_bytes, said = 0, b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(WAIT_S)
        client.connect(str(path))
        with suppress(ConnectionError):
            while sent_bytes < 10_000_000:
                sent_bytes += client.send(chunk)
        with suppress(ConnectionError):
            while heard := client.recv(65_536):
                said += heard
    return sent_bytes, said


async def events_until(pos: Pos, seq: int) -> list[dict[str, Any]]:
    """Read events until the one numbered ``seq``."""
    events = [(await pos.read())["params"]]
    while events[-1]["seq"] < seq:
        events.append((await pos.read())["params"])
    return events


async def test_a_line_of_the_limit_is_served(path: Path) -> None:
    room = LINE_BYTES_MAX - (len(request("say", {"text": ""})) - 1)
    async with server_of(Shop()).listening(path), connected(path) as pos:
        assert len((await pos.call("say", {"text": "x" * room}))["text"]) == room


@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_a_line_over_the_limit_is_an_error_and_the_end(path: Path, end: bytes) -> None:
    async with server_of(Shop()).listening(path):
        async with connected(path) as pos:
            await pos.send(b"x" * (LINE_BYTES_MAX + 1) + end)
            error = (await pos.read())["error"]
            assert error["code"] == -32600
            assert str(LINE_BYTES_MAX) in error["message"]
            assert await pos.is_closed()
        assert await still_serves(path)


async def test_ten_megabytes_without_a_line_end_are_not_taken_in(path: Path) -> None:
    async with server_of(Shop()).listening(path):
        sent_bytes, said = await asyncio.to_thread(talk_for_ever, path, b"x" * 65_536)
        assert sent_bytes < 2 * 1024 * 1024
        greeting, error = said.splitlines()
        assert b"greeting" in greeting
        assert b"-32600" in error
        assert await still_serves(path)


async def test_past_the_requests_in_hand_the_next_wait_their_turn(path: Path) -> None:
    shop = Shop()
    async with server_of(shop).listening(path), connected(path) as pos:
        lines = [
            request("sale.commit", {"sale_id": f"s-{n}"}, request_id=n)
            for n in range(REQUESTS_IN_HAND_MAX + 3)
        ]
        await pos.send(b"".join(lines))
        begun = [await shop.begun.get() for _ in range(REQUESTS_IN_HAND_MAX)]
        assert begun == [f"s-{n}" for n in range(REQUESTS_IN_HAND_MAX)]
        assert await still_serves(path)
        assert shop.begun.empty()
        shop.may_post.set()
        answered = [(await pos.read())["id"] for _ in lines]
        assert sorted(answered) == list(range(len(lines)))


async def test_one_client_too_many_hears_busy_and_may_come_when_another_left(path: Path) -> None:
    shop = Shop()
    async with server_of(shop).listening(path), AsyncExitStack() as clients:
        first = await clients.enter_async_context(connected(path))
        await first.call("reader.claim", {"text": "chip"})
        for _ in range(CONNECTIONS_MAX - 1):
            await clients.enter_async_context(connected(path))
        async with connected(path, greeted=False) as turned_away:
            error = (await turned_away.read())["error"]
            assert (error["code"], error["data"]["name"]) == (113, "busy")
            assert await turned_away.is_closed()
        first.writer.close()
        async with asyncio.timeout(WAIT_S):
            await shop.gone.wait()
        assert await still_serves(path)


async def test_a_client_that_asks_and_never_reads_is_cut_off_and_slows_nobody(path: Path) -> None:
    shop = Shop()
    async with server_of(shop, drain_s=0.05).listening(path):
        async with connected(path) as deaf:
            await deaf.call("reader.claim", {"text": "chip"})
            deafen(deaf)
            await deaf.send(request("blob", {"size": ANSWER_BYTES_MAX // 2}) * 3)
            assert await still_serves(path)
            async with asyncio.timeout(WAIT_S):
                await shop.gone.wait()
        assert await still_serves(path)


async def test_while_a_client_does_not_read_no_more_of_its_requests_are_begun(path: Path) -> None:
    shop = Shop()
    shop.may_post.set()
    async with server_of(shop).listening(path), connected(path) as slow:
        deafen(slow)
        await slow.send(request("blob", {"size": ANSWER_BYTES_MAX // 2}))
        commits = b"".join(request("sale.commit", {"sale_id": f"s-{n}"}) for n in range(20))
        await slow.send(commits)
        assert await still_serves(path)
        assert len(shop.posted) <= REQUESTS_IN_HAND_MAX
        hear_again(slow)
        answers = [await slow.read() for _ in range(21)]
        assert len(shop.posted) == 20
        assert sum("blob" in answer["result"] for answer in answers) == 1


async def test_a_slow_listener_is_told_how_much_it_lost_and_then_goes_on(path: Path) -> None:
    ring = new_ring(1_000)
    server = Server(Shop().methods(), ring, GREETING, ServerSettings(drain_s=WAIT_S))
    async with server.listening(path), connected(path) as slow, connected(path) as quick:
        await slow.call("events.subscribe")
        await quick.call("events.subscribe")
        deafen(slow)
        for n in range(20_000):
            ring.publish("scan", reader="scanner", text=str(n))
            if n % 500 == 0:
                assert (await events_until(quick, n + 1))[-1]["type"] == "scan"
        await events_until(quick, 20_000)
        hear_again(slow)
        got = await events_until(slow, 20_000)
    scans = [event for event in got if event["type"] == "scan"]
    lost = sum(event["lost"] for event in got if event["type"] == "overflow")
    assert lost > 0
    assert lost + len(scans) == 20_000
    seqs = [event["seq"] for event in got]
    assert seqs == sorted(set(seqs))
    assert all(event["text"] == str(event["seq"] - 1) for event in scans)
