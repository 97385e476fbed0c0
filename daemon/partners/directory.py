"""The directory of partners and of those who work for them, and whom they have sent."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from daemon.accounts.assignments import (
    ACTIVE,
    EMPLOYEE,
    ORGANISATION,
    assignment,
    partner_named,
    sent_by,
)
from daemon.accounts.cards import Cards, new_account
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, IdText, RequestId, SaidText, Text
from daemon.customers.customers import customer_entry
from daemon.customers.profiles import person_of
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.erased import refuse_erased
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.partner_queries import (
    ASSIGNMENTS_OF,
    EMPLOYEES_OF,
    PARTNER,
    PARTNER_BY_ACCOUNT,
    PARTNERS_AFTER,
)
from daemon.ledger.storage.partner_rows import PartnerRow
from daemon.ledger.storage.queries import CUSTOMER, ROWS_MAX
from daemon.ledger.storage.rows import CustomerRow
from daemon.ledger.storage.store import Change, KeptRow, Store, View
from daemon.shop.shop import Shop

CLOSED = "closed"
PARTNERS_MAX = 100_000
"""Partners and employees of one database; one more is refused."""
Pay = Literal["partner", "each"]


class AddTerms(Approvable, frozen=True, kw_only=True):
    """A new partner; with ``of``, a partner's code, somebody who works there.

    code: of their own, or "" for the next one: P0007, P0007-02.
    card: of theirs, whose purses their rewards go to; "" gives them purses of their own.
    pay:  of a partner: who gets what employees earn, the organisation or each of them.
    """

    request_id: RequestId
    name: SaidText
    contact: Text = ""
    of: IdText = ""
    code: IdText = ""
    card: Text = ""
    pay: Pay = "partner"
    by: SaidText

    def __post_init__(self) -> None:
        if self.of and self.pay != "partner":
            raise ValueError("pay: is the partner's to say; leave it out")


class ChangeTerms(Approvable, frozen=True, kw_only=True):
    """What changes of a partner or an employee; what is left out stays."""

    request_id: RequestId
    code: IdText
    name: SaidText | None = None
    contact: Text | None = None
    pay: Pay | None = None
    by: SaidText


class CloseTerms(Approvable, frozen=True, kw_only=True):
    """A partner or an employee who sends nobody any more; a partner's employees go with it."""

    request_id: RequestId
    code: IdText
    by: SaidText
    reason: SaidText


class AssignTerms(Approvable, frozen=True, kw_only=True):
    """Who has sent a customer, from now on; with ``partner`` "" nobody.

    partner, employee: codes, or accounts.
    """

    request_id: RequestId
    account: AccountText = NO_ACCOUNT
    card: Text = ""
    partner: IdText = ""
    employee: IdText = ""
    by: SaidText
    reason: SaidText

    def __post_init__(self) -> None:
        if bool(self.account) == bool(self.card):
            raise ValueError("give an account or a card, one of them")


class PartnerTerms(Params, frozen=True, kw_only=True):
    """A partner or an employee, by code or account."""

    code: IdText


class PartnerListTerms(Params, frozen=True, kw_only=True):
    """Partners behind the code ``after``; with ``of`` those who work there."""

    of: IdText = ""
    after: IdText = ""
    closed: bool = False


class WhoSentTerms(Params, frozen=True, kw_only=True):
    """A customer."""

    account: AccountText = NO_ACCOUNT
    card: Text = ""

    def __post_init__(self) -> None:
        if bool(self.account) == bool(self.card):
            raise ValueError("give an account or a card, one of them")


class PartnerShown(msgspec.Struct, frozen=True, kw_only=True):
    """A partner or an employee. ``of``: the partner's code. ``since``: RFC 3339."""

    code: str
    account: AccountId
    kind: str
    of: str
    name: str
    contact: str
    pay: str
    state: str
    since: str
    replayed: bool = False


class PartnerList(msgspec.Struct, frozen=True, kw_only=True):
    """A page; where there is a ``next``, ask on with that as ``after``."""

    partners: tuple[PartnerShown, ...]
    next: str


class AssignmentShown(msgspec.Struct, frozen=True, kw_only=True):
    """Who had sent a customer from a local ``day`` on; codes, "" for nobody."""

    day: str
    partner: str
    employee: str
    by: str


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is, and who has sent them from now on: codes."""

    account: AccountId
    partner: str
    employee: str
    replayed: bool = False


class WhoSent(msgspec.Struct, frozen=True, kw_only=True):
    """The history of a customer, the newest last. ``friend``: the account of who brought them."""

    account: AccountId
    friend: str
    assignments: tuple[AssignmentShown, ...]


class Partners:
    """Keeps the directory and assigns customers."""

    def __init__(self, shop: Shop, cards: Cards) -> None:
        self._shop = shop
        self._cards = cards

    async def add(self, key: RequestKey, terms: AddTerms, signed: Signed = UNSIGNED) -> msgspec.Raw:
        """Add a partner or an employee, once.

        Raises: ParamError for a code that is taken or none, an ``of`` that is no partner;
                RefusedError LIMIT_REACHED.
        """
        at = self._shop.at()

        def job(store: Store, view: View) -> tuple[Change, PartnerShown]:
            if store.counters([_COUNT]).get(_COUNT, 0) >= PARTNERS_MAX:
                detail = f"There are {PARTNERS_MAX} partners already."
                raise RefusedError(ErrorCode.LIMIT_REACHED, detail)
            organisation = _employer(store, terms.of) if terms.of else None
            code, counter, numbers = _numbered(store, terms.code, organisation)
            known = self._cards.find(store, terms.card).account if terms.card else None
            if known is not None and code_of(store, known):
                raise ParamError("card", f"its account is {code_of(store, known)} already")
            row = PartnerRow(
                code=code,
                account=known or new_account(),
                kind=EMPLOYEE if organisation else ORGANISATION,
                partner=organisation.account if organisation else NO_ACCOUNT,
                name=terms.name,
                contact=terms.contact,
                pay=terms.pay,
                state=ACTIVE,
                since=at,
            )
            # Without a card of their own: rewards need an account whose purses they go to.
            rows = (row,) if known else (row, CustomerRow(row.account, b"{}"))
            counted = (CounterMove(_COUNT, 1), CounterMove(counter, numbers))
            said = {"event": "added", "by": terms.by, **signed.approved}
            change = _change(row, at, said, rows, tuple(one for one in counted if one.amount))
            return change, _shown(store, row)

        return await self._shop.ledger.once(key, at, job)

    async def change(
        self, key: RequestKey, terms: ChangeTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Change a name, a contact or who is paid, once."""
        at = self._shop.at()

        def job(store: Store, view: View) -> tuple[Change, PartnerShown]:
            row = known_partner(store, terms.code, "code")
            if terms.pay is not None and row.kind == EMPLOYEE:
                raise ParamError("pay", "is the partner's to say; leave it out")
            wanted = {"name": terms.name, "contact": terms.contact, "pay": terms.pay}
            changed = {name: said for name, said in wanted.items() if said is not None}
            row = msgspec.structs.replace(row, **changed)
            said = {"event": "changed", "fields": [*changed], "by": terms.by, **signed.approved}
            return _change(row, at, said, (row,)), _shown(store, row)

        return await self._shop.ledger.once(key, at, job)

    async def close(
        self, key: RequestKey, terms: CloseTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Close a partner with all who work there, or an employee, once.

        What they have earned stays theirs, and is paid by statement.
        """
        at = self._shop.at()

        def job(store: Store, view: View) -> tuple[Change, PartnerShown]:
            row = known_partner(store, terms.code, "code")
            if row.state == CLOSED:
                raise ParamError("code", f"{row.code} is closed already")
            row = msgspec.structs.replace(row, state=CLOSED)
            staff = tuple(
                msgspec.structs.replace(one, state=CLOSED)
                for one in staff_of(store, row)
                if one.state == ACTIVE
            )
            said = {"event": "closed", "with": [one.code for one in staff], "by": terms.by}
            said |= {"reason": terms.reason, **signed.approved}
            return _change(row, at, said, (row, *staff)), _shown(store, row)

        return await self._shop.ledger.once(key, at, job)

    async def assign(
        self, key: RequestKey, terms: AssignTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Say who has sent a customer, from now on, once. Raises ParamError, RefusedError."""
        at = self._shop.at()

        def job(store: Store, view: View) -> tuple[Change, Assigned]:
            account = self._whose(store, terms.account, terms.card)
            refuse_erased(store, account, "card" if terms.card else "account")
            who = sent_by(store, account, terms.partner, terms.employee, "")
            person = person_of(store, account)
            profile = msgspec.structs.replace(
                person.profile, partner=who.partner, employee=who.employee
            )
            rows: tuple[KeptRow, ...] = (
                CustomerRow(account, msgspec.json.encode(profile)),
                assignment(account, at, who, terms.by),
            )
            codes = [code_of(store, one) for one in who]
            said = {"partner": who.partner, "employee": who.employee, "by": terms.by}
            said |= {"event": "assigned", "reason": terms.reason, **signed.approved}
            answer = Assigned(account=account, partner=codes[0], employee=codes[1])
            return Change(entry=customer_entry(at, account, said), rows=rows), answer

        return await self._shop.ledger.once(key, at, job)

    async def show(self, terms: PartnerTerms) -> PartnerShown:
        """Show a partner or an employee. Raises ParamError."""
        return await self._shop.ledger.read(
            lambda store: _shown(store, known_partner(store, terms.code, "code"))
        )

    async def list_partners(self, terms: PartnerListTerms) -> PartnerList:
        """List partners, or who works for one."""

        def read(store: Store) -> PartnerList:
            if terms.of:
                rows = store.ask(
                    EMPLOYEES_OF, known_partner(store, terms.of, "of").account, terms.after
                )
            else:
                rows = store.ask(PARTNERS_AFTER, terms.after)
            kept = (row for row in rows if terms.closed or row.state == ACTIVE)
            shown = tuple(
                _shown(store, row) for row in kept if terms.of or row.kind == ORGANISATION
            )
            return PartnerList(partners=shown, next=rows[-1].code if len(rows) >= _PAGE else "")

        return await self._shop.ledger.read(read)

    async def who_sent(self, terms: WhoSentTerms) -> WhoSent:
        """Show who has sent a customer, ever. Raises RefusedError CARD_UNKNOWN."""
        days = self._shop.programme.days

        def read(store: Store) -> WhoSent:
            account = self._whose(store, terms.account, terms.card)
            return WhoSent(
                account=account,
                friend=person_of(store, account).profile.referrer,
                assignments=tuple(
                    AssignmentShown(
                        day=str(days.day_of(datetime.fromisoformat(row.at))),
                        partner=code_of(store, row.partner),
                        employee=code_of(store, row.employee),
                        by=row.operator,
                    )
                    for row in store.ask(ASSIGNMENTS_OF, account)
                ),
            )

        return await self._shop.ledger.read(read)

    def _whose(self, store: Store, account: str, card: str) -> AccountId:
        if card:
            return self._cards.find(store, card).account
        if store.ask_one(CUSTOMER, account) is None:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such customer.")
        return AccountId(account)


_PAGE = ROWS_MAX
_CODE = re.compile(r"[A-Z][A-Z0-9]{0,14}(-[A-Z0-9]{1,8})?")
_COUNT = "@partners"
"""The counter of all that were ever added."""


def known_partner(store: Store, text: str, path: str) -> PartnerRow:
    """Return who has a code or an account. Raises ParamError, with ``path``."""
    row = partner_named(store, text)
    if row is None:
        raise ParamError(path, f"{text!r} is no partner of the directory; write such as P0007")
    return row


def _employer(store: Store, text: str) -> PartnerRow:
    row = known_partner(store, text, "of")
    if row.kind != ORGANISATION or row.state != ACTIVE:
        what = "is closed" if row.state != ACTIVE else "is an employee, no partner"
        raise ParamError("of", f"{row.code} {what}")
    return row


def staff_of(store: Store, row: PartnerRow) -> list[PartnerRow]:
    """Return everybody who works for a partner."""
    found: list[PartnerRow] = []
    while row.kind == ORGANISATION:
        page = store.ask(EMPLOYEES_OF, row.account, found[-1].code if found else "")
        found += page
        if len(page) < _PAGE:
            break
    return found


def code_of(store: Store, account: str) -> str:
    """Return the code of an account, "" for nobody's."""
    row = store.ask_one(PARTNER_BY_ACCOUNT, account) if account else None
    return row.code if row else ""


def _numbered(store: Store, wanted: str, organisation: PartnerRow | None) -> tuple[str, str, int]:
    """Return a code that nobody has, the counter that it is the next of, and how far that goes."""
    begins = f"{organisation.code}-" if organisation else "P"
    counter, digits = f"{_COUNT}:{begins}", 2 if organisation else 4
    if wanted:
        code = wanted.strip().upper()
        if not _CODE.fullmatch(code) or (organisation and not code.startswith(begins)):
            form = f"such as {begins}02" if organisation else "such as P0007"
            raise ParamError("code", f"{wanted!r} is no code; write {form}")
        if store.ask_one(PARTNER, code) is not None:
            raise ParamError("code", f"{code} is taken")
        return code, counter, 0
    number = before = store.counters([counter]).get(counter, 0)
    while True:
        number += 1
        code = f"{begins}{number:0{digits}}"
        if store.ask_one(PARTNER, code) is None:
            return code, counter, number - before


def _change(
    row: PartnerRow,
    at: str,
    detail: Mapping[str, object],
    rows: tuple[KeptRow, ...],
    counters: tuple[CounterMove, ...] = (),
) -> Change:
    """Return what is written of a partner; the entry names a code and an account, no person."""
    entry = Entry(
        at=at,
        kind="partner",
        ref=row.code,
        account=row.account,
        counters=counters,
        detail=msgspec.Raw(msgspec.json.encode({"kind": row.kind, "of": row.partner, **detail})),
    )
    return Change(entry=entry, rows=rows)


def _shown(store: Store, row: PartnerRow) -> PartnerShown:
    fields = {
        name: getattr(row, name) for name in PartnerRow.__struct_fields__ if name != "partner"
    }
    return PartnerShown(**fields, of=code_of(store, row.partner))
