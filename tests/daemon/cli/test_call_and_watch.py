"""``tillcard call`` and ``tillcard watch`` against the real server."""

import asyncio
import json
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from typer.testing import Result

from daemon.cli.daemon_call import advice
from daemon.cli.watch_command import event_line
from daemon.pos.client import CallError
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.server import Server, ServerSettings
from daemon.pos.session import Session
from daemon.pos.session_methods import SubscribeParams, SubscribeResult, subscribe
from tests.daemon.pos.shop import GREETING, WAIT_S, Shop, new_ring
from tests.support.commands import tillcard


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pos.sock"


async def run(path: Path, *words: str, stdin: str = "") -> Result:
    return await invoke(*words, "--socket", str(path), stdin=stdin)


async def invoke(*words: str, stdin: str = "") -> Result:
    async with asyncio.timeout(WAIT_S):
        return await asyncio.to_thread(tillcard, *words, stdin=stdin)


async def test_call_prints_the_result_as_json(path: Path) -> None:
    async with Server(Shop().methods(), new_ring(), GREETING).listening(path):
        given = await run(path, "call", "say", '{"text": "café"}')
        piped = await run(path, "call", "say", "-", stdin='{"text": "café"}\n')
        bare = await run(path, "call", "whoami")
    assert (given.exit_code, json.loads(given.stdout)) == (0, {"text": "café"})
    assert piped.stdout == given.stdout
    assert json.loads(bare.stdout)["role"] == "admin"


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (["refuse"], ["refuse was refused. Tap the same card again. (timeout, 112)", "not known"]),
        (["drop"], ["There is no method 'drop'"]),
        (["say", "{}"], ["text: is missing; write it"]),
        (["say", "{"], ["The parameters are no JSON object"]),
        (["say", "[1]"], ["The parameters are no JSON object"]),
    ],
)
async def test_call_says_plainly_what_is_wrong(
    path: Path, words: list[str], sentences: list[str]
) -> None:
    async with Server(Shop().methods(), new_ring(), GREETING).listening(path):
        result = await run(path, "call", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    for sentence in sentences:
        assert sentence in result.stderr


@pytest.mark.parametrize(
    ("name", "request_", "again"),
    [
        ("busy", {"reader": "chip"}, "Try again."),
        ("busy", {"sale_id": "s1"}, "Try again: send the same call with the same id."),
        ("no_card", {"reader": "chip"}, "Try again."),
        (
            "no_card",
            {"sale_id": "s1", "presentation": "p1"},
            "Show the card, and send the call with the new presentation.",
        ),
    ],
)
def test_a_call_that_may_be_repeated_is_told_how(
    name: str, request_: dict[str, str], again: str
) -> None:
    error = CallError(113, name, "Not now.", {"retryable": True})
    assert advice(error, request_) == f"Not now. ({name}, 113)\n{again}"


@pytest.mark.parametrize("command", [["call", "status"], ["watch"]])
async def test_without_a_daemon_both_say_how_to_start_one(path: Path, command: list[str]) -> None:
    result = await run(path, *command)
    assert result.exit_code == 1
    assert "tillcard run" in result.stderr


def test_a_socket_and_a_port_are_not_named_together(path: Path) -> None:
    said = tillcard("call", "status", "--socket", str(path), "--port", "8481")
    assert (said.exit_code, "it goes without --socket" in said.output) == (2, True), said.output


@pytest.mark.parametrize("as_json", [False, True])
async def test_watch_prints_each_event_until_the_daemon_goes(path: Path, as_json: bool) -> None:
    ring = new_ring()
    events = [ring.publish("scan", reader="scanner", text=str(n)) for n in range(20)]
    subscribed = asyncio.Event()
    words = ["watch", "--from-seq", "1", *(["--json"] if as_json else [])]
    methods = Shop().methods()

    async def subscribe_and_tell(session: Session, params: SubscribeParams) -> SubscribeResult:
        subscribed.set()
        return await subscribe(session, params)

    methods["events.subscribe"] = Method(SubscribeParams, subscribe_and_tell, Role.READ)
    async with asyncio.TaskGroup() as tasks:
        async with Server(methods, ring, GREETING).listening(path):
            watching = tasks.create_task(run(path, *words))
            await subscribed.wait()
        result = await watching
    assert result.exit_code == 1
    assert "closed the connection" in result.stderr
    lines = result.stdout.splitlines()
    if as_json:
        assert [json.loads(line) for line in lines] == events
    else:
        assert lines == [event_line(event) for event in events]


def test_an_event_line_has_local_time_place_and_what_happened() -> None:
    event = new_ring().publish("card.presented", reader="chip", number="2900…0017", retries=2)
    kyiv = timezone(timedelta(hours=2))
    assert event_line(event, kyiv) == (
        "11:30:00  #1  chip  card.presented  number=2900…0017  retries=2"
    )
    overflow = {**event, "type": "overflow", "reader": None, "lost": 5}
    assert event_line(overflow, UTC).startswith("09:30:00  #1  -  overflow  ")


def test_a_scanned_text_is_shown_on_one_line_with_its_separators() -> None:
    scan = {"seq": 2, "event_id": "e-2", "at": "2026-11-22T09:30:00Z", "reader": "s"}
    scan |= {"type": "scan", "text": "10AB\x1d211\nЖ\u202e", "bytes": "00FF"}
    shown = event_line(scan, UTC)
    assert shown.isprintable()
    assert shown.endswith(r"text='10AB\x1d211\nЖ\u202e'  bytes=00FF")


async def test_a_port_serves_as_the_socket_does_with_the_token(tmp_path: Path) -> None:
    server = Server(Shop().methods(), new_ring(), GREETING, ServerSettings(token="secret"))
    token_file = tmp_path / "pos.token"
    token_file.write_text("secret\n")
    async with server.listening(tmp_path / "pos.sock", tcp_port=0) as port:
        by_port = ["--port", str(port), "--token-file", str(token_file)]
        called = await invoke("call", "whoami", *by_port)
        token_file.write_text("guessed\n")
        refused = await invoke("watch", *by_port)
        missing = await invoke("call", "whoami", "--port", str(port))
    assert json.loads(called.stdout)["role"] == "sale"
    assert (refused.exit_code, missing.exit_code) == (1, 1)
    assert "Say hello with the token" in refused.stderr
    assert "cannot be read (No such file or directory). It stands" in missing.stderr
    assert "name it with --token-file" in missing.stderr
