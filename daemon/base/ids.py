"""Ids as types of their own, so that an account's is not taken for a card's.

On the wire and in the ledger each is a text. They are made where the thing is made; what a POS or
a store gives is decoded into them.
"""

from typing import NewType

AccountId = NewType("AccountId", str)
"""Whose purses, meters and statuses: ``a`` and 16 hexadecimal digits."""
CardId = NewType("CardId", str)
"""A card, whatever numbers and chips are on it: ``c`` and 16 hexadecimal digits."""
PosSaleId = NewType("PosSaleId", str)
"""A sale, as its POS has named it."""
SaleId = NewType("SaleId", str)
"""A sale in the ledger: ``<ledger id>/<as its POS has named it>``. Of two tills each has its 0001,
and the two never meet."""
PresentationId = NewType("PresentationId", str)
"""What was shown at the till once, good for one sale: ``p`` and 16 hexadecimal digits."""
QuoteId = NewType("QuoteId", str)
"""A price that waits for its sale: ``q`` and 16 hexadecimal digits."""
LedgerId = NewType("LedgerId", str)
"""The ledger of one writer."""
NO_LEDGER = LedgerId("")

LEDGER_ID_CHARS = 16
NO_ACCOUNT, NO_CARD, NO_SALE = AccountId(""), CardId(""), SaleId("")
NO_PRESENTATION = PresentationId("")
"""Where there is none: a sale without a card, a decision without a sale."""


def scoped(ledger_id: LedgerId, given: str) -> str:
    """Return an id that a POS has given, as it is kept: under the ledger of its till."""
    return f"{ledger_id}/{given}"


def given_id(sale_id: SaleId) -> PosSaleId:
    """Return a sale's id as its POS has given it."""
    return PosSaleId(sale_id[LEDGER_ID_CHARS + 1 :])


def scope_of(sale_id: SaleId) -> LedgerId:
    """Return the ledger of the till whose sale it is."""
    return LedgerId(sale_id[:LEDGER_ID_CHARS])
