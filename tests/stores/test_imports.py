"""Customers from a shop's own table, on every store: checked whole, applied, and undone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from card_formats.check_digits import Check, append_check
from daemon.ledger.audit import audit
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import goods, refusal
from tests.support.clock import HandClock
from tests.support.imports import apply, bring, ended, imported
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

OpenPos = Callable[[], AbstractAsyncContextManager[Pos]]
HEAD = ("name", "phone", "card", "balance.bonus", "meter.spend")
WHY = {"by": "olha", "reason": "the wrong file"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shop(location: str, tmp_path: Path, clock: HandClock) -> OpenPos:
    """Open the shop's till on the store, as often as wanted."""
    lay_out(tmp_path)
    config = tmp_path / "tillcard.toml"
    text = config.read_text("utf-8").replace('"tillcard.db"', f'"{location}"')
    config.write_text(text, "utf-8")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Pos]:
        async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
            yield pos

    return opened


@pytest.fixture(autouse=True)
def whole(location: str, tmp_path: Path) -> Iterator[None]:
    """Audit the ledger at the end of every test."""
    yield
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


def number(n: int) -> str:
    return append_check(Check.EAN, f"29001{n:07d}")


def person(n: int) -> list[str]:
    return [f"Olha {n}", f"067{n:07d}", number(n), "25,00", "900"]


def entries(location: str, home: Path) -> list[Entry]:
    with closing(open_store(location, home, read_only=True)) as store:
        found = [decode(chained.body) for chained in store.entries()]
    return [one for one in found if one.kind == "import"]


async def test_a_table_becomes_customers_with_cards_balances_and_meters(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        checked = await bring(pos, HEAD, [person(n) for n in range(450)], request_id="i1")
        assert [checked[name] for name in ("count", "new", "changed", "bad")] == [450, 450, 0, 0]
        assert await refusal(pos, "card.show", card=number(7)) == (1010, "card_unknown")
        shown = await apply(pos, 450, request_id="i1", file="old.csv", sha256="ab")
        assert shown["import_id"] == "I-2026-0001"
        assert (shown["state"], shown["added"], shown["left"]) == ("done", 450, 0)
        card = await pos.call("card.show", card=number(7))
        assert (card["name"], card["state"], card["kind"]) == ("Olha 7", "active", "plastic")
        assert card["balances"] == {"bonus": {"available": 2_500, "pending": 0}}
        assert card["meters"]["spend"] == 90_000
        found = await pos.call("customer.find", text="0670000007")
        assert [one["account"] for one in found["customers"]] == [card["account"]]
    begun, *rows, done = entries(location, tmp_path)
    assert len(rows) == 450
    assert begun.ref == done.ref == "I-2026-0001"
    [given, against] = rows[7].postings
    assert (given.account, given.amount) == (card["account"], 2_500)
    assert (against.account, against.amount) == ("@opening", -2_500)
    assert msgspec.json.decode(done.detail) == {"event": "done", "by": "", "added": 450}


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("phone", "12", "is no telephone number; write it like +380 50 123 45 67"),
        ("phone", "6,71E+08", "has lost digits in the spreadsheet; make the column text there"),
        ("email", "olha@", "is no e-mail address; write it like olha@example.com"),
        ("birthday", "5/17/1990", "is no day; write 1990-05-17 or 17.05.1990"),
        ("birthday", "33010", "is a number and no day; make the column a date"),
        ("card", "2900100000018", "is no card's number: a digit is wrong or missing"),
        ("card", "12", "is no number of the shop's own cards"),
        ("card", PLASTIC, "is a customer's already: a"),
        ("until", "2020-01-01", "is over already"),
        ("partner", "P0099", "'P0099' is no partner of the directory; write such as P0007"),
        ("balance.bonus", "-5", "is below 0"),
        ("balance.bonus", "1,250", "may be a thousand or a fraction"),
        ("balance.bonus", "ten", "is no amount; write such as 1250.50"),
        ("meter.spend", "12.345,678", "has more digits behind the point than UAH"),
        ("consent.marketing:sms", "maybe", "is neither yes nor no, nor the day"),
        ("consent.marketing", "2031-01-01", "is still to come"),
        ("tags", "=A1", "is a formula; save the values"),
        ("kind", "#N/A", "is an error of the spreadsheet; mend it there"),
        ("name", "4111 1111 1111 1111", "looks like a bank card's number"),
        ("name", "x" * 501, "has more than 500 letters"),
        ("name", "Olha\x00", "must have no control characters"),
        ("", "more", "stands in a column without a heading"),
    ],
)
async def test_a_bad_row_is_named_with_its_column_value_and_what_is_wrong(
    shop: OpenPos, column: str, cell: str, problem: str
) -> None:
    columns = ("language", column)
    async with shop() as pos:
        checked = await bring(pos, columns, [["uk", ""], ["en", cell]], request_id="i1")
        assert (checked["count"], checked["bad"]) == (2, 1)
        [bad] = checked["rows"]
        assert (bad["row"], bad["column"]) == (3, column)
        assert bad["problem"].startswith(problem)
        shown = "" if "bank" in problem else cell[:60].replace("\x00", " ")
        assert bad["value"] == shown
        whole = {"request_id": "i1", "count": 2}
        assert await refusal(pos, "import.apply", **whole) == (-32602, "invalid_params")


async def test_what_stands_twice_in_a_file_is_bad_and_names_the_first_row(shop: OpenPos) -> None:
    columns = ("name", "phone", "email", "card")
    rows = [[f"Olha {n}", f"067{n:07d}", f"olha{n}@example.com", number(n)] for n in range(250)]
    rows[3][1] = "+38 (067) 000-00-01"
    rows[120][2] = "olha7@EXAMPLE.com"
    rows[240][3] = number(9)
    rows[249][3] = number(248)
    async with shop() as pos:
        checked = await bring(pos, columns, rows, request_id="i1")
        assert [(bad["row"], bad["column"], bad["problem"]) for bad in checked["rows"]] == [
            (5, "phone", "is in row 3 already"),
            (122, "email", "is in row 9 already"),
            (242, "card", "is in row 11 already"),
            (251, "card", "is in row 250 already"),
        ]
        shown = await apply(pos, 250, request_id="i1", skip_bad=True)
        assert (shown["added"], shown["skipped"]) == (246, 4)


async def test_a_bad_row_s_card_and_phone_are_free_for_the_next_row(shop: OpenPos) -> None:
    rows = [["Olha", "0670000001", number(1), "x"], ["Olha", "0670000001", number(1), "1"]]
    async with shop() as pos:
        checked = await bring(pos, ("name", "phone", "card", "meter.spend"), rows, request_id="i1")
        assert [bad["row"] for bad in checked["rows"]] == [2]


async def test_numbers_are_reserved_until_the_table_is_applied_or_forgotten(shop: OpenPos) -> None:
    issue = {"request_id": "c1", "number": number(1)}
    async with shop() as pos:
        await bring(pos, ("card",), [[number(1)], [number(2)]], request_id="i1")
        assert await refusal(pos, "card.issue", **issue) == (1017, "number_taken")
        staged = {"request_id": "b1", "start": 0, "numbers": [number(2)]}
        assert await refusal(pos, "batch.stage", **staged) == (1017, "number_taken")
        assert await pos.call("import.drop", request_id="i1") == {"dropped": True}
        assert await pos.call("import.drop", request_id="i1") == {"dropped": False}
        assert (await pos.call("card.issue", **issue))["state"] == "active"
        error = await refused(pos, "import.apply", request_id="i1", count=2)
        assert error.message == (
            "request_id: no table comes under it, or another came since; begin it again"
        )
        await bring(pos, ("card",), [[number(2)]], request_id="i2")
        await bring(pos, ("name",), [["Olha"]], request_id="i3")
        await pos.call("batch.stage", **staged)
        checked = await bring(pos, ("card",), [[number(1)], [number(2)]], request_id="i4")
        assert [bad["problem"][:24] for bad in checked["rows"]] == [
            "is a customer's already:",
            "waits for a batch of car",
        ]


async def test_a_table_that_nobody_applied_is_gone_after_the_next_start(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        await bring(pos, HEAD, [person(n) for n in range(300)], request_id="i1")
    async with shop() as pos:
        assert await refusal(pos, "import.apply", request_id="i1", count=300) == (
            -32602,
            "invalid_params",
        )
        await pos.call("import.begin", request_id="i2", columns=["name"])
        assert (await pos.call("card.issue", request_id="c", number=number(1)))["number"]
        assert await pos.call("import.list") == {"imports": [], "next": ""}
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        tables = [("line", "SELECT * FROM import_line"), ("key", "SELECT * FROM import_key")]
        assert list(store.rows(tables)) == []


async def test_the_same_file_read_twice_gives_nothing_twice(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    columns = (*HEAD, "consent.marketing:sms", "until")
    rows = [[*person(n), "2024-05-01", "2027-12-31"] for n in range(3)]
    async with shop() as pos:
        await imported(pos, columns, rows, request_id="i1")
        kept = await pos.call("customer.show", card=number(1))
        checked = await bring(pos, columns, rows, request_id="i2", update=True)
        assert (checked["new"], checked["changed"], checked["bad"]) == (0, 3, 0)
        shown = await apply(pos, 3, request_id="i2")
        assert (shown["import_id"], shown["updated"]) == ("I-2026-0002", 3)
        assert await pos.call("customer.show", card=number(1)) == kept
    events = [msgspec.json.decode(one.detail)["event"] for one in entries(location, tmp_path)]
    assert events == ["begun", "added", "added", "added", "done", "begun", "done"]


async def test_with_update_a_row_changes_who_is_there_and_leaves_what_it_does_not_say(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        await imported(pos, HEAD, [person(1), person(2)], request_id="i1")
        sold = {"sale_id": "s1", "card": number(1), "lines": goods(10_000)}
        await pos.call("sale.commit", **sold)
        before = await pos.call("card.show", card=number(1))
        rows = [["", "067 000 00 01", number(3), "10", "", "1990-05-17"]]
        await imported(pos, (*HEAD, "birthday"), rows, request_id="i2", update=True)
        card = await pos.call("card.show", card=number(1))
        assert card["balances"]["bonus"]["available"] == 1_000, "less than it was"
        assert card["meters"] == before["meters"]
        known = await pos.call("customer.show", card=number(3))
        assert known["account"] == card["account"], "another card of the same customer"
        assert known["answers"] == {
            "name": "Olha 1",
            "phone": "+380670000001",
            "birthday": "1990-05-17",
        }
        rows = [["Olha", "0670000001", number(2), "", ""]]
        checked = await bring(pos, HEAD, rows, request_id="i3", update=True)
        assert checked["rows"][0]["problem"].startswith("belongs to several: ")


async def test_two_rows_of_one_customer_are_not_both_read(shop: OpenPos) -> None:
    async with shop() as pos:
        await imported(pos, HEAD, [person(1)], request_id="i1")
        rows = [["A", "0670000001", "", "", ""], ["B", "", number(1), "", ""]]
        checked = await bring(pos, HEAD, rows, request_id="i2", update=True)
        assert checked["rows"][0]["problem"] == "is of the customer of row 2 already"


async def test_consents_come_with_their_day_and_a_no_is_one_too(shop: OpenPos) -> None:
    columns = ("name", "card", "consent.marketing:sms", "consent.marketing:email", "consents_at")
    rows = [["Olha", number(1), "01.05.2024", "no", "2024-06-01"]]
    async with shop() as pos:
        await imported(pos, columns, rows, request_id="i1", by="olha")
        known = (await pos.call("customer.show", card=number(1)))["consents"]
    assert {(one["channel"], one["given"], one["at"], one["source"]) for one in known} == {
        ("sms", True, "2024-04-30T21:00:00.000000Z", "import"),
        ("email", False, "2024-05-31T21:00:00.000000Z", "import"),
    }


async def test_a_card_comes_from_stock_and_a_row_without_one_gets_a_number(shop: OpenPos) -> None:
    async with shop() as pos:
        batch = {"request_id": "b1", "count": 1, "kind": "gift", "total_cost": 500}
        await pos.call("batch.make", **batch)
        await pos.call("batch.show", batch="B-2026-0001", beyond=0)
        [card] = (await pos.call("batch.cards", batch="B-2026-0001"))["cards"]
        rows = [["Olha", card["number"]], ["Ivan", ""]]
        await imported(pos, ("name", "card"), rows, request_id="i1")
        assert (await pos.call("card.show", card=card["number"]))["kind"] == "gift"
        found = await pos.call("customer.find", text="ivan")
        assert found["customers"][0]["cards"] != []


async def test_what_has_overtaken_a_row_since_the_check_leaves_it_and_is_named(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        await bring(pos, HEAD, [person(n) for n in range(3)], request_id="i1")
        profile = {"name": "Olha", "phone": "067 000 00 01"}
        await pos.call("card.issue", request_id="c1", profile=profile)
        shown = await apply(pos, 3, request_id="i1")
        assert (shown["added"], shown["left"]) == (2, 1)
        [left] = shown["rows"]
        assert left["row"] == 3
        assert left["note"].startswith("row: is a customer's by now: a")
        await pos.call("card.issue", request_id="c2", number=number(1))


async def test_an_import_is_undone_for_who_did_nothing_since(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    columns = (*HEAD, "consent.marketing")
    rows = [[*person(n), "yes"] for n in range(300)]
    async with shop() as pos:
        await imported(pos, columns, rows, request_id="i1")
        await pos.call("sale.commit", sale_id="s1", card=number(7), lines=goods(10_000))
        change = {"request_id": "u1", "card": number(8), "answers": {"name": "Ivan"}}
        await pos.call("customer.update", **change)
        await pos.call("card.identify", number=number(9), typed_by="anna")
        undo = {"import_id": "I-2026-0001", **WHY}
        await pos.call("import.undo", request_id="x1", **undo)
        shown = await ended(pos, "I-2026-0001")
        assert (shown["state"], shown["undone"], shown["stays"]) == ("undone", 298, 2)
        assert [row["row"] for row in shown["rows"]] == [9, 10]
        assert "(sale) has changed it since" in shown["rows"][0]["note"]
        assert "(customer) has changed it since" in shown["rows"][1]["note"]
        assert (await pos.call("customer.find", text="0670000011"))["customers"] == []
        assert await refusal(pos, "import.undo", request_id="x2", **undo) == (1029, "not_undoable")
        again = [row for n, row in enumerate(rows) if n not in (7, 8)]
        shown = await imported(pos, columns, again, request_id="i2")
        assert shown["added"] == 298, "the numbers are free again"
        card = await pos.call("card.show", card=number(11))
        assert card["balances"]["bonus"]["available"] == 2_500
        assert card["meters"]["spend"] == 90_000


async def test_who_has_brought_somebody_stays_for_the_friend_names_them(shop: OpenPos) -> None:
    async with shop() as pos:
        await imported(pos, HEAD, [person(1), person(2)], request_id="i1")
        brought_by = (await pos.call("card.show", card=number(1)))["account"]
        profile = {"name": "Ivan", "referrer": brought_by}
        friend = (await pos.call("card.issue", request_id="c", profile=profile))["account"]
        await pos.call("import.undo", request_id="x", import_id="I-2026-0001", **WHY)
        shown = await ended(pos, "I-2026-0001")
        assert (shown["undone"], shown["stays"]) == (1, 1)
        assert shown["rows"][0]["note"] == "has brought somebody since"
        dossier = await pos.call("customer.show", account=brought_by)
        assert [one["account"] for one in dossier["friends"]] == [friend]


async def test_who_was_changed_is_who_they_were_after_the_undoing(shop: OpenPos) -> None:
    async with shop() as pos:
        await pos.call("partner.add", request_id="p1", name="Gym", by="olha")
        profile = {"name": "Olena", "phone": "0670000001", "consents": ["marketing:sms"]}
        issue = {"request_id": "c1", "number": number(1), "profile": profile}
        await pos.call("card.issue", **issue)
        await pos.call("sale.commit", sale_id="s1", card=number(1), lines=goods(10_000))
        shown = await pos.call("card.show", card=number(1))
        known = await pos.call("customer.show", card=number(1), limit=0)
        columns = (*HEAD, "consent.marketing", "partner", "until")
        rows = [["Olha", "0670000001", number(1), "99", "1", "no", "P0001", "2027-01-01"]]
        await imported(pos, columns, rows, request_id="i1", update=True)
        changed = await pos.call("card.show", card=number(1))
        assert (changed["name"], changed["balances"]["bonus"]["available"]) == ("Olha", 9_900)
        assert changed["until"] == "2027-01-01T22:00:00.000000Z"
        await pos.call("import.undo", request_id="x1", import_id="I-2026-0001", **WHY)
        assert (await ended(pos, "I-2026-0001"))["undone"] == 1
        assert await pos.call("card.show", card=number(1)) == shown
        assert await pos.call("customer.show", card=number(1), limit=0) == known


async def test_an_import_is_undone_within_a_week_and_then_no_more(
    shop: OpenPos, location: str, tmp_path: Path, clock: HandClock
) -> None:
    async with shop() as pos:
        await imported(pos, HEAD, [person(1)], request_id="i1")
        await imported(pos, HEAD, [person(2)], request_id="i2")
        clock.move(days=7)
        await pos.call("import.undo", request_id="x1", import_id="I-2026-0001", **WHY)
        assert (await ended(pos, "I-2026-0001"))["undone"] == 1
        clock.move(seconds=1)
        late = {"request_id": "x2", "import_id": "I-2026-0002", **WHY}
        assert await refusal(pos, "import.undo", **late) == (1029, "not_undoable")
        assert await refusal(pos, "import.undo", **late | {"import_id": "I-2026-0009"}) == (
            1010,
            "card_unknown",
        )
    async with shop() as pos:
        listed = (await pos.call("import.list"))["imports"]
        assert [one["import_id"] for one in listed] == ["I-2026-0002", "I-2026-0001"]
        # A table is taken only when the start has tidied: that is what the till waits for here.
        await pos.call("import.begin", request_id="i3", columns=HEAD)
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        lines = [("line", "SELECT said, before FROM import_line")]
        assert list(store.rows(lines)) == [], "what undoing needed is gone with its week"


async def test_nothing_of_a_person_stays_in_the_rows_of_an_import_or_in_entries(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        row = ["Zofia", "0671112233", number(1), "1", "1"]
        await imported(pos, HEAD, [row], request_id="i1", by="olha")
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        kept = str(list(store.rows([("line", "SELECT * FROM import_line")])))
        kept += str(list(store.rows([("key", "SELECT * FROM import_key")])))
        kept += "".join(chained.body.decode() for chained in store.entries())
    assert "I-2026-0001" in kept
    for word in ("Zofia", "671112233", "332211176"):
        assert word not in kept


async def test_sales_go_on_while_a_table_is_applied(shop: OpenPos) -> None:
    async with shop() as pos:
        await bring(pos, HEAD, [person(n) for n in range(1_000)], request_id="i1")
        begun = await pos.call("import.apply", request_id="i1", count=1_000)
        sold = await pos.call("sale.commit", sale_id="s1", lines=goods(10_000))
        assert sold["state"] == "posted"
        shown = await pos.call("import.status", import_id=begun["import_id"])
        assert shown["state"] == "applying", "it came between"
        assert (await ended(pos, begun["import_id"]))["added"] == 1_000


@pytest.mark.parametrize(
    ("columns", "mapped", "said"),
    [
        (["name", "Notes", "Hobby"], {}, "nobody knows what is in 'Notes', 'Hobby'"),
        (["name", "Notes"], {"Note": "-"}, "there is no column 'Note'"),
        (["name", "Notes"], {"Notes": "shoe"}, "nobody knows what is in 'Notes'"),
        (["name", "Full name"], {}, "'Full name' and 'name' are both for name"),
        (["name"] * 61, {}, "has more than 60 columns"),
        (["balance.nosuch"], {}, "nobody knows what is in 'balance.nosuch'"),
    ],
)
async def test_a_column_that_nobody_knows_is_named_and_nothing_is_dropped(
    shop: OpenPos, columns: list[str], mapped: dict[str, str], said: str
) -> None:
    async with shop() as pos:
        terms = {"request_id": "i1", "columns": columns, "map": mapped}
        assert said in (await refused(pos, "import.begin", **terms)).message


async def test_rows_come_in_their_order_and_are_applied_as_they_came(shop: OpenPos) -> None:
    async with shop() as pos:
        await bring(pos, HEAD, [person(1)], request_id="i1")
        row = [{"row": 9, "cells": person(2)}]
        error = await refused(pos, "import.rows", request_id="i1", start=5, rows=row)
        assert error.message == "start: 1 rows came before"
        error = await refused(pos, "import.apply", request_id="i1", count=2)
        assert error.message == "count: 1 rows came before"
        begun = await pos.call("import.apply", request_id="i1", count=1)
        await ended(pos, begun["import_id"])
        again = await pos.call("import.apply", request_id="i1", count=1)
        assert again == begun | {"replayed": True}
        error = await refused(pos, "import.begin", request_id="i1", columns=["name"])
        assert error.message == "request_id: is of an import that was applied; use a new one"


async def test_the_same_rows_sent_twice_at_once_are_kept_once(
    shop: OpenPos, tmp_path: Path
) -> None:
    rows = {"request_id": "i2", "start": 0, "rows": [{"row": 2, "cells": person(1)}]}
    async with shop() as pos, Pos.connect(tmp_path / "pos.sock") as other:
        await pos.call("import.begin", request_id="i2", columns=HEAD)
        sent = [asyncio.create_task(one.call("import.rows", **rows)) for one in (pos, other)]
        came = await asyncio.gather(*sent, return_exceptions=True)
        assert sorted(isinstance(one, RefusedByTillError) for one in came) == [False, True]
        checked = await pos.call("import.check", request_id="i2")
        assert (checked["count"], checked["new"], checked["bad"]) == (1, 1, 0)


async def test_a_table_without_the_consent_that_is_needed_says_which_column_is(
    shop: OpenPos,
) -> None:
    asks = '[[question]]\nid = "name"\nkind = "name"\nrequired = false\n'
    asks += '[[question]]\nid = "phone"\nkind = "phone"\nrequired = false\n'
    async with shop() as pos:
        await pos.call("questionnaire.activate", request_id="q", text=asks, by="olha")
        rows = [["Olha", "0670000001"]]
        checked = await bring(pos, ("name", "phone"), rows, request_id="i1")
        [bad] = checked["rows"]
        assert bad["problem"].startswith("needs a column consent.personal_data with yes or the day")
        with_consent = ("name", "phone", "consent.personal_data")
        assert (await bring(pos, with_consent, [[*rows[0], "yes"]], request_id="i2"))["bad"] == 0
