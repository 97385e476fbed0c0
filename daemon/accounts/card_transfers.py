"""A card that goes to somebody: an anonymous one gets a name, another changes hands.

An anonymous card becomes personal where it is: its account gets the profile. A personal one moves
where the programme lets its kind (``transferable``), to a new account or to that of another card,
and takes the balances along, lot by lot:

    account a1  bonus 50.00: 20.00 to 3 March, 30.00 for ever     meters, statuses, codes
    account a2  bonus 50.00: 20.00 to 3 March, 30.00 for ever     none of them

So whoever bought the card has the money on it, and not what somebody else has earned by being a
good customer. The old holder's phone and page open it no more.
"""

import secrets
from collections.abc import Callable

import msgspec

from daemon.accounts.cards import (
    TOKEN_BYTES,
    Cards,
    Profile,
    Said,
    new_account,
    profile_in,
    token_hash,
)
from daemon.accounts.issue_conditions import check_room, unmet
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.text_limits import RequestId, SaidText, Text
from daemon.ledger.entries import Entry
from daemon.ledger.erased import erased_day
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.lots import PurseLots
from daemon.ledger.moves import Moves
from daemon.ledger.storage.card_queries import CARDS_OF_ACCOUNT
from daemon.ledger.storage.queries import CHIP, CHIPS_OF, CUSTOMER, DEVICES_OF, PHONE
from daemon.ledger.storage.rows import CardRow, CustomerRow, DeviceRow
from daemon.ledger.storage.store import Change, Gone, KeptRow, Store, View
from daemon.programme.programme import Programme

NAMED = ("name", "phone", "email", "birthday", "answers")
"""What makes an account somebody's: any of these fields of its profile."""


class TransferTerms(Approvable, frozen=True, kw_only=True):
    """Whose ``card`` is from now on: who ``profile`` says, or whoever has ``with_card``."""

    request_id: RequestId
    card: Text
    profile: Profile = Profile()
    with_card: Text = ""
    by: SaidText
    reason: SaidText

    def __post_init__(self) -> None:
        if bool(self.with_card) == (self.profile != Profile()):
            raise ValueError("give a profile or with_card, one of them")


class Transferred(msgspec.Struct, frozen=True, kw_only=True):
    """The card, its account now, and what went there, by purse in its smallest unit."""

    number: str
    account: AccountId
    moved: dict[str, int]
    replayed: bool = False


class CardTransfers:
    """Transfers cards. ``programme`` is in force."""

    def __init__(
        self, ledger: Ledger, cards: Cards, clock: Clock, programme: Callable[[], Programme]
    ) -> None:
        self._ledger = ledger
        self._cards = cards
        self._clock = clock
        self._programme = programme

    async def transfer(
        self, key: RequestKey, terms: TransferTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Give a card to somebody, once.

        Raises: RefusedError CARD_UNKNOWN, CARD_BLOCKED, CARD_EXPIRED; CONDITION_UNMET, whose
                ``condition`` says why it stays: ``chip``, ``transferable``, ``hold``, ``debt``,
                ``family``; LIMIT_REACHED for an account with all the cards it may have.
        """
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, Transferred]:
            card = self._cards.usable(store, terms.card, at)
            to = self._cards.usable(store, terms.with_card, at) if terms.with_card else None
            said = {"by": terms.by, "reason": terms.reason} | signed.approved
            filling = Said(at=at, by=terms.by, language=terms.profile.language)
            is_erased = erased_day(store, card.account)  # another person is no part of its past
            if to is None and not is_erased and not _is_personal(store, card.account):
                profile = _as_brought(store, card.account, terms.profile)
                filled = self._cards.filled(store, card.account, profile, filling)
                rows = tuple(_still_sent(store, row) for row in filled.rows)
                entry = _entry(at, card, card.account, said, Moves({}))
                done = Transferred(number=card.number, account=card.account, moved={})
                return Change(entry=entry, rows=rows, gone=filled.gone), done
            account = to.account if to else new_account()
            moves, moved = self._moved(store, card, account, at)
            rows, gone = _given(store, card, account)
            if to is None:
                filled = self._cards.filled(store, account, terms.profile, filling)
                rows, gone = (*rows, *filled.rows), (*gone, *filled.gone)
            entry = _entry(at, card, account, said, moves)
            done = Transferred(number=card.number, account=account, moved=moved)
            return Change(entry=entry, rows=rows, gone=gone), done

        return await self._ledger.once(key, at, job)

    def _moved(
        self, store: Store, card: CardRow, account: AccountId, at: str
    ) -> tuple[Moves, dict[str, int]]:
        """Return the moves of all balances to another account, where they may go there."""
        kind = self._programme().cards.get(card.kind)
        if account == card.account:
            raise unmet("family", card.number, "Both cards are of one account already.")
        chips = (store.ask_one(CHIP, uid) for uid in store.ask(CHIPS_OF, card.card_id))
        if any(chip is not None and chip.speaks for chip in chips):
            raise unmet("chip", card.number, "This card carries its purse on its chip: it stays.")
        if _is_personal(store, card.account) and not (kind and kind.transferable):
            raise unmet("transferable", card.kind, "Cards of this kind stay with their customer.")
        _check_free(store, card)
        check_room(store, kind, account, at)
        purses = store.purses(card.account)
        moves = Moves({card.account: purses, account: store.purses(account)})
        moved = {}
        for purse, state in sorted(purses.items()):
            if state.held or state.debt:
                what = "hold" if state.held else "debt"
                raise unmet(what, purse, f"Something of {purse} is on hold, or is owed.")
            if state.posted:
                _move(moves, (card.account, account), purse, state)
                moved[purse] = state.posted
        return moves, moved


def _move(
    moves: Moves, accounts: tuple[AccountId, AccountId], purse: str, state: PurseLots
) -> None:
    old, new = accounts
    if moves.state(new, purse).debt:
        raise unmet("debt", purse, f"Something of {purse} is on hold, or is owed.")
    moves.move(old, purse, posted=-state.posted, lots=state.lots, sign=-1)
    moves.move(new, purse, posted=state.posted, lots=state.lots)


def _is_personal(store: Store, account: AccountId) -> bool:
    row = store.ask_one(CUSTOMER, account)
    profile = profile_in(row.profile if row else b"")
    return any(getattr(profile, name) for name in NAMED)


def _as_brought(store: Store, account: AccountId, profile: Profile) -> Profile:
    """Return a profile for an account with whom has brought it already, while it was nobody's."""
    row = store.ask_one(CUSTOMER, account)
    friend = profile_in(row.profile if row else b"").referrer
    return msgspec.structs.replace(profile, referrer=friend) if friend else profile


def _still_sent(store: Store, row: KeptRow) -> KeptRow:
    """Return the profile of an account with who had sent it, unless it names somebody else.

    They are not looked up in the directory again: one who has left it has sent it all the same.
    """
    if not isinstance(row, CustomerRow) or (profile := profile_in(row.profile)).partner:
        return row
    known = store.ask_one(CUSTOMER, row.account)
    before = profile_in(known.profile if known else b"")
    if not before.partner:
        return row
    kept = msgspec.structs.replace(profile, partner=before.partner, employee=before.employee)
    return CustomerRow(row.account, msgspec.json.encode(kept))


def _check_free(store: Store, card: CardRow) -> None:
    """Refuse a card whose balance is not its own alone."""
    others = store.ask(CARDS_OF_ACCOUNT, card.account)
    if any(one.state == "active" and one.card_id != card.card_id for one in others):
        raise unmet("family", card.number, "Other cards pay from the account of this one.")


def _given(
    store: Store, card: CardRow, account: AccountId
) -> tuple[tuple[KeptRow, ...], tuple[Gone, ...]]:
    """Return the rows of a card of another account, which no phone and no page opens any more."""
    token = token_hash(secrets.token_urlsafe(TOKEN_BYTES))
    changed = msgspec.structs.replace(card, account=account, holder="", token_hash=token)
    phone = store.ask_one(PHONE, card.card_id)
    rows: tuple[KeptRow, ...] = (changed,)
    if phone is not None:
        rows = (changed, msgspec.structs.replace(phone, generation=phone.generation + 1))
    devices = store.ask(DEVICES_OF, card.card_id)
    return rows, tuple(Gone(DeviceRow, (one.device, one.card_id)) for one in devices)


def _entry(at: str, card: CardRow, account: AccountId, said: dict[str, str], moves: Moves) -> Entry:
    said = {"from": card.account, "to": account, "event": "transfer"} | said
    return Entry(
        at=at,
        kind="transfer",
        ref=card.card_id,
        account=account,
        postings=tuple(moves.postings),
        lots=tuple(moves.lots),
        detail=msgspec.Raw(msgspec.json.encode(said)),
    )
