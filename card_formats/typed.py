"""A number that was typed: what people put between its digits is forgiven, nothing else is."""

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError

TYPED_BYTES_MAX = 128
# Space, no-break spaces, hyphen and the dashes that word processors make of it.
_FORGIVEN = dict.fromkeys(map(ord, " \t\u00a0\u2009\u202f-\u2010\u2011\u2012\u2013\u2014\u2212"))


def decode_typed(shown: Shown) -> Reading:
    """Read a typed number: UTF-8; letters and digits count, letters in capitals.

    Raises: CardFormatError ``typed.too-long``, ``typed.not-text``, ``typed.empty``,
            ``typed.bad-character``.
    """
    if len(shown.raw) > TYPED_BYTES_MAX:
        raise CardFormatError("typed.too-long", f"more than {TYPED_BYTES_MAX} bytes")
    try:
        text = shown.raw.decode("utf-8").translate(_FORGIVEN)
    except UnicodeDecodeError as error:
        raise CardFormatError("typed.not-text", "not UTF-8", offset=error.start) from error
    if not text:
        raise CardFormatError("typed.empty", "nothing was typed")
    if not (text.isascii() and text.isalnum()):
        raise CardFormatError("typed.bad-character", "a card number has letters and digits only")
    return Reading(Medium.TYPED, "typed", text.upper())
