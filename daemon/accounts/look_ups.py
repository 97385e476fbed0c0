"""Cards that a cashier had shown, of which nothing came: somebody may be reading balances.

    10:00  card.identify, cashier anna      waits
    10:20  sale.quote with this card        something came of it: forgotten
    10:30  nothing                          an entry: anna looked the card up

What has come of it is a sale, a hold or a change: an entry of the account, at whatever till. A
quote is no entry, and is remembered here. What waits is in memory: a till that is killed forgets
the last half hour of it.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId, CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import Entry, decode
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Change, Store

FOLLOWED_WITHIN = timedelta(minutes=30)
"""Within which something comes of a card that is shown for a sale."""
WAITING_MAX = 10_000
"""Cards that wait for what comes of them; of more the oldest are dropped."""
LOOKED_UP = "lookup"
"""The kind of the entries."""
_TYPED = "typed"
_NOT_NOW = (ErrorCode.BUSY, ErrorCode.STORAGE_FULL)
_BETWEEN = Question(
    "SELECT body FROM entry WHERE account = ? AND at >= ? AND at <= ? ORDER BY at LIMIT 50",
    unpacked,
)
log = logging.getLogger(__name__)


class LookedUp(msgspec.Struct, frozen=True):
    """What an entry says: whose card, by whom and in which store, on which local day (ordinal).

    The entry is no account's: nothing has happened to that one, and nothing was heard of it.
    """

    account: AccountId
    by: str
    store: str
    day: int


class _Waiting(msgspec.Struct, frozen=True):
    account: AccountId
    card_id: CardId
    by: str
    at: datetime


class LookUps:
    """Remembers whose card was shown until something comes of it."""

    def __init__(
        self, ledger: Ledger, clock: Clock, days: Callable[[], BusinessDays], store: str
    ) -> None:
        """store: of this till."""
        self._ledger = ledger
        self._clock = clock
        self._days = days
        self._store = store
        self._waiting: list[_Waiting] = []
        self._one_at_a_time = asyncio.Lock()

    def note(self, account: AccountId, card_id: CardId, by: str) -> None:
        """Remember that a cashier was told whose card it is; "" is nobody that could be named."""
        if by:
            one = _Waiting(account, card_id, by, self._clock.now())
            self._waiting = [*self._waiting, one][-WAITING_MAX:]

    def followed(self, account: AccountId) -> None:
        """Forget a card of which something came."""
        if self._waiting:
            self._waiting = [one for one in self._waiting if one.account != account]

    async def write(self) -> None:
        """Write down of what nothing came in time; what cannot be written waits on."""
        async with self._one_at_a_time:
            before = self._clock.now() - FOLLOWED_WITHIN
            due = [one for one in self._waiting if one.at < before]
            if not due:
                return
            self._waiting = [one for one in self._waiting if one.at >= before]
            try:
                await self._ledger.update(lambda store: self._write(store, due))
            except RefusedError as error:
                log.warning("%d cards that were looked up wait: %s", len(due), error)
                # What may be written must not be counted twice; what is damaged stays so.
                if error.code in _NOT_NOW and not error.state_unknown:
                    self._waiting = [*due, *self._waiting][-WAITING_MAX:]

    def _write(self, store: Store, due: list[_Waiting]) -> None:
        at, days = rfc3339(self._clock.now()), self._days()
        # All are read before the first is written: see `Store.write`.
        for one in [one for one in due if not _came_of(store, one)]:
            said = LookedUp(one.account, one.by, self._store, days.day_of(one.at).toordinal())
            entry = Entry(
                at=at,
                kind=LOOKED_UP,
                ref=one.card_id,
                detail=msgspec.Raw(msgspec.json.encode(said)),
            )
            store.write(Change(entry=entry))


def _came_of(store: Store, one: _Waiting) -> bool:
    """Whether an entry of the account says that something came of it."""
    ends = rfc3339(one.at + FOLLOWED_WITHIN)
    try:
        bodies = store.ask(_BETWEEN, one.account, rfc3339(one.at), ends)
        return any(decode(body).kind != _TYPED for body in bodies)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise too_new(error) from error
