"""The class "foreign rows": what a newer tillcard wrote on the same database ends no till.

The till starts, says how it is and sells; what needs such a row is refused with a sentence.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.ledger.audit import audit
from daemon.ledger.storage.inserts import TABLES, Table
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import LedgerDamagedError
from tests.faults.test_kill import GIFT, SHOP
from tests.scenarios.baskets import BASKET
from tests.scenarios.shops import HEAD
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, lay_out, open_till

FOREIGN: dict[str, tuple[str, ...]] = {
    "programme": (
        "UPDATE programme SET text = text || '\n[[future]]\nid = 1\n'",
        "UPDATE programme SET text = 'not toml at all ['",
        "DELETE FROM programme",
    ),
    "activation": (
        "INSERT INTO activation VALUES ('2026-11-23T07:00:00.000000Z', 'unknown', 'x', 99, '')",
        "INSERT INTO activation VALUES ('2099-01-01T00:00:00.000000Z', 'unknown', 'x', 99, '')",
        "UPDATE activation SET version = 'later'",
    ),
    "code": (
        "UPDATE code SET state = 'lent'",
        "UPDATE code SET campaign = 'of the future'",
        "UPDATE code SET uses = -1, first_day = 9999999",
    ),
    "member": (
        """UPDATE member SET state = '{"stage":"guest"}'""",
        "UPDATE member SET state = 'CBOR'",
        "UPDATE member SET status = 'gold', listed = 'maybe'",
    ),
    "sale": (
        "UPDATE sale SET state = 'lent'",
        "UPDATE sale SET body = CAST('{\"v\":2}' AS BLOB)",
        "UPDATE sale SET body = CAST('\\xff' AS BLOB), state = 'unknown'",
        "UPDATE sale SET state = 'intent'",
        "UPDATE sale SET state = 'held', until = 'whenever'",
    ),
    "card": (
        "UPDATE card SET state = 'resting'",
        "UPDATE card SET kind = 'ring'",
        "UPDATE card SET until = 'never'",
    ),
    "customer": ('UPDATE customer SET profile = CAST(\'{"name":{"first":1}}\' AS BLOB)',),
    "request": (
        'UPDATE request SET answer = CAST(\'{"refused":1020,"detail":"x"}\' AS BLOB)',
        "UPDATE request SET answer = CAST('CBOR' AS BLOB)",
    ),
    "operator": (
        "UPDATE operator SET role = 'chief'",
        "UPDATE operator SET stores = 'CBOR'",
        "UPDATE operator SET state = 'resting', pin = '$scrypt$1'",
    ),
    "phone": ("UPDATE phone SET key_id = 77, number = 'x'",),
}


async def till_with_a_past(home: Path) -> str:
    """Make one of every row; return an issued code."""
    lay_out(home, SHOP)
    async with open_till(home, HandClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("card.issue", request_id="gift", kind="gift", number=GIFT)
        named = {"name": "olha", "role": "senior", "by": "maria"}
        await pos.call("operator.add", request_id="o", **named)
        coupon = {"line": 1, "sku": "COUPON", "qty": 1, "unit_price": 8_000}
        bought = await pos.call("sale.commit", sale_id="s1", lines=[coupon])
        await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=BASKET)
        await pos.call("sale.hold", sale_id="s3", card=PLASTIC, lines=BASKET, ttl_s=60)
        code: str = bought["receipt"]["issued"][0]["code"]
        return code


def calls(code: str) -> list[tuple[str, dict[str, Any]]]:
    with_card = {"card": PLASTIC, "lines": BASKET}
    return [
        ("sale.status", {"sale_id": "s3"}),
        ("sale.commit", {"sale_id": "s3"}),
        ("sale.commit", {"sale_id": "s2", **with_card}),
        ("sale.commit", {"sale_id": "n1", **with_card}),
        ("sale.commit", {"sale_id": "n2", "lines": BASKET, "codes": [code]}),
        ("sale.quote", {**with_card, "codes": [GIFT]}),
        ("sale.return", {"return_id": "r1", "sale_id": "s2", "whole": True}),
        ("card.show", {"card": PLASTIC}),
        ("club.list", {"status": "club", "list": "join"}),
        ("operator.list", {"closed": True}),
        ("operator.close", {"request_id": "c", "name": "olha", "by": "maria"}),
        (
            "card.block",
            {"request_id": "b", "card": GIFT, "approval": {"by": "olha", "pin": "1234"}},
        ),
    ]


async def live_on(home: Path, code: str) -> None:
    """Start, sell to nobody in particular, and ask for everything else."""
    clock = HandClock()
    clock.move(hours=2)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        await app.look_after()
        await pos.call("status")
        for method, params in calls(code):
            answer = msgspec.json.decode(await pos.call_raw(method, **params))
            if "error" in answer:
                assert answer["error"]["data"]["name"] != "internal_error", (method, answer)
                assert answer["error"]["message"].endswith("."), answer
        sold = await pos.call("sale.commit", sale_id="plain", lines=BASKET)
        assert sold["state"] == "posted"


def edit(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "tillcard.db")) as db:
        db.execute(statement)
        db.commit()


@pytest.mark.parametrize("table", FOREIGN)
async def test_rows_of_a_newer_tillcard_end_no_till(table: str, tmp_path: Path) -> None:
    for number, statement in enumerate(FOREIGN[table]):
        home = tmp_path / str(number)
        code = await till_with_a_past(home)
        edit(home, statement)
        await live_on(home, code)


LEDGER = Table(("ledger_id", "own"), ("text", "integer"), 1, "")
WRONG = {"text": "x'00ff'", "bytea": "'words'", "bigint": "'words'", "integer": "'words'"}


def columns() -> list[tuple[str, str, str]]:
    """Return (table, column, type of its values) of the schema as it is."""
    return [
        (name, column, kind)
        for name, table in (*TABLES.items(), ("ledger", LEDGER))
        for column, kind in zip(table.names, table.types, strict=True)
    ]


EARNING = (
    HEAD
    + """
[[lane]]
id = "card"
[[purse]]
id = "bonus"
unit = "UAH"
[[rule]]
id = "tenth"
give = { earn = "bonus", percent = 10 }
"""
)


async def test_a_value_of_another_type_stops_the_start_and_the_audit_finds_it_in_any_column(
    tmp_path: Path,
) -> None:
    past = tmp_path / "past"
    past.mkdir()
    await till_with_a_past(past)
    edit(past, "INSERT INTO ledger (ledger_id, own) VALUES ('ffffffffffffffff', 0)")
    for table, column, kind in columns():
        home = tmp_path / f"{table}-{column}"
        shutil.copytree(past, home)
        edit(home, f"INSERT OR IGNORE INTO {table} {blank_row(home, table)}")
        names = ", ".join(name for of, name, _ in columns() if of == table)
        edit(
            home,
            f"UPDATE {table} SET {column} = {WRONG[kind]}"
            f" WHERE ({names}) IN (SELECT {names} FROM {table} ORDER BY 1 DESC LIMIT 1)",
        )
        with pytest.raises(LedgerDamagedError, match=rf"{table}\.{column}"):
            SQLiteStore(home / "tillcard.db")
        store = SQLiteStore(home / "tillcard.db", read_only=True)
        try:
            found = audit(store).findings
        finally:
            store.close()
        assert any(f"{table}.{column} has another type" in one for one in found), found
        shutil.rmtree(home)


def blank_row(home: Path, table: str) -> str:
    """Return a row for a table that has none, of the types that its columns have."""
    blank = {"text": "'t'", "bytea": "x''", "bigint": "0", "integer": "0"}
    mine = {column: blank[kind] for name, column, kind in columns() if name == table}
    only = f"WHERE NOT EXISTS (SELECT 1 FROM {table})"
    return f"({', '.join(mine)}) SELECT {', '.join(mine.values())} {only}"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
async def test_any_mixture_of_rows_of_a_newer_tillcard_ends_no_till(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    code = await till_with_a_past(tmp_path)
    for table in chance.sample(sorted(FOREIGN), 3):
        edit(tmp_path, chance.choice(FOREIGN[table]))
    await live_on(tmp_path, code)


@pytest.mark.parametrize(
    "column", [{"state": "resting"}, {"until": "never"}], ids=lambda c: next(iter(c))
)
async def test_a_card_in_a_state_of_later_days_pays_for_nothing_and_is_not_changed(
    column: dict[str, str], tmp_path: Path
) -> None:
    await till_with_a_past(tmp_path)
    [(name, word)] = column.items()
    edit(tmp_path, f"UPDATE card SET {name} = '{word}'")
    why = {"by": "olha", "reason": "asked"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("card.identify", {"number": PLASTIC}),
        ("sale.quote", {"card": PLASTIC, "lines": BASKET, "override": why}),
        ("card.topup", {"topup_id": "t", "card": PLASTIC, "amount": 1}),
        ("card.block", {"request_id": "b", "card": PLASTIC, **why}),
        ("card.write_off", {"request_id": "w", "card": PLASTIC, **why}),
    ]
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        for method, params in calls:
            error = await refused(pos, method, **params)
            assert (error.code, error.data["name"]) == (1052, "too_new"), method


async def test_a_code_in_a_state_of_later_days_is_good_for_nothing_and_not_said_to_be_returned(
    tmp_path: Path,
) -> None:
    code = await till_with_a_past(tmp_path)
    edit(tmp_path, "UPDATE code SET state = 'lent'")
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        for method, params in (
            ("sale.quote", {"lines": BASKET, "codes": [code]}),
            ("code.show", {"code": code}),
        ):
            assert (await refused(pos, method, **params)).data["name"] == "too_new", method


async def test_a_sale_whose_row_lacks_what_it_earned_is_refused_at_its_return_as_damaged(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path, EARNING)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET)
    edit(tmp_path, """UPDATE sale SET body = CAST('{"burned":{}}' AS BLOB)""")
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        error = await refused(pos, "sale.return", return_id="r1", sale_id="s1", whole=True)
        assert error.data["name"] == "ledger_damaged"
