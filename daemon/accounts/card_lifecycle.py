"""A card's life: stock, handed out, active, blocked, replaced, expired, written off.

Every change is an entry of the ledger with who, when and why. Balances belong to the account, so
they stay when a card is replaced.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from card_formats.chip.uid import parse_uid
from card_formats.credential import Credential
from card_formats.errors import CardFormatError
from daemon.accounts.act_contents import (
    ActOffice,
    contents_of,
    disposal,
    lines_of,
    names_of,
)
from daemon.accounts.card_numbers import draw_free, draw_number
from daemon.accounts.card_terms import CardDone, CardTerms, IssueTerms, ReplaceTerms
from daemon.accounts.cards import (
    Cards,
    Said,
    card_entry,
    check_known,
    is_taken,
    new_account,
    new_card,
    shown_state,
)
from daemon.accounts.invitations import invitation
from daemon.accounts.issue_conditions import (
    APPROVED,
    HowIssued,
    Lacking,
    check_room,
    how_issued,
    nothing_lacks,
    unmet,
)
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId, CardId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import (
    Override,
    read_day,
    says_something,
)
from daemon.ledger.entries import CounterMove
from daemon.ledger.erased import refuse_closed
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.card_queries import ACT, CARD_ISSUE
from daemon.ledger.storage.card_rows import CardIssueRow
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CHIP, CHIPS_OF
from daemon.ledger.storage.rows import CardRow, ChipRow, identified
from daemon.ledger.storage.store import Change, KeptRow, Store, View
from daemon.programme.days import later
from daemon.programme.programme import Programme

STATES: Mapping[tuple[str, str], str] = {
    ("stock", "hand_out"): "handed_out",
    ("stock", "issue"): "active",
    ("handed_out", "issue"): "active",
    ("handed_out", "take_back"): "stock",
    ("active", "block"): "blocked",
    ("handed_out", "block"): "blocked",
    ("blocked", "unblock"): "active",
    ("active", "replace"): "replaced",
    ("blocked", "replace"): "replaced",
    ("active", "extend"): "active",
    ("blocked", "extend"): "blocked",
    ("stock", "write_off"): "written_off",
    ("handed_out", "write_off"): "written_off",
    ("active", "write_off"): "written_off",
    ("blocked", "write_off"): "written_off",
}
"""What may happen to a card. A card that is past its day is active and expired at once."""
LIFTS = ("unblock", "extend")
"""What makes a chip good again at its next tap, where it says that it is blocked or expired."""
ANSWERED_FOR = (*LIFTS, "block", "write_off", "take_back")
"""What gives or takes something that matters: somebody says by name and reason that it is so."""


class CardLifecycle:
    """Changes cards. ``prefix`` begins the numbers that are drawn; ``programme`` is in force.

    office:  makes the act of a card that nobody got; its store is where cards are issued.
    """

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        clock: Clock,
        prefix: str,
        programme: Callable[[], Programme],
        office: Callable[[], ActOffice],
        lacking: Lacking = nothing_lacks,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._cards = cards
        self._prefix = prefix
        self._programme = programme
        self._lacking = lacking
        self._office = office

    async def issue(
        self,
        key: RequestKey,
        terms: IssueTerms,
        proven: str = "",
        laid: Credential | RefusedError | None = None,
        signed: Signed = UNSIGNED,
        *,
        lets_through: bool = False,
    ) -> msgspec.Raw:
        """Issue a card, once.

        proven: the account whose card was shown so that it may spend, or "".
        laid:   what lies at the reader that is named, or why nothing there can be issued.
        lets_through: whether somebody who may answers for a condition that is not met.
        Raises: RefusedError NUMBER_TAKEN; MISREAD, CARD_UNKNOWN for a number that is not the
                shop's; NEEDS_OVERRIDE for another's account; CONDITION_UNMET; LIMIT_REACHED for
                more cards than an account may have.
        """
        now = self._clock.now()
        at = rfc3339(now)

        def job(store: Store, view: View) -> tuple[Change, CardDone]:
            identifiers = self._identifiers(terms.number, terms.uid, laid)
            until = self._end_of(terms.until)
            account = new_account()
            if terms.with_card:
                account = self._cards.find(store, terms.with_card).account
                refuse_closed(store, account)
                _check_answered(account, proven, terms.override)
            card, fresh = self._taken_up(store, terms, account, identifiers, until, at)
            card, how = self._given(store, card, terms, now, lets_through=lets_through)
            kind = self._programme().cards.get(card.kind)
            invited = invitation(store, kind.invite if kind else "", account)
            rows: tuple[KeptRow, ...] = (*identified(card, fresh), how, *invited)
            if not terms.with_card:
                said = Said(at=at, by=terms.by, language=terms.profile.language)
                rows = (*rows, *self._cards.filled(store, account, terms.profile, said).rows)
            who = _who(terms) | _answered(terms) | signed.approved
            who |= {"condition": how.condition}
            entry = card_entry(at, card, "issued", **who, kind=card.kind)
            return Change(entry=entry, rows=rows), _done(card, at)

        return await self._ledger.once(key, at, job)

    async def replace(
        self, key: RequestKey, terms: ReplaceTerms, proven: str = "", signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Put a new card in the place of one that is lost or broken; the old one says so.

        proven: as for `issue`. Raises: RefusedError, as `issue` does.
        """
        now = self._clock.now()
        at = rfc3339(now)

        def job(store: Store, view: View) -> tuple[Change, CardDone]:
            identifiers = self._identifiers(terms.number, terms.uid)
            old = self._cards.find(store, terms.card)
            refuse_closed(store, old.account)
            state = next_state(old, "replace")
            _check_answered(old.account, proven, terms.override)
            if any(is_taken(store, *pair) for pair in identifiers):
                raise RefusedError(ErrorCode.NUMBER_TAKEN, "The new number is taken already.")
            like = IssueTerms(
                request_id=terms.request_id, kind=old.kind, issuer=old.issuer, number=terms.number
            )
            card, fresh = self._new_card(store, like, old.account, identifiers, old.until)
            who = _who(terms) | _answered(terms) | signed.approved
            entry = card_entry(at, card, "replaces", **who, old=old.card_id)
            card = msgspec.structs.replace(card, holder=old.holder)
            was = store.ask_one(CARD_ISSUE, old.card_id)
            paid = (was.price, was.sale_id) if was else ()
            how = self._issue_of(store, card, now, terms.by, HowIssued("replace", *paid))
            rows = (msgspec.structs.replace(old, state=state), *identified(card, fresh), how)
            return Change(entry=entry, rows=rows), _done(card, at, replaced=old.number)

        return await self._ledger.once(key, at, job)

    async def change(
        self, key: RequestKey, event: str, terms: CardTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Carry out ``block unblock extend write_off take_back``, once.

        A card with a chip is unblocked though the ledger has it active: the chip may be blocked by
        another till, or by an alarm. The alarm ends, and what the chip says next counts as known.
        """
        now = self._clock.now()
        at = rfc3339(now)

        def job(store: Store, view: View) -> tuple[Change, CardDone]:
            card, until = self._cards.find(store, terms.card), self._end_of(terms.until)
            if event in ANSWERED_FOR:
                _check_said(terms)
            if event in LIFTS:
                refuse_closed(store, card.account)
            # Nobody has it: what it has cost is disposed of, and the books want an act for that.
            if event == "write_off" and card.state in ("stock", "handed_out"):
                return self._disposed(store, card, now, terms)
            uid = store.ask_one(CHIPS_OF, card.card_id)
            chip = store.ask_one(CHIP, uid) if uid else None
            stays = event == "unblock" and card.state == "active" and chip is not None
            changed = msgspec.structs.replace(
                card, state=card.state if stays else next_state(card, event)
            )
            if event == "take_back":
                changed = msgspec.structs.replace(changed, act="")
            if event == "extend":
                changed = msgspec.structs.replace(changed, until=until)
            alarm = {"alarm": chip.alarm} if chip and chip.alarm and event == "unblock" else {}
            entry = card_entry(
                at, card, event, **_who(terms), **signed.approved, until=changed.until, **alarm
            )
            if chip is not None and event in LIFTS:
                lift = CounterMove(lift_counter(card.card_id, event), 1)
                entry = msgspec.structs.replace(entry, counters=(lift,))
            cleared = _cleared(chip) if event == "unblock" else None
            rows = (changed, cleared) if cleared else (changed,)
            return Change(entry=entry, rows=rows), _done(changed, at)

        return await self._ledger.once(key, at, job)

    def _disposed(
        self, store: Store, card: CardRow, now: datetime, terms: CardTerms
    ) -> tuple[Change, CardDone]:
        """Write off a card that nobody got: by an act, as the books want it."""
        change, _ = disposal(
            store, self._office(), now, self._days(), [card], terms.by, terms.reason
        )
        gone = msgspec.structs.replace(card, state="written_off")
        return change, _done(gone, rfc3339(now))

    def _given(
        self, store: Store, card: CardRow, terms: IssueTerms, now: datetime, *, lets_through: bool
    ) -> tuple[CardRow, CardIssueRow]:
        """Return the card as it is given to its customer, and what for."""
        programme = self._programme()
        kind, today = programme.cards.get(card.kind), programme.days.day_of(now)
        check_room(store, kind, card.account, rfc3339(now))
        lacking = self._lacking(store, card.account, terms.profile) if kind else ""
        try:
            self._check_act(store, card, terms)
            cost = lines_of(store, [card])[0].cost
            how = how_issued(store, kind, cost, (terms.sale_id, today.toordinal()), lacking)
        except RefusedError as refusal:
            if not lets_through or refusal.code is not ErrorCode.CONDITION_UNMET:
                raise
            how = HowIssued(APPROVED)
        until = card.until
        if kind and kind.term_days and not terms.until:
            end = self._after(later(today, kind.term_days))
            until = min(end, until) if until else end
        given = msgspec.structs.replace(card, until=until, holder=terms.holder)
        return given, self._issue_of(store, given, now, terms.by, how)

    def _check_act(self, store: Store, card: CardRow, terms: IssueTerms) -> None:
        """Let a card that was handed out be issued by who got it, or in that store, alone."""
        act, _, company = card.act.partition(" ")
        row = store.ask_one(ACT, act, company) if act else None
        if row is None:
            return
        to, for_store = names_of(row).to, contents_of(row).for_store
        if (to and to in (terms.by, terms.profile.partner)) or for_store == self._office().store:
            return
        who = to or for_store
        detail = f"This card was handed out to {who}, and nobody else issues it."
        raise unmet("act", who, detail)

    def _issue_of(
        self, store: Store, card: CardRow, now: datetime, by: str, how: HowIssued
    ) -> CardIssueRow:
        days = self._days()
        return CardIssueRow(
            card_id=card.card_id,
            day=days.day_of(now).toordinal(),
            minute=days.minute_of(now),
            account=card.account,
            by=by,
            store=self._office().store,
            condition=how.condition,
            cost=lines_of(store, [card])[0].cost,
            price=how.price,
            sale_id=how.sale_id,
        )

    def _identifiers(
        self, number: str, uid: str, laid: Credential | RefusedError | None = None
    ) -> tuple[tuple[str, str], ...]:
        if isinstance(laid, RefusedError):
            raise laid  # only now: an answer that was given before stays, whatever lies there
        if laid is not None:
            return ((laid.scheme, laid.value),)
        pairs = [self._cards.identifier(number)] if number else []
        return (*pairs, *([("uid", _uid(uid))] if uid else []))

    def _taken_up(
        self,
        store: Store,
        terms: IssueTerms,
        account: AccountId,
        identifiers: tuple[tuple[str, str], ...],
        until: str,
        at: str,
    ) -> tuple[CardRow, tuple[tuple[str, str], ...]]:
        """Return the card to be issued, from stock or new, and what it is known by beside that."""
        known = {pair: store.ask_one(CARD_BY_IDENTIFIER, *pair) for pair in identifiers}
        held = _only_one(known.values())
        if held is None:
            if any(is_taken(store, *pair) for pair in identifiers):
                waits = "This number waits for a batch that is being made."
                raise RefusedError(ErrorCode.NUMBER_TAKEN, waits)
            return self._new_card(store, terms, account, identifiers, until)
        next_state(held, "issue")
        if "" < held.until <= at:
            raise RefusedError(ErrorCode.CARD_EXPIRED, "This card has expired.")
        number = next((value for scheme, value in identifiers if scheme == "number"), "")
        fields = {"account": account, "state": "active", "until": until or held.until}
        fields |= {"issuer": terms.issuer or held.issuer, "number": held.number or number}
        fresh = tuple(pair for pair in identifiers if known[pair] is None)
        return msgspec.structs.replace(held, **fields), fresh

    def _new_card(
        self,
        store: Store,
        terms: IssueTerms,
        account: AccountId,
        identifiers: tuple[tuple[str, str], ...],
        until: str,
    ) -> tuple[CardRow, tuple[tuple[str, str], ...]]:
        if not identifiers:
            identifiers = (
                ("number", draw_free(store, "number", lambda: draw_number(self._prefix))),
            )
        number = next((value for scheme, value in identifiers if scheme == "number"), "")
        card = new_card(account, kind=terms.kind, number=number, until=until, issuer=terms.issuer)
        return card, identifiers

    def _end_of(self, day: str) -> str:
        """Return the moment after a local day, RFC 3339; an expiry ends with its day."""
        if not day:
            return ""
        last, today = read_day(day, "until"), self._days().day_of(self._clock.now())
        if not today <= last < date.max:
            raise ParamError("until", f"{day} is not a day to come")
        return self._after(last)

    def _after(self, last: date) -> str:
        """Return the moment after a local day, RFC 3339, or "" where there is none."""
        return rfc3339(self._days().start_of(last + timedelta(days=1))) if last < date.max else ""

    def _days(self) -> BusinessDays:
        return self._programme().days


def next_state(card: CardRow, event: str) -> str:
    """Return a card's state after ``event``. Raises RefusedError where the table has no edge."""
    check_known(card)
    following = STATES.get((card.state, event))
    if following is None:
        state = card.state.replace("_", " ")
        if event == "issue":
            taken = f"This number is on a card already, which is {state}."
            raise RefusedError(ErrorCode.NUMBER_TAKEN, taken)
        code = ErrorCode.CARD_UNKNOWN if card.state == "stock" else ErrorCode.CARD_BLOCKED
        raise RefusedError(code, f"This card is {state}: no {event} now.")
    return following


def _uid(text: str) -> str:
    try:
        return parse_uid(text)
    except CardFormatError as error:
        raise ParamError("uid", error.message) from None


def _only_one(known: Iterable[CardRow | None]) -> CardRow | None:
    """Return the card that has all of the identifiers that any card has; None where none has."""
    cards = {card.card_id: card for card in known if card is not None}
    if len(cards) > 1:
        raise RefusedError(ErrorCode.NUMBER_TAKEN, "The number and the UID are on two other cards.")
    return next(iter(cards.values()), None)


def lift_counter(card_id: CardId, event: str) -> str:
    """Return the counter of LIFTS that the card's chip has not heard of yet."""
    return f"card:{card_id}:{event}"


def _cleared(chip: ChipRow | None) -> ChipRow | None:
    """Return a chip with an alarm as one of which nothing is known; None for any other."""
    if chip is None or not chip.alarm:
        return None
    return msgspec.structs.replace(chip, alarm="", txid="")


def _done(card: CardRow, at: str, replaced: str = "") -> CardDone:
    return CardDone(
        state=shown_state(card, at),
        number=card.number,
        account=card.account,
        kind=card.kind,
        until=card.until,
        replaced=replaced,
    )


def _check_answered(account: str, proven: str, override: Override | None) -> None:
    """Let nobody but its customer, or by somebody's word, give an account another card."""
    if override is None and proven != account:
        raise RefusedError(
            ErrorCode.NEEDS_OVERRIDE,
            "The new card would pay from that customer's account. Ask for the chip or the phone's"
            " live code, or let somebody answer for it with a name and a reason.",
        )


def _check_said(terms: CardTerms) -> None:
    if not (says_something(terms.by) and says_something(terms.reason)):
        raise RefusedError(
            ErrorCode.NEEDS_OVERRIDE, "Say who answers for this, and why: by and reason."
        )


def _answered(terms: IssueTerms | ReplaceTerms) -> dict[str, str]:
    if terms.override is None:
        return {}
    return {"override_by": terms.override.by, "override_reason": terms.override.reason}


def _who(terms: CardTerms | IssueTerms | ReplaceTerms) -> dict[str, str]:
    return {"by": terms.by, "reason": terms.reason}
