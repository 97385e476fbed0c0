from datetime import date
from typing import Any

import pytest

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from tests.scenarios.shops import (
    FRIEND,
    HEAD,
    account_of,
    documented,
    goods,
    issue,
    override,
    refusal,
    sku,
)
from tests.support.clock import HandClock
from tests.support.till import PHONE, PLASTIC, Pos

LANE = '[[lane]]\nid = "card"\ncombine = "best"\n'
PERCENT = '[[rule]]\nid = "{id}"\nlane = "card"\nwhen = {when}\ngive = {{ percent = {percent} }}\n'


def rule(name: str, when: str, percent: int) -> str:
    return PERCENT.format(id=name, when=when, percent=percent)


class TestCashiers:
    @pytest.fixture
    def programme(self) -> str:
        most = "{ percent = { max = 5, roles = { senior = 10 } } }"
        return HEAD + LANE + f'[[rule]]\nid = "haggle"\nlane = "card"\ngive = {most}\n'

    @pytest.mark.parametrize(
        ("cashier", "total"), [("olha", 9_000), ("OLHA", 9_000), ("ivan", 9_500), ("", 9_500)]
    )
    async def test_how_much_a_cashier_may_give_is_the_shop_s_word_and_not_the_till_s(
        self, pos: Pos, cashier: str, total: int
    ) -> None:
        await pos.call("operator.add", request_id="o", name="Olha", role="senior", by="anna")
        facts = {"ask.haggle": 15, "ask.haggle.reason": "scratched", "role": "senior"}
        terms = {"lines": goods(10_000), "cashier": cashier, "facts": facts}
        assert (await pos.call("sale.quote", **terms))["total"] == total

    @pytest.mark.parametrize(
        ("facts", "condition", "said"),
        [
            ({}, "ask.haggle", "needs ask.haggle"),
            ({"ask.haggle": 8}, "ask.haggle.reason", "needs ask.haggle.reason"),
            ({"ask.haggle": 8, "ask.haggle.reason": ""}, "ask.haggle.reason", "needs ask.haggle"),
            ({"ask.haggle": "8%"}, "ask.haggle", "'8%' is no percentage with at most two places"),
            ({"ask.haggle": "2.555"}, "ask.haggle", "'2.555' is no percentage with at most two"),
            ({"ask.haggle": -3}, "ask.haggle", "-3 % is not from 0 to 100"),
            ({"ask.haggle": "9" * 500}, "ask.haggle", "is no percentage"),
            (
                {"ask.haggle": 0, "ask.haggle.reason": "scratched"},
                "ask.haggle",
                "gives nothing here",
            ),
        ],
    )
    async def test_what_was_asked_and_not_given_is_explained(
        self, pos: Pos, facts: dict[str, object], condition: str, said: str
    ) -> None:
        quote = await pos.call("sale.quote", lines=goods(10_000), facts=facts)
        [why] = quote["why_not"]
        assert (quote["total"], why["condition"]) == (10_000, condition)
        assert said in why["text"]
        assert len(why["text"]) < 150


class TestOrdinals:
    @pytest.fixture
    def programme(self) -> str:
        third = rule("third", "{ ordinal = { life = 3 } }", 50)
        return HEAD + LANE + rule("early", "{ ordinal = { day = 1 } }", 10) + third

    async def test_the_first_buyer_of_each_day_and_the_third_of_all_pay_less(
        self, pos: Pos, clock: HandClock
    ) -> None:
        quote = await pos.call("sale.quote", lines=goods(10_000))
        assert (quote["total"], quote["provisional"]) == (9_000, True)
        totals = []
        for n in range(4):
            posted = await pos.call("sale.commit", sale_id=f"s{n}", lines=goods(10_000))
            totals.append(posted["total"])
        assert totals == [9_000, 10_000, 5_000, 10_000]
        clock.move(days=1)
        posted = await pos.call("sale.commit", sale_id="s9", lines=goods(10_000))
        assert posted["total"] == 9_000

    async def test_a_commit_never_changes_a_total_that_was_shown(self, pos: Pos) -> None:
        quote = await pos.call("sale.quote", lines=goods(10_000))
        await pos.call("sale.commit", sale_id="faster", lines=goods(10_000))
        terms = {"sale_id": "s1", "quote_id": quote["quote_id"]}
        assert await refusal(pos, "sale.commit", **terms) == (1007, "total_changed")

    async def test_a_hold_takes_the_ordinal_and_keeps_it(self, pos: Pos) -> None:
        quote = await pos.call("sale.quote", lines=goods(10_000))
        first = await pos.call("sale.hold", sale_id="h1", lines=goods(10_000))
        assert first["total"] == 9_000
        # The quote said provisional: by the time of its hold it is the second sale.
        second = await pos.call("sale.hold", sale_id="h2", quote_id=quote["quote_id"])
        assert second["total"] == 10_000
        assert (await pos.call("sale.commit", sale_id="h2"))["total"] == 10_000
        await pos.call("sale.void", sale_id="h1")
        # What the voided sale was told is told to nobody else.
        totals = [
            (await pos.call("sale.commit", sale_id=f"s{n}", lines=goods(10_000)))["total"]
            for n in range(2)
        ]
        assert totals == [5_000, 10_000]


class TestWhoTheCustomerIs:
    @pytest.fixture
    def programme(self) -> str:
        return (
            HEAD
            + LANE
            + rule("students", '{ card = { tags = "student" } }', 5)
            + rule("alliance", '{ card = { issuer = "bakery" } }', 3)
            + rule("staff", '{ card = { kind = "staff" } }', 20)
            + rule("birthday", '{ near = { of = "birthday", from = -1, to = 1 } }', 10)
        )

    @pytest.mark.parametrize(
        ("number", "total"),
        [(PLASTIC, 10_000), ("student", 9_500), ("bakery", 9_700), ("staff", 8_000)],
    )
    async def test_tags_issuer_and_kind_decide(
        self, pos: Pos, till: App, number: str, total: int
    ) -> None:
        if number != PLASTIC:
            card = NewCard(
                kind="staff" if number == "staff" else "plastic",
                number=FRIEND,
                identifiers=(("number", FRIEND),),
                issuer="bakery" if number == "bakery" else "",
            )
            await till.cards.issue(card, Profile(tags=("student",) if number == "student" else ()))
        shown = PLASTIC if number == PLASTIC else FRIEND
        quote = await pos.call("sale.quote", lines=goods(10_000), card=shown)
        assert quote["total"] == total

    async def test_a_birthday_on_29_february_is_kept_on_28_february(
        self, pos: Pos, till: App, clock: HandClock
    ) -> None:
        await issue(till, FRIEND, birthday="2000-02-29")
        totals = []
        clock.move(days=(date(2027, 2, 26) - clock.now().date()).days)
        for _ in range(5):
            quote = await pos.call("sale.quote", lines=goods(10_000), card=FRIEND)
            totals.append(quote["total"])
            clock.move(days=1)
        assert totals == [10_000, 9_000, 9_000, 9_000, 10_000]

    async def test_the_till_s_word_never_stands_for_what_the_ledger_knows(self, pos: Pos) -> None:
        told: dict[str, Any] = {"card.kind": "staff", "card.tags": ["student"], "status.x": True}
        quote = await pos.call("sale.quote", lines=goods(10_000), card=PLASTIC, facts=told)
        assert quote["total"] == 10_000


class TestReferrers:
    @pytest.fixture
    def programme(self) -> str:
        return (
            documented("partner")
            + documented("friend").partition("[[meter]]")[0].partition("[[purse]]")[1]
            + documented("friend").partition("[[purse]]")[2]
        )

    async def test_partner_employee_and_friend_earn_from_another_s_sale_and_give_it_back(
        self, pos: Pos, till: App
    ) -> None:
        friend = await account_of(pos, PHONE)
        said = {"by": "olha", "name": "x"}
        gym = await pos.call("partner.add", request_id="p1", code="GYM", **said)
        trainer = await pos.call("partner.add", request_id="p2", of="gym", **said)
        await issue(till, FRIEND, partner="gym", employee=trainer["code"], referrer=friend)
        terms = {"sale_id": "s1", "card": FRIEND, "lines": goods(30_000)}
        posted = await pos.call("sale.commit", **terms)
        earned = {e["rule"]: (e["amount"], e["account"]) for e in posted["receipt"]["earn"]}
        assert earned == {
            "company": (900, gym["account"]),
            "employee": (450, trainer["account"]),
            "friend": (5_000, friend),
        }
        assert (await pos.call("card.show", card=PHONE))["balances"]["bonus"]["available"] == 5_000
        # The second sale is no first one; the friend is not rewarded again.
        again = await pos.call("sale.commit", **terms | {"sale_id": "s2"})
        assert "friend" not in [earned["rule"] for earned in again["receipt"]["earn"]]
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        assert back["earned_back"] == {
            f"reward@{gym['account']}": 900,
            f"reward@{trainer['account']}": 450,
            f"bonus@{friend}": 5_000,
        }
        assert (await pos.call("card.show", card=PHONE))["balances"]["bonus"]["available"] == 0


class TestWindows:
    @pytest.fixture
    def programme(self) -> str:
        return documented("chain")

    async def test_this_month_s_spend_is_next_month_s_discount(
        self, pos: Pos, clock: HandClock
    ) -> None:
        terms = {"card": PLASTIC, "lines": goods(400_000)}
        first = await pos.call("sale.commit", sale_id="s1", **terms)
        assert first["total"] > 0
        clock.move(hours=6)
        afternoon = await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000))
        assert afternoon["total"] == 10_000
        clock.move(days=9)
        december = await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000))
        assert december["total"] < 10_000
        clock.move(days=31)
        january = await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000))
        assert january["total"] == 10_000


class TestGiftCards:
    GIFT = "2900000000032"

    @pytest.fixture
    def programme(self) -> str:
        return documented("certificate")

    async def load(self, pos: Pos, till: App, amount: int = 50_000) -> None:
        await issue(till, self.GIFT, kind="gift")
        await pos.call("card.topup", topup_id="t1", card=self.GIFT, purse="gift", amount=amount)

    async def test_a_gift_card_pays_without_a_customer_and_keeps_the_rest(
        self, pos: Pos, till: App
    ) -> None:
        await self.load(pos, till)
        basket: dict[str, Any] = {"lines": goods(40_000), "codes": [self.GIFT]}
        quote = await pos.call("sale.quote", **basket)
        assert quote["burn_max"]["gift"] == 36_000  # after 10 % off: payment is always last
        quote = await pos.call("sale.quote", **basket, burn={"gift": 30_000})
        posted = await pos.call("sale.commit", sale_id="s1", quote_id=quote["quote_id"])
        assert (posted["total"], posted["balances"]) == (6_000, {})
        assert posted["gifts"] == {self.GIFT: {"gift": {"available": 20_000, "pending": 0}}}
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        assert (back["refund"], back["burned_back"]) == (6_000, {"gift": 30_000})
        shown = await pos.call("card.show", card=self.GIFT)
        assert shown["balances"]["gift"]["available"] == 50_000

    async def test_a_gift_card_that_was_spent_is_returned_for_what_is_left(
        self, pos: Pos, till: App
    ) -> None:
        await issue(till, self.GIFT, kind="gift")
        load = [sku("GIFT", 50_000) | {"kind": "gift_card"}]
        await pos.call("sale.commit", sale_id="load", card=self.GIFT, lines=load)
        spent = {"lines": goods(10_000), "codes": [self.GIFT], "burn": {"gift": 2_000}}
        await pos.call("sale.commit", sale_id="s1", **spent)
        back = await pos.call("sale.return", return_id="r1", sale_id="load", whole=True)
        assert (back["refund"], back["kept"]) == (48_000, 2_000)
        shown = await pos.call("card.show", card=self.GIFT)
        assert shown["balances"]["gift"]["available"] == 0

    async def test_a_gift_card_pays_before_the_customer_s_own_purse(
        self, pos: Pos, till: App
    ) -> None:
        await self.load(pos, till, 10_000)
        await pos.call("card.topup", topup_id="t2", card=PLASTIC, purse="gift", amount=10_000)
        terms: dict[str, Any] = {
            "lines": goods(40_000),
            "codes": [self.GIFT],
            "card": PLASTIC,
            "burn": {"gift": 15_000},
        }
        needs = (1021, "needs_live_card")
        assert await refusal(pos, "sale.hold", sale_id="h0", **terms) == needs
        held = await pos.call("sale.hold", sale_id="h1", **terms, **override())
        assert held["balances"]["gift"]["available"] == 5_000
        # 12,000 of the 15,000 held: the gift card's 10,000 and 2,000 of the card's own.
        posted = await pos.call("sale.commit", sale_id="h1", burn={"gift": 12_000})
        assert posted["total"] == 24_000
        assert posted["balances"]["gift"]["available"] == 8_000
        assert posted["gifts"][self.GIFT]["gift"]["available"] == 0
        spent = {"lines": goods(10_000), "codes": [self.GIFT]}
        assert await refusal(pos, "sale.quote", **spent) == (1025, "code_used_up")

    async def test_a_gift_card_s_money_is_held_once(self, pos: Pos, till: App) -> None:
        await self.load(pos, till, 10_000)
        terms: dict[str, Any] = {"lines": goods(40_000), "codes": [self.GIFT]}
        burn = {"burn": {"gift": 10_000}}
        quote = await pos.call("sale.quote", **terms, **burn)
        await pos.call("sale.hold", sale_id="h1", **terms, **burn)
        late = {"sale_id": "h2", "quote_id": quote["quote_id"]}
        assert await refusal(pos, "sale.commit", **late) == (1020, "not_enough")
        await pos.call("sale.void", sale_id="h1")
        posted = await pos.call("sale.commit", sale_id="s1", **terms, **burn)
        assert posted["total"] == 26_000

    async def test_a_blocked_gift_card_pays_nothing(self, pos: Pos, till: App) -> None:
        await self.load(pos, till)
        await pos.call("card.block", request_id="b1", card=self.GIFT, by="anna", reason="lost")
        terms = {"lines": goods(40_000), "codes": [self.GIFT]}
        assert await refusal(pos, "sale.quote", **terms) == (1011, "card_blocked")

    async def test_a_gift_card_is_issued_loaded_by_a_sale_and_spent_by_who_knows_its_number(
        self, pos: Pos
    ) -> None:
        await pos.call("card.issue", request_id="i1", number=self.GIFT, kind="gift")
        bought = goods(50_000, kind="gift_card")
        loaded = await pos.call("sale.commit", sale_id="s1", card=self.GIFT, lines=bought)
        assert loaded["total"] == 50_000
        assert loaded["balances"]["gift"]["available"] == 50_000
        terms: dict[str, Any] = {"lines": goods(10_000), "codes": [self.GIFT]}
        assert (await pos.call("sale.quote", **terms))["total"] == 9_000, "nothing by itself"
        as_card = {"lines": goods(10_000), "card": self.GIFT, "burn": {"gift": 9_000}}
        needs = (1021, "needs_live_card")
        assert await refusal(pos, "sale.commit", sale_id="s2", **as_card) == needs
        paid = await pos.call("sale.commit", sale_id="s3", **terms, burn={"gift": 9_000})
        assert (paid["total"], paid["gifts"][self.GIFT]["gift"]["available"]) == (0, 41_000)
        answered = await pos.call("sale.commit", sale_id="s4", **as_card, **override())
        assert (answered["total"], answered["balances"]["gift"]["available"]) == (0, 32_000)
