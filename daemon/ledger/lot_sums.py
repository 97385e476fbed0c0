"""What lots were put in and taken out, by months: what the forecast of unused points is made from.

    purse    lot_month          month      kind       amount
    bonus    March 2027         Sept 2026  accrued    200      earned, good until March
    bonus    March 2027         Nov 2026   burned      60
    bonus    March 2027         March 2027 expired    140

``lot_month`` is that of a lot's last day: a move names its lot by its days, and not by the sale
that filled it. A purse's lots live equally long, so how old they are follows. Every row follows
from entries alone, as the facts do, and the audit makes them again.

    accrued    put in, less what returns took back
    burned     taken by sales and holds, less what came back
    expired    written off after the last day, or because the customer was erased
    other      the rest, put in or taken out: adjustments, payouts, what went to another account

The month of an entry is that of its local day where it says one, as sales and returns do, else that
of its moment in UTC; what expired did so in the month of its last day.
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from daemon.ledger.entries import Entry
from daemon.ledger.storage.fact_tables import Sum, month_of

ACCRUED, BURNED, EXPIRED, OTHER = "accrued", "burned", "expired", "other"
_WRITTEN_OFF = frozenset({"expiry", "erase"})
_BUYING = frozenset({"sale", "hold", "void", "return"})
_EARNING = frozenset({"sale", "topup", "import"})


class _Said(msgspec.Struct, frozen=True):
    today: int = 0


_SAID = msgspec.json.Decoder(_Said)


def lot_sums_of(entry: Entry) -> Iterator[Sum]:
    """Yield what an entry adds to ``lot_sum``."""
    if not entry.lots:
        return
    there = _month(entry)
    for move in entry.lots:
        last = month_of(move.expires)
        kind, amount = _told(entry.kind, move.amount)
        month = last if entry.kind == "expiry" else there
        yield "lot_sum", (move.purse, last, month, kind), (amount,)


def _told(kind: str, amount: int) -> tuple[str, int]:
    """Return what a move of a lot is, and how much it is of that."""
    if kind in _WRITTEN_OFF and amount < 0:
        return EXPIRED, -amount
    if kind in _EARNING and amount > 0:
        return ACCRUED, amount
    if kind == "return" and amount < 0:
        return ACCRUED, amount
    if kind in _BUYING:
        return BURNED, -amount
    return OTHER, amount


def _month(entry: Entry) -> int:
    try:
        day = _SAID.decode(entry.detail).today
    except msgspec.DecodeError:
        day = 0
    if 0 < day <= date.max.toordinal():
        return month_of(day)
    return int(entry.at[:4]) * 12 + int(entry.at[5:7]) - 1
