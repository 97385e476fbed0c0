"""The blocking client, against the real server; it runs in a thread, as a program of its own."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from daemon.pos.client import CallError, Client, UnreachableError, find_socket
from daemon.pos.server import CONNECTIONS_MAX, Server
from tests.daemon.pos.shop import GREETING, WAIT_S, Shop, connected, new_ring

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tillcard" / "pos.sock"


async def in_thread(work: Callable[[], T]) -> T:
    async with asyncio.timeout(WAIT_S):
        return await asyncio.to_thread(work)


async def test_a_call_returns_its_result(path: Path) -> None:
    def work() -> tuple[str, Any, Any]:
        with Client(path, timeout_s=WAIT_S) as client:
            said = client.call("say", {"text": "hi"})
            return client.greeting["terminal"], said, client.call("whoami")

    async with Server(Shop().methods(), new_ring(), GREETING).listening(path):
        terminal, said, whoami = await in_thread(work)
    assert (terminal, said, whoami["role"]) == ("till-1", {"text": "hi"}, "admin")


async def test_a_refusal_is_raised_with_all_it_says(path: Path) -> None:
    def work() -> CallError:
        with Client(path, timeout_s=WAIT_S) as client, pytest.raises(CallError) as caught:
            client.call("refuse")
        return caught.value

    async with Server(Shop().methods(), new_ring(), GREETING).listening(path):
        error = await in_thread(work)
    assert (error.code, error.name, error.detail) == (112, "timeout", "Tap the same card again.")
    assert (error.data["reader"], error.data["age_s"]) == ("chip", 720)


async def test_a_request_over_the_limit_is_raised_too(path: Path) -> None:
    def work() -> CallError:
        with Client(path, timeout_s=WAIT_S) as client, pytest.raises(CallError) as caught:
            client.call("say", {"text": "x" * 262_144})
        return caught.value

    async with Server(Shop().methods(), new_ring(), GREETING).listening(path):
        assert (await in_thread(work)).name == "invalid_request"


async def test_a_full_house_is_raised_as_busy(path: Path) -> None:
    def work() -> CallError:
        with pytest.raises(CallError) as caught:
            Client(path, timeout_s=WAIT_S)
        return caught.value

    server = Server(Shop().methods(), new_ring(), GREETING)
    async with server.listening(path), AsyncExitStack() as clients:
        for _ in range(CONNECTIONS_MAX):
            await clients.enter_async_context(connected(path))
        assert (await in_thread(work)).name == "busy"


async def test_events_come_in_order_until_the_daemon_goes_away(path: Path) -> None:
    ring = new_ring()
    for n in range(100):
        ring.publish("scan", reader="scanner", text=str(n))

    def work() -> list[int]:
        seqs: list[int] = []
        with Client(path, timeout_s=WAIT_S) as client, suppress(UnreachableError):
            for event in client.events(51):
                seqs.append(event["seq"])
                if event["seq"] == 101:
                    loop.call_soon_threadsafe(stop.set)
                elif event["seq"] == 100:
                    loop.call_soon_threadsafe(ring.publish, "scan")
            pytest.fail("the events ended without a word")
        return seqs

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        async with Server(Shop().methods(), ring, GREETING).listening(path):
            watching = tasks.create_task(in_thread(work))
            await stop.wait()
        assert await watching == list(range(51, 102))


def test_no_daemon_is_said_with_what_to_do(path: Path) -> None:
    with pytest.raises(UnreachableError, match="tillcard run"):
        Client(path)


def test_a_server_that_never_answers_is_given_up(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(UnreachableError, match="did not answer within"):
            Client(path, timeout_s=0.01)


def test_the_socket_is_found_where_a_daemon_made_it(path: Path, tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "RUNTIME_DIRECTORY": str(tmp_path / "absent")}
    with pytest.raises(UnreachableError, match=r"no socket at .* or name its socket with --socket"):
        find_socket(environ)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
        daemon.bind(str(path))
        assert find_socket(environ) == path
