"""Numbers that were typed: counted by card and cashier, for whoever looks for exceptions."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import msgspec

from daemon.accounts.cards import Account
from daemon.base.ids import CardId
from daemon.base.refusals import ParamError, RefusedError
from daemon.ledger.entries import Entry, MeterMove
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import METERS_LIKE
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Change, Store

log = logging.getLogger(__name__)
WAITING_MAX = 10_000
"""Typed numbers that wait for a ledger that cannot be written; of more the oldest are dropped."""


class TakenAlong:
    """Entries that a job writes beside its own."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes
        self.is_written = False

    def write(self, store: Store) -> None:
        """Write them; whether they last, the group decides."""
        for change in self.changes:
            store.write(change)
        self.is_written = True


class TypedNumbers:
    """Counts typed numbers. A ledger that cannot be written stops no price: it is counted later."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Change] = []

    def note(self, account: Account, at: str, today: date, *, by: str, reason: str) -> None:
        """Keep, to be written, that ``by`` typed the number of the card that led to ``account``."""
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
        self._waiting = [*self._waiting, Change(entry=entry)][-WAITING_MAX:]

    async def write(self) -> None:
        """Write what waits; what cannot be written waits on, in memory."""
        if not self._waiting:
            return
        try:
            with self.taken() as waiting:
                await self._ledger.update(waiting.write)
        except RefusedError as error:
            log.warning("%d typed numbers wait to be counted: %s", len(self._waiting), error)

    @contextmanager
    def taken(self) -> Iterator[TakenAlong]:
        """Give what waits to the block, whose job writes it with what it has to write itself.

        What it has not written waits on.
        """
        along, self._waiting = TakenAlong(self._waiting), []
        try:
            yield along
        except ParamError:
            self._put_back(along)
            raise
        except RefusedError as error:
            if not error.state_unknown:  # one that may be written must not be counted twice
                self._put_back(along)
            raise
        if not along.is_written:
            self._put_back(along)

    def _put_back(self, along: TakenAlong) -> None:
        self._waiting = [*along.changes, *self._waiting][-WAITING_MAX:]


def times_typed(store: Store, card: CardRow) -> dict[str, int]:
    """Return how often a card's number was typed, by cashier ("" where nobody was named)."""
    prefix = _prefix(card.card_id)
    rows = store.ask(METERS_LIKE, card.account, f"{prefix}%")
    return {meter.removeprefix(prefix): times for meter, times in rows}


def _prefix(card_id: CardId) -> str:
    return f"@typed:{card_id}:"
