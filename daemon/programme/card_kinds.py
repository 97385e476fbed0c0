"""Kinds of cards, ``[[card]]``: what one is given for, how long it is good, how many there may be.

    [[card]]
    kind = "plastic"
    issue = { min_purchase = 40000, questionnaire = true }
    term = "365d"
    per_account = 5
    transferable = false

A card of this kind is given to whoever has bought for 400.00 today and filled the questionnaire; it
is good for 365 days after that day, and a family has five at most. ``invite = "friend"`` gives its
customer a code of that campaign, to bring others. With ``price = 7000`` it is sold
instead, for that or, with ``price = "cost"``, for what it has cost. A kind without a table is free.
"""

from typing import Annotated, Any

import msgspec

from card_formats.code_text import normal_code
from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole
from daemon.programme.days import span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import Campaign, FileTable, Id, Span, Whole

COST = "cost"
PER_ACCOUNT_MAX = 1_000


CardPrice = Annotated[
    Any, msgspec.Meta(description="a price, or the word cost", examples=[700, "25.00", "cost"])
]


class IssueTable(FileTable, frozen=True, kw_only=True):
    """What a card is given for. ``price``: minor units, or ``cost``."""

    min_purchase: Whole | None = None
    questionnaire: bool = False
    price: CardPrice = None


class CardTable(FileTable, frozen=True, kw_only=True):
    """``[[card]]``. ``per_account``: active cards of this kind on one account."""

    kind: Id
    issue: IssueTable = IssueTable()
    term: Span = ""
    per_account: int | None = None
    transferable: bool = False
    invite: Campaign = ""


class CardKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of card. Money in minor units; 0 and None are no condition.

    by_cost: whether a card is sold for what it has cost. term_days: 0 is for ever.
    invite:  the campaign whose code its customer gets to bring others, in one case, or "".
    """

    kind: str
    min_purchase: int = 0
    questionnaire: bool = False
    price: int | None = None
    by_cost: bool = False
    term_days: int = 0
    per_account: int | None = None
    transferable: bool = False
    invite: str = ""

    @property
    def is_sold(self) -> bool:
        """Whether somebody pays for it."""
        return self.by_cost or self.price is not None


def compile_card(table: CardTable, path: str, currency: Currency) -> CardKind:
    """Compile one ``[[card]]``. Raises: ProgrammeError."""
    issue, sums = table.issue, {}
    if issue.price is not None and issue.min_purchase is not None:
        raise ProgrammeError(f"{path}.issue.price", "stands beside min_purchase; write one of them")
    for key in ("min_purchase", "price"):
        raw, where = getattr(issue, key), f"{path}.issue.{key}"
        if raw is not None and raw != COST:
            sums[key] = parse_whole(raw, where, currency)
            if sums[key] < 1:
                raise ProgrammeError(where, "write 1 or more, or leave it out")
    if issue.min_purchase == COST:
        raise ProgrammeError(f"{path}.issue.min_purchase", "is an amount; only a price is the cost")
    most = table.per_account
    if most is not None and not 1 <= most <= PER_ACCOUNT_MAX:
        raise ProgrammeError(f"{path}.per_account", f"write 1 to {PER_ACCOUNT_MAX}")
    return CardKind(
        kind=table.kind,
        min_purchase=sums.get("min_purchase", 0),
        questionnaire=issue.questionnaire,
        price=sums.get("price"),
        by_cost=issue.price == COST,
        term_days=span_days(table.term, f"{path}.term") if table.term else 0,
        per_account=most,
        transferable=table.transferable,
        invite=normal_code(table.invite),
    )
