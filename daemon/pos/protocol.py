"""Parameters of the POS methods."""

from typing import Annotated, Any, Literal

import msgspec

from daemon.base.approval import Approvable
from daemon.base.params import Params
from daemon.base.text_limits import (
    IdText,
    Override,
    PresentationIdText,
    ReceiptText,
    RequestId,
    SaidText,
    SaleIdText,
    Text,
)
from daemon.pos.claims import CLAIM_TTL_S_MAX
from daemon.programme.basket import LINES_MAX, LineId
from daemon.sale.terms import SaleTerms
from daemon.shop.till_clock import ClockStatus

HOLD_TTL_S_MAX = 7 * 24 * 3_600
SCAN_CHARS_MAX = 4_096
"""A scan handed over by the till: what a reader's frame may hold."""

SimulatedAction = Literal[
    "present", "remove", "scan", "swipe", "type", "resend", "tear", "hang", "unplug", "plug"
]
ReaderName = Annotated[IdText, msgspec.Meta(min_length=1)]


class NoParams(Params, frozen=True):
    """No parameters."""


class IdentifyParams(Params, frozen=True, kw_only=True):
    """One of ``reader`` (what was shown there last), ``scan`` (raw text) or ``number`` (typed).

    typed_by, reason: the cashier who typed it and why; a number that was typed is counted.
    cashier: who asks, however the card was shown; kept where nothing comes of it.
    """

    reader: ReaderName | None = None
    scan: Annotated[str, msgspec.Meta(max_length=SCAN_CHARS_MAX)] | None = None
    number: IdText | None = None
    typed_by: Text = ""
    reason: Text = ""
    cashier: Text = ""


class PhoneLinkParams(Approvable, frozen=True, kw_only=True):
    """A card that was shown, for the customer's phone.

    override: who answers for it when the card only identifies; else a photo of a printed number
              could become a phone that pays.
    """

    presentation: PresentationIdText
    override: Override | None = None


class PhoneRevokeParams(Approvable, frozen=True, kw_only=True):
    """A card whose phone was lost, shown in any way; who says so, and why, is kept."""

    presentation: PresentationIdText
    by: SaidText
    reason: SaidText


class QuoteParams(SaleTerms, frozen=True, kw_only=True):
    """A basket to price."""


class HoldParams(SaleTerms, frozen=True, kw_only=True):
    """A sale to hold for ``ttl_s`` seconds, or as long as the shop's policy says."""

    sale_id: SaleIdText
    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=HOLD_TTL_S_MAX)] | None = None


class CommitParams(SaleTerms, frozen=True, kw_only=True):
    """A sale to post; ``expect_total`` is what the customer was told."""

    sale_id: SaleIdText
    expect_total: int | None = None


class VoidParams(Params, frozen=True, kw_only=True):
    """A hold to release."""

    sale_id: SaleIdText
    reason: Text = ""


class ReturnedLineParams(Params, frozen=True):
    """How much of a line comes back: pieces, or a decimal string for weighed goods."""

    line: LineId
    qty: int | IdText


class ReturnParams(Approvable, frozen=True, kw_only=True):
    """A sale to take back: some ``lines``, or ``whole`` for all that is left of it.

    sale_id: of this till's own POS. receipt: the code of the receipt, whichever till has sold.
    chip: what the card's chip gets back, it is owed until its next tap (``owed``), or it is paid
          out with the refund (``cash``).
    dry:  only say what the return would give: nothing is written, and no id is used.
    """

    return_id: RequestId
    sale_id: SaleIdText | None = None
    receipt: ReceiptText | None = None
    lines: Annotated[tuple[ReturnedLineParams, ...], msgspec.Meta(max_length=LINES_MAX)] = ()
    whole: bool = False
    cashier: SaidText
    reason: Text = ""
    chip: Literal["owed", "cash"] = "owed"
    dry: bool = False


class DecideParams(Approvable, frozen=True, kw_only=True):
    """What a chip did that cannot tell any more, by a manager's word; both are kept.

    sale_id: of this till's own POS, or of what a chip was owed (``owed-…``, as ``card.show`` has
             it). receipt: the code of the receipt, whichever till has sold.
    """

    request_id: RequestId
    sale_id: SaleIdText | None = None
    receipt: ReceiptText | None = None
    outcome: Literal["written", "not_written"]
    by: SaidText
    reason: SaidText


class StatusParams(Params, frozen=True):
    """A sale to ask about, by its id at this till or by its receipt's code."""

    sale_id: SaleIdText | None = None
    receipt: ReceiptText | None = None


class SimulateParams(Params, frozen=True, kw_only=True):
    """What happens at a simulated reader. ``data`` is text, or bytes as ``hex:…``."""

    reader: ReaderName
    do: SimulatedAction
    card: Text | None = None
    data: Annotated[str, msgspec.Meta(max_length=2 * SCAN_CHARS_MAX)] | None = None


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    done: bool = True


class ClaimParams(Params, frozen=True):
    """A reader to have alone, for ``ttl_s`` seconds from now; claimed again, it is prolonged."""

    reader: ReaderName
    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=CLAIM_TTL_S_MAX)]


class Claimed(msgspec.Struct, frozen=True):
    """``until`` is when the claim ends by itself."""

    reader: str
    until: str


class ReleaseParams(Params, frozen=True):
    """A reader to give back."""

    reader: ReaderName


class Released(msgspec.Struct, frozen=True):
    """``released`` is false when this client did not hold the reader."""

    released: bool


class ReaderStatus(msgspec.Struct, frozen=True):
    """One reader. ``claimed_by`` is what the client that holds it calls itself; null: free.

    detail: a sentence on why it is in this state, or "".
    """

    name: str
    state: str
    claimed_by: str | None = None
    detail: str = ""


class DaemonStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon is. ``simulated`` lists the readers and cards for ``input.simulate``.

    clock_suspect:  the machine's clock is not believed, or customers' phones disagree with it;
                    sales go on with the till's own time, and ``clock`` says by how much.
    phones_ahead_s: by how much customers' phones are ahead of this till (the median), or None
                    before five cards.
    outbox:         entries that wait to be forwarded: 0 while nothing forwards any.
    """

    version: str
    terminal: str
    uptime_s: int
    readers: tuple[ReaderStatus, ...]
    web: str
    ledger: dict[str, Any]
    programme: dict[str, str]
    outbox: int
    clock_suspect: bool
    clock: ClockStatus
    simulated: dict[str, tuple[str, ...]]
    phones_ahead_s: int | None
