"""A shop on a ledger of its own: no till, no readers, no socket."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from daemon.ledger.audit import audit
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.programme.programme import load
from daemon.shop.programme_versions import ProgrammeVersions
from daemon.shop.shop import Shop
from tests.support.clock import HandClock

OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]
PROGRAMME = """
[programme]
id = "test"
currency = "UAH"
tz = "Europe/Kyiv"

[[meter]]
id = "spend"
of = "paid"
window = "life"

[[purse]]
id = "bonus"
unit = "UAH"

[[status]]
id = "club"
of = "spend"
enter = { at_least = 1_000, within = "30d" }
keep = { at_least = 1_000, within = "30d" }
decide = "auto"
"""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def open_shop(tmp_path: Path, clock: HandClock) -> OpenShop:
    """Open the shop's ledger as a till's start does; it is audited at the end."""

    @asynccontextmanager
    async def open_here(programme: str = PROGRAMME) -> AsyncIterator[Shop]:
        path = tmp_path / "tillcard.db"
        ledger = Ledger(SQLiteStore(path), SQLiteStore(path, read_only=True))
        try:
            versions = ProgrammeVersions(ledger, clock, load(programme), "till-1")
            await versions.start()
            yield Shop(ledger, versions, clock)
            assert (await ledger.read(audit)).findings == ()
        finally:
            await ledger.close()

    return open_here


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop
