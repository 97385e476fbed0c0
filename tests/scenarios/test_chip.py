"""A purse on the chip, from the POS's side of the socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.baskets import BASKET
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.pos import lay_down, refused, take_away
from tests.support.till import PLASTIC, Pos, audited, open_till


@pytest.fixture
async def till(tmp_path: Path, clock: HandClock) -> AsyncIterator[App]:
    lay_out_chips(tmp_path)
    async with open_till(tmp_path, clock) as app:
        yield app
    assert audited(tmp_path).findings == ()


async def test_the_chip_collects_and_pays_and_the_answer_tells_its_nine_apdus(pos: Pos) -> None:
    identified = await lay_down(pos)
    assert (identified["name"], identified["trust"]) == ("Taras", "mutual_auth")
    assert identified["balance"] == 0
    terms = {"presentation": identified["presentation"], "lines": BASKET}
    posted = await pos.call("sale.commit", sale_id="s1", **terms)
    assert posted["balances"]["bonus"] == {"available": 3_500, "pending": 0}
    assert posted["chip"]["apdus"] == 9

    await take_away(pos)
    identified = await lay_down(pos)
    assert identified["balance"] == 3_500
    terms["presentation"] = identified["presentation"]
    assert (await pos.call("sale.quote", **terms))["burn_max"]["bonus"] == 3_500
    quote = await pos.call("sale.quote", **terms, burn={"bonus": 3_000})
    posted = await pos.call("sale.commit", sale_id="s2", quote_id=quote["quote_id"])
    assert posted["total"] == 67_000
    assert posted["balances"]["bonus"]["available"] == 500 + 3_350
    assert posted["chip"]["apdus"] == 9


async def test_a_chip_torn_away_by_the_simulator_is_tapped_again_and_paid_once(pos: Pos) -> None:
    terms = {"presentation": (await lay_down(pos))["presentation"], "lines": BASKET}
    await pos.call("input.simulate", reader="chip", do="tear", data="3")
    torn = await refused(pos, "sale.commit", sale_id="s1", **terms)
    assert (torn.data["name"], torn.data["state_unknown"]) == ("torn", True)
    assert "same card again" in torn.data["detail"]
    await pos.event("card.removed")
    again = await refused(pos, "sale.commit", sale_id="s1", **terms)
    assert again.data["state_unknown"] is True
    identified = await lay_down(pos)
    assert identified["balance"] == 0
    settled = await pos.event("sale.settled")
    assert (settled["sale_id"], settled["outcome"]) == ("s1", "not_written")
    posted = await pos.call("sale.commit", sale_id="s1", **terms)
    assert posted["balances"]["bonus"]["available"] == 3_500
    replayed = await pos.call("sale.commit", sale_id="s1", **terms)
    assert replayed == posted | {"replayed": True}


async def test_a_chip_that_hangs_is_told_and_another_try_goes_through(pos: Pos) -> None:
    terms = {"presentation": (await lay_down(pos))["presentation"], "lines": BASKET}
    await pos.call("input.simulate", reader="chip", do="hang")
    hung = await refused(pos, "sale.commit", sale_id="s1", **terms)
    assert (hung.data["name"], hung.data["state_unknown"]) == ("timeout", False)
    await take_away(pos)
    await lay_down(pos)
    posted = await pos.call("sale.commit", sale_id="s1", **terms)
    assert posted["balances"]["bonus"]["available"] == 3_500


TWO_PURSES = """
[programme]
id = "both"
currency = "UAH"
tz = "Europe/Kyiv"

[[purse]]
id = "on-chip"
unit = "UAH"
where = "chip"

[[purse]]
id = "at-shop"
unit = "UAH"

[[rule]]
id = "chip-earn"
when = { card = { kind = "chip" } }
give = { earn = "on-chip", percent = 5 }

[[rule]]
id = "chip-burn"
when = { card = { kind = "chip" } }
give = { burn = "on-chip", max_percent = 50 }

[[rule]]
id = "other-earn"
when = { card = { kind = "plastic" } }
give = { earn = "at-shop", percent = 5 }

[[rule]]
id = "other-burn"
when = { card = { kind = "plastic" } }
give = { burn = "at-shop", max_percent = 50 }
"""


async def test_the_balance_lies_on_the_chip_or_at_the_shop_by_the_kind_of_card(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out_chips(tmp_path)
    (tmp_path / "programme.toml").write_text(TWO_PURSES, "utf-8")
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        override = {"by": "anna", "reason": "known to me"}
        chip: Any = None
        plastic: Any = None
        for sale_id in ("c1", "c2"):
            terms = {"presentation": (await lay_down(pos))["presentation"], "lines": BASKET}
            burn = {"on-chip": 1_000} if sale_id == "c2" else {}
            chip = await pos.call("sale.commit", sale_id=sale_id, burn=burn, **terms)
            assert (chip["balances"].keys(), chip["chip"]["apdus"]) == ({"on-chip"}, 9)
            await take_away(pos)
        for sale_id in ("p1", "p2"):
            burn = {"at-shop": 1_000} if sale_id == "p2" else {}
            terms = {"card": PLASTIC, "lines": BASKET, "burn": burn, "override": override}
            plastic = await pos.call("sale.commit", sale_id=sale_id, **terms)
            assert (plastic["balances"].keys(), "chip" in plastic) == ({"at-shop"}, False)
        assert plastic["balances"]["at-shop"] == chip["balances"]["on-chip"]
    assert audited(tmp_path).findings == ()
