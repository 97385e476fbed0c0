"""Customers on every store: known, found by beginnings, merged and parted; the books stay whole."""

from contextlib import closing
from pathlib import Path
from typing import Any

from daemon.base.ids import AccountId
from daemon.customers.searching import LOOKED_AT_MAX
from daemon.ledger.entries import Entry
from daemon.ledger.storage.customer_rows import CustomerKeyRow
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import CustomerRow
from daemon.ledger.storage.store import Change
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.scenarios.shops import FRIEND, account_of, goods, refusal
from tests.stores.test_card_batches import OpenPos, shop, whole
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

__all__ = ["shop", "whole"]
WHO = {"by": "olha", "reason": "one person"}
PHONE = "+380671234567"
AT = "2026-11-14T08:00:00.000000Z"


async def names(pos: Pos, text: str) -> list[str]:
    found = await pos.call("customer.find", text=text)
    return [one["name"] for one in found["customers"]]


async def test_a_customer_is_known_and_found_by_what_is_known(shop: OpenPos) -> None:
    async with shop() as pos:
        await pos.call("questionnaire.activate", request_id="q", text=OF_THE_SPEC, by="olha")
        ticked: dict[str, Any] = {"consents": ["personal_data", "marketing"]}
        answers = {"phone": PHONE, "email": "Olena@Example.ua", "for_whom": "gift"}
        await pos.call("customer.update", request_id="u", card=PLASTIC, answers=answers, **ticked)
        back = {"purpose": "marketing", "channel": "sms", "given": False}
        await pos.call("customer.consent", request_id="c", card=PLASTIC, **back)
        known = await pos.call("customer.show", card=PLASTIC)
        assert known["answers"] == {
            **{"name": "Olena", "phone": PHONE, "email": "Olena@example.ua", "for_whom": "gift"}
        }
        given = {one["channel"]: one["given"] for one in known["consents"]}
        assert given == {"": True, "sms": False, "viber": True, "email": True}
        for text in ("4567", "olena@", "OLE", "ole", PLASTIC):
            assert await names(pos, text) == ["Olena"], text
        assert await names(pos, "lena") == []


async def test_beginnings_go_by_letters_in_every_script(shop: OpenPos) -> None:
    people = ["Олена Дем'янчук", "Оленка Яремчук", "Łukasz Żak", "Lucy Zak", "李 小龍", "Zoë"]
    async with shop() as pos:
        for n, name in enumerate(people):
            await pos.call("card.issue", request_id=f"i{n}", profile={"name": name})
        assert await names(pos, "олен") == ["Олена Дем'янчук", "Оленка Яремчук"]
        assert await names(pos, "дем олена") == ["Олена Дем'янчук"]
        assert await names(pos, "lu zak") == ["Lucy Zak", "Łukasz Żak"]
        assert await names(pos, "小") == ["李 小龍"]
        assert await names(pos, "ZOE") == ["Zoë"]


async def test_of_words_that_all_are_common_the_first_are_looked_at(
    location: str, tmp_path: Path
) -> None:
    """One person has both words; she is the last key of the one and the first of the other."""
    hers = LOOKED_AT_MAX
    with closing(open_store(location, tmp_path)) as store:
        store.begin()
        for n in range(2 * LOOKED_AT_MAX + 1):
            account = AccountId(f"a{n:016x}")
            words = [*(["koval"] if n <= hers else []), *(["olena"] if n >= hers else [])]
            keys = [CustomerKeyRow("word", word, account) for word in words]
            known = CustomerRow(account, b'{"name":"Number %d"}' % n)
            entry = Entry(at=AT, kind="customer", ref=account, account=account)
            store.write(Change(entry=entry, rows=(known, *keys)))
        store.commit()
    lay_out(tmp_path, **{'"tillcard.db"': f'"{location}"'})
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        for text, found in (("koval olena", []), ("olena koval", [f"Number {hers}"])):
            answer = await pos.call("customer.find", text=text)
            assert [one["name"] for one in answer["customers"]] == found
            assert answer["more"], "others may be"


async def test_two_accounts_are_merged_and_parted_with_all_that_was_on_them(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        issued = await pos.call(
            "card.issue", request_id="i", number=FRIEND, profile={"name": "Olena", "phone": PHONE}
        )
        keep, drop = await account_of(pos, PLASTIC), issued["account"]
        for n, card in enumerate((PLASTIC, FRIEND, FRIEND)):
            await pos.call("sale.commit", sale_id=f"s{n}", card=card, lines=goods(100_000))
        before = [await pos.call("card.show", card=card) for card in (PLASTIC, FRIEND)]
        terms = {"request_id": "m", "keep": keep, "drop": drop} | WHO
        done = await pos.call("customer.merge", **terms)
        assert done["moved"] == {"cards": 1, "codes": 0, "sales": 2}
        both = await pos.call("card.show", card=FRIEND)
        there = [one["balances"]["bonus"]["available"] for one in (*before, both)]
        assert (both["account"], there[2]) == (keep, there[0] + there[1])
        assert await names(pos, "4567") == ["Olena"]
        await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
        assert [await pos.call("card.show", card=card) for card in (PLASTIC, FRIEND)] == before
        await pos.call("customer.merge", **terms | {"request_id": "m2"})
        await pos.call("sale.return", return_id="r", sale_id="s1", whole=True)
        late = {"request_id": "x2", "drop": drop} | WHO
        assert await refusal(pos, "customer.unmerge", **late) == (1029, "not_undoable")
