"""A card, and all of the account that it belongs to: one question, on every store."""

import msgspec
import pytest

from daemon.base.ids import AccountId, CardId
from daemon.ledger.entries import FOREVER, CounterMove, MeterMove
from daemon.ledger.storage.rows import CardRow, CustomerRow, MemberRow, identified
from daemon.ledger.storage.store import OF_CARD, Change, Reads, Store, View
from daemon.programme.status import StatusState
from tests.stores.test_store import ACCRUAL, DAY, write

OLENAS = CardRow(CardId("c1"), AccountId("a1"), "active", "plastic", "29", "", b"token")
NAMED = Reads(
    accounts=(OF_CARD,),
    counters=(f"hello:card:{OF_CARD}:life", "all"),
    members_of=OF_CARD,
    meters_of=OF_CARD,
    windows={"spend": None},
    profile_of=OF_CARD,
    identifier=("number", "29"),
)
"""Of a card and of whose it is, in one question."""


def with_olenas_card(store: Store) -> View:
    """Give Olena a card and all that a sale looks at; return what there is of her account."""
    moves = (MeterMove(AccountId("a1"), "spend", DAY, 1_000),)
    uses = (CounterMove("hello:card:a1:life", 2), CounterMove("all", 3))
    entry = msgspec.structs.replace(ACCRUAL, meters=moves, counters=uses)
    state = '{"stage":"member"}'
    rows = (
        *identified(OLENAS, [("number", "29")]),
        CustomerRow(AccountId("a1"), b'{"name":"Olena"}'),
        MemberRow(AccountId("a1"), "club", state, FOREVER, ""),
    )
    write(store, Change(entry=entry, rows=rows))
    return View(
        request=None,
        sale=None,
        purses={"a1": store.purses(AccountId("a1"))},
        counters={"hello:card:a1:life": 2, "all": 3},
        members={"club": StatusState(stage="member")},
        meters={"spend": 1_000},
        profile=b'{"name":"Olena"}',
        card=OLENAS,
    )


def test_one_view_finds_a_card_by_what_was_read_and_all_of_its_account(store: Store) -> None:
    whole = with_olenas_card(store)
    assert store.view(NAMED) == whole
    by_id = msgspec.structs.replace(NAMED, identifier=("", ""), card_id=OLENAS.card_id)
    assert store.view(by_id) == whole


@pytest.mark.parametrize("value", ["30", "", "2\0", "29\x1a"])
def test_of_a_card_that_is_not_there_a_view_shows_nothing(store: Store, value: str) -> None:
    with_olenas_card(store)
    seen = store.view(msgspec.structs.replace(NAMED, identifier=("number", value)))
    assert seen == View(
        request=None,
        sale=None,
        purses={"": {}},
        counters={"all": 3},
        meters={"spend": 0},
        card=None,
    )


def test_a_view_finds_a_card_that_an_earlier_job_of_its_group_has_made(store: Store) -> None:
    store.begin()
    store.savepoint()
    store.write(Change(rows=identified(OLENAS, [("number", "29")])))
    store.release()
    store.savepoint()
    assert store.view(NAMED).card == OLENAS
    store.release()
    store.commit()
