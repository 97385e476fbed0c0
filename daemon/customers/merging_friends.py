"""What becomes of who has brought whom where two accounts become one, and two again.

Whom the dropped account has brought, the kept one has brought; their codes are its codes. Who has
brought the two is asked of the kept account first. Nobody is brought by whom they have brought:

    x ← drop, keep ← x      x ← keep, and nobody has brought keep: x would close the circle
"""

from collections.abc import Iterator

import msgspec

from daemon.base.ids import AccountId
from daemon.customers.friends import friendship
from daemon.customers.profiles import brought_by, person_of
from daemon.ledger.erased import erased_day
from daemon.ledger.storage.customer_queries import MERGED
from daemon.ledger.storage.friend_queries import FRIEND, FRIENDS_OF, INVITES_OF
from daemon.ledger.storage.friend_rows import FriendRow
from daemon.ledger.storage.store import Gone, KeptRow, Store


class FriendsBefore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How two accounts stood before a merge, for its undoing. Accounts, and no person.

    codes, brought: of the dropped one: its codes, and whom it had brought.
    referrer:       of the kept one; joined: what it is with the other's.
    since:          when the dropped one was brought.
    """

    codes: tuple[str, ...] = ()
    brought: tuple[AccountId, ...] = ()
    referrer: str = ""
    joined: str = ""
    since: str = ""


def friends_before(store: Store, keep: AccountId, drop: AccountId) -> FriendsBefore:
    """Return how two accounts stand, and who has brought both."""
    both, ours, theirs = {keep, drop}, _referrer(store, keep), _referrer(store, drop)
    free = (
        one
        for one in (ours, theirs)
        if one and not both & {AccountId(one), *brought_by(store, AccountId(one))}
    )
    row = store.ask_one(FRIEND, drop)
    return FriendsBefore(
        codes=tuple(invite.code for invite in store.ask(INVITES_OF, drop)),
        brought=tuple(row.account for row in store.ask(FRIENDS_OF, drop)),
        referrer=ours,
        joined=next(free, ""),
        since=row.at if row else "",
    )


def joined(
    store: Store, keep: AccountId, drop: AccountId, before: FriendsBefore
) -> tuple[tuple[KeptRow, ...], tuple[Gone, ...]]:
    """Return what a merge writes; the profile of the kept account is written beside it."""
    invites = (msgspec.structs.replace(one, account=keep) for one in store.ask(INVITES_OF, drop))
    gone = [Gone(FriendRow, (drop,))] if store.ask(FRIEND, drop) else []
    if not before.joined and store.ask(FRIEND, keep):
        gone.append(Gone(FriendRow, (keep,)))
    since = before.since or _since(store, keep)
    own = [FriendRow(keep, AccountId(before.joined), since)]
    changed = before.joined and before.joined != before.referrer
    return (
        *invites,
        *(own if changed else ()),
        *_moved(store, before.brought, (drop, keep), but=keep),
    ), tuple(gone)


def parted(
    store: Store, keep: AccountId, drop: AccountId, before: FriendsBefore
) -> tuple[tuple[KeptRow, ...], tuple[Gone, ...], str, str]:
    """Return what the undoing of a merge writes, and who has brought the two from then on."""
    invites = [one for one in store.ask(INVITES_OF, keep) if one.code in before.codes]
    theirs = [
        one for one in before.brought if keep in (_referrer(store, one), _friend_of(store, one))
    ]
    instead: dict[AccountId, str] = dict.fromkeys(theirs, drop)
    now = _referrer(store, keep)
    ours = _kept(store, before.referrer if now == before.joined else now, drop)
    instead |= {keep: "", drop: ""}
    kept = _unless_circle(store, keep, ours, instead)
    instead[keep] = kept
    theirs_by = _kept(store, _referrer(store, drop), drop)
    dropped = _unless_circle(store, drop, theirs_by, instead)
    rows: list[KeptRow] = [msgspec.structs.replace(one, account=drop) for one in invites]
    rows += _moved(store, tuple(theirs), (keep, drop), but=keep)
    if kept:
        rows.append(FriendRow(keep, AccountId(kept), _since(store, keep) or before.since))
    if dropped:
        rows.append(FriendRow(drop, AccountId(dropped), before.since))
    gone = (Gone(FriendRow, (keep,)),) if now and not kept else ()
    return tuple(rows), gone, kept, dropped


def _moved(
    store: Store,
    friends: tuple[AccountId, ...],
    way: tuple[AccountId, AccountId],
    *,
    but: AccountId,
) -> Iterator[KeptRow]:
    """Yield the rows of customers whom the second account of ``way`` has brought, not the first."""
    for account in friends:
        if account == but or store.ask_one(MERGED, account) is not None:
            continue
        if erased_day(store, account):  # nothing of a person is kept there; the books know who
            yield FriendRow(account, way[1], _since(store, account))
        else:
            profile = person_of(store, account).profile
            yield from friendship(account, profile, way[1], _since(store, account))


def _kept(store: Store, account: str, parted_one: AccountId) -> str:
    """Return what an account was merged into meanwhile; ``parted_one`` is its own from now on."""
    while account != parted_one and (row := store.ask_one(MERGED, AccountId(account))):
        account = row.kept
    return account


def _unless_circle(
    store: Store, account: AccountId, referrer: str, instead: dict[AccountId, str]
) -> str:
    """Return who has brought an account, or "" where that closes a circle."""
    if not referrer:
        return ""
    chain = (AccountId(referrer), *brought_by(store, AccountId(referrer), instead))
    return "" if account in chain else referrer


def _referrer(store: Store, account: AccountId) -> str:
    return person_of(store, account).profile.referrer


def _friend_of(store: Store, account: AccountId) -> str:
    row = store.ask_one(FRIEND, account)
    return row.referrer if row else ""


def _since(store: Store, account: AccountId) -> str:
    row = store.ask_one(FRIEND, account)
    return row.at if row else ""
