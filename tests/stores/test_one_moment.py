"""What a decision reads, it reads as of one moment, whoever writes between its questions."""

from pathlib import Path

from daemon.ledger import sales
from daemon.ledger.storage.rows import RequestRow
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, Reads, Store, View
from tests.stores.hand_made import AT, made_sale

REQUEST = ("sale.commit", "s1")
READS = Reads(sale_id=made_sale("s1").sale_id, accounts=(made_sale("s1").account,))


def post(store: Store) -> None:
    store.begin()
    store.savepoint()
    change = sales.commit(store.view(READS, REQUEST), made_sale("s1", earn=7)).change
    answered = RequestRow(*REQUEST, bytes(32), b"{}", AT)
    store.write(Change(entry=change.entry, rows=(*change.rows, answered)))
    store.release()
    store.commit()


def seen_whole(view: View) -> list[bool]:
    return [bool(view.request), bool(view.sale), bool(view.purses["a1"])]


def test_a_sale_that_is_written_between_two_questions_is_seen_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    writing, asked = SQLiteStore(tmp_path / "l.db"), list[str]()

    def write_once(statement: str) -> None:
        asked.append(statement)
        if sum(" FROM " in one for one in asked) == 2:  # what it asks first has been answered
            post(writing)

    reading = SQLiteStore(tmp_path / "l.db", read_only=True)
    between = SQLiteStore(tmp_path / "l.db", read_only=True, trace=write_once)
    asked.clear()
    assert seen_whole(between.view(READS, REQUEST)) == [False] * 3
    assert seen_whole(reading.view(READS, REQUEST)) == [True] * 3
    for store in (between, reading, writing):
        store.close()
