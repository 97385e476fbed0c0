"""A simulated till's clock starts where it is told and is moved on by hand, with the days' work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.app.running import App
from daemon.base.config import ConfigError
from daemon.base.set_clock import SetClock
from tests.scenarios.shops import account_of, goods, refusal
from tests.scenarios.test_club import CLUB
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.processes import TILLCARD, output_of
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

START = datetime(2026, 9, 1, 6, tzinfo=UTC)
INVALID = (-32602, "invalid_params")


@asynccontextmanager
async def set_till(home: Path, start: datetime = START) -> AsyncIterator[tuple[App, Pos]]:
    async with (
        open_till(home, SetClock(HandClock(), start)) as till,
        Pos.connect(till.socket) as pos,
    ):
        yield till, pos


async def test_days_pass_when_the_clock_is_set_and_their_work_is_done(tmp_path: Path) -> None:
    lay_out(tmp_path, CLUB)
    async with set_till(tmp_path) as (_, pos):
        clock = (await pos.call("status"))["clock"]
        assert (clock["till"], clock["suspect"]) == ("2026-09-01T06:00:00.000000Z", "")
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(500_000))
        whom = {"status": "club", "accounts": [await account_of(pos, PLASTIC)]}
        await pos.call("club.decide", request_id="g", granted=True, **whom)
        moved = await pos.call("clock.set", now="2026-10-31T10:00:00+02:00")
        assert moved == {
            "was": "2026-09-01T06:00:00.000000Z",
            "now": "2026-10-31T08:00:00.000000Z",
        }
        listing = await pos.call("club.list", status="club", list="exclude")
        assert [one["name"] for one in listing["members"]] == ["Olena"]
        back = await refused(pos, "clock.set", now="2026-10-31T09:59:59+02:00")
        assert "a clock is moved on, never back" in back.message
        for wrong in ("2026-12-01T00:00:00", "9999-12-31T00:00:00Z"):
            assert await refusal(pos, "clock.set", now=wrong) == INVALID
    assert audited(tmp_path).findings == ()


async def test_a_clock_that_nobody_may_set_is_not_set(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        error = await refused(pos, "clock.set", now="2027-01-01T00:00:00Z")
        assert "only a simulated till that was started with --now is set" in error.message


async def test_a_till_starts_before_none_of_its_own_entries(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with set_till(tmp_path) as (_, pos):
        await pos.call("sale.commit", sale_id="s1", lines=goods(100))
    with pytest.raises(ConfigError, match=r"--now: the ledger goes on to 2026-09-01.*later"):
        async with set_till(tmp_path, START - timedelta(seconds=1)):
            pass
    async with set_till(tmp_path, START + timedelta(days=9)) as (_, pos):
        assert (await pos.call("status"))["clock"]["till"].startswith("2026-09-10T06:00:00")


async def test_only_simulated_readers_go_by_such_a_clock(tmp_path: Path) -> None:
    lay_out(tmp_path)
    path = tmp_path / "tillcard.toml"
    real = '[[reader]]\nname = "real"\nkind = "pcsc"\n\n[simulated]\n'
    path.write_text(path.read_text("utf-8").replace("[simulated]\n", real), "utf-8")
    with pytest.raises(ConfigError, match="only a till whose readers are all simulated"):
        async with set_till(tmp_path):
            pass


def test_it_passes_as_its_clock_does_and_never_goes_back() -> None:
    hand = HandClock()
    clock = SetClock(hand, START)
    began_s = clock.monotonic_s()
    hand.move(seconds=5)
    assert clock.now() == START + timedelta(seconds=5)
    clock.set(START + timedelta(days=2))
    assert (clock.now(), clock.synchronised()) == (START + timedelta(days=2), True)
    assert clock.monotonic_s() - began_s == timedelta(days=2).total_seconds()
    with pytest.raises(ValueError, match="never back"):
        clock.set(START)


async def test_the_demo_takes_now_and_the_command_moves_it_on(tmp_path: Path) -> None:
    line = (*TILLCARD, "demo", "--once", "--port", "0", "--home", str(tmp_path / "demo"))
    assert (await output_of(*line, "--now", "2026-09-01T09:00+03:00"))[0] == 0
    status, said = await output_of(*line, "--now", "2026-08-31T09:00+03:00")
    assert status == 1
    assert b"--now: the ledger goes on to 2026-09-01" in said.encode()
    assert "no time" in tillcard("demo", "--now", "noon").output
    told = " ".join(tillcard("clock", "set", "--help").output.split())
    assert "Example: tillcard clock set" in told
