"""Rows of imports: what was imported, each row of it while it waits, and what became of it.

Rows that wait hold what people have said of themselves: they are emptied as they are applied, and
all of them go when an import cannot be undone any more.
"""

import msgspec

from daemon.base.ids import NO_ACCOUNT, NO_LEDGER, AccountId, LedgerId


class ImportRow(msgspec.Struct, frozen=True):
    """A table of customers that was imported.

    number:  ``I-2026-0001``. made_at: RFC 3339. sha256: of the file, hex. upload: of its rows.
    count:   rows in the file; new, changed and skipped of them, as they were checked.
    state:   ``applying done undoing undone``; while it is one of the first and third, the till of
             ``ledger_id`` goes on by itself, whatever ended it.
    undo_by: who undoes it.
    """

    number: str
    made_at: str
    by: str
    file: str
    sha256: str
    upload: str
    ledger_id: LedgerId
    count: int
    new: int
    changed: int
    skipped: int
    state: str
    undo_by: str = ""


class ImportLineRow(msgspec.Struct, frozen=True):
    """One row of a file. ``line``: as the spreadsheet numbers it; position: from 0, without gaps.

    state:   ``new changed bad`` while it waits; then ``added updated left``, and ``undone stays``.
    said:    JSON of what it says, or of what is wrong with it; "" once it is applied.
    before:  JSON of who a customer was that it has changed, or "".
    account: whom it has made or changed. note: why it was left or stays, a sentence.
    ledger_id, seq: of the entry that has applied it.
    """

    upload: str
    position: int
    line: int
    state: str
    said: str = ""
    before: str = ""
    account: AccountId = NO_ACCOUNT
    note: str = ""
    ledger_id: LedgerId = NO_LEDGER
    seq: int = 0

    def placed(self, ledger_id: LedgerId, seq: int) -> "ImportLineRow":
        """Return the row as it is written with the entry ``seq``."""
        return msgspec.structs.replace(self, ledger_id=ledger_id, seq=seq)


class ImportKeyRow(msgspec.Struct, frozen=True):
    """What stands once in a file: a ``card``, a ``phone``, an ``email``, an ``account``.

    line: of the row in which it stands.
    """

    upload: str
    kind: str
    value: str
    line: int
