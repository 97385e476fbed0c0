"""What can go wrong between the till and a device. The class says who must act."""

from daemon.base.refusals import ErrorCode


class ReaderError(Exception):
    """A device failed. The message is a sentence for the cashier; it never quotes a card.

    code:       stable and machine-readable.
    error_code: what the POS receives.
    """

    code = "reader.failed"
    error_code = ErrorCode.NO_HARDWARE


class ReaderLostError(ReaderError):
    """The device itself is gone; the supervisor reopens it with back-off."""

    code = "reader.lost"


class ReaderDeniedError(ReaderError):
    """The machine or another program keeps us out; whoever installs the till must act."""

    code = "reader.denied"


class NoCardError(ReaderError):
    """No chip lies on the reader; ask the customer for it."""

    code = "reader.no-card"
    error_code = ErrorCode.NO_CARD


class CardLostError(ReaderError):
    """The card left the field in the middle of a dialogue; ask for it again."""

    code = "reader.card-lost"
    error_code = ErrorCode.TORN


class CardSilentError(ReaderError):
    """The card, or its reader, did not answer in time; nobody knows what it did."""

    code = "reader.card-silent"
    error_code = ErrorCode.TIMEOUT
