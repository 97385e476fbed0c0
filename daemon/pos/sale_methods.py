"""The methods of a sale: each translates parameters into a call of the checkout, no more."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.receipt_codes import read_receipt
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.ledger.sale_answers import Decided, Held, Invited, Posted, Returned, SaleStatus, Voided
from daemon.pos.cashier_language import say
from daemon.pos.dispatch import Method
from daemon.pos.errors import invalid
from daemon.pos.peers import Role
from daemon.pos.protocol import (
    CommitParams,
    DecideParams,
    HoldParams,
    QuoteParams,
    ReturnParams,
    StatusParams,
    VoidParams,
)
from daemon.pos.session import Session
from daemon.pos.till_methods import IDENTIFYING
from daemon.programme.basket import LineId
from daemon.programme.goods import parse_qty_milli
from daemon.programme.names import METER, counts_stamps
from daemon.programme.quote import NextStep
from daemon.sale.answers import Quoted
from daemon.sale.checkout import Checkout, NamedSale
from daemon.sale.terms import DecideTerms, ReturnTerms

_PRICE = (
    *IDENTIFYING,
    ErrorCode.NO_CARD,
    ErrorCode.NOT_ENOUGH,
    ErrorCode.NEEDS_LIVE_CARD,
    ErrorCode.NEEDS_OVERRIDE,
    ErrorCode.LIMIT_REACHED,
    ErrorCode.CODE_UNKNOWN,
    ErrorCode.CODE_USED_UP,
    ErrorCode.CODE_EXPIRED,
)
_WRITE = (ErrorCode.ID_REUSED, ErrorCode.STORAGE_FULL, ErrorCode.RATE_LIMITED)
_SALE = (
    ErrorCode.ALREADY_VOIDED,
    ErrorCode.ALREADY_POSTED,
    ErrorCode.HOLD_EXPIRED,
    ErrorCode.TORN,
)
_UNKEPT = ("receipt",)
"""It is read and forgotten; a number and four digits behind it may look like a bank card's."""
_RECEIPT = (ErrorCode.MISREAD, ErrorCode.NOT_RETURNABLE)
_CHIP = (ErrorCode.TIMEOUT, ErrorCode.WRITE_FAILED, ErrorCode.TORN, ErrorCode.OFFLINE)


class SaleMethods:
    """The handlers."""

    def __init__(self, checkout: Checkout, operators: Operators) -> None:
        self._checkout = checkout
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        quoting = (*_PRICE, ErrorCode.STORAGE_FULL)  # a live code that is typed is written down
        holding = (
            *_WRITE,
            *_SALE,
            *_PRICE,
            ErrorCode.QUOTE_UNKNOWN,
            ErrorCode.QUOTE_DIFFERS,
            ErrorCode.TOTAL_CHANGED,
        )
        committing = (*holding, ErrorCode.EXCEEDS_HOLD, *_CHIP)
        voiding = (*_WRITE, *_SALE)
        deciding = (*_WRITE, *_SALE, *_RECEIPT)
        returning = (*_WRITE, *_RECEIPT, ErrorCode.RETURNED_ALREADY, *_CHIP)
        return {
            "sale.quote": Method(QuoteParams, self.quote, Role.SALE, Quoted, quoting),
            "sale.hold": Method(HoldParams, self.hold, Role.SALE, Held, holding),
            "sale.commit": Method(CommitParams, self.commit, Role.SALE, Posted, committing),
            "sale.void": Method(VoidParams, self.void, Role.SALE, Voided, voiding),
            "sale.decide": Method(
                DecideParams, self.decide, Role.ADMIN, Decided, deciding, _UNKEPT
            ),
            "sale.return": Method(
                ReturnParams, self.return_sale, Role.SALE, Returned, returning, _UNKEPT
            ),
            "sale.status": Method(
                StatusParams, self.sale_status, Role.READ, SaleStatus, _RECEIPT, _UNKEPT
            ),
        }

    async def quote(self, session: Session, params: QuoteParams) -> Quoted:
        """Price a basket."""
        if params.lines is None:
            raise invalid("A quote needs lines.")
        await self._operators.check(Action.SELL, params.cashier)
        quoted = await self._checkout.quote(params.kept)
        steps = tuple(_said(session.language, step) for step in quoted.next)
        quoted = msgspec.structs.replace(quoted, next=steps)
        if isinstance(quoted.invited, Invited):
            said = say(session.language, quoted.invited.text)
            told = msgspec.structs.replace(quoted.invited, text=said)
            quoted = msgspec.structs.replace(quoted, invited=told)
        return quoted

    async def hold(self, session: Session, params: HoldParams) -> msgspec.Raw:
        """Reserve; the same again with another time prolongs."""
        same = msgspec.structs.replace(params, ttl_s=None)
        key = RequestKey.of("sale.hold", params.sale_id, same)
        return await self._checkout.hold(key, params.sale_id, params, params.ttl_s)

    async def commit(self, session: Session, params: CommitParams) -> msgspec.Raw:
        """Post."""
        key = RequestKey.of("sale.commit", params.sale_id, params)
        posted = await self._checkout.commit(key, params.sale_id, params, params.expect_total)
        return _with_invited_said(session.language, posted)

    async def void(self, session: Session, params: VoidParams) -> msgspec.Raw:
        """Release a hold."""
        key = RequestKey.of("sale.void", params.sale_id, params)
        return await self._checkout.void(key, params.sale_id, params.reason)

    async def decide(self, session: Session, params: DecideParams) -> msgspec.Raw:
        """Take a manager's word."""
        key = RequestKey.of("sale.decide", params.request_id, params)
        named = _named(params)
        signed = await self._operators.check(Action.DECIDE_CHIP, params.by, params.approval, key)
        terms = DecideTerms(
            outcome=params.outcome,
            by=params.by,
            reason=params.reason,
            approved_by=signed.approved_by,
        )
        return await self._checkout.decide(key, named, terms)

    async def return_sale(self, session: Session, params: ReturnParams) -> msgspec.Raw:
        """Take a sale back."""
        key, named = RequestKey.of("sale.return", params.return_id, params), _named(params)
        terms = ReturnTerms(
            lines=_returned_lines(params),
            cashier=params.cashier,
            reason=params.reason,
            approval=params.approval,
            in_cash=params.chip == "cash",
            dry=params.dry,
        )
        return await self._checkout.return_sale(key, named, terms)

    async def sale_status(self, session: Session, params: StatusParams) -> SaleStatus:
        """Say what happened to a sale."""
        status = await self._checkout.status(_named(params))
        return msgspec.structs.replace(status, advice=say(session.language, status.advice))


def _with_invited_said(language: str, posted: msgspec.Raw) -> msgspec.Raw:
    """Return the answer to a commit with what a friend's code came to, in the till's language."""
    if b'"invited":' not in bytes(posted):
        return posted
    answer = msgspec.json.decode(posted, type=dict[str, msgspec.Raw])
    if "invited" not in answer:  # it stood in a text
        return posted
    invited = msgspec.json.decode(answer["invited"], type=Invited)
    told = msgspec.structs.replace(invited, text=say(language, invited.text))
    answer["invited"] = msgspec.Raw(msgspec.json.encode(told))
    return msgspec.Raw(msgspec.json.encode(answer))


def _said(language: str, step: NextStep) -> NextStep:
    """Say how far a free piece is; other steps count what a translation has no word for."""
    if not counts_stamps(step.by.removeprefix(METER)):
        return step
    return msgspec.structs.replace(step, text=say(language, step.text))


def _named(params: DecideParams | ReturnParams | StatusParams) -> NamedSale:
    """Return which sale is meant. Raises RefusedError MISREAD for what is no receipt's code."""
    if params.sale_id is not None and params.receipt is None:
        return params.sale_id
    if params.receipt is not None and params.sale_id is None:
        return read_receipt(params.receipt)
    raise invalid("Name the sale by its sale_id or by its receipt, by one of the two.")


def _returned_lines(params: ReturnParams) -> dict[LineId, int]:
    """Return thousandths by line; empty for the whole sale, which must be asked for by name."""
    if params.whole == bool(params.lines):
        both = "Give the lines that come back, or whole: true for all that is left"
        raise invalid(f"{both}: one of the two.")
    lines: dict[LineId, int] = {}
    for index, line in enumerate(params.lines):
        if line.line in lines:
            raise invalid(f"lines[{index}]: line {line.line} is named twice; add them up.")
        lines[line.line] = parse_qty_milli(line.qty, f"lines[{index}].qty")
    return lines
