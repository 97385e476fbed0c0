"""Two accounts of one person become one, with all that was on both, and two again."""

import asyncio
import json
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.storage.queries import METER_DAYS
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.faults.dying_till import process
from tests.scenarios.shops import FRIEND, account_of, goods, refusal
from tests.scenarios.test_greeting_language import CLUB
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

WHO = {"by": "olha", "reason": "one person, two cards"}
PHONE = "+380671234567"


@pytest.fixture
def programme() -> str:
    return CLUB


async def both(pos: Pos) -> tuple[str, str]:
    """Give Olena a second card on an account of its own; return the accounts, the first first."""
    profile = {"name": "Olena K", "phone": PHONE}
    issued = await pos.call("card.issue", request_id="i", number=FRIEND, profile=profile)
    return await account_of(pos, PLASTIC), issued["account"]


async def buy(pos: Pos, sale_id: str, price: int, card: str) -> Any:
    return await pos.call("sale.commit", sale_id=sale_id, card=card, lines=goods(price))


async def merge(pos: Pos, keep: str, drop: str, request_id: str = "m") -> Any:
    return await pos.call("customer.merge", request_id=request_id, keep=keep, drop=drop, **WHO)


async def stands(pos: Pos, card: str) -> tuple[str, dict[str, Any], dict[str, int]]:
    shown = await pos.call("card.show", card=card)
    return shown["account"], shown["balances"], shown["meters"]


def meter_days(home: Path, account: str) -> dict[int, int]:
    with closing(SQLiteStore(home / "tillcard.db", read_only=True)) as store:
        days = dict(store.ask(METER_DAYS, account, "spend"))
    return {day: amount for day, amount in days.items() if amount and day}


async def test_everything_goes_over_to_the_one_that_is_kept_and_back(
    pos: Pos, clock: HandClock, tmp_path: Path
) -> None:
    keep, drop = await both(pos)
    await buy(pos, "s1", 100_000, PLASTIC)
    clock.move(days=2)
    await buy(pos, "s2", 300_000, FRIEND)
    before = [await stands(pos, card) for card in (PLASTIC, FRIEND)]
    lots = (await pos.call("customer.show", card=FRIEND))["balances"]["bonus"]["lots"]
    days = meter_days(tmp_path, keep) | meter_days(tmp_path, drop)
    done = await merge(pos, keep, drop)
    assert done["moved"] == {"cards": 1, "codes": 0, "sales": 1}
    assert await merge(pos, keep, drop) == done | {"replayed": True}
    for card in (PLASTIC, FRIEND):
        account, balances, meters = await stands(pos, card)
        assert (account, balances["bonus"]["available"]) == (keep, 20_000)
        assert meters == {"spend": 400_000}
    assert meter_days(tmp_path, keep) == days
    known = await pos.call("customer.show", account=drop)
    assert known["account"] == keep
    assert lots[0] in known["balances"]["bonus"]["lots"]
    found = await pos.call("customer.find", text=PHONE)
    assert [one["account"] for one in found["customers"]] == [keep]
    back = {"request_id": "x", "drop": drop} | WHO
    undone = await pos.call("customer.unmerge", **back)
    assert undone["moved"] == done["moved"]
    assert await pos.call("customer.unmerge", **back) == undone | {"replayed": True}
    assert [await stands(pos, card) for card in (PLASTIC, FRIEND)] == before
    found = await pos.call("customer.find", text=PHONE)
    assert [one["account"] for one in found["customers"]] == [drop]


async def test_the_better_status_of_the_two_is_kept(pos: Pos) -> None:
    keep, drop = await both(pos)
    await buy(pos, "s1", 100_000, PLASTIC)
    await buy(pos, "s2", 500_000, FRIEND)
    decided = {"status": "friends", "list": "join", "accounts": [drop], "granted": True}
    await pos.call("club.decide", request_id="g", by="olha", **decided)
    await merge(pos, keep, drop)
    status = (await pos.call("customer.show", account=keep))["statuses"]["friends"]
    assert status["stage"] == "member"
    await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
    status = (await pos.call("customer.show", account=keep))["statuses"]["friends"]
    assert (status["stage"], status["total"]) == ("outside", 100_000)
    status = (await pos.call("customer.show", account=drop))["statuses"]["friends"]
    assert status["stage"] == "member"


@pytest.mark.parametrize("kept", [0, 1], ids=["member kept", "lapsing kept"])
async def test_a_member_is_better_than_one_who_lapses_with_a_greater_total(
    pos: Pos, till: App, clock: HandClock, kept: int
) -> None:
    member, lapsing = await both(pos)
    join: dict[str, Any] = {"status": "friends", "list": "join", "by": "olha", "granted": True}
    await buy(pos, "s1", 500_000, FRIEND)
    await pos.call("club.decide", request_id="g1", accounts=[lapsing], **join)
    clock.move(days=61)
    await buy(pos, "s2", 500_000, PLASTIC)
    await pos.call("club.decide", request_id="g2", accounts=[member], **join)
    await till.look_after()
    await buy(pos, "s3", 1_000, PLASTIC)
    await buy(pos, "s4", 200_000, FRIEND)

    async def status(account: str) -> Any:
        return (await pos.call("customer.show", account=account))["statuses"]["friends"]

    stages = [await status(account) for account in (member, lapsing)]
    assert [one["stage"] for one in stages] == ["member", "lapsing"]
    assert stages[0]["total"] < stages[1]["total"]
    pair = (member, lapsing)
    await merge(pos, pair[kept], pair[1 - kept])
    now = await status(pair[kept])
    assert (now["stage"], now["total"]) == ("member", stages[0]["total"])


async def test_a_sale_of_the_dropped_one_is_returned_to_the_kept_one(pos: Pos) -> None:
    keep, drop = await both(pos)
    await buy(pos, "s1", 300_000, FRIEND)
    await merge(pos, keep, drop)
    back = await pos.call("sale.return", return_id="r", sale_id="s1", whole=True)
    assert back["refund"] == 300_000
    account, balances, meters = await stands(pos, FRIEND)
    assert (account, balances["bonus"]["available"], meters) == (keep, 0, {"spend": 0})


class TestDebt:
    @pytest.fixture
    def programme(self) -> str:
        return ""

    async def test_what_one_owes_the_other_pays(self, pos: Pos) -> None:
        keep, drop = await both(pos)

        async def has(card: str) -> int:
            there: int = (await stands(pos, card))[1]["bonus"]["available"]
            return there

        await buy(pos, "s1", 100_000, PLASTIC)
        spent = {"lines": goods(20_000), "burn": await has(PLASTIC)}
        override = {"override": {"by": "olha", "reason": "knows her"}}
        await pos.call("sale.commit", sale_id="s2", card=PLASTIC, **spent, **override)
        await pos.call("sale.return", return_id="r", sale_id="s1", whole=True)
        owes = await has(PLASTIC)
        assert owes < 0
        await buy(pos, "s5", 300_000, FRIEND)
        owns = await has(FRIEND)
        await merge(pos, keep, drop)
        assert await has(PLASTIC) == owes + owns > 0
        await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
        assert (await has(PLASTIC), await has(FRIEND)) == (owes, owns)


async def test_what_has_moved_since_stands_in_the_way(pos: Pos, clock: HandClock) -> None:
    keep, drop = await both(pos)
    await merge(pos, keep, drop)
    await pos.call("customer.update", request_id="u", account=keep, tags=["vip"])
    clock.move(minutes=1)
    await buy(pos, "s1", 1_000, FRIEND)
    error = await refused(pos, "customer.unmerge", request_id="x", drop=drop, **WHO)
    assert (error.code, error.data["name"]) == (1029, "not_undoable")
    assert error.data["kind"] == "sale"
    entries = (await pos.call("customer.show", account=keep))["entries"]
    [sale] = [one for one in entries if one["kind"] == "sale"]
    assert int(sale["place"].split()[-1]) == error.data["seq"]


async def test_a_merge_is_undone_for_thirty_days(pos: Pos, clock: HandClock) -> None:
    keep, drop = await both(pos)
    await merge(pos, keep, drop)
    clock.move(days=30)
    await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
    await merge(pos, keep, drop, "m2")
    clock.move(days=30, seconds=1)
    late = {"request_id": "x2", "drop": drop} | WHO
    assert await refusal(pos, "customer.unmerge", **late) == (1029, "not_undoable")


async def test_what_cannot_be_merged_is_refused(pos: Pos) -> None:
    keep, drop = await both(pos)
    wrong, unknown = (-32602, "invalid_params"), (1010, "card_unknown")
    terms = {"request_id": "m", "keep": keep, "drop": drop} | WHO
    error = await refused(pos, "customer.merge", **terms | {"drop": keep})
    assert "drop: is the account that is kept" in error.message
    assert await refusal(pos, "customer.merge", **terms | {"drop": "a0"}) == unknown
    assert await refusal(pos, "customer.merge", **terms | {"reason": " "}) == wrong
    assert await refusal(pos, "customer.unmerge", request_id="x", drop=drop, **WHO) == unknown
    await pos.call("sale.hold", sale_id="h", card=FRIEND, lines=goods(1_000))
    assert await refusal(pos, "customer.merge", **terms) == (113, "busy")
    await pos.call("sale.void", sale_id="h")
    await pos.call("customer.merge", **terms)
    again = terms | {"request_id": "m2"}
    assert await refusal(pos, "customer.merge", **again) == wrong
    assert await refusal(pos, "customer.merge", **again | {"keep": drop, "drop": keep}) == wrong


async def test_a_card_that_was_shown_before_a_merge_is_shown_again(pos: Pos) -> None:
    keep, drop = await both(pos)
    shown = (await pos.call("card.identify", scan=FRIEND))["presentation"]
    quote = await pos.call("sale.quote", presentation=shown, lines=goods(1_000))
    other = (await pos.call("card.identify", scan=FRIEND))["presentation"]
    await merge(pos, keep, drop)
    no_card = (204, "no_card")
    sale = {"sale_id": "s1", "quote_id": quote["quote_id"]}
    assert await refusal(pos, "sale.commit", **sale) == no_card
    assert await refusal(pos, "sale.quote", presentation=other, lines=goods(1)) == no_card
    assert (await stands(pos, FRIEND))[1] == {}


async def test_who_may_be_the_same_is_shown(pos: Pos) -> None:
    known = {"name": "Ann Lee", "birthday": "1990-05-17"}
    for n, profile in enumerate(
        (
            {"name": "Zed", "phone": PHONE},
            {"name": "Lee, ANN", "birthday": "1990-05-17"},
            {"name": "Ann Lee", "birthday": "1991-05-17"},
            {"name": "Ann", "email": "ann@example.ua"},
        )
    ):
        await pos.call("card.issue", request_id=f"i{n}", profile=profile)
    answers = known | {"phone": PHONE, "email": "Ann@example.ua"}
    await pos.call("customer.update", request_id="u", card=PLASTIC, answers=answers)
    found = await pos.call("customer.duplicates", card=PLASTIC)
    assert {one["name"] for one in found["customers"]} == {"Zed", "Lee, ANN", "Ann"}


async def test_the_commands_merge_and_unmerge(pos: Pos, till: App) -> None:
    keep, drop = await both(pos)
    where = ("--by", "olha", "--reason", "one person", "--socket", str(till.socket))

    async def customers(*words: str) -> tuple[int, str, str]:
        result = await asyncio.to_thread(tillcard, "customers", *words, *where)
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = await customers("merge", "--keep", PLASTIC, "--drop", FRIEND)
    assert (code, out) == (0, f"{drop} is {keep} now: cards 1, codes 0, sales 0\n")
    code, _, said = await customers("merge", "--keep", PLASTIC, "--drop", FRIEND)
    assert (code, "is the account that is kept" in said) == (1, True)
    code, out, _ = await customers("unmerge", drop, "--json")
    assert json.loads(out)["keep"] == keep
    assert await account_of(pos, FRIEND) == drop


@pytest.mark.parametrize("burns_at", range(2, 60, 4))
async def test_a_till_that_dies_in_a_merge_has_merged_all_or_nothing(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path, CLUB)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        keep, drop = await both(pos)
        await buy(pos, "s1", 100_000, PLASTIC)
        await buy(pos, "s2", 300_000, FRIEND)
    async with process(tmp_path, burns_at) as killed:
        try:
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await merge(pos, keep, drop)
        except ConnectionError:
            pass
    assert killed.process.exitcode in (0, -signal.SIGKILL)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await merge(pos, keep, drop)
        account, balances, meters = await stands(pos, FRIEND)
        assert (account, balances["bonus"]["available"], meters) == (
            keep,
            20_000,
            {"spend": 400_000},
        )
    assert audited(tmp_path).findings == ()


async def test_a_partner_comes_with_the_dropped_one_and_goes_with_it(pos: Pos) -> None:
    keep, drop = await both(pos)
    bar = await pos.call("partner.add", request_id="p", name="Bar", by="olha")
    sent = {"account": drop, "partner": bar["code"], "by": "olha", "reason": "asked"}
    await pos.call("partner.assign", request_id="a", **sent)
    await merge(pos, keep, drop)
    assert (await pos.call("customer.show", account=keep))["partner"] == bar["account"]
    await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
    assert (await pos.call("customer.show", account=keep))["partner"] == ""
    assert (await pos.call("customer.show", account=drop))["partner"] == bar["account"]
    terms = {"request_id": "m2", "keep": keep, "drop": bar["account"]} | WHO
    assert await refusal(pos, "customer.merge", **terms) == (-32602, "invalid_params")
