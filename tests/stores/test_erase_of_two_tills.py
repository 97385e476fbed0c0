"""Two tills of one database, one of which erases a customer: whoever is first, no name is left."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import FRIEND, goods
from tests.scenarios.test_erase_customer import PERSON, WHO
from tests.stores.test_card_batches import printed
from tests.stores.test_erase import lived, rows_say, said_in
from tests.support.clock import HandClock
from tests.support.images import file_of, upright
from tests.support.imports import bring
from tests.support.postgres import PostgresServer
from tests.support.till import Pos, lay_out, open_till


@asynccontextmanager
async def tills_of(address: str, home: Path, count: int = 2) -> AsyncIterator[list[Pos]]:
    async with AsyncExitStack() as tills:
        tellers = []
        for n in range(count):
            place = home / f"till-{n}"
            lay_out(place, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
            till = await tills.enter_async_context(open_till(place, HandClock()))
            tellers.append(await tills.enter_async_context(Pos.connect(till.socket)))
        yield tellers
    with closing(open_store(address, home / "till-0", read_only=True)) as store:
        assert audit(store).findings == ()


async def test_another_till_writes_no_name_of_who_was_erased_meanwhile(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    async with tills_of(address, tmp_path) as (first, second):
        issue = {"request_id": "i", "number": FRIEND, "profile": PERSON}
        account = (await first.call("card.issue", **issue))["account"]
        quote = await second.call("sale.quote", card=FRIEND, lines=goods(1_000))
        erase = {"request_id": "e", "account": account, "keep_cards": True} | WHO
        await first.call("customer.erase", **erase)
        await second.call("sale.commit", sale_id="s1", quote_id=quote["quote_id"])
        assert rows_say(address) == []


async def test_of_tills_that_erase_and_sell_at_once_one_erases_and_no_name_is_left(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    async with tills_of(address, tmp_path, 3) as (first, second, third):
        for n in range(5):
            number = printed(n)
            issue = {"request_id": f"i{n}", "number": number, "profile": PERSON}
            account = (await first.call("card.issue", **issue))["account"]
            erase = {"request_id": f"e{n}", "account": account, "keep_cards": True} | WHO
            again = {"request_id": f"f{n}", "account": account} | WHO
            sale = {"sale_id": f"s{n}", "card": number, "lines": goods(1_000)}
            done = await asyncio.gather(
                first.call("customer.erase", **erase),
                second.call("customer.erase", **again),
                third.call("sale.commit", **sale),
                return_exceptions=True,
            )
            erased = [one for one in done[:2] if isinstance(one, dict)]
            assert len(erased) == 1, done
        assert rows_say(address) == []


async def write(pos: Pos, what: str, account: str, n: int) -> Any:
    """Write something of a person, in one of the ways that there are."""
    whom = {"request_id": f"r{n}", "account": account}
    match what:
        case "update":
            return await pos.call("customer.update", **whom, answers=PERSON)
        case "photo":
            image = b64encode(file_of(upright())).decode()
            return await pos.call("customer.photo", **whom, image=image)
        case _:
            row = [printed(n), PERSON["name"]]
            return await bring(pos, ("card", "name"), [row], request_id=f"r{n}", update=True)


@pytest.mark.parametrize("what", ["update", "photo", "stage"])
async def test_whatever_another_till_writes_of_a_person_comes_before_or_is_refused(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path, what: str
) -> None:
    address = postgres.new_database(postgres_template)
    async with tills_of(address, tmp_path) as (first, second):
        for n in range(20):
            issue = {"request_id": f"i{n}", "number": printed(n), "profile": PERSON}
            account = (await first.call("card.issue", **issue))["account"]
            erase = {"request_id": f"e{n}", "account": account, "keep_cards": True} | WHO
            done = await asyncio.gather(
                first.call("customer.erase", **erase),
                write(second, what, account, n),
                return_exceptions=True,
            )
            assert isinstance(done[0], dict), done
            assert rows_say(address) == []
        with psycopg.connect(address) as db:
            assert db.execute("SELECT count(*) FROM customer_photo").fetchone() == (0,)


def relations_say(postgres: PostgresServer, address: str) -> list[str]:
    """Return what the files of a database's tables and indexes say of the person."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("CHECKPOINT")
        row = db.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        [oid] = row.fetchone() or (0,)
    files = (postgres.folder / "data" / "base" / str(oid)).iterdir()
    return said_in(b"\n".join(file.read_bytes() for file in files))


async def test_no_byte_is_left_in_the_files_of_postgresql_s_tables(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    lay_out(tmp_path, **{'"tillcard.db"': f'"{address}"'})
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        account = await lived(pos)
        with psycopg.connect(address, autocommit=True) as db:
            db.execute("ANALYZE")
        assert len(relations_say(postgres, address)) > 5
        await pos.call("customer.erase", request_id="e", account=account, **WHO)
        with psycopg.connect(address, autocommit=True) as db:
            db.execute("VACUUM FULL pg_statistic")
    assert relations_say(postgres, address) == []


async def test_a_table_that_somebody_reads_is_cleared_all_the_same(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    lay_out(tmp_path, **{'"tillcard.db"': f'"{address}"'})
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        account = await lived(pos)
        with psycopg.connect(address) as db:
            db.execute("SELECT count(*) FROM customer")
            await pos.call("customer.erase", request_id="e", account=account, **WHO)
        assert (await pos.call("customer.to_erase", by="olha"))["not_overwritten"] == 0
    assert rows_say(address) == []


async def test_a_name_is_taken_off_an_act_by_one_of_two_tills(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address, clock = postgres.new_database(postgres_template), HandClock()
    async with AsyncExitStack() as stack:
        apps = []
        for n in range(2):
            home = tmp_path / f"till-{n}"
            lay_out(home, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
            apps.append(await stack.enter_async_context(open_till(home, clock)))
        pos = await stack.enter_async_context(Pos.connect(apps[0].socket))
        account = await lived(pos)
        act = {"kind": "W", "from": "2026-11-01", "to": "2026-11-30", "reason": "books"}
        await pos.call("act.make", request_id="a", by="olha", **act)
        await pos.call("customer.erase", request_id="e", account=account, **WHO)
        assert rows_say(address)
        clock.move(days=3 * 365 + 2)
        await asyncio.gather(*(app.look_after() for app in apps))
        assert rows_say(address) == []
    with closing(open_store(address, tmp_path / "till-0", read_only=True)) as store:
        assert audit(store).findings == ()
        said = [decode(chained.body) for chained in store.entries()]
    assert sum(b'"event":"act"' in bytes(one.detail) for one in said if one.kind == "erase") == 1
