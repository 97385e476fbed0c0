"""Cards that a test finds in a ledger before any till has opened it."""

from contextlib import closing
from pathlib import Path

import msgspec

from daemon.accounts.cards import card_entry, new_card
from daemon.base.ids import NO_ACCOUNT
from daemon.ledger.storage.rows import identified
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change
from tests.support.till import LEDGER, begin_ledger

AT = "2026-03-02T08:00:00.000000Z"


def put_card(home: Path, number: str, state: str) -> None:
    """Put a card without an account into the ledger of ``home``."""
    begin_ledger(home)
    card = new_card(NO_ACCOUNT, kind="plastic", number=number)
    card = msgspec.structs.replace(card, state=state)
    rows = identified(card, [("number", number)])
    with closing(SQLiteStore(home / LEDGER)) as store:
        store.begin()
        store.write(Change(entry=card_entry(AT, card, "made"), rows=rows))
        store.commit()
