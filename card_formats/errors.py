"""Everything that can be wrong with what a card, a stripe or a barcode says."""


class CardFormatError(ValueError):
    """The input is not a valid card of this format.

    code:   stable and machine-readable, such as ``"track2.bad-lrc"``; it reaches the POS.
    offset: index of the first wrong byte, or None when the whole is wrong.
    """

    def __init__(self, code: str, message: str, *, offset: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.offset = offset


class UnknownFormatError(CardFormatError):
    """A clean reading that no registered card format claims: a product, or a foreign card."""


class BankCardError(CardFormatError):
    """A payment card. Its number must not be kept, logged, matched or shown anywhere."""
