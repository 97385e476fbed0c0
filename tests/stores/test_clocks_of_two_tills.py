"""Two tills on one database, one with a wrong clock: the other's customers lose nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import PLASTIC, Pos, lay_out, open_till

pytestmark = pytest.mark.cluster
SHOP = HEAD + '[[purse]]\nid = "bonus"\nunit = "UAH"\nexpire = "30d"\n'
TWO_YEARS = {"days": 730}


@asynccontextmanager
async def till(
    home: Path, address: str, terminal: str, clock: HandClock
) -> AsyncIterator[tuple[App, Pos]]:
    names = {'"till-1"': f'"{terminal}"', '"tillcard.db"': f'"{address}"'}
    lay_out(home / terminal, SHOP, **names)
    async with (
        open_till(home / terminal, clock) as app,
        Pos.connect(app.socket) as pos,
    ):
        yield app, pos


@pytest.fixture
def address(postgres: PostgresServer, postgres_template: str) -> str:
    return postgres.new_database(postgres_template)


def unsure() -> HandClock:
    return HandClock(synchronised=False)


async def suspect(pos: Pos) -> str:
    word: str = (await pos.call("status"))["clock"]["suspect"]
    return word


async def load(pos: Pos) -> None:
    await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=500)


async def balance(pos: Pos) -> int:
    left: int = (await pos.call("card.show", card=PLASTIC))["balances"]["bonus"]["available"]
    return left


async def test_a_new_till_with_a_clock_ahead_expires_nothing_of_its_house(
    address: str, tmp_path: Path
) -> None:
    old, new = unsure(), unsure()
    new.step(**TWO_YEARS)
    async with till(tmp_path, address, "till-1", old) as (first, pos):
        await load(pos)
        async with till(tmp_path, address, "till-2", new) as (second, other):
            await second.look_after()
            assert (await suspect(other), await balance(pos)) == ("ahead", 500)
        old.move(days=29)
        await first.look_after()
        assert await balance(pos) == 500
        old.move(days=3)
        await first.look_after()
        assert await balance(pos) == 0, "the day's work goes on"


async def test_a_till_that_was_away_believes_a_clock_that_its_house_shares(
    address: str, tmp_path: Path
) -> None:
    clock = unsure()
    async with till(tmp_path, address, "till-1", clock) as (_, pos):
        await load(pos)
    async with till(tmp_path, address, "till-2", clock) as (_, other):
        clock.move(days=10)
        await other.call("sale.commit", sale_id="s1", lines=goods(100))
        async with till(tmp_path, address, "till-1", clock) as (_, pos):
            assert await suspect(pos) == ""
            sold = await pos.call("sale.commit", sale_id="s1", lines=goods(100))
            assert sold["receipt"]["at"].startswith("2026-12-03")


async def test_a_till_of_a_house_that_was_ahead_begins_with_its_own_time(
    address: str, tmp_path: Path
) -> None:
    ahead = unsure()
    ahead.step(**TWO_YEARS)
    async with till(tmp_path, address, "till-2", ahead) as (_, pos):
        await load(pos)
    async with till(tmp_path, address, "till-1", unsure()) as (_, pos):
        sold = await pos.call("sale.commit", sale_id="s1", lines=goods(100))
        assert sold["receipt"]["at"].startswith("2026-11-23")


async def test_a_till_whose_clock_is_ahead_releases_no_hold_of_another(
    address: str, tmp_path: Path
) -> None:
    early, late = unsure(), unsure()
    late.step(hours=1)
    async with (
        till(tmp_path, address, "till-1", early) as (_, pos),
        till(tmp_path, address, "till-2", late) as (second, _),
    ):
        await pos.call("sale.hold", sale_id="h1", lines=goods(100), ttl_s=600)
        await second.look_after()
        assert (await pos.call("sale.commit", sale_id="h1"))["total"] == 100
        await pos.call("sale.hold", sale_id="h2", lines=goods(100), ttl_s=600)
        late.move(days=2)
        await second.look_after()
        assert (await pos.call("sale.status", sale_id="h2"))["state"] == "expired", "it is gone"
