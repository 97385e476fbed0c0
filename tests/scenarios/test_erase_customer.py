"""A customer is erased: who the person is goes, what the account has done stays."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.base.ids import AccountId
from daemon.ledger.entries import BREAKAGE, decode
from daemon.ledger.storage.customer_queries import ALL_SALES_OF, KEYS_OF, PRIVATE
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.scenarios.shops import FRIEND, HEAD, account_of, goods, refusal
from tests.scenarios.test_entries_name_nobody import RULES
from tests.scenarios.test_greeting_language import CLUB
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

WHO = {"by": "olha", "reason": "asked by letter"}
NAME, PHONE_NUMBER, EMAIL, BIRTHDAY = (
    *("Zofia Wisniewska", "+380671234567"),
    *("zofia@example.ua", "1987-11-24"),
)
PERSON = {"name": NAME, "phone": PHONE_NUMBER, "email": EMAIL, "birthday": BIRTHDAY}


@pytest.fixture
def programme() -> str:
    return CLUB


async def known(pos: Pos, number: str = FRIEND, request_id: str = "i", **more: Any) -> str:
    """Issue a card to a person; return the account."""
    terms = {"number": number, "profile": PERSON} | more
    issued = await pos.call("card.issue", request_id=request_id, **terms)
    account: str = issued["account"]
    return account


async def erase(pos: Pos, account: str, request_id: str = "e", **more: Any) -> Any:
    return await pos.call("customer.erase", request_id=request_id, account=account, **WHO, **more)


async def buy(pos: Pos, sale_id: str, *prices: int, card: str = FRIEND) -> Any:
    return await pos.call("sale.commit", sale_id=sale_id, card=card, lines=goods(*prices))


def entries_of(home: Path, kind: str) -> list[Any]:
    with closing(SQLiteStore(home / "tillcard.db", read_only=True)) as store:
        entries = [decode(chained.body) for chained in store.entries()]
    return [entry for entry in entries if entry.kind == kind]


async def test_the_person_goes_and_what_the_account_has_done_stays(
    pos: Pos, tmp_path: Path
) -> None:
    account = await known(pos, holder="Zosia")
    await buy(pos, "s1", 100_000)
    await pos.call(
        "customer.consent", request_id="c", account=account, purpose="marketing", given=True
    )
    done = await erase(pos, account)
    assert done == {
        **{"account": account, "merged": [], "day": "2026-11-23", "blocked": 1, "kept": 0},
        **{"sales": 1, "forfeited": {"bonus": 5_000}, "acts": [], "replayed": False},
    }
    assert await erase(pos, account) == done | {"replayed": True}
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(CUSTOMER, account) == []
        assert store.ask(KEYS_OF, account) == []
        [sale] = store.ask(ALL_SALES_OF, account)
        assert sale.record is not None
        assert not {"card.name", "card.birthday"} & sale.record.sale.frozen.facts.keys()
    shown = await pos.call("customer.show", account=account)
    assert shown["notice"] == (
        "This customer was erased on 2026-11-23; nothing of a person is kept there any more."
    )
    assert (shown["answers"], len(shown["sales"]), len(shown["consents"])) == ({}, 1, 3)
    card = await pos.call("card.show", card=FRIEND)
    assert (card["state"], card["name"], card["holder"]) == ("blocked", "", "")
    assert card["balances"]["bonus"] == {"available": 0, "pending": 0}


async def test_the_entry_says_who_and_why_and_no_person(pos: Pos, tmp_path: Path) -> None:
    account = await known(pos)
    await buy(pos, "s1", 100_000)
    await erase(pos, account)
    entry, overwritten = entries_of(tmp_path, "erase")
    said = json.loads(bytes(entry.detail))
    assert (entry.account, entry.ref) == (account, account)
    assert said == WHO | {
        **{"event": "erased", "merged": [], "forfeited": {"bonus": 5_000}},
        **{"sales": 1, "blocked": 1, "kept": 0},
    }
    assert {(one.account, one.amount) for one in entry.postings} == {
        (account, -5_000),
        (BREAKAGE, 5_000),
    }
    assert json.loads(bytes(overwritten.detail)) == {"event": "overwritten"}


async def test_nobody_finds_who_was_erased_but_by_the_card(pos: Pos) -> None:
    account = await known(pos)
    await erase(pos, account)
    for text in ("zofia", "4567", "zofia@"):
        assert (await pos.call("customer.find", text=text))["customers"] == []
    await pos.call("hello", client="pos", version="1", language="uk")
    [found] = (await pos.call("customer.find", text=FRIEND))["customers"]
    assert (found["account"], found["name"]) == (account, "")
    assert found["notice"] == "Цього покупця стерто 2026-11-23; про людину тут більше нічого немає."


async def test_a_sale_on_hold_or_money_that_was_paid_in_stands_in_the_way(pos: Pos) -> None:
    account = await known(pos)
    await pos.call("card.topup", topup_id="t", card=FRIEND, amount=7_000, purse="bonus")
    await pos.call("sale.hold", sale_id="h", card=FRIEND, lines=goods(1_000))
    terms = {"request_id": "e", "account": account} | WHO
    assert await refusal(pos, "customer.erase", **terms) == (113, "busy")
    await pos.call("sale.void", sale_id="h")
    error = await refused(pos, "customer.erase", **terms)
    assert (error.code, error.data["name"]) == (1027, "condition_unmet")
    assert (error.data["condition"], error.data["missing"]) == ("money", "bonus 7000")
    done = await erase(pos, account, forfeit=True)
    assert done["forfeited"] == {"bonus": 7_000}


async def test_money_follows_a_card_that_was_given_to_somebody(pos: Pos) -> None:
    await pos.call("card.issue", request_id="i", number=FRIEND)
    await pos.call("card.topup", topup_id="t", card=FRIEND, amount=7_000, purse="bonus")
    two = {"request_id": "i2", "number": "2900000000032", "profile": PERSON}
    account = (await pos.call("card.issue", **two))["account"]
    given = {"card": FRIEND, "with_card": "2900000000032"}
    await pos.call("card.transfer", request_id="t", **given, **WHO)
    terms = {"request_id": "e", "account": account} | WHO
    assert await refusal(pos, "customer.erase", **terms) == (1027, "condition_unmet")


async def test_cards_that_go_on_are_nobodys_and_keep_what_is_on_them(
    pos: Pos, tmp_path: Path
) -> None:
    account = await known(pos)
    await pos.call("card.topup", topup_id="t", card=FRIEND, amount=7_000, purse="bonus")
    done = await erase(pos, account, keep_cards=True)
    assert (done["blocked"], done["kept"], done["forfeited"]) == (0, 1, {})
    shown = await pos.call("card.show", card=FRIEND)
    assert (shown["state"], shown["name"]) == ("active", "")
    assert shown["balances"]["bonus"]["available"] == 7_000
    sold = await buy(pos, "s1", 1_000)
    assert sold["balances"]["bonus"]["available"] == 7_050
    assert (await pos.call("card.identify", scan=FRIEND))["name"] == ""
    # The card of nobody gets a person again, and that is another account.
    terms = {"card": FRIEND, "profile": {"name": "Ivan"}} | WHO
    moved = await pos.call("card.transfer", request_id="t", **terms)
    assert moved["account"] != account
    assert moved["moved"] == {"bonus": 7_050}
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(CUSTOMER, account) == []


async def test_what_was_shown_before_brings_no_name_back(pos: Pos, tmp_path: Path) -> None:
    account = AccountId(await known(pos))
    shown = (await pos.call("card.identify", scan=FRIEND))["presentation"]
    quote = await pos.call("sale.quote", card=FRIEND, lines=goods(1_000))
    await erase(pos, account, keep_cards=True)
    sale = {"sale_id": "s1", "quote_id": quote["quote_id"]}
    assert await refusal(pos, "sale.commit", **sale) == (1005 + 1, "quote_unknown")
    terms = {"presentation": shown, "lines": goods(1_000)}
    assert await refusal(pos, "sale.commit", sale_id="s2", **terms) == (204, "no_card")


@pytest.mark.parametrize("terms", [{}, {"keep_cards": True}])
async def test_nothing_of_a_person_is_written_there_again(
    pos: Pos, tmp_path: Path, terms: dict[str, Any]
) -> None:
    account = await known(pos)
    other = await account_of(pos, PLASTIC)
    await pos.call("partner.add", request_id="p", name="Bar", by="olha", code="BAR")
    await erase(pos, account, **terms)
    wrong = (-32602, "invalid_params")
    for whose in ({"account": account}, {"card": FRIEND}):
        update = {"request_id": "u", "answers": {"name": "Zofia"}} | whose
        assert await refusal(pos, "customer.update", **update) == wrong
        consent = {"request_id": "c", "purpose": "marketing", "given": True} | whose
        assert await refusal(pos, "customer.consent", **consent) == wrong
    error = await refused(pos, "customer.update", request_id="u", card=FRIEND, tags=["vip"])
    assert "card: was erased on 2026-11-23" in error.message
    assign = {"request_id": "a", "card": FRIEND, "partner": "BAR"} | WHO
    assert await refusal(pos, "partner.assign", **assign) == wrong
    for pair in ({"keep": account, "drop": other}, {"keep": other, "drop": account}):
        assert await refusal(pos, "customer.merge", request_id="m", **pair, **WHO) == wrong
    again = {"request_id": "e2", "account": account} | WHO
    assert await refusal(pos, "customer.erase", **again) == wrong
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(CUSTOMER, account) == []


async def test_a_card_of_who_was_erased_stays_blocked(pos: Pos) -> None:
    account = await known(pos)
    await erase(pos, account)
    blocked = (1011, "card_blocked")
    override = {"override": {"by": "olha", "reason": "knows her"}}
    terms: dict[str, Any] = {"request_id": "u", "card": FRIEND} | WHO
    assert await refusal(pos, "card.unblock", **terms) == blocked
    assert await refusal(pos, "card.replace", **terms, **override) == blocked
    also = {"request_id": "i2", "with_card": FRIEND} | override
    assert await refusal(pos, "card.issue", **also) == blocked
    error = await refused(pos, "sale.quote", card=FRIEND, lines=goods(1_000))
    assert error.data["name"] == "card_blocked"


async def test_all_that_were_merged_into_one_are_erased_together(pos: Pos, tmp_path: Path) -> None:
    drop = await known(pos)
    keep = await account_of(pos, PLASTIC)
    await buy(pos, "s1", 100_000)
    await pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **WHO)
    done = await erase(pos, drop)
    assert (done["account"], done["merged"], done["blocked"]) == (keep, [drop], 2)
    error = await refused(pos, "customer.unmerge", request_id="x", drop=drop, **WHO)
    assert (error.code, error.data["kind"]) == (1029, "erase")
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        for account in (keep, drop):
            assert store.ask(CUSTOMER, account) == []


async def test_a_partner_is_closed_before_it_is_erased(pos: Pos, tmp_path: Path) -> None:
    account = await known(pos)
    await pos.call("partner.add", request_id="p", name=NAME, by="olha", code="ZO", card=FRIEND)
    terms = {"request_id": "e", "account": account} | WHO
    error = await refused(pos, "customer.erase", **terms)
    assert "is partner ZO's" in error.message
    await pos.call("partner.close", request_id="x", code="ZO", **WHO)
    await erase(pos, account)
    assert (await pos.call("partner.show", code="ZO"))["name"] == ""


class TestReturns:
    @pytest.fixture
    def programme(self) -> str:
        purse = '[[purse]]\nid = "bonus"\nunit = "UAH"\nmay_go_negative = "never"\n'
        points = '[[rule]]\nid = "points"\ngive = { earn = "bonus", percent = 5 }\n'
        return f'{HEAD}return_policy = "recompute"\n{RULES}{purse}{points}'

    async def test_a_birthday_s_sale_comes_back_by_what_was_given(
        self, pos: Pos, clock: HandClock
    ) -> None:
        """Priced anew without the birthday, what stays would cost more, and less come back."""
        account = await known(pos)
        sold = await buy(pos, "s1", 2_000, 1_000)
        assert sold["total"] == 2_700
        await erase(pos, account)
        half = {"sale_id": "s1", "lines": [{"line": 2, "qty": 1}]}
        assert (await pos.call("sale.return", return_id="r1", **half))["refund"] == 900
        rest = await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
        assert rest["refund"] == 1_800

    async def test_points_that_were_forfeited_lessen_no_refund(self, pos: Pos) -> None:
        account = await known(pos)
        await buy(pos, "s1", 2_000, 1_000)
        done = await erase(pos, account)
        assert done["forfeited"] == {"bonus": 135}
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        assert (back["refund"], back["kept"]) == (2_700, 0)
        assert back["balances"]["bonus"] == {"available": 0, "pending": 0}


async def test_answers_that_are_kept_apart_go_too(pos: Pos, tmp_path: Path) -> None:
    asked = (
        OF_THE_SPEC
        + '\n[[question]]\nid = "passport"\nkind = "text"\nsensitive = true\nrequired = false\n'
    )
    await pos.call("questionnaire.activate", request_id="q", text=asked, by="olha")
    answers = {"answers": {"passport": "KC 123456"}, "consents": ["personal_data"]}
    account = await known(pos, profile={"phone": PHONE_NUMBER} | answers)
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(PRIVATE, account)
    await erase(pos, account)
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(PRIVATE, account) == []


async def test_the_command_says_what_goes_and_asks(pos: Pos, till: App, tmp_path: Path) -> None:
    account = await known(pos)
    await buy(pos, "s1", 100_000)

    async def customers(*words: str) -> tuple[int, str, str]:
        socket = ("--socket", str(till.socket))
        result = await asyncio.to_thread(tillcard, "customers", *words, *socket)
        return result.exit_code, result.stdout, result.stderr

    why = ("--by", "olha", "--reason", "asked by letter")
    code, out, said = await customers("erase", FRIEND, *why)
    assert (code, out) == (1, "")
    assert f"{NAME} ({account}), cards: {FRIEND}\n  bonus: 50.00 UAH, pending 0.00 UAH\n" in said
    assert "Erasing cannot be undone. The cards are blocked for good." in said
    assert "say --yes where it is meant" in said
    code, out, said = await customers("erase", FRIEND, *why, "--yes")
    assert (code, out) == (
        0,
        f"{account} is erased, with 1 sales.\n"
        "  cards: 1 blocked, 0 go on as nobody's\n"
        "  forfeited: bonus 50.00 UAH\n",
    )
    code, _, said = await customers("erase", account, *why, "--yes")
    assert (code, "was erased on 2026-11-23" in said) == (1, True)
    code, out, _ = await customers("show", account)
    assert out.splitlines()[1] == (
        "  This customer was erased on 2026-11-23; nothing of a person is kept there any more."
    )
    code, out, _ = await customers("find", FRIEND)
    assert "This customer was erased on 2026-11-23" in out
    await customers("export", account, "--out", str(tmp_path), "--by", "olha")
    kept = json.loads((tmp_path / f"{account}.json").read_text("utf-8"))
    assert kept["notice"].startswith("This customer was erased on 2026-11-23")
    other = await account_of(pos, PLASTIC)
    code, out, _ = await customers("erase", other, *why, "--yes", "--json", "--keep-cards")
    assert json.loads(out)["kept"] == 1
