"""Why somebody is where they stand with a status, and the undoing of the newest decision."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId, LedgerId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, IdText, RequestId, SaidText, Text
from daemon.ledger.club_chain import AccountEntry, Story, Turn, count_again
from daemon.ledger.club_events import (
    DECISIONS,
    ClubEvent,
    EntryPlace,
    change_of,
    event_of,
    read_event,
)
from daemon.ledger.entries import GENESIS_HASH, Entry, link
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.member_queries import ENTRIES_OF, customers_among, members_among
from daemon.ledger.storage.queries import ENTRY_HASH
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import local_day
from daemon.programme.state import Status
from daemon.shop.memberships import Memberships, Standing, name_of, standing_of, state_of, unit_of
from daemon.shop.shop import Shop

UNDO_DAYS = 7
"""So many days after its own a decision can be undone."""
LINKS_MAX = 2_000
"""Entries of a chain that an answer names; the first ones are left out, and counted."""
Seq = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class WhyTerms(Params, frozen=True, kw_only=True):
    """Which decision or closed window; the newest one without a ``seq``.

    ledger_id: of the till that wrote it, where it is not this one.
    """

    status: Text
    account: AccountText
    seq: Seq | None = None
    ledger_id: IdText = ""


class UndoTerms(Approvable, frozen=True, kw_only=True):
    """Which decision is undone, by whom and why; see WhyTerms."""

    request_id: RequestId
    status: Text
    account: AccountText
    seq: Seq
    by: Text
    reason: SaidText
    ledger_id: IdText = ""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that counted: on its own local day, by ``amount``; ``total`` is the sum so far."""

    ledger_id: LedgerId
    seq: int
    hash: str
    kind: str
    day: str
    amount: int
    total: int


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The chain behind a decision, or behind the end of a window.

    event:       ``granted refused undone``, ``window closed``, or ``joined`` by a purchase.
    stage_before, stage_after: of the status.
    window_from, window_to: the days that were judged, or "". needed: what they had to bring.
    total:       what they did. unit: see `unit_of`.
    left_out:    so many entries at the chain's head are not named, but are in its sums.
    damaged:     the chain is not what was judged, or not as it was written: see `tillcard audit`.
    """

    status: str
    account: AccountId
    name: str
    ledger_id: LedgerId
    seq: int
    day: str
    event: str
    by: str
    reason: str
    stage_before: str
    stage_after: str
    window_from: str
    window_to: str
    needed: int
    total: int
    unit: str
    chain: tuple[Link, ...]
    left_out: int
    damaged: bool


class Undone(Standing, frozen=True, kw_only=True):
    """Where the account stands now. unit: of ``total``, see `unit_of`."""

    status: str
    unit: str
    replayed: bool = False


class ClubHistory:
    """Reads the way of an account with a status, and takes back its last turn."""

    def __init__(self, shop: Shop, memberships: Memberships) -> None:
        self._shop = shop
        self._memberships = memberships

    async def why(self, terms: WhyTerms) -> Why:
        """Return the chain behind a decision or a closed window."""
        status = self._memberships.status(terms.status)

        def read(store: Store) -> Why:
            check_known(store, status, terms.account)
            story, unreadable = Story(status, terms.account), False
            for kept in entries_of(store, terms.account):
                try:
                    story.step(kept)
                except (msgspec.DecodeError, AssertionError):
                    unreadable = True
            turn = _chosen(story.turns, store, terms)
            damaged = unreadable or not turn.agrees or not all(_follows(store, turn))
            return self._why(store, status, turn, damaged=damaged)

        return await self._shop.ledger.read(read)

    def _why(self, store: Store, status: Status, turn: Turn, *, damaged: bool) -> Why:
        shown = turn.chain[-LINKS_MAX:]
        account = turn.entry.account
        window_from = turn.judged.window_from
        return Why(
            status=status.id,
            account=account,
            name=name_of(store, account),
            ledger_id=turn.kept.ledger_id,
            seq=turn.kept.seq,
            day=str(self._day_of(turn.entry)),
            event=turn.event,
            by=turn.by,
            reason=turn.reason,
            stage_before=turn.before.stage,
            stage_after=turn.after.stage,
            window_from=str(window_from) if window_from else "",
            window_to=turn.window_to,
            needed=turn.needed,
            total=turn.chain[-1].total if turn.chain else 0,
            unit=unit_of(self._shop.programme, status),
            chain=tuple(
                Link(
                    ledger_id=one.kept.ledger_id,
                    seq=one.kept.seq,
                    hash=one.kept.hash.hex(),
                    kind=one.entry.kind,
                    day=str(self._day_of(one.entry)),
                    amount=one.amount,
                    total=one.total,
                )
                for one in shown
            ),
            left_out=len(turn.chain) - len(shown),
            damaged=damaged,
        )

    async def undo(
        self, key: RequestKey, terms: UndoTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Put back the state before the newest decision, once, and count again what came later.

        Raises: RefusedError CARD_UNKNOWN; NOT_UNDOABLE.
        """
        _, at, today = self._shop.moment()
        begin = self._shop.programme.days.start_of(today - timedelta(days=UNDO_DAYS))

        def job(store: Store, view: View) -> tuple[Change, Undone]:
            status = self._memberships.status(terms.status)
            check_known(store, status, terms.account)
            lately = list(entries_of(store, terms.account, rfc3339(begin)))
            events = [(one, read_event(one.entry)) for one in lately]
            about = [(one, said) for one, said in events if said and one.entry.ref == status.id]
            place = LedgerId(terms.ledger_id or store.ledger_id), terms.seq
            decision = _undoable(about, place)
            later = [one for one, _ in events[[one.place for one in lately].index(place) + 1 :]]
            again = count_again(status, decision.before, later, self._day_of, today)
            [row] = store.ask(members_among(1), status.id, terms.account)
            now = state_of(status, row, today)
            event = msgspec.structs.replace(
                event_of("undone", status, (now, again.state), signed=signed, reason=terms.reason),
                undone=place,
                counted=again.counted,
            )
            answer = Undone(
                **standing_of(status, terms.account, again.state),
                status=status.id,
                unit=unit_of(self._shop.programme, status),
            )
            return change_of(at, status, terms.account, event), answer

        return await self._shop.ledger.once(key, at, job)

    def _day_of(self, entry: Entry) -> date:
        return local_day(self._shop.programme, datetime.fromisoformat(entry.at))


def entries_of(store: Store, account: AccountId, since: str = "") -> Iterator[AccountEntry]:
    """Yield an account's entries in their order, from a time (RFC 3339) on."""
    after: tuple[str, str, int] = since, "", 0
    while page := store.ask(ENTRIES_OF, account, *after):
        yield from page
        last = page[-1]
        after = last.at, last.ledger_id, last.seq


def check_known(store: Store, status: Status, account: AccountId) -> None:
    """Raise RefusedError CARD_UNKNOWN for an account that nobody has."""
    known = store.ask(customers_among(1), account)
    if not known and not store.ask(members_among(1), status.id, account):
        raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such customer.")


def _chosen(turns: list[Turn], store: Store, terms: WhyTerms) -> Turn:
    if terms.seq is None:
        if not turns:
            raise ParamError("account", "nothing was decided about it, and no window has ended")
        return turns[-1]
    place = LedgerId(terms.ledger_id or store.ledger_id), terms.seq
    for turn in turns:
        if turn.kept.place == place:
            return turn
    raise ParamError("seq", "that entry decides nothing about this status of this account")


def _follows(store: Store, turn: Turn) -> Iterator[bool]:
    """Say of each entry of a chain whether its hash follows from what it says."""
    for kept in (*(one.kept for one in turn.chain), turn.kept):
        before = store.ask_one(ENTRY_HASH, kept.ledger_id, kept.seq - 1)
        if kept.seq == 1:
            before = GENESIS_HASH
        yield before is not None and link(before, kept.seq, kept.body) == kept.hash


def _undoable(about: list[tuple[AccountEntry, ClubEvent]], place: EntryPlace) -> ClubEvent:
    """Return the decision at ``place``. Raises RefusedError NOT_UNDOABLE."""
    undone = {event.undone for _, event in about}
    decisions = {one.place: event for one, event in about if event.event in DECISIONS}
    hold = [one for one in decisions if one not in undone]
    if place in undone:
        problem = "This decision was undone already."
    elif place not in decisions:
        problem = f"There is no such decision of the last {UNDO_DAYS} days about this account."
    elif place != hold[-1]:
        problem = "Only the newest decision can be undone."
    else:
        return decisions[place]
    extra: dict[str, int | str] = {"newest": hold[-1][1]} if hold else {}
    raise RefusedError(ErrorCode.NOT_UNDOABLE, problem, extra=extra)
