"""What a programme costs, on every store: each part by what was sold for it."""

from pathlib import Path
from typing import Any

from daemon.base.ids import AccountId
from daemon.ledger.lots import Lot, lapsed_counter, lapsed_lot
from tests.stores.reported import reported
from tests.stores.test_card_acts import batch_of
from tests.stores.test_reports_of_people import ANN

SEPTEMBER, OCTOBER = ("2026-09-01", "2026-09-30"), ("2026-10-01", "2026-10-31")
RULES = """
[[meter]]
id = "spend"
of = "net"
[[purse]]
id = "bonus"
unit = "UAH"
expire = "20d"
[[purse]]
id = "reward"
unit = "UAH"
[[rule]]
id = "loyal"
when = { meter.spend = { at_least = 10000 } }
give = { percent = 5 }
[[rule]]
id = "anybody"
scope = { sku = ["sku-2"] }
give = { percent = 10 }
[[rule]]
id = "back"
give = { earn = "bonus", percent = 5 }
[[rule]]
id = "company"
give = { earn = "reward", percent = 3, to = "partner" }
"""


async def test_the_programme_costs_discounts_points_rewards_and_cards(
    tmp_path: Path, location: str
) -> None:
    async with reported(tmp_path, location, RULES) as till:
        await till.pos.call("partner.add", request_id="p", name="Gym", by="olha")
        await till.pos.call("card.issue", request_id="i", number=ANN, profile={"partner": "P0001"})
        first, *_ = await batch_of(till.pos, 3, 999)
        await till.pos.call("card.issue", request_id="i2", number=first, by="anna")
        await till.sell(20_000, 5_000)  # the discount of 5.00 is anybody's
        await till.sell(20_000, card=ANN)  # 10.00 earned, 6.00 for the partner
        await till.sell(10_000, card=ANN)  # 5.00 off, 4.75, 2.85
        back = await till.sell(40_000, card=ANN)  # 20.00 off, 19.00, 11.40
        till.clock.move(days=1)
        await till.give_back(back)

        async def told(period: tuple[str, str]) -> dict[str, tuple[Any, ...]]:
            rows = await till.rows("cost", period)
            return {row["what"]: (row["amount"], row["share_bp"]) for row in rows}

        assert await told(SEPTEMBER) == {
            "discounts": (500, 169),
            "earned": (1_475, 500),
            "expired": (0, 0),
            "rewards": (600 + 285 + 1_140, 686),
            "reversed": (-1_140, -386),
            "cards": (333, 113),
            "mailings": (0, 0),
            "total": (500 + 1_475 + 885 + 333, 1_082),
            "members": (29_500, 10_000),
        }
        till.clock.move(days=30)
        await till.app.look_after()
        october = await told(OCTOBER)
        assert (october["expired"], october["total"]) == ((0, None), (0, None))
        assert (await told(SEPTEMBER))["expired"] == (-1_475, -500)


def test_the_counter_of_what_has_lapsed_says_of_which_purse_and_day() -> None:
    assert lapsed_lot(lapsed_counter(AccountId("a1"), "bonus", Lot(expires=739_000))) == (
        "bonus",
        739_000,
    )
