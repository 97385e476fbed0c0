"""A sale as it is kept: what was sold and decided, and what has become of it since."""

from datetime import datetime

import msgspec

from daemon.base.ids import NO_CARD, AccountId, CardId, LedgerId, SaleId, given_id
from daemon.base.receipt_codes import TillNames, receipt_code
from daemon.base.text_limits import Override
from daemon.ledger.entries import CounterMove
from daemon.ledger.lots import Lot
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.rows import CodeRow
from daemon.programme.basket import Basket, Fact, LineId
from daemon.programme.quote import Quote


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a price follows from: price these again and the same quote comes out."""

    programme: str
    now: datetime
    basket: Basket
    facts: dict[str, Fact]


class DayCount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a sale counts against a limit of ``[limits]``: its name, a counter, and how much."""

    limit: str
    counter: str
    take: int


class Sale(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale as the till wants it. ``today`` is its local day (ordinal).

    store, terminal: what the till is called; store is "" before receipts had codes.
    minute:   of the local day by the clock on the wall, 0 to 1439.
    card_id:  the card that was shown, or "".
    flags:    how it came about, bits of ``posted_facts.SaleFlag``.
    statuses: that the card had when it was posted, in order.
    standing_bp: what the card has off by itself after it (``programme.standing_discount``); -1
              without a card.
    worth:    what a unit of each purse of the programme pays, in minor units; none of goods.
    credit:   how far a burn may overdraw each purse of the card.
    gifts:    the accounts of gift cards whose codes were shown, by code: they pay before the card.
    card_pays: whether the card's own purses may be burned, after the gift cards.
    ordinals: the counters that say which sale this is, of the day and of all.
    issued:   the codes that it hands out.
    chip_purse, card_uid: the purse that is kept on chips, and the chip that was shown, or "".
    owed:     what the sale gives to the chip purse beside the chip (see ``chip_owed``).
    tenders:  what the till took, as it said; kept, not interpreted.
    override: who answers for a payment by a card that only identifies, and why.
    approved_by: who has approved it with a PIN, or "".
    thanks:   what its receipt says at the end, in the shop's words, or "".
    invite:   the code of a friend that was shown; the facts say whether it counts.
    counted:  what it counts against the shop's limits of a day, as it is posted.
    """

    sale_id: SaleId
    account: AccountId
    store: str = ""
    terminal: str
    cashier: str
    at: str
    today: int
    frozen: Frozen
    quote: Quote
    minute: int = 0
    card_id: CardId = NO_CARD
    flags: int = 0
    statuses: tuple[str, ...] = ()
    worth: dict[str, int] = {}
    standing_bp: int = -1
    credit: dict[str, int] = {}
    gifts: dict[str, AccountId] = {}
    card_pays: bool = True
    ordinals: tuple[str, ...] = ()
    issued: tuple[CodeRow, ...] = ()
    chip_purse: str = ""
    card_uid: str = ""
    owed: int = 0
    tenders: tuple[dict[str, int | str], ...] = ()
    override: Override | None = None
    approved_by: str = ""
    thanks: str = ""
    invite: InviteRow | None = None
    counted: tuple[DayCount, ...] = ()

    @property
    def till(self) -> TillNames:
        """What the till that made it is called."""
        return TillNames(self.store, self.terminal)

    @property
    def receipt(self) -> str:
        """The code of its receipt, or "" before receipts had codes."""
        return receipt_code(self.till, given_id(self.sale_id)) if self.store else ""

    @property
    def day_counts(self) -> tuple[CounterMove, ...]:
        """Return the moves of the counters that it is counted with."""
        return tuple(CounterMove(one.counter, one.take) for one in self.counted)

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """Return every account whose purses it may move: the card's own, referrers', gifts'."""
        others = (earned.account for earned in self.quote.earn)
        accounts = (self.account, *others, *self.gifts.values())
        return tuple(dict.fromkeys(account for account in accounts if account))

    @property
    def chip_burn(self) -> int:
        """Return what the card's own chip purse pays, whatever the sale earns there at once."""
        return self.quote.burn.get(self.chip_purse, 0)

    @property
    def chip_net(self) -> int:
        """Return what the sale changes in the card's own chip purse."""
        purse = self.chip_purse
        earned = (e.amount for e in self.quote.earn if e.purse == purse and not e.account)
        return sum(earned) - self.quote.burn.get(purse, 0) if purse else 0


class ReturnedLine(msgspec.Struct, frozen=True):
    """How much of a line came back, in thousandths of its unit."""

    line: LineId
    qty_milli: int


class ChipIntent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sale is about to do to a chip; synced before the chip is spoken to.

    seq, balance: the chip's, once it is done. content: of the request that asked for it.
    sale:         as it will be posted. until: of the hold that it came from, or "".
    counters:     count what the chip pays on a day. speaks: as in ChipRow.
    not_written:  a later tap proved that nothing was written: the same call may go through.
    case:         a later tap could not tell; a manager decides.
    """

    ledger_id: LedgerId
    uid: str
    seq: int
    txid: bytes
    amount: int
    balance: int
    sale: Sale
    content: bytes
    until: str = ""
    counters: tuple[str, ...] = ()
    speaks: str = ""
    not_written: bool = False
    case: bool = False


class SaleProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What has become of a sale. ``burned``, ``accrued``: the lots it moved, less what came back.

    Both are by purse, or ``purse@account`` where it is another's than the card's own.
    kept: what refunds were short of for what the sale had given and was gone by then; short: what
          later refunds are still to be short of. sums_gone: what has gone of sums that were earned
          for the whole sale, by rule. rounded: what refunds, with what they were short of, are more
          than the lines say.
    erased: what it said of a person, which its price may rest on, was taken out of it.
    """

    burned: dict[str, tuple[Lot, ...]]
    accrued: dict[str, tuple[Lot, ...]] = {}
    returned: tuple[ReturnedLine, ...] = ()
    refunded: int = 0
    kept: int = 0
    short: int = 0
    sums_gone: dict[str, int] = {}
    rounded: int = 0
    erased: bool = False


class SaleRecord(SaleProgress, frozen=True, kw_only=True):
    """A sale as kept. ``chip``: what it is about to do to a chip, until that is decided."""

    sale: Sale
    chip: ChipIntent | None = None
