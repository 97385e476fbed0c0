"""Members who wait for the owner's decision (join, extend, exclude), and these decisions."""

from datetime import date

import msgspec

from daemon.accounts.cards import Profile
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import AccountId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, RequestId, Text
from daemon.ledger import status_moves
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.queries import CUSTOMER, MEMBERS_LISTED, MEMBERS_OF
from daemon.ledger.storage.rows import MemberRow
from daemon.ledger.storage.store import Change, Store, View
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


class ListTerms(Params, frozen=True, kw_only=True):
    """Which list of which status; ``after`` is the last account of the page before."""

    status: Text
    list: ListName
    after: Text = ""


class DecisionTerms(Approvable, frozen=True, kw_only=True):
    """What the owner decides about one account: a grant or a refusal, by whom and why."""

    request_id: RequestId
    status: Text
    account: AccountText
    by: Text = ""
    reason: Text = ""


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Where one account stands. ``total`` is what was counted in the window, both days included."""

    account: AccountId
    name: str
    stage: str
    since: str
    window_from: str
    window_to: str
    total: int
    listed: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list, by account; ``more`` says that another follows."""

    status: str
    list: str
    members: tuple[Membership, ...]
    more: bool


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    membership: Membership
    replayed: bool = False


class Memberships:
    """Reads the lists and writes down decisions."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def list(self, terms: ListTerms) -> Listing:
        """Return one of the owner's lists as it stands today."""
        status, today = self._status(terms.status), self._shop.today()

        def read(store: Store) -> Listing:
            rows = store.ask(MEMBERS_LISTED, terms.status, terms.list, terms.after)
            found = ((row, _state(status, row, today)) for row in rows)
            return Listing(
                status=terms.status,
                list=terms.list,
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

    async def decide(
        self, key: RequestKey, terms: DecisionTerms, signed: Signed = UNSIGNED, *, granted: bool
    ) -> msgspec.Raw:
        """Grant or refuse, once. A refusal leaves nothing: no status, and the sum at 0."""
        _, at, today = self._shop.moment()

        def job(store: Store, view: View) -> tuple[Change, Decided]:
            status = self._status(terms.status)
            if store.ask_one(CUSTOMER, terms.account) is None:
                raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such account here.")
            known = status_moves.states_of(store.ask(MEMBERS_OF, terms.account))
            before = known.get(terms.status, OUTSIDE)
            state = decide(status, before, today, granted=granted)
            states = {terms.status: state}
            what = "granted" if granted else "refused"
            detail = {"event": what, "by": terms.by, "reason": terms.reason} | signed.approved
            entry = Entry(
                at=at,
                kind="club",
                ref=terms.status,
                account=terms.account,
                statuses=status_moves.moves(terms.account, states),
                detail=msgspec.Raw(msgspec.json.encode(detail)),
            )
            rows = status_moves.rows({terms.status: status}, terms.account, states)
            membership = _membership(store, status, terms.account, state)
            return Change(entry=entry, rows=rows), Decided(membership=membership)

        return await self._shop.ledger.once(key, at, job)

    def _status(self, name: str) -> Status:
        status = self._shop.programme.statuses.get(name)
        if status is None:
            known = ", ".join(self._shop.programme.statuses) or "none"
            raise ParamError("status", f"the programme has no {name!r}; it has: {known}")
        return status


def _state(status: Status, row: MemberRow, today: date) -> StatusState:
    return tick(status, status_moves.states_of([row])[row.status], today)


def _membership(store: Store, status: Status, account: AccountId, state: StatusState) -> Membership:
    customer = store.ask_one(CUSTOMER, account)
    profile = msgspec.json.decode(customer.profile, type=Profile) if customer else Profile()
    end = window_to(status, state)
    return Membership(
        account=account,
        name=profile.name,
        stage=state.stage,
        since=str(state.since) if state.since and holds(state) else "",
        window_from=str(state.window_from) if state.window_from else "",
        window_to=str(end) if end else "",
        total=state.total,
        listed=listed(status, state) or "",
    )
