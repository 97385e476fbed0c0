"""The texts that a client may send, and how long they may be."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec

from daemon.base.ids import AccountId, PosSaleId, PresentationId, QuoteId
from daemon.base.params import Params
from daemon.base.receipt_codes import RECEIPT_CHARS_MAX
from daemon.base.refusals import ParamError

TEXT_CHARS_MAX = 500
"""A reason, or another free text. No text of a client has control characters: no store keeps NUL,
and what is printed, logged or exported must not move a cursor or turn a line around. Read as they
come are only a scan, a receipt's code and a programme's file."""
REASON_LETTERS_MIN = 4
"""Of the reason of what somebody gives that no rule gives: asked, overridden, adjusted."""
CODE_CHARS_MAX = 200
"""One code: a word, an issued code, a gift card's number, as it was scanned."""
REQUEST_ID_CHARS_MAX = 64
ANSWER_BYTES_MAX = 1024 * 1024
"""One answer on its line."""
ENVELOPE_BYTES_MAX = 16 * 1024
"""Of it, what stands around the result: the id of the call above all."""

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Controls, ends of lines and paragraphs, and what turns the direction of the text around it. The
joiners (U+200C, U+200D) stand inside ordinary words of Persian and Sinhala, and are none of them.
"""
_WRITTEN = (
    r"0-9A-Za-z\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u0482\u048a-\u0558\u0561-\u05ff"
    r"\u0610-\u061b\u061d-\u06dc\u06de-\u070e\u0710-\u088f\u0892-\u08e1\u08e3-\u115e\u1161-\u167f"
    r"\u1681-\u17b3\u17b6-\u1801\u1810-\u1fff\u2070-\u218b\u2c00-\u2dff\u3005-\u3163\u3165-\ud7ff"
    r"\uf900-\ufdff\ufe70-\ufefe\uff10-\uff9f\uffa1-\uffdc"
)
"""Where letters and digits stand. Blanks that have no width, and letters that are drawn as nothing,
do not; it is spelt out because a POS that checks it (ECMAScript) knows other classes than we do."""

PRINTABLE = rf"^[^{_CONTROLS}]*$(?!\n)"
_PRINTABLE = msgspec.Meta(pattern=PRINTABLE, description="must have no control characters")
Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX), _PRINTABLE]
IdText = Annotated[str, msgspec.Meta(max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE]
"""What somebody else calls a thing: a line, goods, a unit."""
_CONTROLS_IN_LINES = _CONTROLS.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f")
WRITTEN = rf"^[^{_CONTROLS_IN_LINES}]*$(?!\n)"
WrittenText = Annotated[
    str,
    msgspec.Meta(pattern=WRITTEN, description="must have no control characters but ends of lines"),
]
"""A text of several lines, with a bound of its own."""
SAID = rf"^(?=.*[{_WRITTEN}])[^{_CONTROLS}]*$(?!\n)"
SaidText = Annotated[
    str,
    msgspec.Meta(
        max_length=TEXT_CHARS_MAX,
        pattern=SAID,
        description="must say something, in letters or digits",
    ),
]
"""A text that must say something that can be read."""


def says_something(text: str) -> bool:
    """Whether a text has what a SaidText must have."""
    return re.search(SAID, text) is not None


def is_reason(text: str) -> bool:
    """Whether a text says why somebody gives what no rule gives: REASON_LETTERS_MIN letters."""
    return sum(map(str.isalpha, text)) >= REASON_LETTERS_MIN


def check_reason(reason: str) -> None:
    """Raise ValueError for a reason that says too little."""
    if not is_reason(reason):
        raise ValueError(f"reason: must have at least {REASON_LETTERS_MIN} letters")


def check_tables(name: str, *tables: Mapping[str, object]) -> None:
    """Hold the keys and texts of free-form tables to what a Text must be. Raises ValueError.

    Not said by their types: msgspec 0.22 frees twice a key that does not fit its constraints, and
    the pattern of a text that may be a list as well.
    """
    for table in tables:
        for key, value in table.items():
            for text in (key, *(value if isinstance(value, tuple) else (value,))):
                if isinstance(text, str):
                    _check_text(name, text)


def _check_text(name: str, text: str) -> None:
    if len(text) > TEXT_CHARS_MAX:
        raise ValueError(f"a text in {name} has more than {TEXT_CHARS_MAX} letters")
    if not is_printable(text):
        raise ValueError(f"the texts in {name} must have no control characters")


def is_printable(text: str) -> bool:
    """Whether a text has no control characters."""
    return re.search(f"[{_CONTROLS}]", text) is None


class Override(Params, frozen=True):
    """Somebody answers for what a card that only identifies may not do. Both are kept."""

    by: SaidText
    reason: SaidText

    def __post_init__(self) -> None:
        check_reason(self.reason)


Code = Annotated[str, msgspec.Meta(min_length=1, max_length=CODE_CHARS_MAX), _PRINTABLE]
RequestId = Annotated[str, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE]
"""An id that the POS makes: none of its characters is a control character."""
SaleIdText = Annotated[
    PosSaleId, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE
]
"""The same for a sale."""
OptionalSaleIdText = Annotated[PosSaleId, msgspec.Meta(max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE]
AccountText = Annotated[
    AccountId, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE
]
QuoteIdText = Annotated[QuoteId, msgspec.Meta(max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE]
PresentationIdText = Annotated[
    PresentationId, msgspec.Meta(max_length=REQUEST_ID_CHARS_MAX), _PRINTABLE
]
"""Ids that the till has made, as they come back."""
Tenders = tuple[dict[str, int | str], ...]
"""What was taken, as the POS says it."""
ReceiptText = Annotated[str, msgspec.Meta(max_length=RECEIPT_CHARS_MAX)]
"""The code of a sale's receipt, as it was scanned or typed."""


def read_day(text: str, path: str) -> date:
    """Return a local day. Raises ParamError, with ``path``, for one that does not exist."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParamError(path, f"{text!r} is no day; write such as 2027-12-31") from None
