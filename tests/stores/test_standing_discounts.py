"""What customers have off by themselves is kept right after an activation and on a new day."""

from pathlib import Path
from typing import Any

from daemon.ledger.storage.queries import STANDINGS_AFTER, STANDINGS_MAX
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till

RULES = """
[[meter]]
id = "month"
of = "paid"
window = "month"
[[lane]]
id = "card"
[[rule]]
id = "buyers"
lane = "card"
when = { meter.month = { at_least = 10000 } }
give = { percent = 5 }
"""
MEMBERS = 5 * STANDINGS_MAX + 5


def known(location: str, home: Path) -> dict[str, int]:
    store = open_store(location, home, read_only=True)
    try:
        found: dict[str, int] = {}
        while page := store.ask(STANDINGS_AFTER, max(found, default="")):
            found |= dict(page)
        return found
    finally:
        store.close()


def laid_out(location: str, home: Path) -> None:
    lay_out(home, HEAD + RULES, **{'"tillcard.db"': f'"{location}"'})


async def sell(pos: Pos, n: int, price: int) -> None:
    issued: dict[str, Any] = await pos.call("card.issue", request_id=f"i{n}", kind="plastic")
    card = issued["number"]
    await pos.call("sale.commit", sale_id=f"s{n}", card=card, lines=goods(price))


async def test_all_are_computed_after_an_activation_and_on_a_new_day(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    laid_out(location, tmp_path)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for n in range(MEMBERS):
            await sell(pos, n, 10_000 if n % 2 else 5_000)
        first = known(location, tmp_path)
        assert sorted(first.values()) == [0] * 53 + [500] * 52
        # 8 % for whoever buys so much, and 1 % for everybody.
        more = RULES.replace("percent = 5", "percent = 8").replace("10000", "9000")
        more += '[[rule]]\nid = "all"\nlane = "card"\ngive = { percent = 1 }\n'
        await pos.call("programme.activate", request_id="p1", text=HEAD + more)
        await till.bring_discounts_up_to_date()
        assert sorted(known(location, tmp_path).values()) == [100] * 53 + [800] * 52
        clock.move(days=10)  # it is December, and nobody has bought anything in it
        await till.bring_discounts_up_to_date()
        assert set(known(location, tmp_path).values()) == {100}
