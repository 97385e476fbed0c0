"""What another company is told about its cards here: who owes whom for a period, ``L-2026-000001``.

Amounts are what is owed to us; below 0 it is we who owe. October's cards were given 1,000.00 and
bought for 30,000.00, with half of the discount for us and one per cent for them:

               opening   they_owe   we_owe     paid   closing
    October       0.00     500.00   300.00     0.00    200.00     they pay 200.00 in November
    November    200.00       0.00    50.00   200.00    -50.00     we pay 50.00

opening + they_owe - we_owe - paid = closing. ``paid`` are the payments whose day lies in the
period, by whatever statement; the closing is what is payable. What an older statement has left is
in the opening of the next one, too, so nobody pays more than is owed in all by then.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated

import msgspec

from daemon.accounts.act_contents import ActOffice
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import AccountId, LedgerId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, SaidText, Text
from daemon.ledger.entries import CounterMove
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.partner_queries import FACTS_OF_ISSUER, STATEMENTS_OF, IssuerFact
from daemon.ledger.storage.partner_rows import StatementRow
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Change, Store, View
from daemon.partners.statement_book import (
    ISSUED,
    LINES_MAX,
    PAID,
    PART_PAID,
    VOID,
    amounts_kept,
    check_payable,
    check_untold,
    made_void,
    next_number,
    number_told,
    statement_entry,
    statement_named,
    told_period,
)
from daemon.partners.statement_contents import customer_told
from daemon.programme.alliances import Alliance, known_alliance
from daemon.reports.alliance_statement import alliance_statement
from daemon.reports.period import Period
from daemon.shop.shop import Shop

LETTER = "L"
PAYMENT_MAX = 1_000_000_000_000
_CLOSING = "closing"


class AllianceStatementTerms(Approvable, frozen=True, kw_only=True):
    """A period of an issuer that the programme has as ``[[alliance]]``; it must be over."""

    request_id: RequestId
    issuer: Text
    from_: Text = msgspec.field(name="from")
    to: Text
    by: SaidText


class VoidAllianceTerms(Approvable, frozen=True, kw_only=True):
    """A statement that was wrong, and of which nothing is paid."""

    request_id: RequestId
    statement: IdText
    by: SaidText
    reason: SaidText


class PayAllianceTerms(Approvable, frozen=True, kw_only=True):
    """Money that was paid by a statement, whoever owes it, in minor units.

    method, document: how it was paid, and by which paper: "bank", "order 17".
    """

    request_id: RequestId
    statement: IdText
    amount: Annotated[int, msgspec.Meta(ge=1, le=PAYMENT_MAX)]
    method: SaidText
    document: Text = ""
    by: SaidText


class ShowAllianceTerms(Params, frozen=True, kw_only=True):
    """A statement, and its lines from the one with this index on."""

    statement: IdText
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=LINES_MAX)] = LINES_MAX


class AllianceStatementsTerms(Params, frozen=True, kw_only=True):
    """An issuer, also one that the programme has no more."""

    issuer: Text


class AllianceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A sale to a card of theirs, or its return: then the amounts are below 0. Minor units.

    customer: ``O… I… 2900…0018``.
    """

    day: str
    store: str
    customer: str
    discount: int
    net: int
    ledger_id: LedgerId
    seq: int


class AllianceSums(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a period, in minor units; see the module. pays_bp, fee_bp: as they were."""

    sales: int
    discount: int
    net: int
    pays_bp: int
    fee_bp: int
    opening: int
    they_owe: int
    we_owe: int
    paid: int
    closing: int

    def __post_init__(self) -> None:
        if self.opening + self.they_owe - self.we_owe - self.paid != self.closing:
            raise ValueError("the sums do not come to the closing")


class AllianceContents(msgspec.Struct, frozen=True, kw_only=True):
    """All that a statement says beside its row."""

    company: str
    issuer: str
    made_at: str
    day: str
    by: str
    sums: AllianceSums
    lines: tuple[AllianceLine, ...]


class AllianceStatementDone(msgspec.Struct, frozen=True, kw_only=True):
    """A statement as it now is. payable: to us, or below 0 by us; left: of that, not paid yet."""

    statement: str
    company: str
    issuer: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    state: str
    made_at: str
    day: str
    by: str
    sums: AllianceSums
    payable: int
    left: int
    count: int
    replayed: bool = False


class AllianceStatementShown(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with some of its lines."""

    statement: AllianceStatementDone
    lines: tuple[AllianceLine, ...]


class AllianceStatementList(msgspec.Struct, frozen=True, kw_only=True):
    """All of an issuer, by their first day."""

    statements: tuple[AllianceStatementDone, ...]


class AllianceStatements:
    """Draws them up, shows them, makes them void, and writes payments down."""

    def __init__(self, shop: Shop, office: Callable[[], ActOffice]) -> None:
        self._shop = shop
        self._office = office

    async def draw_up(
        self, key: RequestKey, terms: AllianceStatementTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Draw up a statement, once.

        Raises: ParamError for no alliance, and a period that is none, is not over or is told twice.
        """
        moment, office = self._shop.moment(), self._office()
        first, last = told_period(terms.from_, terms.to, moment.today)
        alliance = known_alliance(self._shop.programme.alliances, terms.issuer)

        def job(store: Store, view: View) -> tuple[Change, AllianceStatementDone]:
            told = store.ask(STATEMENTS_OF, _whose(alliance.issuer))
            check_untold(told, first, last)
            sums = _sums(store, alliance, Period(first, last), told)
            facts = store.ask(FACTS_OF_ISSUER, first.toordinal(), last.toordinal(), alliance.issuer)
            contents = AllianceContents(
                company=office.company,
                issuer=alliance.issuer,
                made_at=moment.at,
                day=str(moment.today),
                by=terms.by,
                sums=sums,
                lines=tuple(_line(store, fact) for fact in facts),
            )
            number, counter = next_number(store, office, LETTER, moment.today.year)
            row = StatementRow(
                number=office.key(number),
                partner=_whose(alliance.issuer),
                first=first.toordinal(),
                last=last.toordinal(),
                state=ISSUED,
                payable=amounts_kept({_CLOSING: sums.closing}),
                paid="{}",
                contents=packed(msgspec.json.encode(contents)),
            )
            said = {"event": "issued", "by": terms.by, "issuer": alliance.issuer}
            said |= {"from": str(first), "to": str(last)}
            detail = said | {"sums": sums} | signed.approved
            entry = statement_entry(moment.at, row, detail, counter, _turn(row))
            return Change(entry=entry, rows=(row,)), _done(row)

        return await self._shop.ledger.once(key, moment.at, job)

    async def void(
        self, key: RequestKey, terms: VoidAllianceTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Make a statement void, once.

        Raises: ParamError; RefusedError NOT_UNDOABLE once it is paid, and where a later one goes on
                from it, which is named.
        """
        at, office = self._shop.at(), self._office()

        def job(store: Store, view: View) -> tuple[Change, AllianceStatementDone]:
            row = made_void(statement_named(store, office, terms.statement, LETTER))
            for other in store.ask(STATEMENTS_OF, row.partner):
                if other.state != VOID and other.first > row.last:
                    raise RefusedError(
                        ErrorCode.NOT_UNDOABLE,
                        f"Statement {number_told(other)} goes on from this one; make that one"
                        " void first.",
                        extra={"statement": number_told(other)},
                    )
            detail = {"event": "void", "by": terms.by, "reason": terms.reason} | signed.approved
            entry = statement_entry(at, row, detail, _turn(row))
            return Change(entry=entry, rows=(row,)), _done(row)

        return await self._shop.ledger.once(key, at, job)

    async def pay(
        self, key: RequestKey, terms: PayAllianceTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Write down what was paid by a statement, or a part of it, once.

        Raises: ParamError where nothing or less is left; RefusedError NOT_ENOUGH where less than
                that is owed in all by now.
        """
        (_, at, today), office = self._shop.moment(), self._office()
        currency = self._shop.programme.currency

        def job(store: Store, view: View) -> tuple[Change, AllianceStatementDone]:
            row = statement_named(store, office, terms.statement, LETTER)
            left = _left(row)
            check_payable(row, is_left=bool(left))
            if terms.amount > abs(left):
                number, most = number_told(row), currency.text(abs(left))
                raise ParamError("amount", f"only {most} is left to pay of {number}")
            sign = 1 if left > 0 else -1
            owed = max(0, sign * _owed(store.ask(STATEMENTS_OF, row.partner)))
            if terms.amount > owed:
                raise RefusedError(
                    ErrorCode.NOT_ENOUGH,
                    "Less than that is owed in all by now.",
                    extra={"available": owed, "asked": terms.amount},
                )
            paid = _paid(row)
            paid[today] = paid.get(today, 0) + sign * terms.amount
            kept = amounts_kept({str(day): amount for day, amount in paid.items()})
            row = msgspec.structs.replace(row, paid=kept, state=PART_PAID)
            if not _left(row):
                row = msgspec.structs.replace(row, state=PAID)
            detail = {"by": terms.by, "amount": sign * terms.amount, "method": terms.method}
            detail |= {"document": terms.document, **signed.approved}
            entry = statement_entry(at, row, detail, _turn(row), kind="payout")
            return Change(entry=entry, rows=(row,)), _done(row)

        return await self._shop.ledger.once(key, at, job)

    async def show(self, terms: ShowAllianceTerms) -> AllianceStatementShown:
        """Show a statement of this company. Raises ParamError."""
        office = self._office()
        row = await self._shop.ledger.read(
            lambda store: statement_named(store, office, terms.statement, LETTER)
        )
        lines = _contents(row).lines[terms.start : terms.start + terms.limit]
        return AllianceStatementShown(statement=_done(row), lines=lines)

    async def list_statements(self, terms: AllianceStatementsTerms) -> AllianceStatementList:
        """List all statements of an issuer."""
        rows = await self._shop.ledger.read(
            lambda store: store.ask(STATEMENTS_OF, _whose(terms.issuer))
        )
        return AllianceStatementList(statements=tuple(_done(row) for row in rows))


def _whose(issuer: str) -> AccountId:
    return AccountId(f"@alliance:{issuer}")


def _turn(row: StatementRow) -> CounterMove:
    """Return what each change of an issuer's statements moves: all of them are one account.

    Two tills of a server that pay by two statements at one moment would each see the other unpaid.
    """
    return CounterMove(row.partner, 1)


def _sums(
    store: Store, alliance: Alliance, period: Period, told: Iterable[StatementRow]
) -> AllianceSums:
    of_period = alliance_statement(store, alliance=alliance, period=period)
    opening = paid = 0
    for row in (row for row in told if row.state != VOID):
        if row.last < period.first.toordinal():
            opening += _contents(row).sums.they_owe - _contents(row).sums.we_owe
        for day, amount in _paid(row).items():
            opening -= amount if day < period.first else 0
            paid += amount if period.first <= day <= period.last else 0
    return AllianceSums(
        sales=of_period.sales,
        discount=of_period.discount,
        net=of_period.net,
        pays_bp=alliance.pays_bp,
        fee_bp=alliance.fee_bp,
        opening=opening,
        they_owe=of_period.they_owe,
        we_owe=of_period.we_owe,
        paid=paid,
        closing=opening + of_period.balance - paid,
    )


def _line(store: Store, fact: IssuerFact) -> AllianceLine:
    return AllianceLine(
        day=str(date.fromordinal(fact.day)),
        store=fact.store,
        customer=customer_told(store, fact.account, fact.card_id),
        discount=fact.discount,
        net=fact.net,
        ledger_id=fact.ledger_id,
        seq=fact.seq,
    )


def _contents(row: StatementRow) -> AllianceContents:
    """Return what a statement says. Raises RefusedError TOO_NEW."""
    try:
        return msgspec.json.decode(unpacked(row.contents), type=AllianceContents)
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def _paid(row: StatementRow) -> dict[date, int]:
    """Return what was paid by a statement, by its day, to us, or below 0 by us.

    Raises: RefusedError TOO_NEW.
    """
    try:
        return msgspec.json.decode(row.paid, type=dict[date, int])
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def _left(row: StatementRow) -> int:
    """Return what is not paid yet, to us, or below 0 by us."""
    return _contents(row).sums.closing - sum(_paid(row).values())


def _owed(rows: Iterable[StatementRow]) -> int:
    """Return what is owed to us in all by now, by what was told of all periods."""
    owed = 0
    for row in (row for row in rows if row.state != VOID):
        sums = _contents(row).sums
        owed += sums.they_owe - sums.we_owe - sum(_paid(row).values())
    return owed


def _done(row: StatementRow) -> AllianceStatementDone:
    contents = _contents(row)
    return AllianceStatementDone(
        statement=number_told(row),
        company=contents.company,
        issuer=contents.issuer,
        first=str(date.fromordinal(row.first)),
        last=str(date.fromordinal(row.last)),
        state=row.state,
        made_at=contents.made_at,
        day=contents.day,
        by=contents.by,
        sums=contents.sums,
        payable=contents.sums.closing,
        left=_left(row) if row.state != VOID else 0,
        count=len(contents.lines),
    )
