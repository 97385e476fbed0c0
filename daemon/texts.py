"""The texts that a client may send, and how long they may be."""

from typing import Annotated

import msgspec

TEXT_CHARS_MAX = 500
"""A reason, or another free text."""
CODE_CHARS_MAX = 200
"""One code: a word, an issued code, a gift card's number, as it was scanned."""
REQUEST_ID_CHARS_MAX = 64
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)]
SaidText = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX, pattern=r"\S")]
"""A text that must say something."""
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=CODE_CHARS_MAX, pattern=_PRINTABLE)]
RequestId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX, pattern=_PRINTABLE)
]
"""An id that the POS makes: none of its characters is a control character."""
