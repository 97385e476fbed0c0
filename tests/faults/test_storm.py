"""Everything at once: kills, a clock that steps, lines that are cut, and a model beside it.

Customers buy, hold, return and repeat as in ``test_simulation``; what they are told must agree with
the slow model to the last unit. Meanwhile the till is killed before a drawn SQL statement, or as
soon as a request was sent; its clock jumps by days and years; requests are cut in the middle, and
their answers lost. A customer's POS does what the protocol says: it sends the same call again until
it is answered. In the end every answer is asked for once more, and the audit walks the ledger.

On PostgreSQL the till's own line is cut too, at a drawn message, on its way there or back.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.faults.dying_till import Till, process
from tests.faults.test_simulation import CARDS, PROGRAMME, Client, check, opened
from tests.stores.wire import Lost, Wire, carried
from tests.support.clock import HandClock
from tests.support.postgres import running_server
from tests.support.till import NAMES_ITS_CASHIER, Pos, RefusedByTillError, lay_out, open_till

SHOP = PROGRAMME.replace('unit = "UAH"', 'unit = "UAH"\nexpire = "30d"', 1)
LEDGER = "tillcard.db"
STATEMENTS_MAX = 150
DAYS = (-700, -20, -3, 4, 40, 900)
CALLS_MAX = 50
REPLAYS_MAX = 300


class Storm:
    """A till that is killed and started again, until it was killed and disturbed often enough."""

    def __init__(
        self, home: Path, seed: int, wanted: dict[str, int], wire: Wire | None = None
    ) -> None:
        self.home, self.seed, self.wanted, self.wire = home, seed, wanted, wire
        self.chance = Random(seed)
        self.seen: Counter[str] = Counter()
        self.clock = HandClock(synchronised=False)
        self.wrong_s = 0.0
        self.socket = home / "pos.sock"
        self.starts = 0
        self.is_up = False
        self.calm = asyncio.Event()
        self._till: Till | None = None
        self._started = asyncio.Condition()

    @property
    def over(self) -> bool:
        return all(self.seen[fault] >= count for fault, count in self.wanted.items())

    async def rage(self) -> None:
        """Start the till, again and again, until nobody needs it any more."""
        while not self.calm.is_set():
            dies = self.wire is None and not self.over
            burns_at = self.chance.randint(1, STATEMENTS_MAX) if dies else 0
            self._spare_the_line()  # a till whose line is cut while it starts does not start
            async with process(self.home, burns_at, self.clock) as self._till:
                await self._announce()
                if self.calm.is_set():  # nobody was left while it started
                    self.kill()
                await asyncio.to_thread(self._till.process.join)
            assert self._till.process.exitcode == -signal.SIGKILL, "nothing else ends it"
            self.seen["kill"] += 1

    async def _announce(self) -> None:
        async with self._started:
            self.starts += 1
            self.is_up = True
            self._started.notify_all()

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.rage())
            await self.started_after(0)
            yield
            self.calm.set()
            self.kill()

    async def started_after(self, starts: int) -> None:
        async with self._started:
            await self._started.wait_for(lambda: self.starts > starts)

    def strike(self) -> str:
        """Disturb what a POS is about to do; return what it is to do to itself."""
        fault = self.chance.choices(("", "kill", "step", "cut", "line"), (12, 2, 1, 2, 2))[0]
        if fault == "step":
            self._step()
        elif fault == "line" and self.wire is not None and self.is_up:
            self._count_cuts()
            self.wire.arm(self.chance.randint(1, 5), self.chance.choice(list(Lost)))
        return fault

    def _spare_the_line(self) -> None:
        self.is_up = False
        if self.wire is not None:
            self._count_cuts()
            self.wire.arm(-1, Lost.REQUEST)

    def _count_cuts(self) -> None:
        assert self.wire is not None
        self.seen["line"] += self.wire.cut

    def kill(self) -> None:
        if self._till is not None:
            self._till.process.kill()

    def clear_up(self) -> None:
        """Put the clock right."""
        self.clock.step(seconds=-self.wrong_s)
        self.wrong_s = 0.0

    def _step(self) -> None:
        wrong_s = 0.0 if self.wrong_s else self.chance.choice(DAYS) * 86_400.0
        if self._till is not None:
            self._till.step(wrong_s - self.wrong_s)
        self.clock.step(seconds=wrong_s - self.wrong_s)
        self.wrong_s = wrong_s
        self.seen["step"] += 1


class StubbornPos:
    """Sends a call until it is answered, whatever becomes of the till and of the line."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        self._stack = AsyncExitStack()
        self._pos: Pos | None = None

    async def call(self, method: str, /, **params: Any) -> Any:
        for _ in range(CALLS_MAX):
            starts = self._storm.starts
            try:
                return await self._try(method, params)
            except ConnectionRefusedError:
                await self.close()
                await self._storm.started_after(starts)
            except (ConnectionError, FileNotFoundError):
                await self.close()
            except RefusedByTillError as refused:
                if not (refused.data["retryable"] or refused.data["state_unknown"]):
                    raise
        raise AssertionError(f"{method} was never answered: {params}")

    async def _try(self, method: str, params: dict[str, Any]) -> Any:
        fault = self._storm.strike()
        if fault == "cut":
            await self._cut(method, params)
        if self._pos is None:
            self._pos = await self._stack.enter_async_context(Pos.connect(self._storm.socket))
        if fault != "kill":
            return await self._pos.call(method, **params)
        calling = asyncio.create_task(self._pos.call(method, **params))
        await asyncio.wait([calling], timeout=0)
        self._storm.kill()
        return await calling

    async def _cut(self, method: str, params: dict[str, Any]) -> None:
        """Send a part of the call, or all of it, and be gone before it is answered."""
        if method in NAMES_ITS_CASHIER:
            params = {"cashier": "anna"} | params
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        line = msgspec.json.encode(request) + b"\n"
        _, writer = await asyncio.open_unix_connection(str(self._storm.socket))
        writer.write(line[: self._storm.chance.randint(1, len(line))])
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self._storm.seen["cut"] += 1

    async def close(self) -> None:
        with suppress(ConnectionError):
            await self._stack.aclose()
        self._stack, self._pos = AsyncExitStack(), None


async def weather(home: Path, location: str, storm: Storm, cuttable: str = "") -> None:
    """Let customers live in a storm; hold all that they were told against the model.

    cuttable: where the ledger is during the storm, if not at ``location``.
    """
    lay_out(home, SHOP, **{LEDGER: location})
    async with open_till(home, storm.clock) as till, Pos.connect(till.socket) as pos:
        shared = await opened(pos, till)
    lay_out(home, SHOP, **{LEDGER: cuttable or location})
    clients = [
        Client(StubbornPos(storm), card, Random(f"{storm.seed} {card}"), shared) for card in CARDS
    ]
    async with storm.raging():
        await asyncio.gather(*(lives_through(storm, client) for client in clients))
    lay_out(home, SHOP, **{LEDGER: location})
    storm.clear_up()
    async with open_till(home, storm.clock) as till, Pos.connect(till.socket) as pos:
        await check(pos, clients, shared)
        told = [each for client in clients for each in client.told]
        for method, params, answer in storm.chance.sample(told, min(REPLAYS_MAX, len(told))):
            assert await pos.call(method, **params) == answer | {"replayed": True}
    store = open_store(location, home, read_only=True)
    try:
        assert audit(store).findings == ()
    finally:
        store.close()


async def lives_through(storm: Storm, client: Client) -> None:
    assert isinstance(client.pos, StubbornPos)
    while not storm.over:
        await client.step()
    await client.pos.close()


async def storm_on_postgresql(home: Path, seed: int, wanted: dict[str, int]) -> None:
    with running_server() as server, TemporaryDirectory(prefix="wire-") as folder:
        address = server.new_database()
        async with carried(server.folder, Path(folder)) as wire:
            cuttable = address.replace(str(server.folder), folder)
            await weather(home, address, Storm(home, seed, wanted, wire), cuttable)


FEW = {"kill": 25, "step": 8, "cut": 15}


async def test_nothing_is_lost_or_doubled_in_a_storm(tmp_path: Path) -> None:
    await weather(tmp_path, "tillcard.db", Storm(tmp_path, 1, FEW))


async def test_nothing_is_lost_or_doubled_in_a_storm_over_postgresql(tmp_path: Path) -> None:
    await storm_on_postgresql(tmp_path, 2, FEW | {"kill": 8, "line": 8})


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_in_a_long_storm(tmp_path: Path) -> None:
    storm = Storm(tmp_path, 3, {"kill": 1_000, "step": 200, "cut": 200})
    await weather(tmp_path, "tillcard.db", storm)


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_in_a_long_storm_over_postgresql(tmp_path: Path) -> None:
    await storm_on_postgresql(tmp_path, 4, {"kill": 200, "step": 200, "cut": 200, "line": 200})
