"""The texts that a client may send, and how long they may be."""

from datetime import date
from typing import Annotated

import msgspec

from daemon.base.ids import PosSaleId
from daemon.base.receipt_codes import RECEIPT_CHARS_MAX
from daemon.base.refusals import ParamError

TEXT_CHARS_MAX = 500
"""A reason, or another free text."""
CODE_CHARS_MAX = 200
"""One code: a word, an issued code, a gift card's number, as it was scanned."""
REQUEST_ID_CHARS_MAX = 64
ANSWER_BYTES_MAX = 1024 * 1024
"""One answer on its line."""
ENVELOPE_BYTES_MAX = 16 * 1024
"""Of it, what stands around the result: the id of the call above all."""

Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)]
SaidText = Annotated[
    str,
    msgspec.Meta(max_length=TEXT_CHARS_MAX, pattern=r"\S", description="must say something"),
]
"""A text that must say something."""


class Override(msgspec.Struct, frozen=True):
    """Somebody answers for what a card that only identifies may not do. Both are kept."""

    by: SaidText
    reason: SaidText


_PRINTABLE = msgspec.Meta(
    pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)", description="must have no control characters"
)
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=CODE_CHARS_MAX), _PRINTABLE]
RequestId = Annotated[str, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE]
"""An id that the POS makes: none of its characters is a control character."""
SaleIdText = Annotated[
    PosSaleId, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE
]
"""The same for a sale."""
ReceiptText = Annotated[str, msgspec.Meta(max_length=RECEIPT_CHARS_MAX)]
"""The code of a sale's receipt, as it was scanned or typed."""


def read_day(text: str, path: str) -> date:
    """Return a local day. Raises ParamError, with ``path``, for one that does not exist."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParamError(path, f"{text!r} is no day; write such as 2027-12-31") from None
