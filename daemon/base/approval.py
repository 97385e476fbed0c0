"""Somebody's word for what an operator may not do alone: a name and a PIN; and who has signed."""

from typing import Annotated, Self

import msgspec

from daemon.base.params import Params
from daemon.base.text_limits import SAID, SaidText

OPERATOR_NAME_CHARS_MAX = 64
PIN_DIGITS_MIN, PIN_DIGITS_MAX = 4, 8

OperatorName = Annotated[
    str,
    msgspec.Meta(
        max_length=OPERATOR_NAME_CHARS_MAX,
        pattern=SAID,
        description="must say something, in letters or digits",
    ),
]
"""The word that the POS sends as ``cashier`` and ``by``."""
Pin = Annotated[
    str,
    msgspec.Meta(
        max_length=PIN_DIGITS_MAX,
        pattern=rf"^[0-9]{{{PIN_DIGITS_MIN},{PIN_DIGITS_MAX}}}$(?!\n)",
        description="must be 4 to 8 digits",
    ),
]


class Approval(Params, frozen=True):
    """Who approves, and the PIN that proves it."""

    by: SaidText
    pin: Pin


class Approvable(Params, frozen=True, kw_only=True):
    """Parameters of what somebody may have to approve."""

    approval: Approval | None = None

    @property
    def kept(self) -> Self:
        """The same without the PIN."""
        if self.approval is None:
            return self
        return msgspec.structs.replace(
            self, approval=msgspec.structs.replace(self.approval, pin="")
        )


class Signed(msgspec.Struct, frozen=True):
    """Who does something, as the till says it, and who has approved it with a PIN, or ""."""

    by: str = ""
    approved_by: str = ""

    @property
    def approved(self) -> dict[str, str]:
        """What an entry says beside who did it; empty where nobody had to approve."""
        return {"approved_by": self.approved_by} if self.approved_by else {}


UNSIGNED = Signed()
"""The till itself."""
