"""What reports read of a posted sale or return: one fact, and the sums that it adds to. Pure.

Every figure of a report comes from entries. So that no question has to decode each sale of a year,
the commit writes down beside the entry what questions are asked about:

    fact         one row a sale or return
    month_sum    the same, summed by month, account, partner and employee
    day_sum      by day, till, cashier and rule; the rule "" is the whole receipt
    account_sum  of all time, by account

They follow from the entry alone (`facts_of`), as balances do, and the audit derives them again. So
the entry of a return says what a return's row is made of (`ReturnedFigures`): the entry that has
the sale may be another till's.

A sale of 100.00 with 10.00 off that was paid with 20 points at 0.50, of which half comes back:

    day        kind     visits    list  discount    net  burned   paid
    2 March    sale          1  100.00     10.00  90.00   10.00  80.00
    5 March    return        0  -50.00     -5.00 -45.00   -5.00 -40.00
    6 March    return       -1  -50.00     -5.00 -45.00   -5.00 -40.00

``paid`` is what came in for the goods: net less what the card's own points paid, a gift card's
share included, for that was paid for when the gift card was bought. Rounding in cash is in no
figure: it is the cash desk's, not the goods'.

Meters count on the day of the sale; these rows stand on the day of the return. Both are right.
"""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any

import msgspec

from daemon.base.ids import AccountId, CardId, SaleId
from daemon.base.money import half_up
from daemon.ledger.entries import Entry
from daemon.programme.goods import PIECE_MILLI
from daemon.programme.names import REFERRER_EMPLOYEE, REFERRER_PARTNER, card_fact

NOT_COMPUTED = -1
"""In place of a standing discount, in basis points."""


class SaleFlag(IntFlag):
    """How a sale came about: what the owner asks for when looking for fraud.

    ASKED:      a discount that the cashier asked for gave something.
    FLAG:       a rule that looks at a ``flag.*`` of the till gave something.
    CODE:       a code was shown that the sale used.
    FROM_HOLD:  it was on hold before.
    CHIP:       a chip proved the card. PHONE_CODE: a phone's live code did.
    """

    OVERRIDE = 1
    TYPED = 2
    ASKED = 4
    FLAG = 8
    CODE = 16
    FROM_HOLD = 32
    CHIP = 64
    PHONE_CODE = 128


class Figures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Sums in minor units; of a return they are below 0.

    burned, earned: of the card's own purses, at what a unit is worth; goods are worth nothing.
    cost, cost_net: what lines that say their cost have cost, and their net.
    """

    list_total: int = 0
    discount: int = 0
    net: int = 0
    paid: int = 0
    burned: int = 0
    earned: int = 0
    cost: int = 0
    cost_net: int = 0


FIGURES = Figures.__struct_fields__


class Buyer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who bought and how, as of the sale; its returns say the same.

    statuses: held at the sale, in order, with commas between. issuer: of the card.
    partner, employee: the accounts of who had sent the customer.
    """

    card_id: CardId = CardId("")
    statuses: str = ""
    issuer: str = ""
    partner: str = ""
    employee: str = ""
    flags: int = 0


class ReturnedFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a return's entry says for its row: all amounts are what came back, above 0.

    rules:    what each rule had given of it, in minor units; of every rule that gave something to
              the sale.
    complete: whether nothing of the sale is left.
    """

    buyer: Buyer
    figures: Figures
    rules: dict[str, int] = {}
    complete: bool = False


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One posted sale or return.

    day:    local day (ordinal); minute: of that day by the clock on the wall, 0 to 1439.
    visits: 1 for a sale, -1 for the return that brings back its last piece, else 0.
    rules:  what each rule gave, in minor units.
    standing_bp: the discount that the card has without doing anything, after the sale; -1 where it
            was not computed.
    """

    day: int
    minute: int
    kind: str
    sale_id: SaleId
    account: AccountId
    store: str
    terminal: str
    cashier: str
    visits: int
    buyer: Buyer
    figures: Figures
    rules: dict[str, int]
    standing_bp: int = NOT_COMPUTED


def facts_of(entry: Entry) -> Fact | None:
    """Return what an entry says of a sale or a return that was posted; None for all else.

    None, too, for a sale that does not stand in its entry: of the first ledgers that there were.
    """
    try:
        if entry.kind == "sale":
            return _sold(entry, _SALE.decode(entry.detail))
        if entry.kind == "return":
            return _returned(entry, _RETURN.decode(entry.detail))
    except msgspec.DecodeError:
        pass
    return None


# What is read of an entry's detail. Fields that are not named here are skipped by the decoder: a
# sale of three lines takes a quarter of what the whole of it would.


class _Line(msgspec.Struct, frozen=True, gc=False):
    line: int | str
    cost: int | None = None


class _Applied(msgspec.Struct, frozen=True, gc=False):
    rule: str
    minor: int


class _Quoted(msgspec.Struct, frozen=True, gc=False):
    line: int | str
    qty_milli: int
    net: int
    applied: tuple[_Applied, ...] = ()


class _Earned(msgspec.Struct, frozen=True, gc=False):
    purse: str
    amount: int
    account: str = ""


class _Basket(msgspec.Struct, frozen=True, gc=False):
    lines: tuple[_Line, ...]


class _Frozen(msgspec.Struct, frozen=True, gc=False):
    basket: _Basket
    facts: dict[str, Any]


class _Quote(msgspec.Struct, frozen=True, gc=False):
    lines: tuple[_Quoted, ...]
    list_total: int
    discount: int
    net: int
    burn: dict[str, int] = {}
    earn: tuple[_Earned, ...] = ()


class _Sale(msgspec.Struct, frozen=True, gc=False):
    sale_id: SaleId
    terminal: str
    cashier: str
    today: int
    frozen: _Frozen
    quote: _Quote
    store: str = ""
    card_id: CardId = CardId("")
    minute: int = 0
    flags: int = 0
    worth: dict[str, int] = {}
    statuses: tuple[str, ...] = ()
    gifts: dict[str, AccountId] = {}
    standing_bp: int = NOT_COMPUTED


class _Return(msgspec.Struct, frozen=True, gc=False):
    sale_id: SaleId
    today: int
    cashier: str
    refund: int
    store: str = ""
    terminal: str = ""
    minute: int = 0
    came_back: ReturnedFigures | None = None


_SALE = msgspec.json.Decoder(_Sale)
_RETURN = msgspec.json.Decoder(_Return)


def _sold(entry: Entry, sale: _Sale) -> Fact:
    quote = sale.quote
    earned: dict[str, int] = {}
    for one in quote.earn:
        if not one.account:
            earned[one.purse] = earned.get(one.purse, 0) + one.amount
    costs = {line.line: line.cost for line in sale.frozen.basket.lines if line.cost is not None}
    known = [(line, costs[line.line]) for line in quote.lines if line.line in costs]
    burned = worth_of(_burned(entry, sale), sale.worth)
    rules: dict[str, int] = {}
    for line in quote.lines:
        for off in line.applied:
            rules[off.rule] = rules.get(off.rule, 0) + off.minor
    return Fact(
        day=sale.today,
        minute=sale.minute,
        kind=entry.kind,
        sale_id=sale.sale_id,
        account=entry.account,
        store=sale.store,
        terminal=sale.terminal,
        cashier=sale.cashier,
        visits=1,
        buyer=buyer_of(sale.frozen.facts, sale.card_id, sale.statuses, sale.flags),
        figures=Figures(
            list_total=quote.list_total,
            discount=quote.discount,
            net=quote.net,
            paid=quote.net - burned,
            burned=burned,
            earned=worth_of(earned, sale.worth),
            cost=sum(cost_of(cost, line.qty_milli) for line, cost in known),
            cost_net=sum(line.net for line, _ in known),
        ),
        rules=rules,
        standing_bp=sale.standing_bp,
    )


def _burned(entry: Entry, sale: _Sale) -> dict[str, int]:
    """Return what the card's own purses paid: all that was burned, less what gift cards gave."""
    own = dict(sale.quote.burn)
    for posting in entry.postings if sale.gifts else ():
        if posting.amount < 0 and posting.account in sale.gifts.values():
            own[posting.purse] = own.get(posting.purse, 0) + posting.amount
    return own


def _returned(entry: Entry, back: _Return) -> Fact:
    # Of a return that is older than these figures only the refund is known.
    refund = Figures(list_total=back.refund, net=back.refund, paid=back.refund)
    said = back.came_back or ReturnedFigures(buyer=Buyer(), figures=refund)
    figures = {name: -getattr(said.figures, name) for name in FIGURES}
    return Fact(
        day=back.today,
        minute=back.minute,
        kind=entry.kind,
        sale_id=back.sale_id,
        account=entry.account,
        store=back.store,
        terminal=back.terminal,
        cashier=back.cashier,
        visits=-1 if said.complete else 0,
        buyer=said.buyer,
        figures=Figures(**figures),
        rules={rule: -minor for rule, minor in said.rules.items()},
    )


def worth_of(units: Mapping[str, int], worth: Mapping[str, int]) -> int:
    """Return what amounts of purses are worth in minor units; ``worth`` is of one unit each."""
    return sum(amount * worth.get(purse, 0) for purse, amount in units.items())


def cost_of(cost: int, qty_milli: int) -> int:
    """Return what so many thousandths of a unit have cost the shop, in minor units."""
    return half_up(cost * qty_milli, PIECE_MILLI)


def buyer_of(
    facts: Mapping[str, Any], card_id: CardId, statuses: tuple[str, ...], flags: int
) -> Buyer:
    """Return who bought, by the facts that a sale was priced with."""
    said = {name: str(facts.get(fact) or "") for name, fact in _SAID.items()}
    return Buyer(card_id=card_id, statuses=",".join(statuses), flags=flags, **said)


_SAID = {
    "issuer": card_fact("issuer"),
    "partner": REFERRER_PARTNER,
    "employee": REFERRER_EMPLOYEE,
}
