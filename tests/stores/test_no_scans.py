"""What a sale asks costs the same after ten million sales: every read goes through an index."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.ledger.storage import postgres_sql
from daemon.ledger.storage.customer_queries import ACCOUNTS_BY_KEY, accounts_by_words
from daemon.ledger.storage.preview_queries import SALES_BETWEEN
from daemon.ledger.storage.queries import SALES_FOLDED
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store
from daemon.reports.customer_figures import of_account
from tests.scenarios.shops import documented, goods, override
from tests.support.clock import HandClock
from tests.support.imports import apply, bring, ended
from tests.support.postgres import PostgresServer
from tests.support.till import PLASTIC, Pos, lay_out, open_till

ONE_ROW_EACH = ("activation", "fold", "ledger", "lot_fold", "questionnaire")
"""Tables that do not grow with what is sold."""
BROUGHT = ("counted", "k", "parts")
"""What an inner question has brought by an index, or as many rows as its LIMIT says."""


async def a_day_at_the_till(pos: Pos) -> None:
    """Quote, sell, hold, void, return and ask, with a card, a coupon and a burn."""
    card: dict[str, Any] = {"card": PLASTIC, "lines": goods(60_000)}
    sold = await pos.call("sale.commit", sale_id="s1", **card)
    [flyer] = sold["receipt"]["issued"]
    quote = await pos.call("sale.quote", codes=[flyer["code"]], **card)
    await pos.call("sale.commit", sale_id="s2", quote_id=quote["quote_id"])
    await pos.call("sale.hold", sale_id="h1", burn={"reward": 0}, **card | override())
    await pos.call("sale.void", sale_id="h1")
    await pos.call("sale.return", return_id="r1", sale_id="s2", whole=True)
    await pos.call("sale.status", sale_id="s2")
    await pos.call("sale.status", receipt=sold["receipt"]["code"])
    await pos.call("card.show", card=PLASTIC)
    await know_a_customer(pos)
    await import_customers(pos)
    await pos.call("finding.list")
    for chosen in ({"state": "new"}, {"subject": "anna"}):
        await pos.call("finding.list", **chosen)
    made = await pos.call("day.close", request_id="z1", by="olha")
    await pos.call("day.close", request_id="z2", by="olha")
    await pos.call("day.closings")
    await pos.call("day.closing", closing=made["closing"])
    await pos.call("programme.history")


async def import_customers(pos: Pos) -> None:
    """Import a table with a bad row, ask about it, and take it back."""
    columns = ("name", "phone", "balance.bonus", "meter.spend")
    rows = [["Ivan", "0671112233", "1", "1"], ["Olha", "12", "", ""]]
    await bring(pos, columns, rows, request_id="m1", update=True)
    await apply(pos, 2, request_id="m1", skip_bad=True)
    await pos.call("import.list")
    why = {"by": "olha", "reason": "the wrong file"}
    await pos.call("import.undo", request_id="m2", import_id="I-2026-0001", **why)
    await ended(pos, "I-2026-0001")


async def know_a_customer(pos: Pos) -> None:
    """Change what is known of a customer and find the customer by all of it."""
    whose: dict[str, Any] = {"card": PLASTIC, "by": "anna"}
    answers = {"phone": "0671234567", "email": "olena@example.ua"}
    await pos.call("customer.update", request_id="u1", answers=answers, **whose)
    consent = {"purpose": "marketing", "given": True}
    await pos.call("customer.consent", request_id="c1", **consent, **whose)
    await pos.call("customer.show", card=PLASTIC)
    for text in (PLASTIC, "4567", "olena@", "ol", "ol kov iv"):
        await pos.call("customer.find", text=text)
    account = (await pos.call("card.show", card=PLASTIC))["account"]
    await pos.call("customer.to_erase", by="olha")
    erased = {"account": account, "by": "olha", "reason": "asked", "forfeit": True}
    await pos.call("customer.erase", request_id="e1", **erased)


@pytest.fixture
async def statements(tmp_path: Path) -> list[str]:
    """Every SQL statement that a day at the till runs, its values filled in."""
    seen: list[str] = []

    def open_traced(location: str, home: Path, *, read_only: bool = False) -> Store:
        return SQLiteStore(home / location, read_only=read_only, trace=seen.append)

    lay_out(tmp_path, documented("shop"))
    async with (
        open_till(tmp_path, HandClock(), open_traced) as app,
        Pos.connect(app.socket) as pos,
    ):
        seen.clear()
        await a_day_at_the_till(pos)
    return seen


def plan_of(db: sqlite3.Connection, statement: str) -> Iterator[str]:
    for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {statement}"):
        yield detail


async def test_nothing_that_a_till_asks_sqlite_walks_through_a_table(
    statements: list[str], tmp_path: Path
) -> None:
    asked = [text for text in statements if text.startswith("SELECT")]
    assert len(asked) > 50
    with closing(sqlite3.connect(tmp_path / "tillcard.db")) as db:
        assert next(plan_of(db, "SELECT at FROM entry WHERE body = ''")).startswith("SCAN")
        scans = {
            (detail, text)
            for text in asked
            for detail in plan_of(db, text)
            if detail.startswith("SCAN") and detail.split()[1] not in (*ONE_ROW_EACH, *BROUGHT)
        }
    assert scans == set()


def test_a_preview_walks_through_its_period_alone(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "tillcard.db")):
        pass
    with closing(sqlite3.connect(tmp_path / "tillcard.db")) as db:
        text = SALES_BETWEEN.text.replace("?", "{}").format(1, 2, 1, "'5f'", 7)
        [plan] = plan_of(db, text)
    assert plan.startswith("SEARCH fact USING"), plan
    assert "day>" in plan


SAID: dict[str, tuple[bytes, Callable[[], tuple[Any, ...]]]] = {
    "view": (
        postgres_sql.VIEW,
        lambda: (
            *(["a"], ["a"], ["c"]),
            *("a", ["m"], [0], [0]),
            *("a", "a", "s"),
            *("sale.commit", "s", "s"),
            *("number", "1", "c"),
        ),
    ),
    "key": (
        ACCOUNTS_BY_KEY.text.replace("?", "%s").encode(),
        lambda: ("phone", "7654", "7654z", 20),
    ),
    "words": (
        accounts_by_words(2).text.replace("?", "%s").encode(),
        lambda: ("ol", "olz", 5_000, "kov", "kovz", 20),
    ),
    "figures": (
        of_account(3).text.replace("?", "%s").encode(),
        lambda: ("a", 1, 2, 3, "a", 1, 2, "a", 3, 4),
    ),
    "preview": (
        SALES_BETWEEN.text.replace("?", "%s").encode(),
        lambda: (1, 2, 1, "5f", 7),
    ),
    "receipt": (SALES_FOLDED.text.replace("?", "%s").encode(), lambda: ("1", "t", "s") * 2),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_sale_needs_comes_from_postgresql_s_indexes(
    name: str, postgres: PostgresServer, postgres_template: str
) -> None:
    statement, values = SAID[name]
    with psycopg.connect(postgres.new_database(postgres_template), autocommit=True) as db:
        db.execute("SET enable_seqscan = off")  # small tables are read whole where it may
        plan = "\n".join(row[0] for row in db.execute(b"EXPLAIN " + statement, values()))
    assert "Index" in plan
    assert "Seq Scan" not in plan, plan
