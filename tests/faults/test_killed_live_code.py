"""A live code that a till took just before it was killed."""

from pathlib import Path

from daemon.base.clock import SystemClock
from tests.support.phone import bind
from tests.support.pos import refused
from tests.support.processes import daemon_of
from tests.support.till import PHONE, Pos, lay_out, open_till


async def test_a_till_that_was_killed_still_knows_what_it_took(tmp_path: Path) -> None:
    lay_out(tmp_path)
    clock = SystemClock()  # a process of its own has no hand-made clock
    async with open_till(tmp_path, clock) as till:
        phone = await bind(till, PHONE, clock)
    code = phone.code()
    async with daemon_of(tmp_path) as process, Pos.connect(tmp_path / "pos.sock") as pos:
        assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"
        process.kill()
        await process.wait()
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert (await refused(pos, "card.identify", scan=code)).code == 1016
