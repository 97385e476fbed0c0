"""A card from its issue to its end; every change an entry, every call done once."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from card_formats.check_digits import Check, has_valid_check
from daemon.app.running import App
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.baskets import show_chip
from tests.scenarios.shops import FRIEND, documented, goods, override, refusal
from tests.support.cards import put_card
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import (
    CHIP_UID,
    PHONE,
    PLASTIC,
    Pos,
    RefusedByTillError,
    audited,
    lay_out,
    open_till,
)

WHY = {"by": "anna", "reason": "it was found"}


async def state(pos: Pos, card: str) -> str:
    found: str = (await pos.call("card.show", card=card))["state"]
    return found


async def test_a_card_is_issued_with_a_number_of_its_own_once(pos: Pos) -> None:
    terms: dict[str, Any] = {
        "request_id": "i1",
        "kind": "gift",
        "profile": {"name": "Stefa", "tags": ["student"]},
        "by": "anna",
    }
    first = await pos.call("card.issue", **terms)
    assert first["state"] == "active"
    assert has_valid_check(Check.MOD97, first["number"])
    again = await pos.call("card.issue", **terms)
    assert again == first | {"replayed": True}
    assert await refusal(pos, "card.issue", **terms | {"kind": "plastic"}) == (1001, "id_reused")
    shown = await pos.call("card.show", card=first["number"])
    assert (shown["name"], shown["kind"], shown["tags"]) == ("Stefa", "gift", ["student"])
    identified = await pos.call("card.identify", number=first["number"])
    assert identified["name"] == "Stefa"


async def test_a_printed_number_is_issued_and_not_twice(pos: Pos) -> None:
    issued = await pos.call("card.issue", request_id="i1", number=FRIEND)
    assert issued["number"] == FRIEND
    taken = {"request_id": "i2", "number": FRIEND}
    assert await refusal(pos, "card.issue", **taken) == (1017, "number_taken")
    assert await refusal(pos, "card.issue", **taken) == (1017, "number_taken")
    misread = {"request_id": "i3", "number": "2900000000019"}
    assert await refusal(pos, "card.issue", **misread) == (1015, "misread")
    with pytest.raises(RefusedByTillError, match=r"Misread \(number.bad-check\); type it again"):
        await pos.call("card.issue", **misread)
    foreign = {"request_id": "i4", "number": "5555"}
    assert await refusal(pos, "card.issue", **foreign) == (1010, "card_unknown")


async def test_cards_of_a_family_share_an_account(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(100_000))
    await pos.call("card.issue", request_id="i1", number=FRIEND, with_card=PLASTIC, **override())
    shown = await pos.call("card.show", card=FRIEND)
    assert shown["balances"]["bonus"]["available"] == 5_000
    quote = await pos.call("sale.quote", card=FRIEND, lines=goods(10_000))
    assert quote["total"] == 9_500


async def test_a_lost_card_is_blocked_and_a_found_one_unblocked(pos: Pos) -> None:
    terms = {"request_id": "b1", "card": PLASTIC, "by": "anna", "reason": "lost"}
    assert (await pos.call("card.block", **terms))["state"] == "blocked"
    assert (await pos.call("card.block", **terms))["replayed"] is True
    blocked = (1011, "card_blocked")
    assert await refusal(pos, "card.identify", number=PLASTIC) == blocked
    assert await refusal(pos, "sale.quote", card=PLASTIC, lines=goods(100)) == blocked
    assert await refusal(pos, "card.topup", topup_id="t", card=PLASTIC, amount=1) == blocked
    assert await refusal(pos, "card.block", **terms | {"request_id": "b2"}) == blocked
    await pos.call("card.unblock", **terms)
    assert (await pos.call("card.identify", number=PLASTIC))["name"] == "Olena"


async def test_a_replaced_card_leaves_its_balance_to_the_new_one(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(100_000))
    terms: dict[str, Any] = {"request_id": "r1", "card": PLASTIC, "number": FRIEND} | override()
    done = await pos.call("card.replace", **terms)
    assert (done["number"], done["replaced"], done["state"]) == (FRIEND, PLASTIC, "active")
    assert (await pos.call("card.replace", **terms))["replayed"] is True
    shown = await pos.call("card.show", card=FRIEND)
    assert (shown["name"], shown["balances"]["bonus"]["available"]) == ("Olena", 5_000)
    assert await state(pos, PLASTIC) == "replaced"
    assert await refusal(pos, "card.identify", number=PLASTIC) == (1011, "card_blocked")
    for event in ("block", "unblock", "extend"):
        late = {"request_id": f"late-{event}", "card": PLASTIC} | WHY
        assert await refusal(pos, f"card.{event}", **late) == (1011, "card_blocked")
    taken = {"request_id": "r2", "card": FRIEND, "number": PHONE} | override()
    assert await refusal(pos, "card.replace", **taken) == (1017, "number_taken")
    assert await state(pos, FRIEND) == "active"


async def test_a_card_s_last_day_is_good_and_it_can_be_extended(pos: Pos, clock: HandClock) -> None:
    today = clock.now().date()
    terms = {"request_id": "i1", "number": FRIEND, "until": str(today)}
    await pos.call("card.issue", **terms)
    clock.move(hours=13)  # 23:00 in Kyiv
    assert (await pos.call("card.identify", number=FRIEND))["status"] == "active"
    clock.move(hours=1)
    expired = (1012, "card_expired")
    assert await refusal(pos, "card.identify", number=FRIEND) == expired
    assert await state(pos, FRIEND) == "expired"
    blocked = {"request_id": "b1", "card": FRIEND} | WHY
    assert (await pos.call("card.block", **blocked))["state"] == "blocked"
    assert (await pos.call("card.unblock", **blocked))["state"] == "expired"
    clock.move(days=1)
    await pos.call("card.extend", request_id="e1", card=FRIEND, until="2027-12-31", **WHY)
    assert (await pos.call("card.identify", number=FRIEND))["status"] == "active"
    await pos.call("card.extend", request_id="e2", card=FRIEND, **WHY)
    assert (await pos.call("card.show", card=FRIEND))["until"] == ""
    wrong = {"request_id": "e3", "card": FRIEND, "until": "2027-02-30"} | WHY
    assert await refusal(pos, "card.extend", **wrong) == (-32602, "invalid_params")


async def test_a_card_that_was_handed_out_goes_back_into_stock_and_no_other_does(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path)
    put_card(tmp_path, FRIEND, "handed_out")
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        back = {"request_id": "t1", "card": FRIEND} | WHY
        done = await pos.call("card.take_back", **back)
        assert (done["state"], done["account"]) == ("stock", "")
        assert (await pos.call("card.take_back", **back))["replayed"] is True
        again = back | {"request_id": "t2"}
        assert await refusal(pos, "card.take_back", **again) == (1010, "card_unknown")
        active = {"request_id": "t3", "card": PLASTIC} | WHY
        assert await refusal(pos, "card.take_back", **active) == (1011, "card_blocked")
    store = SQLiteStore(tmp_path / "tillcard.db", read_only=True)
    with closing(store):
        newest = [chained.body.decode() for chained in store.entries()][-1]
    assert '"event":"take_back","by":"anna","reason":"it was found"' in newest
    assert audited(tmp_path).findings == ()


async def test_a_purse_on_a_chip_goes_to_nobody(tmp_path: Path) -> None:
    lay_out_chips(tmp_path, '[chip]\ncap = 100000\n\n[simulated]\nchip = "purse"\n')
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        await pos.call("events.subscribe")
        await show_chip(pos)
        terms = {"request_id": "t1", "card": CHIP_UID, "profile": {"name": "Ivan"}} | WHY
        error = await refused(pos, "card.transfer", **terms)
        assert (error.code, error.data["condition"]) == (1027, "chip")


async def test_a_card_that_was_written_off_is_gone_for_good(pos: Pos, till: App) -> None:
    await pos.call("card.write_off", request_id="w1", card=PLASTIC, **WHY)
    assert await refusal(pos, "card.identify", number=PLASTIC) == (1011, "card_blocked")
    back = {"request_id": "u1", "card": PLASTIC} | WHY
    assert await refusal(pos, "card.unblock", **back) == (1011, "card_blocked")


@pytest.mark.parametrize("said", [{}, {"by": "olha"}, {"reason": "torn"}, WHY | {"by": " "}])
@pytest.mark.parametrize(
    "method", ["card.block", "card.unblock", "card.extend", "card.write_off", "card.take_back"]
)
async def test_whoever_changes_what_a_card_is_good_for_says_who_and_why(
    pos: Pos, method: str, said: dict[str, str]
) -> None:
    params = {"request_id": "w1", "card": PLASTIC, **said}
    assert await refusal(pos, method, **params) == (1022, "needs_override")
    assert (await pos.call("card.show", card=PLASTIC))["state"] == "active"


@pytest.mark.parametrize("method", ["card.show", "card.block", "card.replace", "card.extend"])
async def test_a_card_that_nobody_issued_is_unknown(pos: Pos, method: str) -> None:
    params = {"card": "2900000000193"}
    if method != "card.show":
        params["request_id"] = "x"
    assert await refusal(pos, method, **params) == (1010, "card_unknown")


async def test_a_card_that_is_blocked_after_it_was_shown_pays_and_collects_no_more(
    pos: Pos,
) -> None:
    shown = (await pos.call("card.identify", number=PLASTIC))["presentation"]
    quote = await pos.call("sale.quote", presentation=shown, lines=goods(10_000))
    await pos.call("sale.hold", sale_id="held", quote_id=quote["quote_id"])
    other = (await pos.call("card.identify", number=PLASTIC))["presentation"]
    frozen = await pos.call("sale.quote", presentation=other, lines=goods(10_000))
    await pos.call("card.block", request_id="b1", card=PLASTIC, by="anna", reason="lost")
    blocked = (1011, "card_blocked")
    terms = {"sale_id": "s1", "quote_id": frozen["quote_id"]}
    assert await refusal(pos, "sale.commit", **terms) == blocked
    assert await refusal(pos, "sale.quote", presentation=other, lines=goods(1)) == blocked
    # What is on hold was promised before.
    assert (await pos.call("sale.commit", sale_id="held"))["state"] == "posted"


class TestFriends:
    @pytest.fixture
    def programme(self) -> str:
        return documented("friend")

    async def test_a_friend_is_named_by_a_card_and_kept_by_account(self, pos: Pos) -> None:
        new = {"request_id": "i1", "number": FRIEND, "profile": {"referrer": PLASTIC}}
        await pos.call("card.issue", **new)
        quote = await pos.call("sale.quote", card=FRIEND, lines=goods(20_000))
        friend = (await pos.call("card.show", card=PLASTIC))["account"]
        assert [entry["account"] for entry in quote["earn"] if entry["account"]] == [friend]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("profile", {"referrer": "nosuch"}, "profile.referrer: names no card and no account"),
        ("profile", {"referrer": "2900000000094"}, "profile.referrer: names no card"),
        ("profile", {"birthday": "1990-02-30"}, "profile.birthday: '1990-02-30' is no day"),
        ("profile", {"name": "x" * 501}, "profile.name: has more than 200 letters"),
        ("profile", {"email": "a@home"}, "profile.email: is no e-mail address"),
        ("profile", {"answers": {"shoe": 1}}, "profile.answers.shoe: nobody asks this"),
        ("profile", {"answers": {"name": "Ann"}}, "profile.answers.name: stands beside answers"),
        ("profile", {"consents": ["news"]}, "profile.consents: there is no consent 'news'"),
        ("profile", {"tags": ["x"] * 51}, "profile.tags: has more than 50 entries"),
        ("profile", {"consents": ["x" * 501]}, "profile.consents: has more than 500 letters"),
        ("until", "2026-02-30", "until: '2026-02-30' is no day; write such as 2027-12-31"),
        ("until", "2020-01-01", "until: 2020-01-01 is not a day to come"),
    ],
)
async def test_a_card_with_something_wrong_is_not_issued(
    pos: Pos, field: str, value: Any, said: str
) -> None:
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call("card.issue", request_id="i1", number=FRIEND, **{field: value})
    assert refused.value.data["name"] == "invalid_params"
    assert refused.value.message.startswith(said)
    await pos.call("card.issue", request_id="i1", number=FRIEND)
