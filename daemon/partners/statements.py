"""Statements: what a partner is told of a period, numbered without gaps. See their contents."""

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Annotated

import msgspec

from daemon.accounts.act_contents import ActOffice
from daemon.accounts.assignments import ORGANISATION
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.params import Params
from daemon.base.refusals import ParamError
from daemon.base.text_limits import IdText, RequestId, SaidText, Text
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.partner_queries import STATEMENTS_OF
from daemon.ledger.storage.partner_rows import PartnerRow, StatementRow
from daemon.ledger.storage.store import Change, Store, View
from daemon.partners.directory import known_partner, staff_of
from daemon.partners.statement_book import (
    ISSUED,
    LINES_MAX,
    VOID,
    amounts_kept,
    amounts_of,
    check_untold,
    made_void,
    next_number,
    number_told,
    statement_entry,
    statement_named,
    told_period,
)
from daemon.partners.statement_contents import (
    PurseSums,
    Reckoning,
    StatementContents,
    StatementLine,
    contents_kept,
    contents_of,
)
from daemon.shop.shop import Shop

LETTER = "S"


class StatementTerms(Approvable, frozen=True, kw_only=True):
    """A period of a partner, local days, both included; it must be over."""

    request_id: RequestId
    partner: IdText
    from_: Text = msgspec.field(name="from")
    to: Text
    by: SaidText


class VoidStatementTerms(Approvable, frozen=True, kw_only=True):
    """A statement that was wrong, and of which nothing is paid."""

    request_id: RequestId
    statement: IdText
    by: SaidText
    reason: SaidText


class ShowStatementTerms(Params, frozen=True, kw_only=True):
    """A statement, and its lines from the one with this index on."""

    statement: IdText
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=LINES_MAX)] = LINES_MAX


class StatementsTerms(Params, frozen=True, kw_only=True):
    """A partner, by code or account."""

    partner: IdText


class SumsShown(msgspec.Struct, frozen=True, kw_only=True):
    """A purse of a payee: opening + accrued - reversed - expired - paid + adjusted = closing.

    unit: of all of them. payable: of the period. left: of that, what is not paid yet.
    """

    payee: str
    purse: str
    unit: str
    opening: int
    accrued: int
    reversed: int
    expired: int
    paid: int
    adjusted: int
    closing: int
    payable: int
    left: int


class StatementDone(msgspec.Struct, frozen=True, kw_only=True):
    """A statement as it now is. partner: a code. day: on which it was made. count: of lines."""

    statement: str
    company: str
    partner: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    state: str
    made_at: str
    day: str
    by: str
    sums: tuple[SumsShown, ...]
    count: int
    replayed: bool = False


class StatementShown(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with some of its lines."""

    statement: StatementDone
    lines: tuple[StatementLine, ...]


class StatementList(msgspec.Struct, frozen=True, kw_only=True):
    """All of a partner, by their first day."""

    statements: tuple[StatementDone, ...]


class Statements:
    """Draws them up, shows them and makes them void. ``office``: whose numbers they have."""

    def __init__(self, shop: Shop, office: Callable[[], ActOffice]) -> None:
        self._shop = shop
        self._office = office

    async def draw_up(
        self, key: RequestKey, terms: StatementTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Draw up a statement, once.

        Raises: ParamError for no partner, and a period that is none, is not over or is told twice.
        """
        moment, days, office = self._shop.moment(), self._shop.programme.days, self._office()
        first, last = told_period(terms.from_, terms.to, moment.today)

        def job(store: Store, view: View) -> tuple[Change, StatementDone]:
            partner = known_partner(store, terms.partner, "partner")
            _check_free(store, partner, first, last)
            reckoning = Reckoning(store, days, first.toordinal(), last.toordinal())
            sums, lines = reckoning.made(partner, staff_of(store, partner))
            sums = tuple(self._with_unit(one) for one in sums)
            contents = StatementContents(
                company=office.company,
                code=partner.code,
                made_at=moment.at,
                day=str(moment.today),
                by=terms.by,
                sums=sums,
                lines=lines,
            )
            number, counter = next_number(store, office, LETTER, moment.today.year)
            row = StatementRow(
                number=office.key(number),
                partner=partner.account,
                first=first.toordinal(),
                last=last.toordinal(),
                state=ISSUED,
                payable=amounts_kept({one.key: one.payable for one in sums}),
                paid="{}",
                contents=contents_kept(contents),
            )
            said = {"event": "issued", "by": terms.by, "from": str(first), "to": str(last)}
            digest = hashlib.sha256(msgspec.json.encode(contents)).hexdigest()
            detail = said | {"sums": sums, "sha256": digest} | signed.approved
            entry = statement_entry(moment.at, row, detail, counter)
            return Change(entry=entry, rows=(row,)), done(row)

        return await self._shop.ledger.once(key, moment.at, job)

    def _with_unit(self, sums: PurseSums) -> PurseSums:
        purse = self._shop.programme.purses.get(sums.purse)
        return msgspec.structs.replace(sums, unit=purse.unit if purse else "")

    async def void(
        self, key: RequestKey, terms: VoidStatementTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Make a statement void, once. Raises ParamError; RefusedError NOT_UNDOABLE once paid."""
        at, office = self._shop.at(), self._office()

        def job(store: Store, view: View) -> tuple[Change, StatementDone]:
            row = made_void(statement_named(store, office, terms.statement, LETTER))
            detail = {"event": "void", "by": terms.by, "reason": terms.reason} | signed.approved
            return Change(entry=statement_entry(at, row, detail), rows=(row,)), done(row)

        return await self._shop.ledger.once(key, at, job)

    async def show(self, terms: ShowStatementTerms) -> StatementShown:
        """Show a statement of this company. Raises ParamError."""
        office = self._office()
        row = await self._shop.ledger.read(
            lambda store: statement_named(store, office, terms.statement, LETTER)
        )
        lines = contents_of(row).lines[terms.start : terms.start + terms.limit]
        return StatementShown(statement=done(row), lines=lines)

    async def list_statements(self, terms: StatementsTerms) -> StatementList:
        """List all statements of a partner. Raises ParamError."""
        rows = await self._shop.ledger.read(
            lambda store: store.ask(
                STATEMENTS_OF, known_partner(store, terms.partner, "partner").account
            )
        )
        return StatementList(statements=tuple(done(row) for row in rows))


def done(row: StatementRow) -> StatementDone:
    """Return a statement as it is told."""
    contents = contents_of(row)
    payable = amounts_of(row.payable)
    paid = amounts_of(row.paid)
    names = [name for name in SumsShown.__struct_fields__ if name != "left"]
    sums = tuple(
        SumsShown(
            **{name: getattr(one, name) for name in names},
            left=payable[one.key] - paid.get(one.key, 0) if row.state != VOID else 0,
        )
        for one in contents.sums
    )
    return StatementDone(
        statement=number_told(row),
        company=contents.company,
        partner=contents.code,
        first=str(date.fromordinal(row.first)),
        last=str(date.fromordinal(row.last)),
        state=row.state,
        made_at=contents.made_at,
        day=contents.day,
        by=contents.by,
        sums=sums,
        count=len(contents.lines),
    )


def _check_free(store: Store, partner: PartnerRow, first: date, last: date) -> None:
    if partner.kind != ORGANISATION:
        raise ParamError("partner", f"{partner.code} is an employee, no partner")
    check_untold(store.ask(STATEMENTS_OF, partner.account), first, last)
