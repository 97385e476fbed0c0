"""Members who wait for the owner's decision (join, extend, exclude), and these decisions."""

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from daemon.accounts.cards import Profile
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import AccountId
from daemon.base.params import Params
from daemon.base.refusals import ParamError
from daemon.base.text_limits import AccountText, RequestId, Text, says_something
from daemon.ledger import status_moves
from daemon.ledger.club_events import EventName, change_of, event_of
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.member_queries import (
    MEMBERS_DUE_SOON,
    customers_among,
    members_among,
)
from daemon.ledger.storage.queries import CUSTOMER, MEMBERS_LISTED
from daemon.ledger.storage.rows import MemberRow
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import Programme
from daemon.programme.state import Status
from daemon.programme.status import (
    OUTSIDE,
    ListName,
    StatusState,
    decide,
    holds,
    listed,
    tick,
    window_to,
)
from daemon.shop.shop import Shop

DECIDED_MAX = 500
"""Accounts that one call decides about."""
DUE_DAYS_MAX = 366
DUE_PAGE = 500
Place: TypeAlias = tuple[int, int, str]
"""Days left, what is missing, account."""


class ListTerms(Params, frozen=True, kw_only=True):
    """Which list of which status; ``after`` is the last account of the page before."""

    status: Text
    list: ListName
    after: Text = ""


class DecideTerms(Approvable, frozen=True, kw_only=True):
    """What is decided about accounts: a grant or a refusal, by whom and why.

    list: the list that they were seen on; who is not on it any more is left as they are. "" decides
          wherever they stand: somebody is made a member, or asks to leave.
    """

    request_id: RequestId
    status: Text
    accounts: Annotated[tuple[AccountText, ...], msgspec.Meta(min_length=1, max_length=DECIDED_MAX)]
    granted: bool
    list: ListName | Literal[""] = ""
    by: Text = ""
    reason: Text = ""

    def __post_init__(self) -> None:
        if len(set(self.accounts)) < len(self.accounts):
            raise ValueError("accounts: one of them is named twice")
        if not self.granted and not says_something(self.reason):
            raise ValueError("reason: say why; a refusal and an exclusion need it")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where one account stands. ``total`` is what was counted in the window, both days included."""

    account: AccountId
    stage: str
    since: str
    window_from: str
    window_to: str
    total: int
    listed: str


class Membership(Standing, frozen=True, kw_only=True):
    """The same of somebody with a name."""

    name: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list, by account; ``more`` says that another follows.

    needed, days: what a window asks of them and how long it is. unit: see `unit_of`.
    """

    status: str
    list: str
    needed: int
    days: int
    unit: str
    members: tuple[Membership, ...]
    more: bool


class DueTerms(Params, frozen=True, kw_only=True):
    """Who will be short soon; ``after`` is the last account of the page before."""

    status: Text
    days: Annotated[int, msgspec.Meta(ge=0, le=DUE_DAYS_MAX)] = 14
    after: Text = ""


class Due(Membership, frozen=True, kw_only=True):
    """A member whose window ends in ``days_left`` days (0: today), and who is short of it."""

    days_left: int
    missing: int


class DueListing(msgspec.Struct, frozen=True, kw_only=True):
    """One page, by days and then by what is missing; ``more`` says that another follows."""

    status: str
    days: int
    needed: int
    unit: str
    members: tuple[Due, ...]
    more: bool


class AccountDecided(Standing, frozen=True, kw_only=True):
    """What became of one account.

    why: what it was not done for: nobody has the account, or it is not on the list any more.
    """

    done: bool
    why: Literal["", "card_unknown", "not_on_list"] = ""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each, in the order in which they were named; where each stands now."""

    status: str
    granted: bool
    accounts: tuple[AccountDecided, ...]
    replayed: bool = False


class Memberships:
    """Reads the lists and writes down decisions."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def list(self, terms: ListTerms) -> Listing:
        """Return one of the owner's lists as it stands today."""
        status, today = self.status(terms.status), self._shop.today()

        def read(store: Store) -> Listing:
            rows = store.ask(MEMBERS_LISTED, terms.status, terms.list, terms.after)
            found = ((row, state_of(status, row, today)) for row in rows)
            joins = terms.list == "join"
            return Listing(
                status=terms.status,
                list=terms.list,
                needed=status.enter_at_least if joins else status.keep_at_least,
                days=status.enter_days if joins else status.keep_days,
                unit=unit_of(self._shop.programme, status),
                members=tuple(
                    _membership(store, status, row.account, state)
                    for row, state in found
                    if listed(status, state) == terms.list
                ),
                more=bool(rows) and bool(self._next_page(store, terms, rows[-1])),
            )

        return await self._shop.ledger.read(read)

    def _next_page(self, store: Store, terms: ListTerms, last: MemberRow) -> bool:
        return bool(store.ask(MEMBERS_LISTED, terms.status, terms.list, last.account))

    async def due(self, terms: DueTerms) -> DueListing:
        """Return the members whose window ends in so many days, and who are short."""
        status, today = self.status(terms.status), self._shop.today()

        def read(store: Store) -> DueListing:
            after = _place_of(store, status, terms.after, today)
            found = _soonest(store, status, (today, terms.days), after)
            return DueListing(
                status=status.id,
                days=terms.days,
                needed=status.keep_at_least,
                unit=unit_of(self._shop.programme, status),
                members=tuple(_due(store, status, *one) for one in found[:DUE_PAGE]),
                more=len(found) > DUE_PAGE,
            )

        return await self._shop.ledger.read(read)

    async def decide(
        self, key: RequestKey, terms: DecideTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Grant or refuse, once. A refusal leaves nothing: no status, and the sum at 0."""
        _, at, today = self._shop.moment()

        def job(store: Store, view: View) -> tuple[Change, Decided]:
            status = self.status(terms.status)
            states = _states_among(store, status, terms.accounts)
            changes, answers = [], []
            for account in terms.accounts:
                state = states.get(account)
                before = tick(status, state, today) if state else OUTSIDE
                why = _why_not(status, terms, before, is_known=state is not None)
                after = before if why else decide(status, before, today, granted=terms.granted)
                if not why:
                    what: EventName = "granted" if terms.granted else "refused"
                    states_then = before, after
                    event = event_of(what, status, states_then, signed=signed, reason=terms.reason)
                    changes.append(change_of(at, status, account, event))
                standing = standing_of(status, account, after)
                answers.append(AccountDecided(**standing, done=not why, why=why))
            for change in changes[:-1]:
                store.write(change)
            answer = Decided(status=status.id, granted=terms.granted, accounts=tuple(answers))
            return changes[-1] if changes else Change(), answer

        return await self._shop.ledger.once(key, at, job)

    def status(self, name: str) -> Status:
        """Return a status of the programme in force. Raises ParamError."""
        status = self._shop.programme.statuses.get(name)
        if status is None:
            known = ", ".join(self._shop.programme.statuses) or "none"
            raise ParamError("status", f"the programme has no {name!r}; it has: {known}")
        return status


def unit_of(programme: Programme, status: Status) -> str:
    """Return what its sums count: a currency's code for minor units, or ``visits`` and such."""
    meter = programme.meters[status.meter]
    return programme.currency.code if meter.counts_money else meter.of


def state_of(status: Status, row: MemberRow, today: date) -> StatusState:
    """Return where a member stands today."""
    return tick(status, status_moves.states_of([row])[row.status], today)


def _soonest(
    store: Store, status: Status, span: tuple[date, int], after: Place | None
) -> list[tuple[Place, StatusState]]:
    """Return the first of those who are short, one more than a page, in their order.

    span: today, and how many days from it. after: who comes not later than that is left out.
    """
    (today, days), found = span, list[tuple[Place, StatusState]]()
    tomorrow = today.toordinal() + 1  # a window that ends today falls due then
    last, at = tomorrow + days, (tomorrow + (after[0] if after else 0), "")
    while rows := store.ask(MEMBERS_DUE_SOON, *at, last, status.id):
        for row in rows:
            state = state_of(status, row, today)
            place = _place(status, row.account, state, today)
            if place and (after is None or place > after):
                found.append((place, state))
        found = sorted(found, key=lambda one: one[0])[: DUE_PAGE + 1]
        at = rows[-1].due, rows[-1].account
        # Whoever falls due later comes behind those who do before this row's day.
        if len(found) > DUE_PAGE and found[-1][0][0] < at[0] - tomorrow:
            break
    return found


def _place(status: Status, account: AccountId, state: StatusState, today: date) -> Place | None:
    """Return where a member stands among those who are short, or None for who is not."""
    end = window_to(status, state)
    if state.stage != "member" or end is None or state.total >= status.keep_at_least:
        return None
    return (end - today).days, status.keep_at_least - state.total, account


def _place_of(store: Store, status: Status, account: str, today: date) -> Place | None:
    if not account:
        return None
    for row in store.ask(members_among(1), status.id, account):
        if place := _place(status, row.account, state_of(status, row, today), today):
            return place
    raise ParamError("after", "is not on this list any more; begin at its head")


def _due(store: Store, status: Status, place: Place, state: StatusState) -> Due:
    account = AccountId(place[2])
    return Due(
        **standing_of(status, account, state),
        name=name_of(store, account),
        days_left=place[0],
        missing=place[1],
    )


def _states_among(
    store: Store, status: Status, accounts: tuple[AccountId, ...]
) -> dict[AccountId, StatusState]:
    """Return where accounts stand; those are left out that nobody has."""
    known = store.ask(customers_among(len(accounts)), *accounts)
    rows = store.ask(members_among(len(accounts)), status.id, *accounts)
    states = {row.account: status_moves.states_of([row])[row.status] for row in rows}
    return dict.fromkeys(known, OUTSIDE) | states


def _why_not(
    status: Status, terms: DecideTerms, state: StatusState, *, is_known: bool
) -> Literal["", "card_unknown", "not_on_list"]:
    if not is_known:
        return "card_unknown"
    return "not_on_list" if terms.list and listed(status, state) != terms.list else ""


def _membership(store: Store, status: Status, account: AccountId, state: StatusState) -> Membership:
    return Membership(**standing_of(status, account, state), name=name_of(store, account))


def name_of(store: Store, account: AccountId) -> str:
    """Return the name of whoever is behind an account, or ""."""
    customer = store.ask_one(CUSTOMER, account)
    return msgspec.json.decode(customer.profile, type=Profile).name if customer else ""


def standing_of(status: Status, account: AccountId, state: StatusState) -> dict[str, Any]:
    """Return the fields of a Standing."""
    end = window_to(status, state)
    return {
        "account": account,
        "stage": state.stage,
        "since": str(state.since) if state.since and holds(state) else "",
        "window_from": str(state.window_from) if state.window_from else "",
        "window_to": str(end) if end else "",
        "total": state.total,
        "listed": listed(status, state) or "",
    }
