"""A person who was erased is nowhere on a store: not in a row, not in the bytes of its files."""

import sqlite3
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.customers.erased_rows import GOES, STAYS
from daemon.ledger.erased import not_overwritten
from daemon.ledger.storage.customer_queries import PHOTO_KINDS
from daemon.ledger.storage.inserts import TABLES
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.postgres_sql import PERSONAL
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.registry import open_store
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.scenarios.shops import FRIEND, goods
from tests.scenarios.test_erase_customer import PERSON, WHO
from tests.stores.test_card_batches import OpenPos, shop, whole
from tests.support.clock import HandClock
from tests.support.images import file_of, upright
from tests.support.imports import apply, bring, ended
from tests.support.till import Pos, lay_out, open_till

__all__ = ["shop", "whole"]
SAID = (
    *("Zofia", "zofia", "Wisniewska", "wisniewska", "380671234567", "zofia@example.ua"),
    *("765432176083", "1987-11-24", "Zosia", "KC 123456"),
)
"""All that was said of a person, and the telephone as the search keeps it: last digit first."""


async def lived(pos: Pos) -> str:
    """Let somebody be known in every way that there is, and change; return the account."""
    asked = '\n[[question]]\nid = "{}"\nkind = "{}"\nrequired = false\n{}\n'
    questions = asked.format("name", "name", "") + asked.format("birthday", "date", "")
    questions += asked.format("passport", "text", "sensitive = true")
    text = OF_THE_SPEC + questions
    await pos.call("questionnaire.activate", request_id="q", text=text, by="olha")
    answers = {"answers": {"passport": "KC 123456"}, "consents": ["personal_data"]}
    issue: dict[str, Any] = {"number": FRIEND, "holder": "Zosia", "profile": PERSON | answers}
    account: str = (await pos.call("card.issue", request_id="i", **issue))["account"]
    for n, price in enumerate((40_000, 50_000, 60_000)):
        terms = {"card": FRIEND, "lines": goods(price)}
        if n:
            await pos.call("sale.hold", sale_id=f"s{n}", **terms)
        await pos.call("sale.commit", sale_id=f"s{n}", **terms)
    half = {"sale_id": "s0", "lines": [{"line": 1, "qty": 1}]}
    await pos.call("sale.return", return_id="r", **half)
    await pos.call("sale.hold", sale_id="h", card=FRIEND, lines=goods(1_000))
    await pos.call("sale.void", sale_id="h")
    await bring(pos, ("card", "name"), [[FRIEND, "Zofia C"]], request_id="im", update=True)
    await apply(pos, 1, request_id="im")
    for n, name in enumerate(("Zofia A", "Zofia B", PERSON["name"])):
        change = {"account": account, "answers": {"name": name}}
        await pos.call("customer.update", request_id=f"u{n}", **change)
    image = b64encode(file_of(upright())).decode()
    await pos.call("customer.photo", request_id="p", account=account, image=image)
    return account


def said_in(data: bytes) -> list[str]:
    return [word for word in SAID if word.encode() in data]


def files_say(home: Path) -> dict[str, list[str]]:
    """Return what every file that lies beside a ledger says of the person."""
    found = {path.name: said_in(path.read_bytes()) for path in home.glob("ledger.db*")}
    return {name: words for name, words in found.items() if words}


def rows_say(location: str) -> list[str]:
    """Return what the rows of a PostgreSQL database say, packed ones unpacked by nobody."""
    with psycopg.connect(location) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [db.execute(f'SELECT * FROM "{table}"').fetchall() for (table,) in tables.fetchall()]
    return said_in(repr(rows).encode())


ANSWERS = Question("SELECT answer FROM request", unpacked)


def answers_say(location: str, home: Path) -> list[str]:
    """Return what the stored answers of requests say of the person."""
    with closing(open_store(location, home, read_only=True)) as store:
        answers: list[bytes] = store.ask(ANSWERS)
    return said_in(b"\n".join(answers))


async def test_of_a_partner_who_is_erased_no_answer_says_the_name(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        account = await lived(pos)
        gym = {"code": "GYM", "by": "olha"}
        name = PERSON["name"]
        await pos.call("partner.add", request_id="p", name=name, card=FRIEND, **gym)
        await pos.call("partner.add", request_id="p2", name="Bar", code="BAR", by="olha")
        await pos.call("partner.change", request_id="p3", contact=PERSON["phone"], **gym)
        await pos.call("partner.close", request_id="p4", reason="moved", **gym)
        assert answers_say(location, tmp_path)
        terms = {"request_id": "e", "account": account, "forfeit": True} | WHO
        done = await pos.call("customer.erase", **terms)
        assert await pos.call("customer.erase", **terms) == done | {"replayed": True}
        assert answers_say(location, tmp_path) == []
        bar = await pos.call("partner.add", request_id="p2", name="Bar", code="BAR", by="olha")
        assert bar["replayed"]
    assert rows_say(location) == [] if location != "ledger.db" else files_say(tmp_path) == {}


@pytest.mark.parametrize("more", [{}, {"keep_cards": True}])
async def test_no_byte_of_who_was_erased_is_left(
    shop: OpenPos, location: str, tmp_path: Path, more: dict[str, Any]
) -> None:
    async with shop() as pos:
        account = await lived(pos)
        assert files_say(tmp_path) or rows_say(location)
        assert answers_say(location, tmp_path) == []
        done = await pos.call("customer.erase", request_id="e", account=account, **WHO, **more)
        assert done["sales"] == 4
        await pos.call("import.undo", request_id="iu", import_id="I-2026-0001", **WHO)
        undone = await ended(pos, "I-2026-0001")
        assert (undone["state"], undone["stays"]) == ("undone", 1)
        if location == "ledger.db":
            assert files_say(tmp_path) == {}
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert store.ask(PHOTO_KINDS, account) == []
        assert not_overwritten(store) == 0
        assert [chained.body for chained in store.entries() if said_in(chained.body)] == []
    if location == "ledger.db":
        assert files_say(tmp_path) == {}
    else:
        assert rows_say(location) == []


async def test_every_table_goes_with_a_person_or_says_why_it_stays(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop():
        pass
    if location == "ledger.db":
        with closing(sqlite3.connect(tmp_path / location)) as db:
            found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    else:
        with psycopg.connect(location) as server:
            named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            found = server.execute(named).fetchall()
    tables = {str(name) for (name,) in found if not str(name).startswith("sqlite_")}
    assert tables >= TABLES.keys()
    assert tables == GOES.keys() | STAYS.keys()
    assert not GOES.keys() & STAYS.keys()
    assert all(STAYS.values())
    assert GOES.keys() <= set(PERSONAL), "PostgreSQL clears all of them"


async def test_who_was_not_heard_of_is_listed_and_erased_on_every_store(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    lay_out(tmp_path, **{'"tillcard.db"': f'"{location}"', "auto = false": "auto = true"})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await lived(pos)
        clock.move(days=3 * 365 + 1 + 8)
        names = [
            one["name"] for one in (await pos.call("customer.to_erase", by="olha"))["customers"]
        ]
        assert names[0] == PERSON["name"], "who has bought comes first"
        assert sorted(names[1:]) == ["Iryna", "Olena", "Taras"]
        await till.look_after()
        assert (await pos.call("customer.to_erase", by="olha"))["customers"] == []
    if location == "ledger.db":
        assert files_say(tmp_path) == {}
    else:
        assert rows_say(location) == []
