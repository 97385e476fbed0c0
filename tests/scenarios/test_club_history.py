"""Why somebody is in the club or not any more, from the entries; and decisions that are undone."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import account_of, refusal
from tests.scenarios.test_club import CLUB, Customer, club_entries, join
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PHONE, PLASTIC, Pos

NOT_UNDOABLE = (1029, "not_undoable")


@pytest.fixture
def programme() -> str:
    return CLUB


@pytest.fixture
def customer(pos: Pos, till: App, clock: HandClock) -> Customer:
    return Customer(pos, till, clock)


async def why(customer: Customer, **more: Any) -> Any:
    account = await account_of(customer.pos, PLASTIC)
    return await customer.pos.call("club.why", status="club", account=account, **more)


async def undoing(customer: Customer, seq: int, request_id: str = "u1") -> dict[str, Any]:
    account = await account_of(customer.pos, PLASTIC)
    terms = {"request_id": request_id, "status": "club", "account": account, "seq": seq}
    return terms | {"by": "maria", "reason": "the wrong Olena"}


def newest(home: Path, event: str) -> int:
    return [said.seq for said in club_entries(home) if said.detail_of["event"] == event][-1]


def sums(told: Any) -> list[tuple[str, str, int, int]]:
    return [(one["kind"], one["day"], one["amount"], one["total"]) for one in told["chain"]]


async def test_the_chain_behind_an_admission_has_every_purchase_and_return(
    customer: Customer, tmp_path: Path
) -> None:
    await customer.buys(300_000)
    await (await customer.on(12)).buys(250_000)
    back = {"return_id": "r1", "sale_id": "s2", "lines": [{"line": 1, "qty": 1}]}
    await customer.pos.call("sale.return", **back)
    await (await customer.on(29)).buys(210_000)
    await customer.on(30)
    await customer.decides("grant")
    told = await why(customer)
    assert sums(told) == [
        ("sale", "2026-11-23", 300_000, 300_000),
        ("sale", "2026-12-05", 250_000, 550_000),
        ("return", "2026-12-05", -250_000, 300_000),
        ("sale", "2026-12-22", 210_000, 510_000),
    ]
    assert (told["total"], told["needed"], told["damaged"]) == (510_000, 500_000, False)
    assert (told["window_from"], told["window_to"]) == ("2026-11-23", "2026-12-22")
    assert (told["event"], told["by"], told["reason"]) == ("granted", "owner", "the owner's word")
    assert (told["stage_before"], told["stage_after"]) == ("candidate", "member")
    assert told["seq"] == newest(tmp_path, "granted")
    assert (told["name"], told["unit"], told["left_out"]) == ("Olena", "UAH", 0)


async def test_the_chain_behind_a_closed_window_is_what_was_judged(
    customer: Customer, tmp_path: Path
) -> None:
    await join(customer)
    await (await customer.on(60)).buys(200_000)
    await (await customer.on(89)).buys(1_000)
    await customer.on(90)
    closed = await why(customer)
    assert (closed["event"], closed["by"]) == ("window closed", "")
    assert [one[2] for one in sums(closed)] == [186_000, 910]
    assert (closed["total"], closed["needed"]) == (186_910, 300_000)
    assert (closed["stage_before"], closed["stage_after"]) == ("member", "lapsing")
    assert closed["seq"] == newest(tmp_path, "window closed")
    await customer.buys(1_000)
    await customer.on(91)
    await customer.decides("refuse")
    ended = await why(customer)
    assert [one[1:] for one in sums(ended)] == [("2027-02-21", 910, 910)]
    assert (ended["event"], ended["window_from"]) == ("refused", "2027-02-21")
    again = await why(customer, seq=closed["seq"])
    assert again == closed


async def test_why_names_no_entry_that_decides_nothing_and_nobody_unknown(
    customer: Customer,
) -> None:
    account = await account_of(customer.pos, PLASTIC)
    terms = {"status": "club", "account": account}
    for wrong in (terms, terms | {"seq": 1}, terms | {"status": "chess"}):
        assert await refusal(customer.pos, "club.why", **wrong) == (-32602, "invalid_params")
    nobody = terms | {"account": "nobody"}
    assert await refusal(customer.pos, "club.why", **nobody) == (1010, "card_unknown")


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE entry SET body = replace(CAST(? AS TEXT), '600000', '500000') WHERE seq = {seq}",
        "DELETE FROM entry WHERE ? <> '' AND seq = {seq}",
    ],
    ids=["changed", "removed"],
)
async def test_a_chain_that_was_tampered_with_is_said_to_be_damaged(
    customer: Customer, tmp_path: Path, tampering: str
) -> None:
    await customer.buys(600_000)
    await customer.decides("grant")
    told = await why(customer)
    assert not told["damaged"]
    [link] = told["chain"]
    with closing(sqlite3.connect(tmp_path / LEDGER)) as db:
        kept = db.execute("SELECT body, hash FROM entry WHERE seq = ?", (link["seq"],)).fetchone()
        assert kept[1].hex() == link["hash"]
        body = (await bodies(tmp_path))[link["seq"]]
        db.execute("BEGIN")
        before = db.execute("SELECT * FROM entry WHERE seq = ?", (link["seq"],)).fetchone()
        db.execute(tampering.format(seq=link["seq"]), (body.decode(),))
        db.commit()
        assert (await why(customer))["damaged"]
        db.execute("DELETE FROM entry WHERE seq = ?", (link["seq"],))
        places = ", ".join("?" * len(before))
        db.execute(f"INSERT INTO entry VALUES ({places})", before)
        db.commit()
    assert not (await why(customer))["damaged"]


async def bodies(home: Path) -> dict[int, bytes]:
    with closing(SQLiteStore(home / LEDGER, read_only=True)) as store:
        return {one.seq: one.body for one in store.entries()}


async def excluded_on_day_91(customer: Customer, home: Path) -> int:
    await join(customer)
    await customer.on(90)
    await customer.on(91)
    await customer.decides("refuse", seen_on="exclude")
    return newest(home, "refused")


async def test_who_was_excluded_wrongly_is_put_back_with_what_was_bought_meanwhile(
    customer: Customer, tmp_path: Path
) -> None:
    """Excluded on day 91, bought 300.00 on day 92, undone on day 93: day 90 is 21 February."""
    seq = await excluded_on_day_91(customer, tmp_path)
    assert await (await customer.on(92)).buys(30_000) == 30_000
    await customer.on(93)
    terms = await undoing(customer, seq)
    done = await customer.pos.call("club.undo", **terms)
    assert (done["stage"], done["window_from"], done["total"]) == ("lapsing", "2027-02-21", 30_000)
    assert await customer.lists() == {"exclude": [("Olena", 30_000)]}
    assert await customer.price() < 10_000
    assert (await customer.pos.call("club.undo", **terms))["replayed"] is True
    told = await why(customer)
    assert (told["event"], told["by"], told["reason"]) == ("undone", "maria", "the wrong Olena")
    assert (told["stage_before"], told["stage_after"]) == ("outside", "lapsing")
    assert sums(told) == [("sale", "2027-02-23", 30_000, 30_000)]
    assert (told["total"], told["damaged"]) == (30_000, False)
    again = await undoing(customer, seq, "u2")
    error = await refused(customer.pos, "club.undo", **again)
    assert (error.code, error.message) == (1029, "This decision was undone already.")
    await (await customer.on(149)).buys(100_000)
    await customer.on(150)
    closed = await why(customer)
    assert [one[3] for one in sums(closed)] == [30_000, closed["total"]]
    assert not closed["damaged"]


async def test_an_admission_that_is_undone_leaves_a_candidate_with_the_purchases_since(
    customer: Customer, tmp_path: Path
) -> None:
    await customer.buys(500_000)
    await customer.decides("grant")
    await customer.buys(10_000)
    assert await customer.lists() == {}
    seq = newest(tmp_path, "granted")
    done = await customer.pos.call("club.undo", **await undoing(customer, seq))
    assert (done["stage"], done["total"]) == ("candidate", 509_100)
    assert await customer.lists() == {"join": [("Olena", 509_100)]}
    told = await why(customer)
    assert (told["stage_before"], told["stage_after"]) == ("member", "candidate")
    assert not told["damaged"]


async def test_what_came_back_meanwhile_is_counted_again_in_its_order(
    customer: Customer, tmp_path: Path
) -> None:
    seq = await excluded_on_day_91(customer, tmp_path)
    await (await customer.on(92)).buys(30_000)
    back = {"return_id": "r1", "sale_id": f"s{customer.sales}", "whole": True}
    await customer.buys(20_000)
    await customer.pos.call("sale.return", **back)
    done = await customer.pos.call("club.undo", **await undoing(customer, seq))
    assert (done["stage"], done["total"]) == ("lapsing", 20_000)
    assert not (await why(customer))["damaged"]


async def test_only_the_newest_decision_is_undone_and_only_within_seven_days(
    customer: Customer, tmp_path: Path
) -> None:
    await customer.buys(500_000)
    await customer.decides("grant")
    first = newest(tmp_path, "granted")
    await (await customer.on(1)).decides("refuse")
    second = newest(tmp_path, "refused")
    error = await refused(customer.pos, "club.undo", **await undoing(customer, first))
    assert (error.code, error.message) == (1029, "Only the newest decision can be undone.")
    assert error.data["newest"] == second
    nothing = await refused(customer.pos, "club.undo", **await undoing(customer, 1))
    assert nothing.message == "There is no such decision of the last 7 days about this account."
    await customer.on(9)
    late = await undoing(customer, second)
    assert await refusal(customer.pos, "club.undo", **late) == NOT_UNDOABLE
    customer.clock.move(days=-1)
    nobody = late | {"account": "nobody"}
    assert await refusal(customer.pos, "club.undo", **nobody) == (1010, "card_unknown")
    other = late | {"account": await account_of(customer.pos, PHONE)}
    assert await refusal(customer.pos, "club.undo", **other) == NOT_UNDOABLE


async def test_the_seventh_day_after_a_decision_is_the_last_to_undo_it(
    customer: Customer, tmp_path: Path
) -> None:
    await customer.buys(500_000)
    await customer.decides("grant")
    await customer.on(7)
    seq = newest(tmp_path, "granted")
    done = await customer.pos.call("club.undo", **await undoing(customer, seq))
    assert done["stage"] == "candidate"


async def test_undoing_says_who_and_why(customer: Customer, tmp_path: Path) -> None:
    await customer.buys(500_000)
    await customer.decides("grant")
    terms = await undoing(customer, newest(tmp_path, "granted"))
    blank = terms | {"reason": " "}
    assert await refusal(customer.pos, "club.undo", **blank) == (-32602, "invalid_params")
    await customer.pos.call("club.undo", **terms)
    said = club_entries(tmp_path)[-1].detail_of
    assert (said["event"], said["by"], said["reason"]) == ("undone", "maria", "the wrong Olena")
    assert said["after"]["stage"] == "candidate"
