"""Old ledgers: their entries are gone through for what reports read, beside the till's work.

Whoever opens a ledger that is older than posted facts notes how far it goes (migration 0015). New
entries bring their facts with them; the old ones are folded in their order, some hundred in one
transaction, and the mark moves with them. A cut loses nothing and doubles nothing: the mark says
what is done. Of two tills at one database the second finds the mark moved, and reads it again.
"""

import asyncio
import logging

import msgspec

from daemon.base.ids import LedgerId
from daemon.base.refusals import RefusedError
from daemon.ledger.entries import decode
from daemon.ledger.ledger import Ledger
from daemon.ledger.posted_facts import facts_of
from daemon.ledger.storage.queries import ENTRIES_AFTER, FOLD, FOLDS
from daemon.ledger.storage.rows import FoldRow
from daemon.ledger.storage.store import Change, Store

AGAIN_S = 5.0
"""How long folding rests after the ledger could not be written."""
log = logging.getLogger(__name__)


class FoldingProgress(msgspec.Struct, frozen=True):
    """How many of the old entries have their facts; equal where reports know all of them."""

    done: int
    upto: int


def progress(store: Store) -> FoldingProgress:
    """Return how far all ledgers of a database are."""
    rows = store.ask(FOLDS)
    return FoldingProgress(sum(row.done for row in rows), sum(row.upto for row in rows))


def fold_some(store: Store, ledger_id: LedgerId) -> bool:
    """Write the facts of a ledger's next old entries; return whether more may follow."""
    row = store.ask_one(FOLD, ledger_id)
    if row is None or row.done >= row.upto:
        return False
    entries = store.ask(ENTRIES_AFTER, ledger_id, row.done, row.upto)
    found = ((seq, facts_of(decode(body))) for seq, body in entries)
    facts = tuple((ledger_id, seq, fact) for seq, fact in found if fact is not None)
    # A ledger whose entries are gone is the audit's to tell of; folding ends there.
    done = entries[-1][0] if entries else row.upto
    store.write(Change(facts=facts, rows=(FoldRow(ledger_id, done, row.upto),)))
    return done < row.upto


async def fold(ledger: Ledger) -> None:
    """Fold every old ledger of this database; return when it is done.

    Sales come between two steps. A full disk, or one that fails, is waited for.
    """
    while True:
        try:
            for row in await ledger.read(lambda store: store.ask(FOLDS)):
                await _fold_one(ledger, row)
            return
        except RefusedError as error:
            log.warning("the facts of old entries could not be written: %s", error)
            await asyncio.sleep(AGAIN_S)


async def _fold_one(ledger: Ledger, row: FoldRow) -> None:
    if row.done >= row.upto:
        return
    log.info("ledger %s: making the facts of %d old entries", row.ledger_id, row.upto - row.done)
    try:
        while await ledger.update(lambda store: fold_some(store, row.ledger_id)):
            pass
    except msgspec.DecodeError as error:
        log.error("an old entry of %s cannot be read; audit it: %s", row.ledger_id, error)
