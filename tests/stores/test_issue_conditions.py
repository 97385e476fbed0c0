"""What cards are given for, on every store: a purchase, a price, a questionnaire, a manager."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import FRIEND, HEAD, override, refusal
from tests.stores.test_card_acts import WHO, batch_of
from tests.stores.test_card_batches import whole
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos, lay_out, open_till

__all__ = ["whole"]
OpenShop = Callable[[str], AbstractAsyncContextManager[Pos]]
UNMET = (1027, "condition_unmet")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shop(location: str, tmp_path: Path, clock: HandClock) -> OpenShop:
    """Open a shop whose programme says the issue of plastic cards."""

    @asynccontextmanager
    async def opened(table: str) -> AsyncIterator[Pos]:
        programme = f'{HEAD}[[card]]\nkind = "plastic"\n{table}\n'
        lay_out(tmp_path, programme, **{'"tillcard.db"': f'"{location}"'})
        async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
            yield pos

    return opened


def line(price: int, kind: str = "", n: int = 1, qty: int = 1) -> dict[str, Any]:
    return {"line": n, "sku": f"sku-{n}", "qty": qty, "unit_price": price, "kind": kind}


async def sell(pos: Pos, sale_id: str, *lines: dict[str, Any]) -> None:
    await pos.call("sale.commit", sale_id=sale_id, lines=list(lines))


async def issued(pos: Pos, request_id: str, **more: Any) -> dict[str, Any]:
    done: dict[str, Any] = await pos.call("card.issue", request_id=request_id, by="anna", **more)
    return done


async def missing(pos: Pos, **more: Any) -> tuple[str, Any]:
    """Ask for a card that must be refused; return the condition, and what is missing."""
    error = await refused(pos, "card.issue", request_id="no", by="anna", **more)
    assert (error.code, error.data["name"]) == UNMET
    return error.data["condition"], error.data["missing"]


async def test_a_card_is_given_for_one_purchase_of_the_day(
    shop: OpenShop, clock: HandClock
) -> None:
    async with shop("issue = { min_purchase = 40000 }") as pos:
        assert await missing(pos) == ("min_purchase", 40_000)
        assert await missing(pos, sale_id="none") == ("min_purchase", 40_000)
        await sell(pos, "small", line(39_999))
        assert await missing(pos, sale_id="small") == ("min_purchase", 1)
        await sell(pos, "s1", line(40_000))
        await issued(pos, "i1", sale_id="s1")
        assert await missing(pos, sale_id="s1") == ("min_purchase", 40_000), "one card a sale"
        await sell(pos, "s2", line(50_000), line(1, n=2))
        await pos.call("sale.return", return_id="r2", sale_id="s2", lines=[{"line": 2, "qty": 1}])
        assert await missing(pos, sale_id="s2") == ("min_purchase", 40_000), "it came back"
        await pos.call("sale.hold", sale_id="s3", lines=[line(50_000)])
        assert await missing(pos, sale_id="s3") == ("min_purchase", 40_000)
        await sell(pos, "s4", line(50_000))
        clock.move(days=1)
        assert await missing(pos, sale_id="s4") == ("min_purchase", 40_000), "of yesterday"
        await issued(pos, "i2", kind="gift")


async def test_a_card_is_sold_and_its_line_comes_back_only_after_the_card(shop: OpenShop) -> None:
    async with shop("issue = { price = 7000 }") as pos:
        await sell(pos, "s0", line(7_000), line(6_999, "card", n=2))
        assert await missing(pos, sale_id="s0") == ("price", 7_000)
        await sell(pos, "s1", line(7_000, "card", qty=2), line(100, n=2))
        first = await issued(pos, "i1", sale_id="s1")
        await issued(pos, "i2", sale_id="s1")
        assert await missing(pos, sale_id="s1") == ("price", 7_000), "two were paid for"
        back = {"return_id": "r1", "sale_id": "s1", "lines": [{"line": 1, "qty": 1}]}
        assert await refusal(pos, "sale.return", **back, dry=True) == (1030, "not_returnable")
        assert await refusal(pos, "sale.return", **back) == (1030, "not_returnable")
        await pos.call("card.write_off", request_id="w1", card=first["number"], **WHO)
        assert (await pos.call("sale.return", **back))["refund"] == 7_000
        rest = {"return_id": "r2", "sale_id": "s1", "whole": True}
        error = await refused(pos, "sale.return", **rest)
        assert error.message.endswith("was sold with this line: write it off first.")
        plain = {"return_id": "r3", "sale_id": "s1", "lines": [{"line": 2, "qty": 1}]}
        assert (await pos.call("sale.return", **plain))["refund"] == 100


async def test_a_card_in_place_of_one_that_was_sold_comes_back_for_it(shop: OpenShop) -> None:
    async with shop("issue = { price = 7000 }") as pos:
        await sell(pos, "s1", line(7_000, "card"))
        sold = await issued(pos, "i1", sale_id="s1")
        lost = {"request_id": "r1", "card": sold["number"], **override()}
        new = await pos.call("card.replace", **lost)
        assert await missing(pos, sale_id="s1") == ("price", 7_000)
        back = {"return_id": "r1", "sale_id": "s1", "whole": True}
        error = await refused(pos, "sale.return", **back)
        assert error.message.startswith(f"Card {new['number']} was sold")
        await pos.call("card.write_off", request_id="w1", card=new["number"], **WHO)
        assert (await pos.call("sale.return", **back))["refund"] == 7_000


async def test_a_card_is_sold_for_what_it_has_cost(shop: OpenShop) -> None:
    async with shop('issue = { price = "cost" }') as pos:
        numbers = await batch_of(pos)
        await sell(pos, "s1", line(333, "card"))
        assert await missing(pos, sale_id="s1", number=numbers[2]) == ("price", 334)
        await issued(pos, "i1", sale_id="s1", number=numbers[0])


async def test_a_card_needs_a_questionnaire_that_is_filled_whole(shop: OpenShop) -> None:
    async with shop("issue = { questionnaire = true }") as pos:
        text = '[[question]]\nid = "name"\nkind = "name"\n'
        await pos.call("questionnaire.activate", request_id="q1", text=text, by="olha")
        assert await missing(pos) == ("questionnaire", "name, personal_data")
        profile = {"name": "Olha", "consents": ["personal_data"]}
        done = await issued(pos, "i1", profile=profile)
        await issued(pos, "i2", with_card=done["number"], **override())
        unfilled = await issued(pos, "i3", **override())
        assert unfilled["state"] == "active"


async def test_a_manager_lets_a_card_through_and_the_entry_says_so(shop: OpenShop) -> None:
    async with shop("issue = { min_purchase = 40000 }") as pos:
        for name, role, pin in (("olha", "owner", "4711"), ("sen", "senior", "4712")):
            hired = {"name": name, "by": "olha"}
            await pos.call("operator.add", request_id=f"a{name}", role=role, **hired)
            await pos.call("operator.pin", request_id=f"p{name}", pin=pin, **hired)
        senior = {"approval": {"by": "sen", "pin": "4712"}, "reason": "a friend"}
        assert await missing(pos, **senior) == ("min_purchase", 40_000)
        owner = {"approval": {"by": "olha", "pin": "4711"}}
        assert await missing(pos, **owner) == ("min_purchase", 40_000), "no reason was said"
        await issued(pos, "i1", **owner, reason="a lost receipt")
        day = str(HandClock().now().date())
        terms = {"request_id": "w1", "kind": "W", "from": day, "to": day, "by": "olha"}
        act = (await pos.call("act.make", **terms))["act"]
        [written] = (await pos.call("act.show", act=act))["lines"]
        assert written["condition"] == "approved"


async def test_a_term_counts_from_the_day_of_issue_and_an_account_has_so_many_cards(
    shop: OpenShop, clock: HandClock
) -> None:
    async with shop('term = "30d"\nper_account = 2') as pos:
        first = await issued(pos, "i1", number=FRIEND, holder="Petro")
        assert first["until"] == "2026-12-23T22:00:00.000000Z"
        shown = await pos.call("card.show", card=FRIEND)
        assert shown["holder"] == "Petro"
        family = {"with_card": FRIEND, **override()}
        second = await issued(pos, "i2", holder="Olha", **family)
        third = {"request_id": "i3", "by": "anna"} | family
        assert await refusal(pos, "card.issue", **third) == (1023, "limit_reached")
        clock.move(days=1)
        lost = {"request_id": "r1", "card": second["number"], **override()}
        new = await pos.call("card.replace", **lost)
        assert new["until"] == second["until"], "a new card has what was left of the old one's"
        assert (await pos.call("card.show", card=new["number"]))["holder"] == "Olha"
        assert (await pos.call("card.show", card=new["number"]))["account"] == first["account"]
        longer = {"request_id": "e1", "card": FRIEND, "until": "2027-12-31"} | WHO
        assert (await pos.call("card.extend", **longer))["until"] == "2027-12-31T22:00:00.000000Z"
        clock.move(days=30)
        assert (await pos.call("card.show", card=new["number"]))["state"] == "expired"
        await issued(pos, "i4", **family | {"with_card": FRIEND})
        plain = await issued(pos, "i5", until="2027-01-15")
        assert plain["until"] == "2027-01-15T22:00:00.000000Z"


async def test_no_entry_says_who_carries_a_card(
    shop: OpenShop, location: str, tmp_path: Path
) -> None:
    async with shop("per_account = 5") as pos:
        await issued(pos, "i1", number=FRIEND, holder="Wolodymyra")
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        said = b"".join(chained.body for chained in store.entries())
    assert b"Wolodymyra" not in said
