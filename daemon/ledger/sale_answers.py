"""What a till is answered about a sale that is written: the shapes on the wire."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from daemon.base.clock import rfc3339
from daemon.base.ids import PosSaleId, given_id
from daemon.ledger import chip_sales
from daemon.ledger.entries import FOREVER
from daemon.ledger.moves import Balance
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.sales import Decision
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.rows import CodeRow, too_new
from daemon.programme.basket import Fact
from daemon.programme.names import INVITE_FRIEND, INVITE_UNFIT
from daemon.programme.quote import Earned, QuotedLine
from daemon.programme.shares_back import LineBack, SharesBack


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A hold. ``until`` is when it runs out by itself. What is paid is ``total + rounding``."""

    state: str
    sale_id: PosSaleId
    until: str
    total: int
    balances: dict[str, Balance]
    rounding: int = 0
    replayed: bool = False

    @classmethod
    def of(cls, sale: Sale, until: str, decision: Decision) -> "Held":
        """Describe a hold that was decided."""
        return cls(
            state=decision.sale.state,
            sale_id=given_id(sale.sale_id),
            until=until,
            total=sale.quote.total,
            rounding=sale.quote.rounding,
            balances=decision.balances,
        )


class IssuedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that the sale hands out. ``until`` is its last local day, or "" for ever."""

    code: str
    campaign: str
    uses: int
    until: str

    @classmethod
    def of(cls, row: CodeRow) -> "IssuedCode":
        """Describe a code as it is printed."""
        return cls(
            code=row.code.upper(),
            campaign=row.campaign,
            uses=row.uses,
            until="" if row.last_day == FOREVER else str(date.fromordinal(row.last_day)),
        )


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a till prints: every line's discounts with their rule, and what was earned.

    rounding: what is paid in cash beside the total, or less where it is below 0.
    thanks: what the shop says to its customer at the end.
    code: names the sale at any till of this ledger; printed as text, and to be scanned.
    """

    code: str
    at: str
    terminal: str
    cashier: str
    programme: str
    lines: tuple[QuotedLine, ...]
    list_total: int
    discount: int
    net: int
    burn: dict[str, int]
    total: int
    earn: tuple[Earned, ...]
    rounding: int = 0
    issued: tuple[IssuedCode, ...] = ()
    thanks: str = ""


class Invited(msgspec.Struct, frozen=True):
    """What the code of a friend came to. referrer: who has brought the customer, where it counts.

    why: else a word for machines, and ``text`` a sentence for the cashier.
    """

    code: str
    referrer: str
    why: str
    text: str

    @classmethod
    def of(cls, invite: InviteRow | None, facts: Mapping[str, Fact]) -> "Invited | UnsetType":
        """Describe it; UNSET where no such code was shown."""
        if invite is None:
            return UNSET
        why = str(facts.get(INVITE_UNFIT, ""))
        text = _said(why, invite.code) if why else ""
        return cls(invite.code, str(facts.get(INVITE_FRIEND, "")), why, text)


def _said(why: str, code: str) -> str:
    """Return why a code does not count, for the cashier."""
    return {
        "two": "Only one friend's code counts; the sale goes on without them.",
        "ended": f"The code {code} brings nobody any more; the sale goes on without it.",
        "no_card": f"The code {code} needs the customer's own card; the sale goes on without it.",
        "own": f"The code {code} is this customer's own; the sale goes on without it.",
        "brought": f"This customer was brought by somebody else; the code {code} does not count.",
        "bought": f"This customer has bought here before; the code {code} does not count.",
        "contact": f"The code {code} is of somebody with the same telephone or e-mail;"
        " it does not count.",
        "circle": f"This customer has brought whose code {code} is; it does not count.",
    }[why]


class ChipTraffic(msgspec.Struct, frozen=True):
    """What a sale took at the chip: APDUs, and the time of its conversations."""

    apdus: int
    ms: int


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A posted sale. What is paid is ``total + rounding``.

    gifts: what is left on the gift cards that were shown, by code.
    chip:  is there when a chip was written. invited: when the code of a friend was shown.
    """

    state: str
    sale_id: PosSaleId
    total: int
    receipt: Receipt
    balances: dict[str, Balance]
    rounding: int = 0
    gifts: dict[str, dict[str, Balance]] = {}
    chip: ChipTraffic | UnsetType = UNSET
    invited: Invited | UnsetType = UNSET
    replayed: bool = False

    @classmethod
    def of(
        cls,
        sale: Sale,
        decision: Decision,
        chip: ChipTraffic | UnsetType = UNSET,
    ) -> "Posted":
        """Describe a sale that was decided."""
        quote = sale.quote
        receipt = Receipt(
            code=sale.receipt,
            at=sale.at,
            terminal=sale.terminal,
            cashier=sale.cashier,
            programme=quote.programme,
            lines=quote.lines,
            list_total=quote.list_total,
            discount=quote.discount,
            net=quote.net,
            burn=quote.burn,
            total=quote.total,
            rounding=quote.rounding,
            earn=quote.earn,
            issued=tuple(map(IssuedCode.of, sale.issued)),
            thanks=sale.thanks,
        )
        return cls(
            state=decision.sale.state,
            sale_id=given_id(sale.sale_id),
            total=quote.total,
            rounding=quote.rounding,
            receipt=receipt,
            balances=decision.balances,
            gifts=decision.gifts,
            chip=chip,
            invited=Invited.of(sale.invite, sale.frozen.facts),
        )


class Voided(msgspec.Struct, frozen=True, kw_only=True):
    """A released hold, or an id that will never be posted."""

    state: str
    sale_id: PosSaleId
    balances: dict[str, Balance]
    replayed: bool = False

    @classmethod
    def of(cls, decision: Decision) -> "Voided":
        """Describe a void that was decided."""
        sale = decision.sale
        return cls(state=sale.state, sale_id=given_id(sale.sale_id), balances=decision.balances)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A torn sale whose chip could not tell: what it did by a manager's word, and where it stands.

    state: ``posted``; ``intent``: repeat the call or void the sale; ``voided``; ``new`` for a
           transfer that is planned anew.
    """

    state: str
    sale_id: PosSaleId
    outcome: Literal["written", "not_written"]
    replayed: bool = False


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What a return gave back: money, and points by purse.

    refund: all that is paid out. rounding: how much of it is on no line, below 0 where it is less.
    kept:  what the refund is short of, in minor units: the sale had put it on the card, and it is
           not there any more.
    codes: those that came with the goods, and are good for nothing now.
    lapsed: how much of ``burned_back`` had lapsed meanwhile; see ``returned_lapsed`` of the purse.
    dry:   whether it was only asked: nothing was written.
    """

    state: str
    return_id: str
    sale_id: PosSaleId
    refund: int
    lines: tuple[LineBack, ...]
    burned_back: dict[str, int]
    earned_back: dict[str, int]
    balances: dict[str, Balance]
    kept: int = 0
    codes: tuple[str, ...] = ()
    lapsed: dict[str, int] = {}
    rounding: int = 0
    dry: bool = False
    replayed: bool = False

    @classmethod
    def of(
        cls, return_id: str, back: SharesBack, decision: Decision, *, dry: bool = False
    ) -> "Returned":
        """Describe a return that was decided."""
        return cls(
            state=decision.sale.state,
            return_id=return_id,
            sale_id=given_id(decision.sale.sale_id),
            refund=back.money,
            lines=back.lines,
            burned_back=back.burned,
            earned_back=back.earned,
            balances=decision.balances,
            kept=back.kept,
            codes=back.codes,
            lapsed=back.lapsed,
            rounding=back.rounding,
            dry=dry,
        )


class SaleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sale stands. ``until`` is when a hold runs out.

    state:  of ``daemon.ledger.sale_states``; of ``new`` nothing was written, whatever was refused.
    advice: a sentence for the cashier where the sale waits for its chip, or for a manager's word.
    """

    sale_id: PosSaleId
    state: str
    until: str = ""
    at: str = ""
    total: int | None = None
    rounding: int = 0
    refunded: int = 0
    advice: str = ""

    @classmethod
    def of(
        cls, sale_id: PosSaleId, row: SaleRow | None, passed: datetime, now: datetime
    ) -> "SaleStatus":
        """Describe a sale row, or the lack of one; a hold ends with its time, swept or not.

        passed: the time that a hold goes by, which only passes. now: the till's.
        """
        record = row.record if row else None
        if row is None or record is None:
            return cls(sale_id=sale_id, state=row.state if row else SaleState.NEW)
        until, over = row.until, False
        if row.state is SaleState.HELD:
            try:
                left = datetime.fromisoformat(until) - passed
            except (ValueError, TypeError) as error:
                raise too_new(error) from error
            until, over = rfc3339(now + left), left <= timedelta()
        return cls(
            sale_id=sale_id,
            state=SaleState.EXPIRED if over else row.state,
            until=until,
            at=record.sale.at,
            total=record.sale.quote.total,
            rounding=record.sale.quote.rounding,
            refunded=record.refunded,
            advice=chip_sales.advice_of(row),
        )
