"""Detectors that read entries: of holds, cards that were issued, reasons, friends, look-ups."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.scenarios.shops import goods, override
from tests.stores.test_findings import OpenShop, Row, Shop, number, open_shop, shop

__all__ = ["open_shop", "shop"]


async def test_voided_holds_are_counted_by_the_cashier_who_held(shop: Shop) -> None:
    for count, cashier in ((5, "anna"), (4, "ivan")):
        for n in range(count):
            sale_id = f"{cashier}{n}"
            await shop.pos.call("sale.hold", sale_id=sale_id, cashier=cashier, lines=goods(1_000))
            await shop.pos.call("sale.void", sale_id=sale_id)
    await shop.pos.call("sale.void", sale_id="never seen")
    await shop.sell()
    await shop.looked()
    [row] = await shop.found()
    assert [row[name] for name in ("detector", "subject", "value", "entries", "store")] == [
        "voids", "anna", 5, 10, "1"
    ]  # fmt: skip
    shown = await shop.pos.call("finding.show", finding=row["finding"])
    assert {one["kind"] for one in shown["evidence"]} == {"hold", "void"}
    assert {one["sale"] for one in shown["evidence"]} == {f"anna{n}" for n in range(5)}


async def test_five_voided_holds_of_fifty_are_a_tenth_and_no_finding(shop: Shop) -> None:
    for n in range(50):
        await shop.pos.call("sale.hold", sale_id=f"h{n}", cashier="anna", lines=goods(1_000))
        if n < 5:
            await shop.pos.call("sale.void", sale_id=f"h{n}")
    await shop.sell()
    assert (await shop.looked())["new"] == 0


async def issued_and_sold(shop: Shop, cards: int, minutes: int, **more: Any) -> list[str]:
    for n in range(cards):
        await shop.issue(number(n), by="anna")
        shop.clock.move(minutes=minutes)
        await shop.sell(number(n), **more)
    await shop.looked()
    return await shop.names()


async def test_three_cards_sold_to_ten_minutes_after_their_issue_are_found(shop: Shop) -> None:
    assert await issued_and_sold(shop, 3, 10) == ["fresh_card"]
    [row] = await shop.found()
    assert (row["subject"], row["value"], row["entries"]) == ("anna", 3, 3)


@pytest.mark.parametrize(
    ("cards", "minutes", "more"),
    [(2, 10, {}), (3, 11, {}), (3, 10, {"cashier": "ivan"})],
    ids=["two cards", "eleven minutes", "another cashier"],
)
async def test_no_fresh_cards(shop: Shop, cards: int, minutes: int, more: Row) -> None:
    assert await issued_and_sold(shop, cards, minutes, **more) == []


async def test_a_discount_that_everybody_gets_is_not_the_cards(open_shop: OpenShop) -> None:
    async with open_shop(rules='[[rule]]\nid = "all"\ngive = { percent = 5 }\n') as shop:
        assert await issued_and_sold(shop, 3, 10) == []


async def asked(shop: Shop, reasons: list[str]) -> list[str]:
    for reason in reasons:
        await shop.sell(facts={"ask.boss": 5, "ask.boss.reason": reason})
    await shop.looked()
    return await shop.names()


async def test_nine_of_ten_discounts_for_one_reason_are_found(shop: Shop) -> None:
    said = ["good customer", "Good  Customer"] * 4 + ["GOOD CUSTOMER", "damaged box"]
    assert await asked(shop, said) == ["same_reason"]
    [row] = await shop.found()
    assert (row["value"], row["threshold"], row["entries"]) == (9_000, 8_000, 9)


@pytest.mark.parametrize(
    "reasons",
    [["good customer"] * 8 + ["damaged box", "a scratch"], ["good customer"] * 9],
    ids=["eight of ten", "nine in all"],
)
async def test_reasons_that_differ_enough_are_fine(shop: Shop, reasons: list[str]) -> None:
    assert await asked(shop, reasons) == []


async def friends(shop: Shop, cashiers: list[str], *, rewarded: bool = True) -> list[str]:
    olha = number(99)
    await shop.issue(olha)
    invited = await shop.pos.call("customer.invite", request_id="i", card=olha, by="olha")
    for n, cashier in enumerate(cashiers):
        await shop.issue(number(n))
        codes = (invited["code"],)
        price = 1_000 if rewarded else 1
        await shop.sell(number(n), price=price, cashier=cashier, codes=codes)
    await shop.looked()
    return await shop.names()


async def test_five_rewarded_friends_of_whom_one_cashier_sold_to_four_are_found(
    shop: Shop,
) -> None:
    assert await friends(shop, [*["anna"] * 4, "ivan"]) == ["friend_ring"]
    [row] = await shop.found()
    assert (row["other"], row["value"], row["entries"]) == ("anna", 8_000, 5)


@pytest.mark.parametrize(
    "cashiers", [["anna"] * 4, [*["anna"] * 4, "ivan", "petro"]], ids=["four", "two thirds"]
)
async def test_no_ring_of_friends(shop: Shop, cashiers: list[str]) -> None:
    assert await friends(shop, cashiers) == []


async def test_friends_that_nobody_was_rewarded_for_are_no_ring(shop: Shop) -> None:
    assert await friends(shop, ["anna"] * 5, rewarded=False) == []


async def looked_up(shop: Shop, cards: int) -> None:
    for n in range(cards):
        await shop.issue(number(n))
    shop.clock.move(hours=1)
    for n in range(cards):
        await shop.pos.call("card.identify", scan=number(n), cashier="anna")
        await shop.pos.call("card.identify", scan=number(n))  # by nobody that could be named


async def test_twenty_one_cards_that_nothing_came_of_are_found(shop: Shop) -> None:
    await looked_up(shop, 21)
    await shop.pos.call("card.identify", number=number(0), typed_by="anna")  # once more
    await shop.sell()
    await shop.looked()
    [row] = await shop.found()
    assert [row[name] for name in ("detector", "subject", "value", "threshold", "store")] == [
        "lookups", "anna", 21, 20, "1"
    ]  # fmt: skip
    assert row["entries"] == 22
    shown = await shop.pos.call("finding.show", finding=row["finding"])
    accounts = {one["account"] for one in shown["evidence"]}
    assert len(accounts) == 21
    dossier = await shop.pos.call("customer.show", card=number(1))
    assert dossier["account"] in accounts
    assert "lookup" not in [one["kind"] for one in dossier["entries"]]


@pytest.mark.parametrize("came", ["a quote", "a sale", "a hold", "a change", "nothing for 20"])
async def test_cards_of_which_something_came_are_not_counted(shop: Shop, came: str) -> None:
    await looked_up(shop, 20 if came == "nothing for 20" else 21)
    shop.clock.move(minutes=30)
    card = {"card": number(0), "lines": goods(1_000)}
    if came == "a quote":
        await shop.pos.call("sale.quote", **card)
    elif came == "a sale":
        await shop.sell(number(0))
    elif came == "a hold":
        await shop.pos.call("sale.hold", sale_id="h", **card)
    elif came == "a change":
        tags = {"request_id": "u", "card": number(0), "tags": ("vip",), "by": "anna"}
        await shop.pos.call("customer.update", **tags)
    await shop.sell()
    assert (await shop.looked())["new"] == 0


async def test_what_comes_of_a_card_after_half_an_hour_comes_too_late(shop: Shop) -> None:
    await looked_up(shop, 21)
    shop.clock.move(minutes=30, seconds=1)
    await shop.sell(number(0))
    await shop.looked()
    assert await shop.names() == ["lookups"]


async def test_the_last_half_hour_of_a_day_is_waited_for(open_shop: OpenShop) -> None:
    late = datetime(2026, 11, 23, 20, 50, tzinfo=UTC)  # 22:50 in Kyiv
    async with open_shop(late) as shop:
        await looked_up(shop, 21)  # at 23:50
        await shop.sell()
        shop.clock.move(minutes=40)
        assert (await shop.again())["new"] == 0  # 00:30: not yet
        shop.clock.move(minutes=1)
        await shop.again()
        assert await shop.names() == ["lookups"]
        assert (await shop.found())[0]["from"] == "2026-11-23"


async def test_overrides_are_found_by_who_sold(shop: Shop) -> None:
    for _ in range(4):
        await shop.sell("", **override())
    await shop.sell("", cashier="ivan", **override())
    await shop.looked()
    [row] = await shop.found()
    assert (row["detector"], row["subject"], row["value"]) == ("overrides", "anna", 4)
