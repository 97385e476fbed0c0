"""What the shop allows at this till: whose card counts as the shop's, and which cards spend."""

import msgspec

from card_formats.credential import Trust
from card_formats.number_ranges import NumberRange
from daemon.base.config import GreetingSection
from daemon.base.currency import Currency
from daemon.base.receipt_codes import TillNames
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.sale.presentations import Presentation

_BY_TRUST = tuple(Trust)
"""From a number that anybody can copy to a chip that proves itself."""


class CheckoutPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The till's policy.

    ranges:     the numbers that are the shop's own.
    spend_from: the least trust that spends; what is trusted less collects only.
    hold_ttl_s: how long a hold lasts where the till does not say.
    greeting:   what the shop says of a card in its own words.
    typed_spend_max: what a typed number pays at most, in minor units; None: as ``spend_from`` says.
    """

    till: TillNames
    ranges: tuple[NumberRange, ...]
    spend_from: Trust
    hold_ttl_s: int
    typed_spend_max: int | None = None
    greeting: GreetingSection = GreetingSection()

    def may_spend(self, shown: Presentation) -> bool:
        """Whether the card is trusted enough to pay, by how it was shown."""
        return _BY_TRUST.index(shown.credential.trust) >= _BY_TRUST.index(self.spend_from)

    def check_spend(self, shown: Presentation, paid: int, currency: Currency) -> None:
        """Raise RefusedError NEEDS_LIVE_CARD where the card may not pay ``paid`` minor units."""
        most = self.typed_spend_max
        if most is not None and shown.is_typed:
            if paid > most:
                raise RefusedError(
                    ErrorCode.NEEDS_LIVE_CARD,
                    f"A typed number pays up to {currency.text(most)}: ask for the card itself,"
                    " or let a senior cashier override with a reason.",
                )
        elif not self.may_spend(shown):
            raise RefusedError(
                ErrorCode.NEEDS_LIVE_CARD,
                "This card collects but does not spend: ask for the chip or the phone's live code,"
                " or let a senior cashier override with a reason.",
            )
