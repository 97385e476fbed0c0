"""The discount club from the first purchase to the exclusion, and what the calendar does to it."""

from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from daemon.app.running import App
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.shop.memberships import DECIDED_MAX
from tests.scenarios.shops import HEAD, account_of, goods, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PHONE, PLASTIC, Pos, audited, lay_out, open_till

CLUB = (
    HEAD
    + """
[[lane]]
id = "card"
[[meter]]
id = "spend"
of = "paid"
[[meter]]
id = "as_member"
of = "paid"
window = "since:club"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 500000, within = "30d" }
keep = { at_least = 300000, within = "60d" }
[[rule]]
id = "club"
lane = "card"
when = { status = { club = true } }
give = { percent = 7 }
[[rule]]
id = "loyal"
lane = "card"
when = { meter = { as_member = { at_least = 100000 } } }
give = { percent = 9 }
"""
)


@pytest.fixture
def programme() -> str:
    return CLUB


class Said(NamedTuple):
    """An entry of the club, and its detail as plain values."""

    seq: int
    entry: Entry
    detail_of: dict[str, Any]


def club_entries(home: Path) -> list[Said]:
    with closing(SQLiteStore(home / LEDGER, read_only=True)) as store:
        found = [(one.seq, decode(one.body)) for one in store.entries()]
    return [
        Said(seq, entry, msgspec.json.decode(entry.detail))
        for seq, entry in found
        if entry.kind == "club"
    ]


class Customer:
    """One customer's days. Day 0 is the clock's first day."""

    def __init__(self, pos: Pos, till: App, clock: HandClock) -> None:
        self.pos, self.till, self.clock = pos, till, clock
        self.day, self.sales = 0, 0

    async def on(self, day: int) -> "Customer":
        """Go to a day, and let the till see midnight once at the end of it."""
        self.clock.move(days=day - self.day)
        self.day = day
        await self.till.look_after()
        return self

    async def buys(self, amount: int) -> int:
        """Buy; return the total."""
        self.sales += 1
        terms = {"sale_id": f"s{self.sales}", "card": PLASTIC, "lines": goods(amount)}
        total: int = (await self.pos.call("sale.commit", **terms))["total"]
        return total

    async def lists(self) -> dict[str, list[tuple[str, int]]]:
        """Return the owner's lists: name and sum of each member."""
        found = {}
        for name in ("join", "extend", "exclude"):
            listing = await self.pos.call("club.list", status="club", list=name)
            found[name] = [(one["name"], one["total"]) for one in listing["members"]]
        return {name: members for name, members in found.items() if members}

    async def decides(self, what: str, request_id: str = "", seen_on: str = "") -> Any:
        """Grant or refuse; return the answer."""
        return await self.pos.call(
            "club.decide",
            request_id=request_id or f"{what}-{self.day}",
            status="club",
            list=seen_on,
            accounts=[await account_of(self.pos, PLASTIC)],
            granted=what == "grant",
            by="owner",
            reason="the owner's word",
        )

    async def price(self) -> int:
        """Return what 100.00 costs."""
        quote = await self.pos.call("sale.quote", card=PLASTIC, lines=goods(10_000))
        total: int = quote["total"]
        return total


@pytest.fixture
def customer(pos: Pos, till: App, clock: HandClock) -> Customer:
    return Customer(pos, till, clock)


async def join(customer: Customer) -> None:
    """5,100 by day 29, a candidate; approved on day 30."""
    await customer.buys(200_000)
    await (await customer.on(12)).buys(250_000)
    assert await customer.lists() == {}
    await (await customer.on(29)).buys(60_000)
    assert await customer.lists() == {"join": [("Olena", 510_000)]}
    await customer.on(30)
    assert await customer.price() == 10_000
    await customer.decides("grant")


async def test_who_reaches_the_sum_in_time_is_listed_and_joins_by_the_owner_s_word(
    customer: Customer,
) -> None:
    await join(customer)
    assert await customer.price() == 9_300
    assert await customer.lists() == {}
    shown = await customer.pos.call("card.show", card=PLASTIC)
    assert shown["statuses"] == ["club"]
    # A meter that counts since the status began starts at nothing.
    await customer.buys(100_000)
    assert await customer.price() == 9_300
    await customer.buys(100_000)
    assert await customer.price() == 9_100


async def test_a_window_that_closes_short_cancels_its_sum(customer: Customer) -> None:
    await customer.buys(200_000)
    await (await customer.on(12)).buys(250_000)
    await customer.on(30)
    await (await customer.on(31)).buys(60_000)
    assert await customer.lists() == {}
    # The new window holds 600.00 only: 4,400.00 more are needed, and 4,399.99 do not do.
    await (await customer.on(60)).buys(439_999)
    assert await customer.lists() == {}
    await customer.buys(1)
    assert await customer.lists() == {"join": [("Olena", 500_000)]}


async def test_who_spends_too_little_is_listed_and_excluded_by_the_owner_s_word(
    customer: Customer,
) -> None:
    await join(customer)
    await (await customer.on(60)).buys(250_000)
    await (await customer.on(89)).buys(40_000)  # 2,325.00 and 372.00 paid, or less: short
    assert await customer.lists() == {}
    await customer.on(90)
    assert [name for name, _ in (await customer.lists())["exclude"]] == ["Olena"]
    assert await customer.price() < 10_000, "the discount stays until the owner decides"
    [refused] = (await customer.decides("refuse", seen_on="exclude"))["accounts"]
    assert (refused["done"], refused["stage"], refused["total"]) == (True, "outside", 0)
    assert await customer.price() == 10_000
    assert await customer.lists() == {}


async def test_a_return_in_the_window_takes_the_candidacy_back(customer: Customer) -> None:
    await customer.buys(200_000)
    await (await customer.on(12)).buys(250_000)
    await (await customer.on(29)).buys(60_000)
    assert await customer.lists() == {"join": [("Olena", 510_000)]}
    # 200.00 of the 600.00 come back: 4,900.00, no candidate any more.
    terms = {"sale_id": "s3", "lines": [{"line": 1, "qty": 1}]}
    await customer.pos.call("sale.return", return_id="r1", **terms)
    assert await customer.lists() == {}
    await customer.buys(40_000)
    assert await customer.lists() == {}
    await customer.buys(10_000)
    assert await customer.lists() == {"join": [("Olena", 500_000)]}


async def test_a_decision_is_made_once_and_says_who_made_it(
    customer: Customer, tmp_path: Path
) -> None:
    await join(customer)
    again = await customer.decides("grant", "grant-30")
    assert again["replayed"] is True
    account = await account_of(customer.pos, PLASTIC)
    more = {"status": "club", "accounts": [account], "granted": True, "request_id": "grant-30"}
    error = await refusal(customer.pos, "club.decide", **more)
    assert error == (1001, "id_reused")
    nothing = more | {"request_id": "y", "status": "chess"}
    assert await refusal(customer.pos, "club.decide", **nothing) == (-32602, "invalid_params")
    [said] = [entry for entry in club_entries(tmp_path) if entry.detail_of["event"] == "granted"]
    assert said.detail_of["by"] == "owner"
    assert said.detail_of["reason"] == "the owner's word"
    assert said.detail_of["before"]["stage"] == "candidate"
    assert said.detail_of["before"]["total"] == 510_000
    assert said.detail_of["after"] == {
        "stage": "member",
        "since": "2026-12-23",
        "window_from": "2026-12-23",
        "total": 0,
        "extended": False,
    }


async def test_a_decision_about_nobody_leaves_the_ledger_whole(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, CLUB)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        olena = await account_of(pos, PLASTIC)
        terms = {"status": "club", "list": "join", "accounts": [olena], "granted": True}
        for _ in range(2):
            told = await pos.call("club.decide", request_id="d", by="maria", **terms)
            assert [one["done"] for one in told["accounts"]] == [False]
    assert audited(tmp_path).findings == ()


async def test_each_account_that_is_decided_about_is_answered_for_itself(
    customer: Customer,
) -> None:
    await customer.buys(500_000)
    terms = {"sale_id": "other", "card": PHONE, "lines": goods(100)}
    await customer.pos.call("sale.commit", **terms)
    olena = await account_of(customer.pos, PLASTIC)
    iryna = await account_of(customer.pos, PHONE)
    decided = await customer.pos.call(
        "club.decide",
        request_id="d1",
        status="club",
        list="join",
        accounts=[iryna, "nobody", olena],
        granted=True,
        by="maria",
    )
    assert [(one["account"], one["done"], one["why"]) for one in decided["accounts"]] == [
        (iryna, False, "not_on_list"),
        ("nobody", False, "card_unknown"),
        (olena, True, ""),
    ]
    assert [one["stage"] for one in decided["accounts"]] == ["outside", "outside", "member"]
    assert await customer.lists() == {}


@pytest.mark.parametrize("seen_on", ["", "join", "extend", "exclude"])
@pytest.mark.parametrize("reason", ["", " "])
async def test_a_refusal_or_an_exclusion_needs_a_reason(
    customer: Customer, seen_on: str, reason: str
) -> None:
    await customer.buys(500_000)
    terms: dict[str, Any] = {"request_id": "r1", "status": "club", "list": seen_on}
    terms |= {"accounts": [await account_of(customer.pos, PLASTIC)], "granted": False}
    error = await refused(customer.pos, "club.decide", **terms, reason=reason)
    assert error.data["name"] == "invalid_params"
    assert "reason: say why" in error.message
    assert await customer.lists() == {"join": [("Olena", 500_000)]}


async def test_501_accounts_are_refused_whole_and_500_are_answered(customer: Customer) -> None:
    await customer.buys(500_000)
    olena = await account_of(customer.pos, PLASTIC)
    terms: dict[str, Any] = {"status": "club", "list": "join", "granted": True}
    some = [olena, *(f"a{n}" for n in range(DECIDED_MAX))]
    error = await refusal(customer.pos, "club.decide", request_id="m1", accounts=some, **terms)
    assert error == (-32602, "invalid_params")
    twice = [olena, olena]
    error = await refusal(customer.pos, "club.decide", request_id="m2", accounts=twice, **terms)
    assert error == (-32602, "invalid_params")
    assert await customer.lists() == {"join": [("Olena", 500_000)]}
    decided = await customer.pos.call(
        "club.decide", request_id="m3", accounts=some[:DECIDED_MAX], **terms
    )
    assert [one["done"] for one in decided["accounts"]] == [True] + [False] * 499


async def test_another_s_purchases_open_no_window(customer: Customer) -> None:
    terms = {"sale_id": "other", "card": PHONE, "lines": goods(600_000)}
    await customer.pos.call("sale.commit", **terms)
    await customer.buys(100)
    assert await customer.lists() == {"join": [("Iryna", 600_000)]}


async def test_days_on_which_the_shop_was_closed_are_made_up_at_the_start(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, CLUB)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        customer = Customer(pos, till, clock)
        await customer.buys(600_000)
        await customer.decides("grant")
    clock.move(days=60)
    entries = []
    for _ in range(2):  # a second start on the same day changes nothing
        async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
            customer = Customer(pos, till, clock)
            await till.look_after()
            assert await customer.lists() == {"exclude": [("Olena", 0)]}
            checked = {"day": "2027-01-22", "since": "2026-11-23", "expired": 0, "closed": 1}
            assert await pos.call("club.checked") == checked
        assert audited(tmp_path).findings == ()
        entries.append(audited(tmp_path).entries)
    assert entries[0] == entries[1]
