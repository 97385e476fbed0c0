"""Two tills of one database make acts at one moment: their numbers have no gap and no double."""

import asyncio
from contextlib import AsyncExitStack, closing
from pathlib import Path

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.stores.test_card_acts import batch_of, hand_out
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import Pos, lay_out, open_till


async def test_two_tills_number_their_acts_in_turns_without_a_gap(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    async with AsyncExitStack() as tills:
        tellers = []
        for n in range(2):
            home = tmp_path / f"till-{n}"
            lay_out(home, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
            till = await tills.enter_async_context(open_till(home, HandClock()))
            tellers.append(await tills.enter_async_context(Pos.connect(till.socket)))
        numbers = await batch_of(tellers[0], count=24)

        async def hand_out_all(pos: Pos, mine: list[str]) -> list[str]:
            done = [await hand_out(pos, f"h{one}", [one], to="anna") for one in mine]
            return [one["act"] for one in done]

        acts = await asyncio.gather(
            hand_out_all(tellers[0], numbers[:12]), hand_out_all(tellers[1], numbers[12:])
        )
        assert sorted(acts[0] + acts[1]) == [f"A-2026-{n:06d}" for n in range(1, 25)]
    with closing(open_store(address, tmp_path / "till-0", read_only=True)) as store:
        assert audit(store).findings == ()
