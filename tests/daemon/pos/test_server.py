import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from daemon.pos.events import EventRing
from daemon.pos.server import Server, ServerSettings
from tests.daemon.pos.shop import GREETING, WAIT_S, Shop, connected, new_ring, request


def server_of(shop: Shop, ring: EventRing | None = None) -> Server:
    return Server(shop.methods(), ring or new_ring(), GREETING)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "pos.sock"


async def test_the_server_speaks_first(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path, greeted=False) as pos:
        assert await pos.read() == {
            "jsonrpc": "2.0",
            "method": "greeting",
            "params": {
                "protocol": {"major": 1, "minor": 0},
                "server": "tillcard 0",
                "capabilities": ["sale"],
                "terminal": "till-1",
                "currency": "EUR",
                "language": "en",
            },
        }


async def test_hello_names_the_client_and_tells_it_its_role(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        hello = {"client": "demo", "version": "1.2", "token": "of no use here"}
        assert await pos.call("hello", hello) == {
            "role": "admin",
            "terminal": "till-1",
            "language": "en",
        }
        whoami = {"role": "admin", "client": "demo", "till": "till-1"}
        assert await pos.call("whoami") == whoami


async def test_a_client_name_over_the_limit_is_refused(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        await pos.send(request("hello", {"client": "x" * 65, "version": "1"}))
        assert (await pos.read())["error"]["code"] == -32602


async def test_both_line_ends_serve_and_a_line_may_come_a_byte_at_a_time(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        await pos.send(request("say", {"text": "unix"}))
        assert (await pos.read())["result"] == {"text": "unix"}
        for byte in request("say", {"text": "dos"}).replace(b"\n", b"\r\n"):
            await pos.send(bytes([byte]))
        assert (await pos.read())["result"] == {"text": "dos"}


async def test_whatever_is_sent_the_connection_lives_on(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        for bad in (b"\n", b"\xff\xff\n", b"[]\n", b"GET / HTTP/1.1\r\n", request("crash")):
            await pos.send(bad)
            assert (await pos.read())["error"]["code"] < 0
        assert await pos.call("say", {"text": "still here"}) == {"text": "still here"}


async def test_what_is_asked_together_is_answered_under_its_own_id(path: Path) -> None:
    shop = Shop()
    async with server_of(shop).listening(path), connected(path) as pos:
        commit = request("sale.commit", {"sale_id": "s-1"}, request_id="slow")
        await pos.send(commit + request("say", {"text": "hi"}, request_id="quick"))
        quick = await pos.read()
        shop.may_post.set()
        slow = await pos.read()
    assert (quick["id"], quick["result"]) == ("quick", {"text": "hi"})
    assert (slow["id"], slow["result"]["state"]) == ("slow", "posted")


async def test_a_client_that_has_said_all_gets_every_answer_and_then_the_end(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        lines = b"".join(request("say", {"text": str(n)}, request_id=n) for n in range(100))
        await pos.send(lines.rstrip(b"\n"))
        pos.writer.write_eof()
        answered = [(await pos.read())["id"] for _ in range(100)]
        assert sorted(answered) == list(range(100))
        assert await pos.is_closed()


async def test_a_client_that_goes_away_in_the_middle_of_a_commit_loses_nothing(
    path: Path,
) -> None:
    shop = Shop()
    async with server_of(shop).listening(path):
        async with connected(path) as pos:
            await pos.call("reader.claim", {"text": "scanner"})
            await pos.call("reader.claim", {"text": "chip"})
            await pos.send(request("sale.commit", {"sale_id": "s-1"}))
            assert await shop.begun.get() == "s-1"
        async with connected(path) as other:
            await other.call("say", {"text": "the loop has seen the first one go"})
            assert shop.left == []
        shop.may_post.set()
        async with asyncio.timeout(WAIT_S):
            await shop.gone.wait()
    assert shop.posted == ["s-1"]
    assert shop.left == ["chip", "scanner"]


async def test_sixteen_clients_at_once_are_never_mixed(path: Path) -> None:
    async def converse(name: str) -> None:
        async with connected(path) as pos:
            await pos.call("hello", {"client": name, "version": "1"})
            for n in range(100):
                text = f"{name} {n}"
                await pos.send(request("say", {"text": text}, request_id=text))
                answer = await pos.read()
                assert (answer["id"], answer["result"]["text"]) == (text, text)
            assert (await pos.call("whoami"))["client"] == name

    async with server_of(Shop()).listening(path), asyncio.TaskGroup() as tasks:
        for n in range(16):
            tasks.create_task(converse(f"till {n}"))


async def test_events_follow_the_answer_and_go_to_every_subscriber(path: Path) -> None:
    ring = new_ring()
    ring.publish("reader.state", reader="chip", state="ready")
    async with (
        server_of(Shop(), ring).listening(path),
        connected(path) as pos,
        connected(path) as other,
        connected(path) as deaf,
    ):
        assert await pos.call("events.subscribe") == {"seq": 1, "boot_id": "boot-1"}
        await other.call("events.subscribe", {"from_seq": 1})
        assert (await other.read())["params"]["seq"] == 1
        published = ring.publish("scan", reader="scanner", text="12345670")
        assert await pos.read() == {"jsonrpc": "2.0", "method": "event", "params": published}
        assert (await other.read())["params"] == published
        assert await deaf.call("say", {"text": "nothing"}) == {"text": "nothing"}


async def test_a_client_that_comes_back_gets_what_it_missed(path: Path) -> None:
    ring = new_ring()
    async with server_of(Shop(), ring).listening(path):
        async with connected(path) as pos:
            await pos.call("events.subscribe")
            ring.publish("scan", text="first")
            assert (await pos.read())["params"]["seq"] == 1
        for n in range(500):
            ring.publish("scan", text=str(n))
        async with connected(path) as pos:
            await pos.call("events.subscribe", {"from_seq": 2, "boot_id": "boot-1"})
            missed = [(await pos.read())["params"] for _ in range(500)]
    assert [(event["seq"], event["text"]) for event in missed] == [
        (n + 2, str(n)) for n in range(500)
    ]


async def test_at_the_end_what_is_in_hand_is_answered_and_nothing_more_begun(path: Path) -> None:
    shop, stop = Shop(), asyncio.Event()

    async def serve() -> None:
        async with server_of(shop).listening(path):
            shop.begun.put_nowait("listening")
            await stop.wait()

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        assert await shop.begun.get() == "listening"
        async with connected(path) as pos, connected(path) as idle:
            await pos.send(request("sale.commit", {"sale_id": "s-1"}))
            assert await shop.begun.get() == "s-1"
            stop.set()
            assert await idle.is_closed()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_unix_connection(str(path))
            assert not serving.done()
            await pos.send(request("sale.commit", {"sale_id": "s-2"}))
            shop.may_post.set()
            assert (await pos.read())["result"]["state"] == "posted"
            assert await pos.is_closed()
    assert shop.posted == ["s-1"]


async def test_at_the_end_what_takes_too_long_is_cancelled(path: Path) -> None:
    shop = Shop()
    server = Server(shop.methods(), new_ring(), GREETING, ServerSettings(stop_s=0.05))
    async with AsyncExitStack() as client:
        async with server.listening(path):
            pos = await client.enter_async_context(connected(path))
            await pos.send(request("sale.commit", {"sale_id": "s-1"}))
            assert await shop.begun.get() == "s-1"
        assert await pos.is_closed()
    assert shop.posted == []


async def test_names_in_any_script_come_back_as_they_were_sent(path: Path) -> None:
    async with server_of(Shop()).listening(path), connected(path) as pos:
        assert await pos.call("say", {"text": "Привіт, café"}) == {"text": "Привіт, café"}
