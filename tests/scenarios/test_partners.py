"""Referral partners: the directory, whom they have sent, and what they earn on two levels."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import FRIEND, HEAD, goods, issue, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PLASTIC, Pos

Answer = dict[str, Any]
BY = {"by": "olha"}
WHY = {**BY, "reason": "came with a voucher"}
RULES = """
[[purse]]
id = "reward"
unit = "UAH"
[[meter]]
id = "visits"
of = "visits"
window = "life"
[[lane]]
id = "card"
[[rule]]
id = "company"
give = { earn = "reward", percent = 3, to = "partner" }
[[rule]]
id = "employee"
give = { earn = "reward", percent = 2, to = "employee" }
[[rule]]
id = "special"
lane = "card"
when = { card = { referrer = { partner = ["P0002"], days = { at_most = 30 } } } }
give = { percent = 10 }
[[rule]]
id = "trainer"
lane = "card"
when = { "card.referrer.employee" = "P0002-01" }
give = { percent = 5 }
"""


@pytest.fixture
def programme() -> str:
    return HEAD + RULES


async def add(pos: Pos, name: str, **more: Any) -> Answer:
    answer: Answer = await pos.call(
        "partner.add", request_id=f"add-{name}", name=name, **BY, **more
    )
    return answer


async def assign(pos: Pos, card: str, **who: str) -> Answer:
    name = "-".join(who.values()) or "nobody"
    answer: Answer = await pos.call(
        "partner.assign", request_id=f"a-{card}-{name}", card=card, **WHY, **who
    )
    return answer


async def sell(pos: Pos, sale_id: str, *prices: int, **more: Any) -> Answer:
    terms = {"sale_id": sale_id, "card": PLASTIC, "lines": goods(*prices)} | more
    posted: Answer = await pos.call("sale.commit", **terms)
    return posted


async def test_codes_are_counted_on_and_may_be_chosen(pos: Pos) -> None:
    gym = await add(pos, "Gym", contact="044 000 00 00")
    assert (gym["code"], gym["kind"], gym["of"], gym["state"]) == ("P0001", "partner", "", "active")
    first, second = await add(pos, "Ann", of="P0001"), await add(pos, "Bob", of="p0001")
    assert (first["code"], second["code"]) == ("P0001-01", "P0001-02")
    assert (second["of"], second["kind"]) == ("P0001", "employee")
    assert (await add(pos, "Spa", code="spa"))["code"] == "SPA"
    assert (await add(pos, "Hotel", code="P0002"))["code"] == "P0002"
    assert (await add(pos, "Bar"))["code"] == "P0003"
    listed = await pos.call("partner.list")
    assert [one["code"] for one in listed["partners"]] == ["P0001", "P0002", "P0003", "SPA"]
    staff = await pos.call("partner.list", of="P0001")
    assert [one["name"] for one in staff["partners"]] == ["Ann", "Bob"]
    again = await pos.call("partner.add", request_id="add-Bar", name="Bar", **BY)
    assert (again["code"], again["replayed"]) == ("P0003", True)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"code": "p0001"}, "code: P0001 is taken"),
        ({"code": "a b"}, "code: 'a b' is no code; write such as P0007"),
        ({"of": "P0009"}, "of: 'P0009' is no partner of the directory"),
        ({"of": "P0001-01"}, "of: P0001-01 is an employee, no partner"),
        ({"of": "P0001", "code": "X-1"}, "code: 'X-1' is no code; write such as P0001-02"),
        ({"of": "P0001", "pay": "each"}, "pay: is the partner's to say"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_cannot_be_added_is_refused_with_a_sentence(
    pos: Pos, more: Answer, what: str
) -> None:
    await add(pos, "Gym")
    await add(pos, "Ann", of="P0001")
    error = await refused(pos, "partner.add", **{"request_id": "x", "name": "n", **BY} | more)
    assert what in error.message


async def test_two_levels_earn_and_one_piece_that_comes_back_takes_its_part(pos: Pos) -> None:
    """3 % and 2 % of 3 x 100.01 (300.03): 9.00 and 6.00; one piece takes 3.00 and 2.00."""
    gym = await add(pos, "Gym")
    ann = await add(pos, "Ann", of="P0001")
    assigned = await assign(pos, PLASTIC, employee="P0001-01")
    assert (assigned["partner"], assigned["employee"]) == ("P0001", "P0001-01")
    lines = [{"line": 1, "sku": "a", "qty": 3, "unit_price": 10_001}]
    posted = await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=lines)
    earned = {one["account"]: one["amount"] for one in posted["receipt"]["earn"]}
    assert earned == {gym["account"]: 900, ann["account"]: 600}
    back = [{"line": 1, "qty": 1}]
    answer = await pos.call("sale.return", return_id="r1", sale_id="s1", lines=back)
    assert answer["earned_back"] == {
        f"reward@{gym['account']}": 300,
        f"reward@{ann['account']}": 200,
    }


async def test_an_assignment_holds_from_then_on_and_its_history_stays(
    pos: Pos, clock: HandClock, tmp_path: Path
) -> None:
    gym, spa = await add(pos, "Gym"), await add(pos, "Spa")
    await sell(pos, "s0", 1_000)
    await assign(pos, PLASTIC, partner="P0001")
    await sell(pos, "s1", 1_000)
    clock.move(days=2)
    await assign(pos, PLASTIC, partner="P0002")
    await sell(pos, "s2", 1_000)
    await assign(pos, PLASTIC, partner="")
    await sell(pos, "s3", 1_000)
    await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
    with closing(sqlite3.connect(tmp_path / LEDGER)) as db:
        found = db.execute("SELECT sale_id, kind, partner FROM fact ORDER BY seq").fetchall()
    sold = [(sale_id.partition("/")[2], kind, partner) for sale_id, kind, partner in found]
    assert sold == [
        ("s0", "sale", ""),
        ("s1", "sale", gym["account"]),
        ("s2", "sale", spa["account"]),
        ("s3", "sale", ""),
        ("s1", "return", gym["account"]),  # of the sale, whoever it is today
    ]
    sent = await pos.call("partner.sent", card=PLASTIC)
    assert [(one["day"], one["partner"], one["by"]) for one in sent["assignments"]] == [
        ("2026-11-23", "P0001", "olha"),
        ("2026-11-25", "P0002", "olha"),
        ("2026-11-25", "", "olha"),
    ]


async def test_a_rule_names_codes_and_how_long_ago_it_was(pos: Pos, clock: HandClock) -> None:
    await add(pos, "Gym")
    spa = await add(pos, "Spa")
    await add(pos, "Eve", of="P0002")

    async def off() -> int:
        return 10_000 - int(
            (await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000)))["net"]
        )

    assert await off() == 0
    await assign(pos, PLASTIC, partner="P0001")
    assert await off() == 0
    clock.move(days=5)
    await assign(pos, PLASTIC, partner=spa["account"])  # by account as well
    assert await off() == 1_000
    clock.move(days=30)
    assert await off() == 1_000
    await assign(pos, PLASTIC, partner="P0002", employee="p0002-01")
    clock.move(days=1)
    assert await off() == 500  # the first assignment to this partner counts; the employee's rule


async def test_a_new_card_says_who_sent_its_customer(pos: Pos, till: App) -> None:
    await add(pos, "Gym")
    await add(pos, "Ann", of="P0001")
    await issue(till, FRIEND, employee="p0001-01")
    sent = await pos.call("partner.sent", card=FRIEND)
    assert [(one["partner"], one["employee"]) for one in sent["assignments"]] == [
        ("P0001", "P0001-01")
    ]
    profile = {"partner": "P0009"}
    error = await refused(pos, "card.issue", request_id="i2", profile=profile, **BY)
    assert "profile.partner: 'P0009' is no partner of the directory" in error.message


@pytest.mark.parametrize(
    ("who", "what"),
    [
        (
            {"partner": "P0001", "employee": "P0002-01"},
            "employee: P0002-01 does not work for P0001",
        ),
        ({"partner": "P0002-01"}, "partner: 'P0002-01' is no partner of the directory"),
        ({"employee": "P0002"}, "employee: 'P0002' is no employee of the directory"),
        ({"partner": "P0003"}, "partner: P0003 is closed"),
        ({"employee": "P0003-01"}, "employee: P0003-01 is closed"),
        ({"partner": "MINE"}, "partner: nobody is assigned to themselves"),
    ],
)
async def test_who_cannot_have_sent_a_customer_is_refused(
    pos: Pos, who: dict[str, str], what: str
) -> None:
    await add(pos, "Gym")
    await add(pos, "Spa")
    await add(pos, "Eve", of="P0002")
    await add(pos, "Gone")
    await add(pos, "Ida", of="P0003")
    await add(pos, "Olena", code="MINE", card=PLASTIC)
    await pos.call("partner.close", request_id="c", code="P0003", **WHY)
    error = await refused(pos, "partner.assign", request_id="a", card=PLASTIC, **WHY, **who)
    assert what in error.message
    assert (await pos.call("partner.sent", card=PLASTIC))["assignments"] == []


async def test_a_closed_partner_s_employees_go_with_it_and_what_was_earned_stays(
    pos: Pos, clock: HandClock
) -> None:
    await add(pos, "Gym")
    await add(pos, "Ann", of="P0001")
    await assign(pos, PLASTIC, partner="P0001")
    await pos.call("partner.close", request_id="c", code="P0001", **WHY)
    assert (await pos.call("partner.show", code="P0001-01"))["state"] == "closed"
    assert (await pos.call("partner.list"))["partners"] == []
    assert len((await pos.call("partner.list", closed=True))["partners"]) == 1
    posted = await sell(pos, "s1", 10_000)  # who had sent the customer has sent them still
    assert [one["amount"] for one in posted["receipt"]["earn"]] == [300]
    again = await refusal(pos, "partner.close", request_id="c2", code="P0001", **WHY)
    assert again == (-32602, "invalid_params")


async def test_a_name_and_a_contact_change_and_no_entry_says_them(pos: Pos, tmp_path: Path) -> None:
    await add(pos, "Gym Olympia", contact="director@olympia.example")
    changed = await pos.call(
        "partner.change", request_id="c1", code="P0001", name="Gym Zeus", pay="each", **BY
    )
    assert (changed["name"], changed["pay"]) == ("Gym Zeus", "each")
    assert changed["contact"] == "director@olympia.example"
    store = SQLiteStore(tmp_path / LEDGER, read_only=True)
    try:
        bodies = b"".join(entry.body for entry in store.entries())
    finally:
        store.close()
    assert b"P0001" in bodies
    assert all(name not in bodies for name in (b"Gym", b"Zeus", b"olympia"))
