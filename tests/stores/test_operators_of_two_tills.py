"""Two tills of one database: who works here is the same at both, within a sweep."""

from pathlib import Path

import pytest

from tests.scenarios.shops import refusal
from tests.scenarios.staff import KNOWN
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import LEDGER, PLASTIC, Pos, lay_out, open_till

pytestmark = pytest.mark.cluster


async def test_who_is_closed_at_one_till_does_nothing_at_the_other_after_its_next_sweep(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    there = {f'ledger = "{LEDGER}"': f'ledger = "{address}"'} | KNOWN
    lay_out(tmp_path / "one", **there)
    lay_out(tmp_path / "other", **there, **{'terminal = "till-1"': 'terminal = "till-2"'})
    block = {"request_id": "b", "card": PLASTIC, "reason": "lost", "by": "olha"}
    async with (
        open_till(tmp_path / "one", HandClock()) as one,
        open_till(tmp_path / "other", HandClock()) as other,
        Pos.connect(one.socket) as here,
        Pos.connect(other.socket) as beside,
    ):
        for name, role in (("maria", "owner"), ("olha", "senior")):
            named = {"name": name, "role": role, "by": "maria"}
            await here.call("operator.add", request_id=name, **named)
        assert await refusal(beside, "card.block", **block) == (1040, "permission")
        await other.look_after()
        await beside.call("card.block", **block)
        await here.call("operator.close", request_id="c", name="olha", by="maria")
        await other.look_after()
        again = block | {"request_id": "u"}
        assert await refusal(beside, "card.unblock", **again) == (1040, "permission")
