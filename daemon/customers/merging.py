"""Two accounts of one person become one, and two again where it was a mistake.

One entry moves everything: purses with their lots, meters day by day, and each status as the better
of the two. Cards, codes, sales and keys of the search go over as rows beside it. The account that
is dropped stays as it is, empty, so that its entries still belong to somebody; whoever names it
means the one that is kept.

    drop    bonus 50 (until May), spend 300.00 on 2 Nov, member     nothing
    keep    bonus 20 (until June), spend 100.00 on 2 Nov            bonus 20 + 50, 400.00, member

Undoing it turns the same entry round. So nothing may have moved in the kept account since: what was
bought there afterwards belongs to nobody's half.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from daemon.accounts.assignments import SentBy, assignment
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, RequestId, SaidText
from daemon.customers.customers import everyone_in
from daemon.customers.friends import FRIENDS_MOVED
from daemon.customers.merging_friends import FriendsBefore, friends_before, joined, parted
from daemon.customers.profiles import person_of
from daemon.customers.search_keys import keys_of
from daemon.ledger import status_moves
from daemon.ledger.entries import Entry, LotMove, MeterMove, Posting, decode
from daemon.ledger.erased import ERASED, refuse_erased
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.sale_states import UNFINISHED
from daemon.ledger.storage.customer_queries import (
    ALL_SALES_OF,
    CODES_OF_ACCOUNT,
    CONSENTS_OF,
    ENTRIES_SINCE,
    ENTRY_BODY,
    KEYS_OF,
    MERGED,
    METERS_OF,
    POSTINGS_SINCE,
)
from daemon.ledger.storage.customer_rows import ConsentRow, CustomerKeyRow, MergedRow
from daemon.ledger.storage.partner_queries import PARTNER_BY_ACCOUNT
from daemon.ledger.storage.queries import CARDS_OF, CHIPS_OF, CUSTOMER, HEAD, MEMBERS_OF
from daemon.ledger.storage.rows import CodeRow, CustomerRow
from daemon.ledger.storage.store import Change, Gone, KeptRow, Reads, Store, View
from daemon.programme.state import Status
from daemon.programme.status import OUTSIDE, StatusState

UNDO_DAYS = 30
TYPED = "typed"
"""Of entries that say how often a number was typed: nothing of it is anybody's half."""
_BEST_FIRST = ("member", "lapsing", "candidate", "outside")
replace = msgspec.structs.replace


class MergeTerms(Approvable, frozen=True, kw_only=True):
    """Two accounts of one person: ``drop`` goes into ``keep``."""

    request_id: RequestId
    keep: AccountText
    drop: AccountText
    by: SaidText
    reason: SaidText

    def __post_init__(self) -> None:
        if self.keep == self.drop:
            raise ValueError("drop: is the account that is kept; name another one")


class UnmergeTerms(Approvable, frozen=True, kw_only=True):
    """An account that was merged by mistake."""

    request_id: RequestId
    drop: AccountText
    by: SaidText
    reason: SaidText


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of two accounts. ``moved``: how many cards, codes and sales went over."""

    keep: AccountId
    drop: AccountId
    moved: dict[str, int]
    replayed: bool = False


class _Before(msgspec.Struct, frozen=True):
    """How both accounts stood before, for the undoing. Nothing of a person is in it."""

    by: str
    reason: str
    drop: AccountId
    cards: tuple[str, ...]
    codes: tuple[str, ...]
    keep_statuses: dict[str, StatusState]
    drop_statuses: dict[str, StatusState]
    consents: tuple[ConsentRow, ...]
    given: tuple[tuple[str, str], ...]
    sent_by: SentBy
    friends: FriendsBefore = FriendsBefore()


class _Who(msgspec.Struct, frozen=True):
    at: str
    terms: UnmergeTerms
    signed: Signed


class Merging:
    """Merges accounts and takes it back."""

    def __init__(
        self, ledger: Ledger, clock: Clock, statuses: Callable[[], Mapping[str, Status]]
    ) -> None:
        """statuses: of the programme in force."""
        self._ledger = ledger
        self._clock = clock
        self._statuses = statuses

    async def merge(
        self, key: RequestKey, terms: MergeTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Merge ``drop`` into ``keep``, once.

        Raises: RefusedError CARD_UNKNOWN; BUSY while ``drop`` has a sale on hold or at a chip;
                ParamError for an account that was merged already, and one with a chip.
        """
        at = rfc3339(self._clock.now())
        keep, drop = AccountId(terms.keep), AccountId(terms.drop)

        def job(store: Store, view: View) -> tuple[Change, Merged]:
            for path, account in (("keep", keep), ("drop", drop)):
                _check_alone(store, path, account)
            _check_free(store, drop)
            before = _before(store, terms)
            statuses = _better(before.keep_statuses, before.drop_statuses)
            entry = _moving(at, store, keep, drop)
            seq = (store.ask_one(HEAD, store.ledger_id) or (0, b""))[0] + 1
            cards, codes = _cards(store, drop, keep), _codes(store, drop, keep)
            sales = [replace(row, account=keep) for row in store.ask(ALL_SALES_OF, drop)]
            keys = store.ask(KEYS_OF, drop)
            there = set(store.ask(KEYS_OF, keep))
            known = self._statuses()
            friends, gone = joined(store, keep, drop, before.friends)
            rows: tuple[KeptRow, ...] = (
                MergedRow(drop, keep, store.ledger_id, seq, at),
                *_assigned(store, keep, before, at, terms.by),
                *friends,
                *cards,
                *codes,
                *sales,
                *status_moves.rows(known, keep, statuses),
                *status_moves.rows(known, drop, dict.fromkeys(before.drop_statuses, OUTSIDE)),
                *(replace(row, account=keep) for row in _newer_consents(store, keep, drop)),
                *(new for row in keys if (new := replace(row, account=keep)) not in there),
            )
            detail = msgspec.to_builtins(before) | signed.approved
            entry = replace(
                entry,
                counters=(FRIENDS_MOVED,) if friends or gone else (),
                statuses=(
                    *status_moves.moves(keep, statuses),
                    *status_moves.moves(drop, dict.fromkeys(before.drop_statuses, OUTSIDE)),
                ),
                detail=msgspec.Raw(msgspec.json.encode(detail)),
            )
            moved = {"cards": len(cards), "codes": len(codes), "sales": len(sales)}
            gone += tuple(Gone(CustomerKeyRow, (row.kind, row.value, drop)) for row in keys)
            return Change(entry=entry, rows=rows, gone=gone), Merged(
                keep=keep, drop=drop, moved=moved
            )

        return await self._ledger.once(key, at, job, Reads(accounts=(keep, drop)))

    async def unmerge(
        self, key: RequestKey, terms: UnmergeTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Give everything back to ``drop``, once.

        Raises: RefusedError CARD_UNKNOWN for an account that is merged into none; NOT_UNDOABLE
                after UNDO_DAYS, and where something has moved, with the entry in the way.
        """
        now = self._clock.now()
        at, drop = rfc3339(now), AccountId(terms.drop)

        def job(store: Store, view: View) -> tuple[Change, Merged]:
            row = store.ask_one(MERGED, drop)
            if row is None:
                raise RefusedError(ErrorCode.CARD_UNKNOWN, "This account is merged into none.")
            if now - datetime.fromisoformat(row.at) > timedelta(days=UNDO_DAYS):
                raise RefusedError(
                    ErrorCode.NOT_UNDOABLE, f"It was merged more than {UNDO_DAYS} days ago."
                )
            _check_unmoved(store, row)
            body = store.ask_one(ENTRY_BODY, row.ledger_id, row.seq)
            assert body is not None, "its row names it"
            made = decode(body)
            before = msgspec.json.decode(made.detail, type=_Before)
            return _undone(store, row, (made, before), self._statuses(), _Who(at, terms, signed))

        return await self._ledger.once(key, at, job)


def _check_alone(store: Store, path: str, account: AccountId) -> None:
    if (row := store.ask_one(MERGED, account)) is not None:
        raise ParamError(path, f"was merged into {row.kept} already")
    refuse_erased(store, account, path)
    if store.ask_one(CUSTOMER, account) is None:
        raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such customer.")


def _check_free(store: Store, drop: AccountId) -> None:
    """Let no sale be on its way while its account goes, and no chip hold what moves."""
    for row in store.ask(ALL_SALES_OF, drop):
        if row.state in UNFINISHED:
            raise RefusedError(
                ErrorCode.BUSY, "This customer has a sale that is not finished; finish it first."
            )
    if store.ask_one(PARTNER_BY_ACCOUNT, drop) is not None:
        raise ParamError("drop", "is a partner's account; keep this account instead")
    for card in store.ask(CARDS_OF, drop):
        if store.ask(CHIPS_OF, card.card_id):
            raise ParamError("drop", "has a card with a chip of its own; keep this account instead")


def _before(store: Store, terms: MergeTerms) -> _Before:
    keep, drop = AccountId(terms.keep), AccountId(terms.drop)
    newer = _newer_consents(store, keep, drop)
    given = tuple((row.purpose, row.channel) for row in newer)
    held = store.ask(CONSENTS_OF, keep)
    return _Before(
        by=terms.by,
        reason=terms.reason,
        drop=drop,
        cards=tuple(card.card_id for card in store.ask(CARDS_OF, drop)),
        codes=tuple(code.code for code in store.ask(CODES_OF_ACCOUNT, drop)),
        keep_statuses=status_moves.states_of(store.ask(MEMBERS_OF, keep)),
        drop_statuses=status_moves.states_of(store.ask(MEMBERS_OF, drop)),
        consents=tuple(row for row in held if (row.purpose, row.channel) in given),
        given=given,
        sent_by=_sender(store, keep, drop),
        friends=friends_before(store, keep, drop),
    )


def _sender(store: Store, keep: AccountId, drop: AccountId) -> SentBy:
    """Return who has sent the dropped one, where nobody has sent the kept one."""
    ours, theirs = person_of(store, keep).profile, person_of(store, drop).profile
    if ours.partner or keep in (theirs.partner, theirs.employee):
        return SentBy()
    return SentBy(theirs.partner, theirs.employee)


def _assigned(
    store: Store, keep: AccountId, before: _Before, at: str, by: str, back_to: str | None = None
) -> Iterator[KeptRow]:
    """Yield the rows of who has sent the kept account: those who come with the dropped one.

    back_to: who has brought the kept one from now on, where the others go with it again.
    """
    known = person_of(store, keep).profile
    is_undone, who = back_to is not None, before.sent_by
    profile = replace(known, referrer=before.friends.joined if back_to is None else back_to)
    # Where it is undone, somebody may have assigned another since.
    if who.partner and (not is_undone or known.partner == who.partner):
        who = SentBy() if is_undone else who
        profile = replace(profile, partner=who.partner, employee=who.employee)
        yield assignment(keep, at, who, by)
    if profile != known:
        yield CustomerRow(keep, msgspec.json.encode(profile))


def _newer_consents(store: Store, keep: AccountId, drop: AccountId) -> list[ConsentRow]:
    held = {(row.purpose, row.channel): row.at for row in store.ask(CONSENTS_OF, keep)}
    dropped = store.ask(CONSENTS_OF, drop)
    return [row for row in dropped if row.at > held.get((row.purpose, row.channel), "")]


def _better(
    keep: Mapping[str, StatusState], drop: Mapping[str, StatusState]
) -> dict[str, StatusState]:
    """Return each status that is better in the dropped account: by stage, then by its total."""
    return {
        name: state for name, state in drop.items() if _rank(state) > _rank(keep.get(name, OUTSIDE))
    }


def _rank(state: StatusState) -> tuple[int, int]:
    return -_BEST_FIRST.index(state.stage), state.total


def _moving(at: str, store: Store, keep: AccountId, drop: AccountId) -> Entry:
    """Return the entry that moves purses and meters."""
    ours, theirs = store.purses(keep), store.purses(drop)
    postings: list[Posting] = []
    lots: list[LotMove] = []
    for purse, state in sorted(theirs.items()):
        if state.posted:
            postings += [Posting(drop, purse, -state.posted), Posting(keep, purse, state.posted)]
        mine = ours.get(purse, PurseLots())
        lots += _lot_moves(drop, purse, state.lots, ())
        lots += _lot_moves(keep, purse, mine.lots, _joined(mine, state))
    meters = [
        MeterMove(account, meter, day, sign * amount)
        for meter, day, amount in store.ask(METERS_OF, drop)
        for account, sign in ((drop, -1), (keep, 1))
    ]
    return Entry(
        at=at,
        kind="merge",
        ref=drop,
        account=keep,
        postings=tuple(postings),
        lots=tuple(lots),
        meters=tuple(meters),
    )


def _joined(mine: PurseLots, theirs: PurseLots) -> tuple[Lot, ...]:
    """Return the lots of two purses together; what one of them owes is taken, oldest first."""
    sums: dict[tuple[int, int], int] = {}
    for lot in (*mine.lots, *theirs.lots):
        key = (lot.expires, lot.usable_from)
        sums[key] = sums.get(key, 0) + lot.amount
    owed = mine.debt + theirs.debt
    left = []
    for key, amount in sorted(sums.items()):
        paid = min(owed, amount)
        owed -= paid
        left.append(Lot(*key, amount - paid))
    return tuple(left)


def _lot_moves(
    account: AccountId, purse: str, before: Iterable[Lot], after: Iterable[Lot]
) -> Iterator[LotMove]:
    sums: dict[tuple[int, int], int] = {}
    for lots, sign in ((before, -1), (after, 1)):
        for lot in lots:
            key = (lot.expires, lot.usable_from)
            sums[key] = sums.get(key, 0) + sign * lot.amount
    for (expires, usable_from), amount in sorted(sums.items()):
        if amount:
            yield LotMove(account, purse, expires, usable_from, amount)


def _cards(store: Store, drop: AccountId, keep: AccountId) -> list[KeptRow]:
    return [replace(card, account=keep) for card in store.ask(CARDS_OF, drop)]


def _codes(store: Store, drop: AccountId, keep: AccountId) -> list[CodeRow]:
    return [replace(code, account=keep) for code in store.ask(CODES_OF_ACCOUNT, drop)]


def _check_unmoved(store: Store, row: MergedRow) -> None:
    """Raise RefusedError NOT_UNDOABLE with the first entry that moved the kept account since."""
    if (into := store.ask_one(MERGED, row.kept)) is not None:
        raise _in_the_way(into.ledger_id, into.seq, "merge")
    for question in (ENTRIES_SINCE, POSTINGS_SINCE):
        for ledger_id, seq, body in store.ask(question, row.kept, row.at):
            if ledger_id == row.ledger_id and seq <= row.seq:
                continue  # at the same moment, and before
            entry = decode(body)
            moves = entry.postings, entry.lots, entry.held, entry.meters, entry.statuses
            if entry.kind == ERASED or (any(moves) and entry.kind != TYPED):
                raise _in_the_way(ledger_id, seq, entry.kind)


def _in_the_way(ledger_id: str, seq: int, kind: str) -> RefusedError:
    return RefusedError(
        ErrorCode.NOT_UNDOABLE,
        f"Entry {seq} ({kind}) has moved this account since; it cannot be divided any more.",
        extra={"ledger_id": ledger_id, "seq": seq, "kind": kind},
    )


def _undone(
    store: Store,
    row: MergedRow,
    merge: tuple[Entry, _Before],
    known: Mapping[str, Status],
    who: "_Who",
) -> tuple[Change, Merged]:
    """Return the merge turned round: the same moves with the other sign, the rows as they were."""
    keep, drop = row.kept, row.dropped
    made, before = merge
    cards, codes, sales = _given_back(store, row, before)
    changed = {name: before.keep_statuses.get(name, OUTSIDE)
               for name in _better(before.keep_statuses, before.drop_statuses)}  # fmt: skip
    lost = keys_of(person_of(store, drop).profile)
    kept_keys = keys_of(person_of(store, keep).profile)
    held = {(one.purpose, one.channel) for one in before.consents}
    friends, friends_gone, *brought = parted(store, keep, drop, before.friends)
    rows: tuple[KeptRow, ...] = (
        *cards,
        *codes,
        *sales,
        *status_moves.rows(known, keep, changed),
        *status_moves.rows(known, drop, before.drop_statuses),
        *before.consents,
        *_assigned(store, keep, before, who.at, who.terms.by, back_to=brought[0]),
        *friends,
        *_brought_no_more(store, drop, brought[1]),
        *(CustomerKeyRow(*key, drop) for key in sorted(lost)),
    )
    gone = (
        Gone(MergedRow, (drop,)),
        *friends_gone,
        *(Gone(ConsentRow, (keep, *pair)) for pair in before.given if pair not in held),
        *(Gone(CustomerKeyRow, (*key, keep)) for key in sorted(lost - kept_keys)),
    )
    terms, signed = who.terms, who.signed
    detail: dict[str, Any] = {"by": terms.by, "reason": terms.reason, "merge": row.seq}
    entry = Entry(
        at=who.at,
        kind="unmerge",
        counters=(FRIENDS_MOVED,) if friends or friends_gone else (),
        ref=drop,
        account=keep,
        postings=tuple(replace(one, amount=-one.amount) for one in made.postings),
        lots=tuple(replace(one, amount=-one.amount) for one in made.lots),
        meters=tuple(replace(one, amount=-one.amount) for one in made.meters),
        statuses=(
            *status_moves.moves(keep, changed),
            *status_moves.moves(drop, before.drop_statuses),
        ),
        detail=msgspec.Raw(msgspec.json.encode(detail | signed.approved)),
    )
    moved = {"cards": len(cards), "codes": len(codes), "sales": len(sales)}
    return Change(entry=entry, rows=rows, gone=gone), Merged(keep=keep, drop=drop, moved=moved)


def _brought_no_more(store: Store, account: AccountId, referrer: str) -> Iterator[KeptRow]:
    """Yield the profile of an account whom somebody else, or nobody, has brought after all."""
    known = person_of(store, account).profile
    if known.referrer != referrer:
        yield CustomerRow(account, msgspec.json.encode(replace(known, referrer=referrer)))


def _given_back(
    store: Store, row: MergedRow, before: _Before
) -> tuple[list[KeptRow], list[KeptRow], list[KeptRow]]:
    """Return the cards, codes and sales that came with an account, as its own again."""
    keep, drop = row.kept, row.dropped
    theirs = everyone_in(store, drop)
    cards = [c for c in store.ask(CARDS_OF, keep) if c.card_id in before.cards]
    codes = [c for c in store.ask(CODES_OF_ACCOUNT, keep) if c.code in before.codes]
    sales = [one for one in store.ask(ALL_SALES_OF, keep) if one.sold_to in theirs]
    return (
        [replace(one, account=drop) for one in cards],
        [replace(one, account=drop) for one in codes],
        [replace(one, account=drop) for one in sales],
    )
