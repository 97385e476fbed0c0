"""What a till is answered before a sale is written: the shapes on the wire."""

import msgspec

from daemon.base.ids import AccountId, PresentationId, QuoteId
from daemon.ledger.sale_answers import Invited
from daemon.programme.quote import Quote


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """Whose card it is. ``card`` is masked; ``message`` is what the cashier should see.

    balance: what its chip holds, where it has a purse.
    """

    presentation: PresentationId
    card: str
    account: AccountId
    name: str
    trust: str
    medium: str
    status: str
    message: str
    balance: int | msgspec.UnsetType = msgspec.UNSET


class PhoneLink(msgspec.Struct, frozen=True):
    """An address for the customer's phone; the first one to take the card there carries it."""

    url: str
    until: str


class PhoneRevoked(msgspec.Struct, frozen=True):
    """No phone carries the card. ``generation`` rises with each phone and each revocation."""

    generation: int


class Quoted(Quote, frozen=True, kw_only=True):
    """A quote, with the id that freezes it. invited: when the code of a friend was shown."""

    quote_id: QuoteId
    invited: Invited | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(
        cls, quote_id: QuoteId, quote: Quote, invited: Invited | msgspec.UnsetType = msgspec.UNSET
    ) -> "Quoted":
        """Give ``quote`` its id."""
        return cls(quote_id=quote_id, invited=invited, **msgspec.structs.asdict(quote))
