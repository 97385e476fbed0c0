"""THE table: what can be shown to a till, and what a credential can be. One line a format."""

from collections.abc import Callable
from typing import NamedTuple

from card_formats.bank_card import refuse_bank_card
from card_formats.chip.uid import decode_chip, recognise_uid
from card_formats.credential import Credential, Medium, Reading, Shown
from card_formats.errors import UnknownFormatError
from card_formats.number_ranges import NumberRange, recognise_number
from card_formats.stripe.tracks import decode_swipe
from card_formats.symbology.scan import decode_scan
from card_formats.typed import decode_typed


class Format(NamedTuple):
    """``recognise`` returns a credential, None for "not mine", or raises what is wrong with it.

    name: its vectors stand in ``tests/vectors/<name>.toml``.
    """

    name: str
    recognise: Callable[[Reading, tuple[NumberRange, ...]], Credential | None]


class Decoder(NamedTuple):
    """``decode`` reads what one medium shows; its vectors stand under ``name``."""

    name: str
    decode: Callable[[Shown], Reading]


DECODERS: dict[Medium, Decoder] = {
    Medium.CHIP: Decoder("chip", decode_chip),
    Medium.BARCODE: Decoder("scan", decode_scan),
    Medium.STRIPE: Decoder("swipe", decode_swipe),
    Medium.TYPED: Decoder("typed", decode_typed),
}
# In this order; the payment card stands first, so that no other format ever looks at one.
FORMATS: tuple[Format, ...] = (
    Format("bank-card", refuse_bank_card),
    Format("uid", recognise_uid),
    Format("number", recognise_number),
)


def decode(shown: Shown) -> Reading:
    """Read what a reader took in. Raises CardFormatError for what cannot be read."""
    return DECODERS[shown.medium].decode(shown)


def recognise(reading: Reading, ranges: tuple[NumberRange, ...]) -> Credential:
    """Return the credential in ``reading``; ``ranges`` are the shop's own card numbers.

    Raises: UnknownFormatError for a product or somebody else's card, BankCardError for a payment
            card, CardFormatError (``number.bad-check`` …) for a card of this shop's misread.
    """
    for card_format in FORMATS:
        credential = card_format.recognise(reading, ranges)
        if credential is not None:
            return credential
    raise UnknownFormatError("card.unknown", "not a card of this shop")
