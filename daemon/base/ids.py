"""Ids as types of their own, so that an account's is not taken for a card's.

On the wire and in the ledger each is a text. They are made where the thing is made; what a POS or
a store gives is decoded into them.
"""

from typing import NewType

AccountId = NewType("AccountId", str)
"""Whose purses, meters and statuses: ``a`` and 16 hexadecimal digits."""
CardId = NewType("CardId", str)
"""A card, whatever numbers and chips are on it: ``c`` and 16 hexadecimal digits."""
SaleId = NewType("SaleId", str)
"""A sale, as the POS has named it."""
PresentationId = NewType("PresentationId", str)
"""What was shown at the till once, good for one sale: ``p`` and 16 hexadecimal digits."""
QuoteId = NewType("QuoteId", str)
"""A price that waits for its sale: ``q`` and 16 hexadecimal digits."""
LedgerId = NewType("LedgerId", str)
"""The ledger of one writer."""

NO_ACCOUNT, NO_CARD, NO_SALE = AccountId(""), CardId(""), SaleId("")
NO_PRESENTATION = PresentationId("")
"""Where there is none: a sale without a card, a decision without a sale."""
