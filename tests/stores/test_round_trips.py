"""How many round trips to PostgreSQL a sale takes: over a slow line they are all that it costs.

Over a line of two seconds a sale of three round trips takes six, whatever the till computes. So
they are counted, by a wire that carries them, on a till that has done each kind once before:
the first time a statement is prepared, which is a message of its own.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from tests.faults.dying_till import process
from tests.scenarios.baskets import BASKET
from tests.scenarios.shops import documented
from tests.stores.wire import Wire, carried
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import PLASTIC, Pos, lay_out, open_till

pytestmark = pytest.mark.cluster

READ, WRITE = 1, 2
"""A question is one message; the writer reads and begins in one, and writes and commits in one."""
TYPED = 1
"""Who typed a number is written down with the sale; where there is none, for itself."""
WARM_UP = 2


class CountedTill(NamedTuple):
    """A till whose every message to its database is counted."""

    pos: Pos
    wire: Wire

    async def messages(self, method: str, **params: Any) -> int:
        """Call, and return how many messages it took."""
        before = self.wire.messages
        await self.pos.call(method, **params)
        return self.wire.messages - before

    async def scanned(self) -> str:
        """Scan the card; return its presentation."""
        shown = await self.pos.call("card.identify", scan=PLASTIC)
        return str(shown["presentation"])


@pytest.fixture(params=["", "shop"], ids=["sample", "shop"])
async def till(
    request: pytest.FixtureRequest,
    postgres: PostgresServer,
    postgres_template: str,
    tmp_path: Path,
) -> AsyncIterator[CountedTill]:
    """A till that has sold by every way: of the sample programme, and of one with statuses."""
    address = postgres.new_database(postgres_template)
    programme = documented(request.param) if request.param else ""
    lay_out(tmp_path, programme, **{"tillcard.db": address})
    async with open_till(tmp_path, HandClock()):  # it gives the sample cards their owners
        pass
    with TemporaryDirectory(prefix="wire-") as folder:
        async with carried(postgres.folder, Path(folder)) as wire:
            slow = address.replace(str(postgres.folder), folder)
            lay_out(tmp_path, programme, **{"tillcard.db": slow})
            async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
                counted = CountedTill(pos, wire)
                for n in range(WARM_UP):
                    await sold_by_every_way(counted, f"warm-up {n}")
                yield counted


async def sold_by_every_way(till: CountedTill, name: str) -> dict[str, int]:
    """Do everything once; return how many messages each took."""
    card: dict[str, Any] = {"card": PLASTIC, "lines": BASKET}
    took = {"identify": await till.messages("card.identify", scan=PLASTIC)}
    took["commit, number"] = await till.messages("sale.commit", sale_id=f"{name}b", **card)
    took["quote, no card"] = await till.messages("sale.quote", lines=BASKET)
    took["quote, number"] = await till.messages("sale.quote", **card)
    shown = {"presentation": await till.scanned(), "lines": BASKET}
    took["quote, scan"] = await till.messages("sale.quote", **shown)

    took["commit, no card"] = await till.messages("sale.commit", sale_id=f"{name}a", lines=BASKET)
    shown = {"presentation": await till.scanned(), "lines": BASKET}
    took["commit, scan"] = await till.messages("sale.commit", sale_id=f"{name}c", **shown)
    quote = (await till.pos.call("sale.quote", **card))["quote_id"]
    took["commit, quote"] = await till.messages("sale.commit", sale_id=f"{name}d", quote_id=quote)
    took["hold"] = await till.messages("sale.hold", sale_id=f"{name}e", **card)
    took["commit, hold"] = await till.messages("sale.commit", sale_id=f"{name}e")
    sold = await till.pos.call("sale.commit", sale_id=f"{name}e")
    await till.pos.call("sale.hold", sale_id=f"{name}f", **card)
    took["void"] = await till.messages("sale.void", sale_id=f"{name}f")

    took["repeated commit"] = await till.messages("sale.commit", sale_id=f"{name}b", **card)
    back = {"return_id": f"{name}r", "sale_id": f"{name}b", "whole": True}
    took["return"] = await till.messages("sale.return", **back)
    receipt = sold["receipt"]["code"]
    back = {"return_id": f"{name}q", "receipt": receipt, "whole": True}
    took["return, receipt"] = await till.messages("sale.return", **back)
    took["repeated return"] = await till.messages("sale.return", **back)
    return took


async def test_a_sale_takes_one_question_and_then_one_group_of_two(till: CountedTill) -> None:
    assert await sold_by_every_way(till, "s") == {
        "identify": READ + READ,  # and what is worth saying
        "quote, no card": READ,
        "quote, number": READ + TYPED,
        "quote, scan": READ,
        "commit, no card": READ + WRITE,
        "commit, number": READ + WRITE,
        "commit, scan": READ + WRITE,
        "commit, quote": READ + WRITE,
        "hold": READ + WRITE,
        "commit, hold": READ + WRITE,
        "void": READ + WRITE,
        "repeated commit": READ,
        "return": READ + WRITE,
        "return, receipt": READ + READ + WRITE,
        "repeated return": READ + READ,
    }
