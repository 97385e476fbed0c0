"""The basket as the POS sends it, and the facts it is priced with."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec

from daemon.base.params import Params
from daemon.base.text_limits import IdText, Text

LineId: TypeAlias = int | IdText
Fact: TypeAlias = int | str | bool | tuple[str, ...]

LINES_MAX = 1_000


class BasketLine(Params, frozen=True, kw_only=True):
    """One basket line; prices are gross, in minor units.

    qty:      pieces as an integer, or a decimal string of at most three places with its ``unit``.
    min_price: the lowest unit price this line may be sold at.
    """

    line: LineId
    sku: IdText
    qty: int | IdText
    unit_price: int
    unit: IdText = ""
    name: Text = ""
    category: tuple[Text, ...] = ()
    brand: Text = ""
    kind: Text = ""
    cost: int | None = None
    min_price: int | None = None
    on_sale: bool = False
    attributes: dict[str, str | int | bool] = msgspec.field(default_factory=dict)


class Basket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be priced. ``burn`` is what the customer wants to pay with, by purse."""

    lines: tuple[BasketLine, ...]
    codes: tuple[str, ...] = ()
    payment: Text = ""
    burn: dict[str, int] = {}


def payment_of(said: str, values: Mapping[str, Fact]) -> Fact:
    """Return how a sale is paid: what its basket says, else the fact ``payment``, or ""."""
    return said or values.get("payment", "")


class Facts(msgspec.Struct, frozen=True):
    """Everything a rule may ask about besides the basket.

    now:    aware; it is turned into the programme's time zone.
    values: flat, by name: ``meter.<id>``, ``purse.<id>`` (available), ``status.<id>``,
            ``card.name``, ``card.tags``, ``card.birthday`` (``YYYY-MM-DD``), ``card.issuer``,
            ``card.account`` (set when a card was shown), ``channel``, ``cashier``, ``role``,
            ``card.referrer``, ``card.referrer.partner``, ``card.referrer.employee`` (accounts),
            ``flag.<name>``, ``order.<name>``, ``ask.<rule>`` with ``ask.<rule>.reason``,
            ``ordinal.day``, ``ordinal.life`` (which sale this would be),
            ``used.<counter>``, ``code.<CODE>`` (the campaign that an issued code belongs to).
    """

    now: datetime
    values: Mapping[str, Fact]
