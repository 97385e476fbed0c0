"""A customer is erased: who the person is goes, what the account has done stays.

One entry of the kind ``erase`` says that it was done, by whom and why, and moves what is forfeited:

    account a1   bonus 70, paid in     refused, unless it is forfeited: a1 -70, @breakage +70
                 stars 12, earned      forfeited with the cards: nobody could spend them
    cards        blocked, for good     or, with ``keep_cards``, they go on as nobody's with all that
                                       is on them, and nothing is forfeited

The account is known as erased from then on (`daemon.ledger.erased`): it is shown as that, nothing
of a person is written there again, and it is merged with none. What stood in the rows is then
overwritten in the files, which is due until it was done.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import RetentionSection
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, RequestId, SaidText
from daemon.customers.customers import everyone_in, known_account
from daemon.customers.erased_rows import BLOCKED, Leaving, acts_naming, cards_of, going
from daemon.ledger import status_moves
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.entries import BREAKAGE, CounterMove, Entry, StatusMove, decode
from daemon.ledger.erased import (
    ERASED,
    ERASURES,
    erased_counter,
    kept_counter,
    refuse_erased,
)
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.lots import Lot, PurseLots, lapsed_counter
from daemon.ledger.moves import Moves
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import UNFINISHED
from daemon.ledger.storage.card_rows import ActRow
from daemon.ledger.storage.customer_queries import SALE_ROWS_OF
from daemon.ledger.storage.partner_queries import PARTNER_BY_ACCOUNT, POSTED_TO
from daemon.ledger.storage.queries import CHIP, CHIPS_OF, MEMBERS_OF
from daemon.ledger.storage.store import Change, KeptRow, Reads, Store, View
from daemon.programme.programme import Programme
from daemon.programme.status import OUTSIDE

TRANSFER = "transfer"
BRINGING = ("topup", "import", TRANSFER)
"""Kinds of entries that may bring what somebody has paid for."""
AT_ONCE_BYTES = 64 * 1024 * 1024
"""A ledger's file up to this is written anew when somebody was erased: sales wait for a second.
A longer one has zeros in place of what was erased; the day's work or a start writes it anew.
"""
CHIPS = "chips:"
"""Stands among purses for what chips have beyond what this ledger knows; ids have no colon."""
log = logging.getLogger(__name__)
_HEAD_BYTES = 80
"""Within which an entry says its kind."""


class EraseTerms(Approvable, frozen=True, kw_only=True):
    """Whose person is erased. It cannot be undone.

    forfeit:    what was paid in and is left goes to the shop.
    keep_cards: the cards go on as nobody's, with what is on them.
    """

    request_id: RequestId
    account: AccountText
    by: SaidText
    reason: SaidText
    forfeit: bool = False
    keep_cards: bool = False

    def __post_init__(self) -> None:
        if self.forfeit and self.keep_cards:
            raise ValueError("forfeit: cards that go on keep what is on them; leave one of both")


class ActLater(msgspec.Struct, frozen=True, kw_only=True):
    """An act that says the name until a local day (YYYY-MM-DD), as the books want it."""

    act: str
    company: str
    until: str


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``account`` is the customer's, ``merged`` are those that were merged into it.

    blocked, kept: how many cards. sales: whose rows say nothing of a person any more.
    forfeited: by purse, in its smallest unit. acts: that still say the name.
    """

    account: AccountId
    merged: tuple[AccountId, ...]
    day: str
    blocked: int
    kept: int
    sales: int
    forfeited: dict[str, int]
    acts: tuple[ActLater, ...]
    replayed: bool = False


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody is erased, by whom and why, and when."""

    at: str
    today: date
    by: str
    reason: str
    signed: Signed = UNSIGNED
    forfeit: bool = False
    keep_cards: bool = False


class Erasing:
    """Erases customers."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        programme: Callable[[], Programme],
        retention: RetentionSection,
        forget: Callable[[AccountId], None] = lambda account: None,
    ) -> None:
        """programme: in force. forget: drops what is in memory of an account's customer."""
        self._ledger = ledger
        self._clock = clock
        self._programme = programme
        self._retention = retention
        self._forget = forget
        self.is_left = False
        """Whether what was to be overwritten could not be, since this till started."""

    async def erase(
        self, key: RequestKey, terms: EraseTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Erase a customer, once; what it said in the files is overwritten then.

        Raises: ParamError for one who is erased already, or an active partner; RefusedError
                CARD_UNKNOWN, BUSY for a sale that is not finished, CONDITION_UNMET with
                ``condition`` ``money`` for what was paid in and is left.
        """
        now = self._clock.now()
        how = Erasure(
            at=rfc3339(now),
            today=self._programme().days.day_of(now),
            by=terms.by,
            reason=terms.reason,
            signed=signed,
            forfeit=terms.forfeit,
            keep_cards=terms.keep_cards,
        )
        account = AccountId(terms.account)

        def job(store: Store, view: View) -> tuple[Change, Erased]:
            return self.erasure(store, known_account(store, account), how)

        done = await self._ledger.once(key, how.at, job, Reads(accounts=(account,)))
        known = msgspec.json.decode(done, type=Erased)
        self.forget(known)
        await self.overwrite(AT_ONCE_BYTES)
        return done

    def forget(self, done: Erased) -> None:
        """Drop what is in memory of a customer who was erased."""
        for account in (done.account, *done.merged):
            self._forget(account)

    async def overwrite(self, bytes_max: int) -> None:
        """Overwrite in the files what was erased; what cannot be done now is due still."""
        try:
            count = await self._ledger.overwrite(rfc3339(self._clock.now()), bytes_max)
        except RefusedError as refusal:
            log.warning("what was erased is not overwritten in the files yet: %s", refusal)
            self.is_left = True
            return
        self.is_left = False
        if count:
            log.info("overwritten in the files: what %d erased customers had left there", count)

    def erasure(self, store: Store, account: AccountId, how: Erasure) -> tuple[Change, Erased]:
        """Return what is written when a customer is erased, and what that does. Raises as erase."""
        refuse_erased(store, account, "account")
        everyone = tuple(sorted(everyone_in(store, account)))
        store.view(Reads(accounts=everyone))  # whoever sells to one of them meanwhile comes second
        check_free(store, everyone)
        moves, forfeited = _forfeits(store, everyone, how, chip_purse(self._programme()))
        days = self._programme().days
        acts_before = rfc3339(days.start_of(years_before(how.today, self._retention.acts_years)))
        rows, gone = going(store, Leaving(everyone, how.keep_cards, acts_before))
        acts = [row for row in acts_naming(store, everyone) if row.made_at >= acts_before]
        cards = cards_of(store, everyone)
        in_hand = sum(card.state in BLOCKED for card in cards)
        done = Erased(
            account=account,
            merged=tuple(one for one in everyone if one != account),
            day=str(how.today),
            blocked=0 if how.keep_cards else in_hand,
            kept=in_hand if how.keep_cards else 0,
            sales=sum(isinstance(row, SaleRow) for row in rows),
            forfeited=forfeited,
            acts=tuple(_later(row, days, self._retention.acts_years) for row in acts),
        )
        statuses, members = self._ended(store, everyone, how)
        entry = _entry(account, everyone, how, done, (moves, statuses))
        return Change(entry=entry, rows=(*rows, *members), gone=gone), done

    def _ended(
        self, store: Store, everyone: Iterable[AccountId], how: Erasure
    ) -> tuple[tuple[StatusMove, ...], tuple[KeptRow, ...]]:
        """Return how a customer without cards leaves every status."""
        if how.keep_cards:
            return (), ()
        moves: list[StatusMove] = []
        rows: list[KeptRow] = []
        for account in everyone:
            members = status_moves.states_of(store.ask(MEMBERS_OF, account))
            outside = {name: OUTSIDE for name, state in members.items() if state != OUTSIDE}
            moves += status_moves.moves(account, outside)
            rows += status_moves.rows(self._programme().statuses, account, outside)
        return tuple(moves), tuple(rows)


def check_free(store: Store, accounts: Iterable[AccountId]) -> None:
    """Raise RefusedError BUSY while a sale is on its way, ParamError for an active partner."""
    for account in accounts:
        if any(row.state in UNFINISHED for row in store.ask(SALE_ROWS_OF, account)):
            raise RefusedError(
                ErrorCode.BUSY, "This customer has a sale that is not finished; finish it first."
            )
        partner = store.ask_one(PARTNER_BY_ACCOUNT, account)
        if partner is not None and partner.state == "active":
            code = partner.code
            raise ParamError("account", f"is partner {code}'s; close the partner first")


def money_left(store: Store, accounts: Iterable[AccountId], on_chip: str) -> dict[str, int]:
    """Return what was paid for and is left, by purse: in a purse that was ever paid into.

    on_chip: the purse that chips carry, or "". What a chip has and this ledger knows nothing of was
             loaded elsewhere; it stands under CHIPS.
    What a partner has earned, though it was closed, is paid for by the customers it has sent.
    """
    left = chip_money(store, accounts, on_chip)
    for account in accounts:
        has = {purse: _left(state) for purse, state in store.purses(account).items()}
        has = {purse: amount for purse, amount in has.items() if amount}
        paid = paid_purses(store, account) if has else set()
        if has and store.ask_one(PARTNER_BY_ACCOUNT, account) is not None:
            paid = set(has)
        for purse in has.keys() & paid:
            left[purse] = left.get(purse, 0) + has[purse]
    return dict(sorted(left.items()))


def chip_money(store: Store, accounts: Iterable[AccountId], purse: str) -> dict[str, int]:
    """Return what the accounts' chips had when they were last seen beyond what the ledger knows."""
    uids = [uid for card in cards_of(store, accounts) for uid in store.ask(CHIPS_OF, card.card_id)]
    chips = [chip for uid in uids if (chip := store.ask_one(CHIP, uid)) and chip.speaks]
    known = [store.purses(one).get(purse, PurseLots()).posted for one in accounts] if chips else []
    more = sum(chip.balance for chip in chips) - sum(known)
    return {CHIPS: more} if more > 0 else {}


def paid_purses(
    store: Store, account: AccountId, seen: frozenset[AccountId] = frozenset()
) -> set[str]:
    """Return the purses of an account that were paid into, here or before a card came here."""
    paid: set[str] = set()
    seen |= {account}
    for _, _, body in store.ask(POSTED_TO, account):
        kind = next((k for k in BRINGING if b'"kind":"%s"' % k.encode() in body[:_HEAD_BYTES]), "")
        if not kind:
            continue
        entry = decode(body)
        brought = {one.purse for one in entry.postings if one.account == account and one.amount > 0}
        if kind == TRANSFER:
            source = AccountId(str(msgspec.json.decode(entry.detail).get("from", "")))
            brought &= paid_purses(store, source, seen) if source not in seen else set()
        own = {purse.partition(":")[0] for purse in brought}
        paid |= own | {owed_purse(purse) for purse in own}  # a chip's is paid in beside it
    return paid


def years_before(day: date, years: int) -> date:
    """Return the day so many years before; of 29 February, 28 February where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _left(state: PurseLots) -> int:
    return sum(lot.amount for lot in state.lots)


def _forfeits(
    store: Store, accounts: Iterable[AccountId], how: Erasure, on_chip: str
) -> tuple[Moves, dict[str, int]]:
    """Return the moves of all that goes to the shop with the cards. Raises RefusedError."""
    moves = Moves({account: store.purses(account) for account in accounts})
    if how.keep_cards:
        return moves, {}
    money = money_left(store, accounts, on_chip)
    if money and not how.forfeit:
        purse, amount = next(iter(money.items()))
        raise RefusedError(
            ErrorCode.CONDITION_UNMET,
            "Money that was paid in is left on this account. Pay it out, let the cards go on, or"
            " say that it is forfeited.",
            extra={"condition": "money", "missing": f"{purse} {amount}"},
        )
    # What only the chip knows is lost with it: no account of this ledger has it.
    forfeited = {purse: amount for purse, amount in money.items() if purse == CHIPS}
    for account in accounts:
        for purse, state in sorted(store.purses(account).items()):
            if amount := _left(state):
                gone = {"posted": -amount, "sign": -1}
                moves.move(account, purse, lots=state.lots, against=BREAKAGE, **gone)
                forfeited[purse] = forfeited.get(purse, 0) + amount
    return moves, dict(sorted(forfeited.items()))


def _later(row: ActRow, days: BusinessDays, years: int) -> ActLater:
    made = days.day_of(datetime.fromisoformat(row.made_at))
    return ActLater(act=row.act, company=row.company, until=str(years_before(made, -years)))


def _entry(
    account: AccountId,
    everyone: Iterable[AccountId],
    how: Erasure,
    done: Erased,
    moved: tuple[Moves, tuple[StatusMove, ...]],
) -> Entry:
    moves, statuses = moved
    day = how.today.toordinal()
    counters = [CounterMove(ERASURES, 1)]
    for one in everyone:
        counters.append(CounterMove(erased_counter(one), day))
        if how.keep_cards:
            counters.append(CounterMove(kept_counter(one), 1))
    # A return of what was earned must know that it is the shop's again already.
    counters += [
        CounterMove(lapsed_counter(lot.account, lot.purse, Lot(lot.expires, lot.usable_from)), n)
        for lot in moves.lots
        if (n := -lot.amount)
    ]
    said: dict[str, Any] = {"event": "erased", "by": how.by, "reason": how.reason}
    said |= {"merged": done.merged, "forfeited": done.forfeited, "sales": done.sales}
    said |= {"blocked": done.blocked, "kept": done.kept} | how.signed.approved
    return Entry(
        at=how.at,
        kind=ERASED,
        ref=account,
        account=account,
        postings=tuple(moves.postings),
        lots=tuple(moves.lots),
        counters=tuple(counters),
        statuses=statuses,
        detail=msgspec.Raw(msgspec.json.encode(said)),
    )
