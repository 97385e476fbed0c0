"""A whole till in the test's own process, and a POS that speaks to it over the socket."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App, running
from daemon.base import config as configuration
from daemon.base.clock import Clock
from daemon.base.ids import LEDGER_ID_CHARS
from daemon.ledger.audit import Audit, audit
from daemon.ledger.storage.registry import OpenStore, open_store
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.sqlite_file import migrate
from daemon.readers.simulated.simulator import KINDS

PLASTIC, CHIP_UID, PHONE = "2900000000018", "04A1B2C3D4E580", "9100000000000125"
LEDGER = "tillcard.db"
PATIENCE_S = 20.0
SCOPED = re.compile(rb"\b[0-9a-f]{%d}/" % LEDGER_ID_CHARS)
"""How an id begins in the ledger."""
NAMES_ITS_CASHIER = ("sale.return", "card.topup")
"""Methods that need a named cashier: anna's till names her where a test says nobody."""


def lay_out(home: Path, programme: str = "", **replace: str) -> None:
    """Write the sample configuration into ``home``, with the web server on a free port."""
    home.mkdir(parents=True, exist_ok=True)
    sample = resources.files("daemon.cli") / "sample"
    text = (sample / "tillcard.toml").read_text("utf-8").replace("port = 8480", "port = 0")
    for old, new in replace.items():
        text = text.replace(old, new)
    (home / "tillcard.toml").write_text(text, "utf-8")
    rules = programme or (sample / "programme.toml").read_text("utf-8")
    (home / "programme.toml").write_text(rules, "utf-8")


def lay_out_all_readers(home: Path) -> None:
    """Lay out a till with every kind of simulated reader of frames, and the chip's."""
    lay_out(home)
    path = home / "tillcard.toml"
    text = path.read_text("utf-8")
    begin, end = text.index("[[reader]]"), text.index("# What the sample cards say")
    tables = [
        f'[[reader]]\nname = "{n}"\nkind = "simulated"\ndevice = "{n}"\n' for n in ("chip", *KINDS)
    ]
    path.write_text(text[:begin] + "".join(tables) + text[end:], "utf-8")


@asynccontextmanager
async def open_till(
    home: Path,
    clock: Clock,
    open_ledger: OpenStore = open_store,
    *,
    inherited: socket.socket | None = None,
) -> AsyncIterator[App]:
    """Run the till of ``home``, and give its sample cards owners at the first start."""
    config = configuration.load(home / "tillcard.toml")
    if config.ledger == LEDGER:
        begin_ledger(home)
    async with running(config, home, clock, open_ledger, inherited=inherited) as app:
        if not await app.cards.is_taken("number", PLASTIC):
            await issue_samples(app)
        yield app


def begin_ledger(home: Path) -> None:
    """Put a ledger into ``home`` in which nothing is written yet, if nothing is there.

    To migrate a new file takes half of a till's first start, which tests make a thousand times.
    Programs that a test starts make theirs themselves.
    """
    if not any(home.glob(f"{LEDGER}*")):
        (home / LEDGER).write_bytes(_empty_ledger())


@cache
def _empty_ledger() -> bytes:
    with TemporaryDirectory() as folder:
        migrate(path := Path(folder, LEDGER))
        return path.read_bytes()


async def issue_samples(app: App) -> None:
    for kind, name, number, identifier in (
        ("plastic", "Olena", PLASTIC, ("number", PLASTIC)),
        ("chip", "Taras", "", ("uid", CHIP_UID)),
        ("phone", "Iryna", PHONE, ("number", PHONE)),
    ):
        card = NewCard(kind=kind, number=number, identifiers=(identifier,))
        await app.cards.issue(card, Profile(name=name))


class RefusedByTillError(Exception):
    """The till answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Mapping[str, Any] = error.get("data") or {}


_ANNOUNCED: dict[str, set[str]] = {}
"""The refusals of each method, asked once: every till of one run describes the same methods."""


class Pos:
    """A POS program: one connection, JSON lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._last_id = 0
        self.greeting: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: Path | int, limit: int = 2**21) -> AsyncIterator[Self]:
        """Connect to the socket, or to a port of this machine.

        limit: bytes of a line; twice as many are taken from the socket before anybody reads them.
        """
        if isinstance(address, int):
            pos = cls(*await asyncio.open_connection("127.0.0.1", address, limit=limit))
        else:
            pos = cls(*await asyncio.open_unix_connection(str(address), limit=limit))
        try:
            pos.greeting = (await pos._receive())["params"]
            yield pos
        finally:
            pos._writer.close()
            await pos._writer.wait_closed()

    async def call(self, method: str, /, **params: Any) -> Any:
        """Call and return the result; raise RefusedByTillError, which the till has announced."""
        answer = msgspec.json.decode(await self.call_raw(method, **params))
        if "error" in answer:
            error = RefusedByTillError(answer["error"])
            if method in self.greeting["capabilities"] and error.data["name"] != "permission":
                await self._check_announced(method, error)
            raise error
        return answer["result"]

    async def _check_announced(self, method: str, error: RefusedByTillError) -> None:
        """Hold a refusal against what ``rpc.discover`` says of the method."""
        if not _ANNOUNCED:
            described = msgspec.json.decode(await self.call_raw("rpc.discover"))["result"]
            for each in described["methods"]:
                names = {ref["$ref"].rpartition("/")[2] for ref in each["errors"]}
                _ANNOUNCED[each["name"]] = names
        known = _ANNOUNCED[method]
        assert error.data["name"] in known, f"{method} does not announce {error.data['name']}"

    async def call_raw(self, method: str, /, **params: Any) -> bytes:
        """Call and return the answer's line."""
        self._last_id += 1
        if method in NAMES_ITS_CASHIER:
            params = {"cashier": "anna"} | params
        if method == "programme.activate":
            params = {"reason": "a test has no past to preview"} | params
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        self._writer.write(msgspec.json.encode(request) + b"\n")
        await self._writer.drain()
        while True:
            line = await self._line()
            message = msgspec.json.decode(line)
            if message.get("id") == self._last_id:
                return line
            self.events.append(message["params"])

    async def event(self, *types: str) -> dict[str, Any]:
        """Wait for the next event of one of ``types``, among those that came meanwhile too."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["type"] in types:
                    return event
            self.events.append((await self._receive())["params"])

    async def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = msgspec.json.decode(await self._line())
        return message

    async def _line(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the till closed the connection")
        assert not SCOPED.search(line), "a POS hears its own ids, not those of the ledger"
        return line


def audited(home: Path) -> Audit:
    """Audit the ledger of ``home`` from outside."""
    store = SQLiteStore(home / LEDGER, read_only=True)
    try:
        return audit(store)
    finally:
        store.close()
