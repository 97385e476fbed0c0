"""Numbers that were typed: counted by card and cashier, for whoever looks for exceptions."""

from datetime import date

import msgspec

from daemon.accounts.cards import Account
from daemon.base.ids import CardId
from daemon.ledger.entries import Entry, MeterMove
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import METERS_LIKE
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Change, Store


async def count(
    ledger: Ledger, account: Account, at: str, today: date, *, by: str, reason: str
) -> None:
    """Write down that ``by`` typed the number of the card that led to ``account``.

    Raises: RefusedError BUSY, STORAGE_FULL.
    """
    card_id = account.card.card_id
    meter = MeterMove(account.account, f"{_prefix(card_id)}{by}", today.toordinal(), 1)
    detail = msgspec.json.encode({"by": by, "reason": reason})
    entry = Entry(
        at=at,
        kind="typed",
        ref=card_id,
        account=account.account,
        meters=(meter,),
        detail=msgspec.Raw(detail),
    )
    await ledger.write(Change(entry=entry))


def times_typed(store: Store, card: CardRow) -> dict[str, int]:
    """Return how often a card's number was typed, by cashier ("" where nobody was named)."""
    prefix = _prefix(card.card_id)
    rows = store.ask(METERS_LIKE, card.account, f"{prefix}%")
    return {meter.removeprefix(prefix): times for meter, times in rows}


def _prefix(card_id: CardId) -> str:
    return f"@typed:{card_id}:"
