"""What a till says of a sale: the shapes on the wire."""

from typing import Annotated, Literal

import msgspec

from daemon.base.approval import Approvable, Approval
from daemon.base.text_limits import (
    Code,
    IdText,
    Override,
    PresentationIdText,
    QuoteIdText,
    Tenders,
    Text,
    check_tables,
)
from daemon.programme.basket import LINES_MAX, BasketLine, Fact, LineId

CODES_MAX = 50
"""Codes on one sale."""

Lines = Annotated[tuple[BasketLine, ...], msgspec.Meta(max_length=LINES_MAX)]

Codes = Annotated[tuple[Code, ...], msgspec.Meta(max_length=CODES_MAX)]


class SaleTerms(Approvable, frozen=True, kw_only=True):
    """A sale as the till describes it: by the quote it was given, or by its lines.

    currency: of the prices, an ISO 4217 code; the programme's own.
    card: a card number instead of a presentation, as if it had been typed.
    burn: what the customer pays from a purse, by purse, or a number where there is one purse.
    """

    quote_id: QuoteIdText | None = None
    presentation: PresentationIdText | None = None
    card: Text | None = None
    lines: Lines | None = None
    currency: IdText = ""
    codes: Codes = ()
    payment: Text = ""
    cashier: Text = ""
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    burn: int | dict[str, int] | None = None
    override: Override | None = None
    tenders: Tenders = ()

    def __post_init__(self) -> None:
        if self.card is not None and self.presentation is not None:
            raise ValueError("give a presentation or a card, not both")
        check_tables("facts", self.facts)
        check_tables("tenders", *self.tenders)
        if isinstance(self.burn, dict):
            check_tables("burn", self.burn)
        for line in self.lines or ():
            check_tables("attributes", line.attributes)


class DecideTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chip did that cannot tell any more, by a manager's word."""

    outcome: Literal["written", "not_written"]
    by: str
    reason: str
    approved_by: str = ""


class ReturnTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back of a sale, by whom and why. ``approval``: of somebody who may, if it is.

    lines:   thousandths of a unit by line; empty for all that is left.
    in_cash: pay out what the card's chip would get back.
    dry:     only say what it would give.
    """

    lines: dict[LineId, int]
    cashier: str
    reason: str
    approval: Approval | None = None
    in_cash: bool = False
    dry: bool = False
