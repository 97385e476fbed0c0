"""Purses over time: stored value, credit, units, points that wait and points that expire."""

from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.entries import decode
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.shop.daily_jobs import REQUESTS_KEPT_DAYS
from tests.scenarios.shops import HEAD, documented, goods, override, refusal, sku
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till


async def balance(pos: Pos, purse: str) -> tuple[int, int]:
    """Return what is available and what is pending on the plastic card."""
    shown = (await pos.call("card.show", card=PLASTIC))["balances"].get(purse)
    return (shown["available"], shown["pending"]) if shown else (0, 0)


def system_balance(home: Path, account: str, purse: str) -> int:
    """Return the sum of a system account's postings."""
    store = SQLiteStore(home / "tillcard.db", read_only=True)
    try:
        return sum(
            posting.amount
            for chained in store.entries()
            for posting in decode(chained.body).postings
            if (posting.account, posting.purse) == (account, purse)
        )
    finally:
        store.close()


class TestStoredValue:
    @pytest.fixture
    def programme(self) -> str:
        return documented("credit")

    async def test_a_card_is_topped_up_once_however_often_the_till_asks(self, pos: Pos) -> None:
        terms: dict[str, Any] = {"topup_id": "t1", "card": PLASTIC, "amount": 20_000}
        first = await pos.call("card.topup", **terms)
        assert first["balances"] == {"account": {"available": 20_000, "pending": 0}}
        assert (await pos.call("card.topup", **terms))["replayed"] is True
        assert await balance(pos, "account") == (20_000, 0)
        reused = await refusal(pos, "card.topup", **terms | {"amount": 1})
        assert reused == (1001, "id_reused")
        unknown = terms | {"topup_id": "t2", "card": "2900000000193"}
        assert await refusal(pos, "card.topup", **unknown) == (1010, "card_unknown")
        purse = terms | {"topup_id": "t3", "purse": "chest"}
        assert await refusal(pos, "card.topup", **purse) == (-32602, "invalid_params")

    async def test_a_purse_goes_below_zero_as_far_as_its_credit_and_no_further(
        self, pos: Pos
    ) -> None:
        await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=20_000)
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(100_000), **override()}
        quote = await pos.call("sale.quote", **terms)
        assert quote["burn_max"] == {"account": 70_000}
        posted = await pos.call("sale.commit", sale_id="s1", burn=70_000, **terms)
        assert posted["total"] == 30_000
        assert await balance(pos, "account") == (-50_000, 0)
        assert await refusal(pos, "sale.hold", sale_id="s2", burn=1, **terms) == (
            1020,
            "not_enough",
        )
        # What is paid in fills the debt first.
        await pos.call("card.topup", topup_id="t2", card=PLASTIC, amount=60_000)
        assert await balance(pos, "account") == (10_000, 0)
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        assert back["burned_back"] == {"account": 70_000}
        assert await balance(pos, "account") == (80_000, 0)

    async def test_a_hold_on_credit_is_released_whole(self, pos: Pos) -> None:
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(100_000), **override()}
        await pos.call("sale.hold", sale_id="h1", burn=40_000, **terms)
        assert await balance(pos, "account") == (-40_000, 0)
        await pos.call("sale.commit", sale_id="h1", burn=10_000)
        assert await balance(pos, "account") == (-10_000, 0)


class TestSubscription:
    @pytest.fixture
    def programme(self) -> str:
        return documented("subscription")

    async def test_ten_lessons_are_bought_once_and_taken_one_by_one(self, pos: Pos) -> None:
        bought = await pos.call(
            "sale.commit", sale_id="s1", card=PLASTIC, lines=[sku("SUBSCRIPTION-10", 200_000)]
        )
        assert bought["balances"]["lessons"] == {"available": 10, "pending": 0}
        lesson: dict[str, Any] = {
            "card": PLASTIC,
            "lines": [sku("LESSON", 25_000)],
            "burn": {"lessons": 1},
            **override(),
        }
        posted = await pos.call("sale.commit", sale_id="l1", **lesson)
        assert (posted["total"], posted["balances"]["lessons"]["available"]) == (0, 9)
        missed = await pos.call("sale.return", return_id="r1", sale_id="l1", whole=True)
        assert (missed["refund"], missed["burned_back"]) == (0, {"lessons": 1})
        for n in range(10):
            await pos.call("sale.commit", sale_id=f"m{n}", **lesson)
        assert await refusal(pos, "sale.commit", sale_id="m10", **lesson) == (1020, "not_enough")


class TestPointsInTime:
    @pytest.fixture
    def programme(self) -> str:
        return documented("points")

    async def test_points_wait_then_pay_then_expire_to_breakage(
        self, pos: Pos, till: App, clock: HandClock, tmp_path: Path
    ) -> None:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(1_000_000))
        assert await balance(pos, "points") == (0, 1_000)
        clock.move(days=6)
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(10_000), **override()}
        assert (await pos.call("sale.quote", **terms))["burn_max"] == {"points": 0}
        clock.move(days=1)
        assert await balance(pos, "points") == (1_000, 0)
        await pos.call("sale.commit", sale_id="s2", burn=400, **terms)
        clock.move(days=358)  # the last day of the first lot
        await till.look_after()
        assert await balance(pos, "points") == (608, 0)
        clock.move(days=1)
        # Excluded when read, whether or not the job has run.
        assert (await balance(pos, "points"))[0] == 8
        await till.look_after()
        assert await balance(pos, "points") == (8, 0)
        assert system_balance(tmp_path, "@breakage", "points") == 600
        await till.look_after()
        assert system_balance(tmp_path, "@breakage", "points") == 600

    async def test_burned_points_that_lapsed_meanwhile_come_back_for_a_month(
        self, pos: Pos, till: App, clock: HandClock, tmp_path: Path
    ) -> None:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(100_000))
        clock.move(days=360)
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(500), **override()}
        await pos.call("sale.commit", sale_id="s2", burn=50, **terms)
        clock.move(days=6)
        await till.look_after()
        assert await balance(pos, "points") == (0, 0)
        assert system_balance(tmp_path, "@breakage", "points") == 50
        await pos.call("sale.return", return_id="r1", sale_id="s2", whole=True)
        clock.move(days=30)
        await till.look_after()
        assert await balance(pos, "points") == (50, 0)
        clock.move(days=1)
        await till.look_after()
        assert await balance(pos, "points") == (0, 0)
        assert system_balance(tmp_path, "@breakage", "points") == 100


class TestNeverBelowZero:
    @pytest.fixture
    def programme(self) -> str:
        return (
            HEAD
            + '[[purse]]\nid = "bonus"\nunit = "UAH"\nmay_go_negative = "never"\n'
            + '[[rule]]\nid = "earn"\ngive = { earn = "bonus", percent = 10 }\n'
            + '[[rule]]\nid = "burn"\ngive = { burn = "bonus" }\n'
        )

    async def test_a_return_takes_what_is_left_and_pays_so_much_less(self, pos: Pos) -> None:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(800), **override()}
        await pos.call("sale.commit", sale_id="s2", burn=800, **terms)
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        assert back["earned_back"] == {"bonus": 200}
        assert (back["refund"], back["kept"]) == (9_200, 800)
        assert sum(line["money"] for line in back["lines"]) == back["refund"]
        assert await balance(pos, "bonus") == (0, 0)

    async def test_what_one_return_has_kept_the_next_does_not_keep_again(self, pos: Pos) -> None:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000, 10_000))
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(1_500), **override()}
        await pos.call("sale.commit", sale_id="s2", burn=1_500, **terms)
        backs = [
            await pos.call(
                "sale.return", return_id=f"r{n}", sale_id="s1", lines=[{"line": n, "qty": 1}]
            )
            for n in (1, 2)
        ]
        assert [(back["refund"], back["kept"]) for back in backs] == [(9_500, 500), (9_000, 1_000)]


class TestRecomputedAndNeverBelowZero(TestNeverBelowZero):
    """The same where what stays is priced anew at each return."""

    @pytest.fixture
    def programme(self) -> str:
        head = HEAD + 'return_policy = "recompute"\n'
        return (
            head
            + '[[purse]]\nid = "bonus"\nunit = "UAH"\nmay_go_negative = "never"\n'
            + '[[rule]]\nid = "earn"\ngive = { earn = "bonus", percent = 10 }\n'
            + '[[rule]]\nid = "burn"\ngive = { burn = "bonus" }\n'
        )


class TestGoodsOnACard:
    @pytest.fixture
    def programme(self) -> str:
        return documented("subscription")

    async def test_lessons_that_were_taken_cannot_be_sold_back(self, pos: Pos) -> None:
        ten = {"card": PLASTIC, "lines": [sku("SUBSCRIPTION-10", 90_000)]}
        await pos.call("sale.commit", sale_id="s1", **ten)
        lesson = {"card": PLASTIC, "lines": [sku("LESSON", 10_000)], **override()}
        await pos.call("sale.commit", sale_id="s2", burn={"lessons": 1}, **lesson)
        whole = {"sale_id": "s1", "whole": True}
        refused = await refusal(pos, "sale.return", return_id="r1", **whole)
        assert refused == (1030, "not_returnable")
        await pos.call("sale.return", return_id="r2", sale_id="s2", whole=True)
        assert (await pos.call("sale.return", return_id="r3", **whole))["refund"] == 90_000


async def test_ids_are_known_for_the_reversal_window_and_a_sale_s_own_for_ever(
    pos: Pos, till: App, clock: HandClock
) -> None:
    terms: dict[str, Any] = {"sale_id": "s1", "lines": goods(100)}
    await pos.call("sale.commit", **terms)
    topup: dict[str, Any] = {"topup_id": "t1", "card": PLASTIC, "amount": 100}
    await pos.call("card.topup", **topup)
    for _ in range(REQUESTS_KEPT_DAYS):  # days of work, not of the calendar
        clock.move(days=1)
        await till.look_after()
    assert (await pos.call("sale.commit", **terms))["replayed"] is True
    clock.move(days=1)
    await till.look_after()
    assert await refusal(pos, "sale.commit", **terms) == (1003, "already_posted")
    assert (await pos.call("card.topup", **topup))["replayed"] is False


async def test_when_the_clock_jumps_back_sales_go_on_with_the_last_time(
    pos: Pos, clock: HandClock
) -> None:
    first = await pos.call("sale.commit", sale_id="s1", lines=goods(100))
    clock.move(hours=-5)
    assert (await pos.call("status"))["clock_suspect"] is True
    second = await pos.call("sale.commit", sale_id="s2", lines=goods(100))
    assert second["receipt"]["at"] == first["receipt"]["at"]
    clock.move(hours=6)
    assert (await pos.call("status"))["clock_suspect"] is False
    third = await pos.call("sale.commit", sale_id="s3", lines=goods(100))
    assert third["receipt"]["at"] > second["receipt"]["at"]


async def test_a_till_that_starts_with_its_clock_unset_sells_with_the_last_time(
    tmp_path: Path,
) -> None:
    clock = HandClock(synchronised=False)
    lay_out(tmp_path)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        first = await pos.call("sale.commit", sale_id="s1", lines=goods(100))
    clock.move(days=-3_000)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        second = await pos.call("sale.commit", sale_id="s2", lines=goods(100))
        assert second["receipt"]["at"] == first["receipt"]["at"]
        assert (await pos.call("status"))["clock_suspect"] is True
        other = {"sale_id": "s2", "lines": goods(200)}
        assert await refusal(pos, "sale.commit", **other) == (1001, "id_reused")
