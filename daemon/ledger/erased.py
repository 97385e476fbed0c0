"""What the books say of an account whose customer was erased: counters, which entries move.

    @erased:a1        738852    the local day (ordinal) on which its customer was erased
    @erased:a1:kept   1         its cards go on, and nobody's; without it they are blocked for good
    @erasures         7         how many there were
    @overwritten      6         after how many of them what was deleted was overwritten in the files

So every till of a database knows, the audit proves it, and no row has to say so.
"""

from datetime import date

import msgspec

from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.storage.store import Change, Reads, Store

ERASED = "erase"
"""The kind of the entries."""
ERASURES, OVERWRITTEN = "@erasures", "@overwritten"


def erased_counter(account: AccountId) -> str:
    """Return the counter that says when an account's customer was erased."""
    return f"@erased:{account}"


def kept_counter(account: AccountId) -> str:
    """Return the counter that says that an erased customer's cards go on as nobody's."""
    return f"{erased_counter(account)}:kept"


def erased_day(store: Store, account: AccountId) -> int:
    """Return the local day (ordinal) on which an account's customer was erased, or 0."""
    name = erased_counter(account)
    return store.counters([name]).get(name, 0)


def notice(store: Store, account: AccountId) -> str:
    """Return the sentence that stands where a person stood, or ""."""
    if not (ordinal := erased_day(store, account)):
        return ""
    day = date.fromordinal(ordinal)
    return f"This customer was erased on {day}; nothing of a person is kept there any more."


def refuse_erased(store: Store, account: AccountId, path: str) -> None:
    """Raise ParamError, with the path of what names the account, for one that was erased.

    Whoever writes afterwards takes turns with a till that erases it meanwhile.
    """
    store.view(Reads(accounts=(account,)))
    if ordinal := erased_day(store, account):
        day = date.fromordinal(ordinal)
        raise ParamError(path, f"was erased on {day}; nothing of a person is kept there any more")


def refuse_closed(store: Store, account: AccountId) -> None:
    """Raise RefusedError CARD_BLOCKED for an account that was erased with its cards."""
    day, kept = erased_counter(account), kept_counter(account)
    found = store.counters([day, kept])
    if day in found and kept not in found:
        raise RefusedError(
            ErrorCode.CARD_BLOCKED,
            "The customer of this card was erased; it stays blocked. Issue another card.",
        )


def not_overwritten(store: Store) -> int:
    """Return of how many erased customers something may be left in the files."""
    found = store.counters([ERASURES, OVERWRITTEN])
    return found.get(ERASURES, 0) - found.get(OVERWRITTEN, 0)


def note_overwritten(store: Store, at: str, done: int) -> None:
    """Write down that nothing is left of ``done`` that were due; another till may have done it."""
    count = min(done, not_overwritten(store))
    if count > 0:
        said = msgspec.Raw(b'{"event":"overwritten"}')
        moves = (CounterMove(OVERWRITTEN, count),)
        store.write(Change(entry=Entry(at=at, kind=ERASED, ref="", counters=moves, detail=said)))
