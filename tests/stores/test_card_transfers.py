"""A card goes to somebody, with what is on it, on every store."""

from typing import Any

import pytest

from tests.scenarios.shops import FRIEND, goods, override, refusal
from tests.stores.test_card_batches import whole
from tests.stores.test_issue_conditions import OpenShop, clock
from tests.stores.test_issue_conditions import shop as shop_of
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

__all__ = ["clock", "shop_of", "whole"]
WHO = {"by": "olha", "reason": "she gave it to her son"}
BOOKS = """transferable = {}
[[purse]]
id = "bonus"
unit = "UAH"
expire = "30d"
[[purse]]
id = "cups"
unit = "cup"
[[meter]]
id = "spend"
of = "paid"
[[rule]]
id = "earn"
give = {{ earn = "bonus", percent = 10 }}
"""


async def shown(pos: Pos, number: str) -> dict[str, Any]:
    found: dict[str, Any] = await pos.call("card.show", card=number)
    return found


async def test_an_anonymous_card_gets_a_name_and_stays_where_it_is(shop_of: OpenShop) -> None:
    async with shop_of(BOOKS.format("false")) as pos:
        await pos.call("card.issue", request_id="i1", number=FRIEND)
        await pos.call("sale.commit", sale_id="s1", card=FRIEND, lines=goods(10_000))
        before = await shown(pos, FRIEND)
        terms = {"request_id": "t1", "card": FRIEND, "profile": {"name": "Petro"}} | WHO
        done = await pos.call("card.transfer", **terms)
        assert (done["account"], done["moved"]) == (before["account"], {})
        assert (await pos.call("card.transfer", **terms))["replayed"] is True
        after = await shown(pos, FRIEND)
        assert (after["name"], after["balances"], after["meters"]) == (
            "Petro",
            before["balances"],
            {"spend": 10_000},
        )
        again = terms | {"request_id": "t2", "profile": {"name": "Ivan"}}
        error = await refused(pos, "card.transfer", **again)
        assert (error.code, error.data["condition"]) == (1027, "transferable")


@pytest.mark.parametrize("closed", [False, True])
async def test_an_anonymous_card_that_gets_a_name_was_sent_by_whoever_has_sent_it(
    shop_of: OpenShop, closed: bool
) -> None:
    rule = '[[rule]]\nid = "partner"\ngive = { earn = "bonus", percent = 3, to = "partner" }\n'
    async with shop_of(BOOKS.format("false") + rule) as pos:
        partner = await pos.call("partner.add", request_id="p", name="Gym", by="olha")
        sent = {"partner": "P0001"}
        await pos.call("card.issue", request_id="i1", number=FRIEND, profile=sent)
        if closed:
            gone = {"request_id": "c", "code": "P0001", "by": "olha", "reason": "left"}
            await pos.call("partner.close", **gone)
        terms = {"request_id": "t1", "card": FRIEND, "profile": {"name": "Petro"}} | WHO
        await pos.call("card.transfer", **terms)
        known = await pos.call("customer.show", card=FRIEND)
        assert known["answers"]["name"] == "Petro"
        await pos.call("sale.commit", sale_id="s1", card=FRIEND, lines=goods(10_000))
        assert known["partner"] == partner["account"]
        ever = {"from": "2020-01-01", "to": "2030-01-01"}
        told = await pos.call("report.run", report="partners", **ever)
        place = [column["name"] for column in told["columns"]].index("net")
        assert [row[place] for row in told["rows"]] == [10_000]


async def test_a_personal_card_takes_its_lots_along_and_leaves_its_meters(
    shop_of: OpenShop, clock: HandClock
) -> None:
    async with shop_of(BOOKS.format("true")) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        clock.move(days=10)
        await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=goods(20_000))
        old = await shown(pos, PLASTIC)
        terms = {"request_id": "t1", "card": PLASTIC, "profile": {"name": "Ivan"}} | WHO
        done = await pos.call("card.transfer", **terms)
        assert done["moved"] == {"bonus": 3_000}
        assert done["account"] != old["account"]
        new = await shown(pos, PLASTIC)
        assert (new["name"], new["holder"], new["meters"]) == ("Ivan", "", {"spend": 0})
        assert new["balances"]["bonus"]["available"] == 3_000
        clock.move(days=21)  # the first lot has lapsed, the second has not
        assert (await shown(pos, PLASTIC))["balances"]["bonus"]["available"] == 2_000
        back = await pos.call("sale.return", return_id="r2", sale_id="s2", whole=True)
        assert back["refund"] == 20_000
        assert (await shown(pos, PLASTIC))["balances"]["bonus"]["available"] == 2_000


async def test_a_card_joins_the_account_of_another(shop_of: OpenShop) -> None:
    async with shop_of(BOOKS.format("true")) as pos:
        await pos.call("card.issue", request_id="i1", number=FRIEND)
        for n, number in enumerate((FRIEND, PLASTIC)):
            await pos.call("sale.commit", sale_id=f"s{n}", card=number, lines=goods(10_000))
        terms = {"request_id": "t1", "card": FRIEND, "with_card": PLASTIC} | WHO
        await pos.call("card.transfer", **terms)
        joined = await shown(pos, FRIEND)
        assert joined["account"] == (await shown(pos, PLASTIC))["account"]
        assert joined["balances"]["bonus"]["available"] == 2_000
        apart = terms | {"request_id": "t2"}
        error = await refused(pos, "card.transfer", **apart)
        assert error.data["condition"] == "family"
        alone = {"request_id": "t3", "card": FRIEND, "profile": {"name": "Ivan"}} | WHO
        error = await refused(pos, "card.transfer", **alone)
        assert error.data["condition"] == "family", "another card pays from that account"


async def test_what_is_on_hold_or_owed_keeps_a_card_where_it_is(shop_of: OpenShop) -> None:
    rule = '[[rule]]\nid = "burn"\ngive = { burn = "bonus" }\n'
    async with shop_of(BOOKS.format("true") + rule) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        burn = {"burn": {"bonus": 500}, **override()}
        await pos.call("sale.hold", sale_id="h1", card=PLASTIC, lines=goods(1_000), **burn)
        terms = {"request_id": "t1", "card": PLASTIC, "profile": {"name": "Ivan"}} | WHO
        error = await refused(pos, "card.transfer", **terms)
        assert (error.data["condition"], error.data["missing"]) == ("hold", "bonus")
        await pos.call("sale.commit", sale_id="h1", card=PLASTIC)
        await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        error = await refused(pos, "card.transfer", **terms)
        assert (error.data["condition"], error.data["missing"]) == ("debt", "bonus")


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": {"name": "Ivan"}, "with_card": FRIEND},
        {"with_card": ""},
        {"profile": {"name": "Ivan"}, "reason": ""},
        {"profile": {"name": "Ivan"}, "by": ""},
    ],
)
async def test_who_gets_it_and_why_must_be_said(shop_of: OpenShop, wrong: dict[str, Any]) -> None:
    async with shop_of(BOOKS.format("true")) as pos:
        terms = {"request_id": "t1", "card": PLASTIC} | WHO | wrong
        assert (await refusal(pos, "card.transfer", **terms))[0] == -32602
        blocked = {"request_id": "b1", "card": PLASTIC} | WHO
        await pos.call("card.block", **blocked)
        late = {"request_id": "t2", "card": PLASTIC, "profile": {"name": "Ivan"}} | WHO
        assert await refusal(pos, "card.transfer", **late) == (1011, "card_blocked")
