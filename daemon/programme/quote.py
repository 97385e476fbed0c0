"""A priced basket: what each rule gave to each line, and what the sale will change.

The structs hold no cycles, so the garbage collector need not track them (``gc=False``): a quote
makes hundreds, and tracking them costs a fifth of its time.
"""

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.programme.basket import LineId
from daemon.programme.names import OwnedPurse


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What one rule took off one line, in minor units.

    free: how many pieces of the line it made free, where it counts stamps; they come back last.
    """

    rule: str
    minor: int
    text: str = ""
    free: int = 0


class QuotedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line, priced. ``net = list_total - discount``; ``paid = net - sum(burned)``.

    qty_milli: thousandths of the unit, so that weighed goods stay integers.
    burned:    money that each purse paid for this line, in minor units.
    burned_units: the same in the purse's own unit, for every such purse that does not count money;
               a line may have been paid by a share of a point that rounds to 0.
    earned:    by purse, or ``purse@account`` when it is another's.
    burned, earned, meters: this line's share; returns go by these shares.
    """

    line: LineId
    qty_milli: int
    list_total: int
    discount: int
    net: int
    paid: int
    applied: tuple[Applied, ...] = ()
    burned: dict[str, int] = {}
    burned_units: dict[str, int] = {}
    earned: dict[str, int] = {}
    meters: dict[str, int] = {}


class Earned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An accrual of one rule. Dates are local, ``YYYY-MM-DD``, or "" for at once and for ever.

    account: whose purse: "" is the card's own, else the referrer's, partner's or employee's.
    by_line: each line's share of a sum that was given for the whole sale; such a sum goes back as
             one, where what is left would not have brought it.
    """

    rule: str
    purse: str
    amount: int
    usable_from: str = ""
    expires: str = ""
    text: str = ""
    account: AccountId = NO_ACCOUNT
    by_line: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """The name under which the lines carry their shares."""
        return OwnedPurse(self.purse, self.account).key


class Issued(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Codes to be issued at commit: ``count`` of a campaign, valid until ``expires`` or ""."""

    rule: str
    campaign: str
    count: int
    expires: str = ""


class Use(msgspec.Struct, frozen=True, gc=False):
    """A limit this sale takes from: refused at commit when ``counter`` would pass ``limit``.

    returnable: a return of the whole sale gives the use back.
    minor:      what an issued code took off, in minor units.
    """

    counter: str
    take: int
    limit: int
    rule: str
    returnable: bool = False
    minor: int = 0


class WhyNot(msgspec.Struct, frozen=True, gc=False):
    """A rule that gave nothing, with its first condition that failed."""

    rule: str
    condition: str
    text: str = ""


class NextStep(msgspec.Struct, frozen=True, gc=False):
    """How far the next step of a rule is: ``missing`` in the unit of what it counts."""

    rule: str
    by: str
    missing: int
    gives: str
    text: str


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. ``total`` is ``net`` less the money burned; paid is ``total + rounding``.

    rounding: what a payment in cash comes to more, or less where it is below 0; on no line.
    burn, burn_max: by purse, in the purse's unit.
    meters: what the sale adds to each meter, lines and whole-sale counts (visits) together.
    provisional: a rule for these goods hangs on the sale's ordinal, which is taken at hold.
    """

    programme: str
    version: str
    now: str
    lines: tuple[QuotedLine, ...]
    list_total: int
    discount: int
    net: int
    total: int
    rounding: int = 0
    burn: dict[str, int] = {}
    burn_max: dict[str, int] = {}
    earn: tuple[Earned, ...] = ()
    issue: tuple[Issued, ...] = ()
    meters: dict[str, int] = {}
    uses: tuple[Use, ...] = ()
    why_not: tuple[WhyNot, ...] = ()
    next: tuple[NextStep, ...] = ()
    provisional: bool = False

    @property
    def to_pay(self) -> int:
        """What is paid in money."""
        return self.total + self.rounding

    def __post_init__(self) -> None:
        # Held by the value itself, wherever it is made: priced, priced again, read from a ledger.
        assert self.list_total == sum(line.list_total for line in self.lines)
        assert self.discount == sum(line.discount for line in self.lines)
        assert self.net == sum(line.net for line in self.lines) == self.list_total - self.discount
        assert self.total == sum(line.paid for line in self.lines)
