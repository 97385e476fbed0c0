"""What a ledger keeps of chips, on every store."""

from daemon.base.ids import AccountId, CardId
from daemon.chip.hot_list import hot_uids
from daemon.ledger.storage.queries import CHIPS_OF, ROWS_MAX
from daemon.ledger.storage.rows import CardRow, ChipRow, identified
from daemon.ledger.storage.store import Change, Store


def write(store: Store, *changes: Change) -> None:
    store.begin()
    for change in changes:
        store.write(change)
    store.commit()


def uid(number: int) -> str:
    return f"04{number:012X}"


def test_the_hot_chips_are_the_blocked_the_replaced_and_the_alarming(store: Store) -> None:
    states = ("active", "blocked", "replaced", "written_off", "stock")
    for number, state in enumerate(states):
        card = CardRow(
            CardId(f"c{number}"), AccountId("a1"), state, "chip", "", "", bytes((number,)) * 32
        )
        identifiers = (("uid", uid(number)), ("number", f"29{number}"))
        write(store, Change(rows=identified(card, identifiers)))
    write(store, Change(rows=(ChipRow(uid(0), 1), ChipRow(uid(9), 1, alarm="fell"))))
    write(store, Change(rows=(ChipRow(uid(1), 1, alarm="both a blocked card's and alarming"),)))
    assert hot_uids(store) == [uid(1), uid(2), uid(3), uid(9)]


def test_all_hot_chips_are_found_however_many(store: Store) -> None:
    count = 2 * ROWS_MAX + 1
    write(store, *(Change(rows=(ChipRow(uid(n), 1, alarm="fell"),)) for n in range(count)))
    assert hot_uids(store) == [uid(n) for n in range(count)]


def test_a_card_s_chip_is_found_once_it_was_seen(store: Store) -> None:
    for number in range(2):
        card = CardRow(
            CardId(f"c{number}"), AccountId("a1"), "active", "chip", "", "", bytes((number,)) * 32
        )
        identifiers = (("uid", uid(number)), ("number", f"29{number}"))
        write(store, Change(rows=identified(card, identifiers)))
    assert store.ask(CHIPS_OF, "c0") == []
    write(store, Change(rows=(ChipRow(uid(0), 1),)), Change(rows=(ChipRow(uid(1), 1),)))
    assert store.ask(CHIPS_OF, "c0") == [uid(0)]
