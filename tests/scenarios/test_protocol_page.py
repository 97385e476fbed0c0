"""docs/pos-protocol.md says what is so: each of its examples is played to a real till."""

import asyncio
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from daemon.accounts.cards import Profile
from daemon.app.running import HOLD_SWEEP_S, App
from daemon.base.refusals import ErrorCode
from daemon.base.spreadsheets import ROWS_MAX
from daemon.base.text_limits import ANSWER_BYTES_MAX, CODE_CHARS_MAX
from daemon.customers.import_columns import CELL_CHARS_MAX, COLUMNS_MAX
from daemon.customers.photos import PART_CHARS_MAX, PARTS_MAX, UPLOAD_S_MAX, UPLOADS_MAX
from daemon.customers.picture_maker import PICTURE_S_MAX, WAITING_MAX
from daemon.customers.picture_process import MEMORY_BYTES_MAX, PROCESSOR_S_MAX
from daemon.customers.pictures import PICTURE_BYTES_MAX, PIXELS_MAX, SIDE_MAX
from daemon.ledger.storage.import_queries import IMPORT_TOGETHER
from daemon.pos.claims import CLAIM_TTL_S_MAX
from daemon.pos.connection import REQUESTS_IN_HAND_MAX
from daemon.pos.errors import ProtocolCode
from daemon.pos.events import EVENTS_KEPT_MAX, INPUT_TYPES
from daemon.pos.lines import LINE_BYTES_MAX
from daemon.pos.protocol import SimulatedAction
from daemon.pos.server import CONNECTIONS_MAX, DRAIN_S_MAX, HELLO_S_MAX, TCP_CONNECTIONS_MAX
from daemon.programme.basket import LINES_MAX
from daemon.programme.file import PROGRAMME_BYTES_MAX
from daemon.sale.terms import CODES_MAX
from daemon.shop.issued_codes import CodeState
from tests.support.processes import output_of
from tests.support.till import PATIENCE_S, PLASTIC, Pos

PAGE = (Path(__file__).parent.parent.parent / "docs/pos-protocol.md").read_text("utf-8")
MADE_BY_THE_TILL = {
    *(
        "presentation",
        "quote_id",
        "account",
        "keep",
        "drop",
        "seq",
        "boot_id",
        "event_id",
        "input_id",
    ),
    *("ledger_id", "web", "url", "server", "version"),
}
"""Fields whose values are new in each till; the page's are replaced by the real ones."""
SAMPLE = (resources.files("daemon.cli") / "sample/programme.toml").read_text("utf-8")
WINTER = (
    SAMPLE[SAMPLE.index("[programme]") :].replace('"sample"', '"winter"')
    + """
[[status]]
id = "friends"
of = "spend"
enter = { at_least = 50000, within = "30d" }
keep = { at_least = 30000, within = "60d" }

[[rule]]
id = "snow"
text = "Snow"
lane = "card"
when = { codes = "snow" }
give = { percent = 10 }
limit = { per_code = 1 }

[[card]]
kind = "plastic"
invite = "friend"

[[alliance]]
issuer = "acme"
pays_bp = 5000
fee_bp = 100
"""
)
AND_MORE = "…"
MISSPELT = "sale.qoute"


def in_full(shown: str) -> str:
    """Return the programme of which the page shows the beginning; any other text as it is."""
    beginning, more, _ = shown.partition(AND_MORE)
    found = [text for text in (SAMPLE, WINTER) if more and beginning and text.startswith(beginning)]
    return found[0] if found else shown


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, language
    return found


def messages() -> Iterator[tuple[str, dict[str, Any]]]:
    for block in blocks("json"):
        for arrow, text in re.findall(r"^(-->|<--) (.*?)(?=^-->|^<--|\Z)", block, re.M | re.S):
            yield arrow, msgspec.json.decode(text, type=dict[str, Any])


class Till:
    """The real till behind the page: what the page calls things, and what they are called here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._received: list[dict[str, Any]] = []
        self._names: dict[Any, Any] = {}

    async def send(self, request: dict[str, Any]) -> None:
        self._writer.write(msgspec.json.encode(self._named(request)) + b"\n")
        await self._writer.drain()

    async def expect(self, shown: dict[str, Any]) -> None:
        """Wait for what answers to ``shown``; it must hold all that is shown, and may hold more."""
        self._check(shown, await self._next(shown.get("id"), shown.get("method")), "$")

    async def _next(self, request_id: int | None, method: str | None) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self._received:
                    if (message.get("id"), message.get("method")) == (request_id, method):
                        self._received.remove(message)
                        return message
                self._received.append(msgspec.json.decode(await self._reader.readline()))

    def _named(self, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._named(each) for key, each in value.items()}
            case list():
                return [self._named(each) for each in value]
            case str():
                return self._names.get(value, in_full(value))
            case _:
                return value

    def _check(self, shown: Any, real: Any, where: str) -> None:
        match shown, real:
            case [one], list() if one == AND_MORE:
                return
            case list(), list():
                assert len(shown) == len(real), where
                for n, (one, other) in enumerate(zip(shown, real, strict=True)):
                    self._check(one, other, f"{where}[{n}]")
            case dict(), dict():
                missing = shown.keys() - real.keys() - {AND_MORE}
                assert not missing, (where, missing)
                for key in shown.keys() - {AND_MORE}:
                    self._check_field(key, shown[key], real[key], f"{where}.{key}")
            case str(), _:
                assert in_full(shown) == real, where
            case _:
                assert shown == real, where

    def _check_field(self, key: str, shown: Any, real: Any, where: str) -> None:
        issued = key == "code" and isinstance(shown, str)  # an error's is a number, always the same
        if issued or key in MADE_BY_THE_TILL:
            assert self._names.setdefault(shown, real) == real, where
        else:
            self._check(shown, real, where)


async def test_every_example_is_answered_as_the_page_says(till: App) -> None:
    reader, writer = await asyncio.open_unix_connection(str(till.socket), limit=2**21)
    real, requests = Till(reader, writer), 0
    try:
        for arrow, message in messages():
            if arrow == "-->":
                await real.send(message)
                requests += 1
            else:
                await real.expect(message)
    finally:
        writer.close()
        await writer.wait_closed()
    assert requests >= 42, "the page was read as it is written"


async def test_every_method_that_is_served_has_an_example(pos: Pos) -> None:
    shown = {message["method"] for arrow, message in messages() if arrow == "-->"}
    assert sorted(shown - {MISSPELT}) == pos.greeting["capabilities"]


def test_every_error_and_every_input_event_is_named() -> None:
    for code in (*ErrorCode, *ProtocolCode):
        assert re.search(rf"\b{code.value}\b" if code > 0 else str(code.value), PAGE), code
        assert re.search(rf"\b{code.name.lower()}\b", PAGE), code
    rows = re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)
    assert set(rows[: len(INPUT_TYPES)]) == INPUT_TYPES, "the first six events of the table"


def test_every_field_of_a_profile_and_every_state_of_a_code_is_named() -> None:
    said = PAGE[PAGE.index("`profile` says who") : PAGE.index('"method": "card.issue"')]
    fields = {field.name for field in msgspec.structs.fields(Profile)}
    assert {name for name in fields if f"`{name}`" not in said} == set()
    said = PAGE[PAGE.index("`code.show` says") : PAGE.index('"method": "code.issue"')]
    assert {state for state in get_args(CodeState) if f"`{state}`" not in said} == set()


async def run(*words: str, stdin: bytes = b"") -> str:
    status, said = await output_of(*words, stdin=stdin)
    assert status == 0, said
    return said


def test_all_that_can_be_played_at_a_simulated_reader_is_named() -> None:
    played = re.search(r"^\| `do` .*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert played is not None
    assert set(re.findall(r"`(\w+)`", played[0])) - {"do", "data"} == set(get_args(SimulatedAction))


async def test_the_client_needs_nothing_but_python(till: App) -> None:
    (program,) = blocks("python")
    assert PLASTIC in program
    said = await run(sys.executable, "-I", "-S", "-c", program, str(till.socket))
    assert said.splitlines() == [
        "Good day, Olena!",
        "posted 19800 {'bonus': {'available': 990, 'pending': 0}}",
    ]


async def test_a_shell_and_socat_are_enough(till: App) -> None:
    (line,) = blocks("sh")
    said = await run("sh", "-euc", line.replace(".demo/pos.sock", str(till.socket)))
    greeting, answer = map(msgspec.json.decode, said.splitlines())
    assert greeting["method"] == "greeting"
    assert answer["result"]["terminal"] == "till-1"


@pytest.mark.parametrize(
    ("shown", "limit"),
    [
        ("256 KiB", LINE_BYTES_MAX // 1024),
        ("1,000 ", LINES_MAX),
        ("1 MiB", ANSWER_BYTES_MAX // 2**20),
        ("| 8 |", REQUESTS_IN_HAND_MAX),
        ("| 64, and 16 ", CONNECTIONS_MAX),
        ("and 16 on the TCP port", TCP_CONNECTIONS_MAX),
        ("| 30 s |", int(DRAIN_S_MAX)),
        ("| 10,000 |", EVENTS_KEPT_MAX),
        ("| 50, 200 |", CODES_MAX),
        (", 200 |", CODE_CHARS_MAX),
        ("| 24 hours |", CLAIM_TTL_S_MAX // 3_600),
        ("after 10 s the connection", int(HELLO_S_MAX)),
        (" within 5 seconds of its `until`", int(HOLD_SWEEP_S)),
        ("| 500,000; 200; 60; 500 |", ROWS_MAX),
        ("; 200; 60; 500 |", IMPORT_TOGETHER),
        ("; 60; 500 |", COLUMNS_MAX),
        ("; 500 |", CELL_CHARS_MAX),
        ("of the greatest length, 128,000 bytes", PROGRAMME_BYTES_MAX),
        ("| 8,000,000 bytes;", PICTURE_BYTES_MAX),
        ("bytes; 40,000,000 |", PIXELS_MAX),
        ("at most 512 x 512", SIDE_MAX),
        ("| 50; 240,000 |", PARTS_MAX),
        ("More than 240,000 characters of base64", PART_CHARS_MAX),
        ("| 4, for 10 minutes |", UPLOADS_MAX),
        ("they wait for 10 minutes", UPLOAD_S_MAX // 60),
        ("| 1, 4 | 113", WAITING_MAX),
        ("| 1 GiB, 10 s of", MEMORY_BYTES_MAX // 2**30),
        ("10 s of a processor", PROCESSOR_S_MAX),
        ("of a processor, 20 s |", int(PICTURE_S_MAX)),
    ],
)
def test_the_limits_are_the_daemon_s(shown: str, limit: int) -> None:
    assert shown in " ".join(PAGE.split())
    assert f"{limit:,}" in shown
