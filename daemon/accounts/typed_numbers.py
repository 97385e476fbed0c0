"""Numbers that were typed: counted by card and cashier, for whoever looks for exceptions."""

import logging
from datetime import date

import msgspec

from daemon.accounts.cards import Account
from daemon.base.ids import CardId
from daemon.base.refusals import RefusedError
from daemon.ledger.entries import Entry, MeterMove
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import METERS_LIKE
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Change, Store

log = logging.getLogger(__name__)
WAITING_MAX = 10_000
"""Typed numbers that wait for a ledger that cannot be written; of more the oldest are dropped."""


class TypedNumbers:
    """Counts typed numbers. A ledger that cannot be written stops no price: it is counted later."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Entry] = []

    async def count(self, account: Account, at: str, today: date, *, by: str, reason: str) -> None:
        """Write down that ``by`` typed the number of the card that led to ``account``."""
        card_id = account.card.card_id
        meter = MeterMove(account.account, f"{_prefix(card_id)}{by}", today.toordinal(), 1)
        entry = Entry(
            at=at,
            kind="typed",
            ref=card_id,
            account=account.account,
            meters=(meter,),
            detail=msgspec.Raw(msgspec.json.encode({"by": by, "reason": reason})),
        )
        self._waiting.append(entry)
        await self.write()

    async def write(self) -> None:
        """Write what waits; what cannot be written waits on, in memory."""
        waiting, self._waiting = self._waiting, []
        for done, entry in enumerate(waiting):
            try:
                await self._ledger.write(Change(entry=entry))
            except RefusedError as error:
                # One that may be written must not be counted twice.
                left = waiting[done + 1 if error.state_unknown else done :]
                self._waiting = [*left, *self._waiting][-WAITING_MAX:]
                log.warning("%d typed numbers wait to be counted: %s", len(self._waiting), error)
                return


def times_typed(store: Store, card: CardRow) -> dict[str, int]:
    """Return how often a card's number was typed, by cashier ("" where nobody was named)."""
    prefix = _prefix(card.card_id)
    rows = store.ask(METERS_LIKE, card.account, f"{prefix}%")
    return {meter.removeprefix(prefix): times for meter, times in rows}


def _prefix(card_id: CardId) -> str:
    return f"@typed:{card_id}:"
