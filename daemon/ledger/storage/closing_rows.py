"""Closings, and where their contents stand."""

import msgspec

from daemon.base.ids import LedgerId

ITS_OWN = 0
"""In place of an entry's number: the entry that is written with the row."""


class ClosingRow(msgspec.Struct, frozen=True):
    """Closing ``number`` of a ledger; entry ``seq`` says all of it. name: ``Z-till1-000042``."""

    ledger_id: LedgerId
    number: int
    name: str
    seq: int = ITS_OWN

    def placed(self, ledger_id: LedgerId, seq: int) -> "ClosingRow":
        """Return the row as it is written with the entry ``seq``."""
        return msgspec.structs.replace(self, ledger_id=ledger_id, seq=seq)
