"""A number that was typed: what people put between its digits is forgiven, nothing else is."""

from card_formats.code_text import is_number_text, number_form
from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError

TYPED_BYTES_MAX = 128


def decode_typed(shown: Shown) -> Reading:
    """Read a typed number: UTF-8, whatever a printed number has (``card_formats/code_text.py``).

    Raises: CardFormatError ``typed.too-long``, ``typed.not-text``, ``typed.empty``,
            ``typed.bad-character``.
    """
    if len(shown.raw) > TYPED_BYTES_MAX:
        raise CardFormatError("typed.too-long", f"more than {TYPED_BYTES_MAX} bytes")
    try:
        text = number_form(shown.raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CardFormatError("typed.not-text", "not UTF-8", offset=error.start) from error
    if not text:
        raise CardFormatError("typed.empty", "nothing was typed")
    if not is_number_text(text):
        raise CardFormatError(
            "typed.bad-character", "a card number has letters, digits and - . $ / + % only"
        )
    return Reading(Medium.TYPED, "typed", text)
