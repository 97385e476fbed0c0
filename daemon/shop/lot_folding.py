"""The nightly fold of lots: the entries of the days that are over are added to ``lot_sum``.

In the commit these rows would be hot: every sale that earns writes the same ones. So each till
folds its own ledger after midnight, some hundred entries a job; the mark of how far it is moves
with the sums, so that a cut loses nothing and doubles nothing. A till whose clock went back folds
up to the first entry that is not over yet, and goes on the next night.
"""

import logging

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.ids import LedgerId
from daemon.ledger.entries import decode
from daemon.ledger.lot_sums import lot_sums_of
from daemon.ledger.storage.fact_tables import Sum
from daemon.ledger.storage.queries import ENTRIES_FROM, LOT_FOLD, ROWS_MAX
from daemon.ledger.storage.rows import LotFoldRow
from daemon.ledger.storage.store import Change, Store
from daemon.shop.shop import Shop

log = logging.getLogger(__name__)


def fold_lots(store: Store, ledger_id: LedgerId, before: str, day: int) -> bool:
    """Fold the next entries of a ledger; return whether more may follow.

    before: when the day begins that is not over, RFC 3339; day: the one before it (ordinal).
    """
    row = store.ask_one(LOT_FOLD, ledger_id) or LotFoldRow(ledger_id, 0, 0)
    entries = store.ask(ENTRIES_FROM, ledger_id, row.done)
    done, sums = row.done, list[Sum]()
    over = True
    for seq, at, body in entries:
        over = at < before
        if not over:
            break
        sums += lot_sums_of(decode(body))
        done = seq
    more = over and len(entries) == ROWS_MAX
    if done > row.done or (done and not more and row.day < day):
        mark = LotFoldRow(ledger_id, done, row.day if more else max(row.day, day))
        store.write(Change(sums=tuple(sums), rows=(mark,)))
    return more


class LotFolding:
    """Folds the days that are over, once a day."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._day = shop, 0

    async def fold(self) -> None:
        """Fold all that is over of this till's ledger; sales come between two jobs.

        Raises: RefusedError where it could not be written.
        """
        today, ledger = self._shop.today(), self._shop.ledger
        if self._day == today.toordinal():
            return
        before, day = rfc3339(self._shop.programme.days.start_of(today)), today.toordinal() - 1
        try:
            while await ledger.update(
                lambda store: fold_lots(store, ledger.ledger_id, before, day)
            ):
                pass
        except msgspec.DecodeError as error:
            log.error("an entry of %s cannot be read; audit it: %s", ledger.ledger_id, error)
        self._day = today.toordinal()
