"""Companies whose cards are good here, ``[[alliance]]``: who pays whom for that.

    [[alliance]]
    issuer = "acme"
    pays_bp = 5000
    fee_bp = 100

Of what cards that acme has issued were given here as discount, acme pays us the half; of what they
bought, we pay acme one per cent.
"""

from collections.abc import Mapping

import msgspec

from daemon.base.money import percent_of
from daemon.base.refusals import ParamError
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import FileTable

BP_MAX = 10_000
ISSUER_CHARS_MAX = 64


class AllianceTable(FileTable, frozen=True, kw_only=True):
    """``[[alliance]]``. ``pays_bp``, ``fee_bp``: hundredths of a per cent."""

    issuer: str
    pays_bp: int = 0
    fee_bp: int = 0


class Alliance(msgspec.Struct, frozen=True):
    """Whose cards, what they pay of the discount and what we pay of the net, in basis points."""

    issuer: str
    pays_bp: int
    fee_bp: int

    def they_owe(self, discount: int) -> int:
        """Return what they owe for a discount, in minor units, rounded half up."""
        return _part(discount, self.pays_bp)

    def we_owe(self, net: int) -> int:
        """Return what we owe for what was bought, in minor units, rounded half up."""
        return _part(net, self.fee_bp)


def _part(amount: int, bp: int) -> int:
    """Return basis points of an amount; less than 0, of more that came back than was sold."""
    part = percent_of(abs(amount), bp)
    return part if amount >= 0 else -part


def known_alliance(alliances: Mapping[str, Alliance], issuer: str) -> Alliance:
    """Return the alliance with an issuer. Raises ParamError."""
    if issuer not in alliances:
        known = ", ".join(alliances) or "none"
        raise ParamError("issuer", f"is no alliance of the programme; there are: {known}")
    return alliances[issuer]


def compile_alliance(table: AllianceTable, path: str) -> Alliance:
    """Compile one ``[[alliance]]``. Raises: ProgrammeError."""
    if not 1 <= len(table.issuer) <= ISSUER_CHARS_MAX:
        raise ProgrammeError(f"{path}.issuer", f"write 1 to {ISSUER_CHARS_MAX} letters")
    for key in ("pays_bp", "fee_bp"):
        if not 0 <= getattr(table, key) <= BP_MAX:
            raise ProgrammeError(f"{path}.{key}", f"write 0 to {BP_MAX}, which is all of it")
    return Alliance(table.issuer, table.pays_bp, table.fee_bp)
