"""Members who are short soon, on every store: in their order, page by page, by an index."""

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.base.ids import AccountId
from daemon.ledger import status_moves
from daemon.ledger.entries import Entry
from daemon.ledger.storage.member_queries import MEMBERS_DUE_SOON
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import CustomerRow
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import load
from daemon.programme.status import StatusState
from daemon.shop.memberships import DUE_DAYS_MAX, DUE_PAGE
from tests.scenarios.test_club import CLUB
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.postgres import PostgresServer
from tests.support.till import Pos, lay_out, open_till

TODAY = date(2026, 11, 15)
CLUB_STATUS = load(CLUB).statuses["club"]
KEEP = CLUB_STATUS.keep_at_least


def enrol(store: Store, members: dict[str, StatusState]) -> None:
    """Write members, as a shop that has had them for long."""
    store.begin()
    for account, state in members.items():
        after = {"club": state}
        entry = Entry(
            at="2026-11-14T08:00:00.000000Z",
            kind="club",
            ref="club",
            account=AccountId(account),
            statuses=status_moves.moves(AccountId(account), after),
        )
        rows = status_moves.rows({"club": CLUB_STATUS}, AccountId(account), after)
        customer = CustomerRow(AccountId(account), b'{"name":"Olena"}')
        store.write(Change(entry=entry, rows=(*rows, customer)))
    store.commit()


def member(days_left: int, total: int, stage: Any = "member") -> StatusState:
    first = TODAY + timedelta(days=days_left - CLUB_STATUS.keep_days + 1)
    return StatusState(stage=stage, since=first, window_from=first, total=total)


@pytest.fixture
async def pos(location: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Pos]:
    """A till with the members that the test names."""
    with closing(open_store(location, tmp_path)) as store:
        enrol(store, request.param)
    lay_out(tmp_path, CLUB, **{'"tillcard.db"': f'"{location}"'})
    clock = HandClock(datetime(2026, 11, 15, 8, tzinfo=UTC))
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as connected:
        yield connected


NAMED = {
    "a1": member(14, 175_000),
    "a2": member(15, 0),
    "a3": member(14, KEEP - 1),
    "a4": member(14, KEEP),
    "a5": member(0, 0),
    "a6": member(3, 10, stage="lapsing"),
    "a7": StatusState(window_from=TODAY - timedelta(days=20), total=100),
    "a8": member(14, 175_000),
}


@pytest.mark.parametrize("pos", [NAMED], indirect=True, ids=["named"])
async def test_members_who_are_short_are_listed_by_days_and_then_by_what_is_missing(
    pos: Pos,
) -> None:
    listing = await pos.call("club.due", status="club")
    found = [(one["account"], one["days_left"], one["missing"]) for one in listing["members"]]
    assert found == [("a5", 0, KEEP), ("a3", 14, 1), ("a1", 14, 125_000), ("a8", 14, 125_000)]
    assert (listing["needed"], listing["unit"], listing["more"]) == (KEEP, "UAH", False)
    assert [
        one["account"] for one in (await pos.call("club.due", status="club", days=0))["members"]
    ] == ["a5"]
    wider = await pos.call("club.due", status="club", days=15)
    assert wider["members"][-1]["account"] == "a2"
    assert (await pos.call("club.due", status="club", days=DUE_DAYS_MAX))["members"]
    beyond = await refused(pos, "club.due", status="club", days=DUE_DAYS_MAX + 1)
    assert "days" in beyond.message


def many() -> dict[str, StatusState]:
    draw = random.Random(20261128)
    return {
        f"a{draw.getrandbits(64):016x}": member(draw.randrange(0, 6), draw.randrange(0, KEEP + 9))
        for _ in range(2 * DUE_PAGE + DUE_PAGE // 2)
    }


@pytest.mark.parametrize("pos", [many()], indirect=True, ids=["many"])
async def test_the_pages_together_are_everybody_once_and_in_order(pos: Pos) -> None:
    expected = sorted(
        ((state.window_from - TODAY).days + CLUB_STATUS.keep_days - 1, KEEP - state.total, account)
        for account, state in many().items()
        if state.window_from and state.total < KEEP
    )
    found: list[tuple[int, int, str]] = []
    more, after = True, ""
    while more:
        page = await pos.call("club.due", status="club", days=5, after=after)
        found += [(one["days_left"], one["missing"], one["account"]) for one in page["members"]]
        more, after = page["more"], found[-1][2]
    assert found == expected


def test_sqlite_finds_them_by_an_index(tmp_path: Path) -> None:
    with closing(open_store("ledger.db", tmp_path)) as store:
        enrol(store, NAMED)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {MEMBERS_DUE_SOON.text}", (1, "", 2, "club"))
        said = " ".join(row[-1] for row in plan)
    assert "USING INDEX member_by_due" in said
    assert "SCAN" not in said
    assert "TEMP B-TREE" not in said, "each page goes on where the last one ended"


@pytest.mark.cluster
def test_postgresql_finds_them_by_an_index(
    postgres: PostgresServer, postgres_template: str
) -> None:
    statement = MEMBERS_DUE_SOON.text.replace("?", "%s").encode()
    with psycopg.connect(postgres.new_database(postgres_template), autocommit=True) as db:
        db.execute("SET enable_seqscan = off")  # small tables are read whole where it may
        db.execute("SET enable_bitmapscan = off")
        rows = db.execute(b"EXPLAIN " + statement, (1, "", 2, "club"))
        plan = "\n".join(row[0] for row in rows)
    assert "member_by_due" in plan
    assert "Sort" not in plan, plan
