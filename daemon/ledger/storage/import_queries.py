"""What is asked about imports; see ``queries``."""

from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow, ImportRow
from daemon.ledger.storage.queries import Question

IMPORT_TOGETHER = 200
"""Rows that are staged, applied or undone at once: sales pass between."""
FORGOTTEN_TOGETHER = 1_000
_IMPORT = (
    "SELECT number, made_at, by, file, sha256, upload, ledger_id, count, new, changed, skipped,"
    " state, undo_by FROM import"
)
IMPORT = Question(f"{_IMPORT} WHERE number = ?", ImportRow)
IMPORT_UNFINISHED = Question(
    f"{_IMPORT} WHERE ledger_id = ? AND state IN ('applying', 'undoing') ORDER BY number LIMIT 1",
    ImportRow,
)
IMPORT_OF_UPLOAD = Question(f"{_IMPORT} WHERE upload = ?", ImportRow)
IMPORTS_BEFORE = Question(f"{_IMPORT} WHERE number < ? ORDER BY number DESC LIMIT ?", ImportRow)
"""A page of them, the newest first."""
_LINE = (
    "SELECT upload, position, line, state, said, before, account, note, ledger_id, seq"
    " FROM import_line"
)
_PAGE = "AND position >= ? ORDER BY position LIMIT ?"
LINES_IN_STATE = Question(f"{_LINE} WHERE upload = ? AND state = ? {_PAGE}", ImportLineRow)
"""Rows of an upload in one state, from a position on."""
LINES_OF = Question(f"{_LINE} WHERE upload = ? {_PAGE}", ImportLineRow)
IMPORT_LINES_OF_ACCOUNT = Question(
    f"{_LINE} WHERE account = ? AND account <> '' ORDER BY upload, position", ImportLineRow
)
LINES_COUNT: Question[int] = Question(
    "SELECT coalesce(max(position) + 1, 0) FROM import_line WHERE upload = ?", int
)
LINES_BY_STATE: Question[tuple[str, int]] = Question(
    "SELECT state, count(*) FROM import_line WHERE upload = ? GROUP BY state ORDER BY state",
    lambda state, count: (state, count),
)


def keys_staged(count: int) -> Question[ImportKeyRow]:
    """Return the question for what stands in an upload already.

    Its values: the upload and the kind, then ``count`` values.
    """
    return Question(
        "SELECT upload, kind, value, line FROM import_key WHERE upload = ? AND kind = ?"
        f" AND value IN ({', '.join('?' * count)})",
        ImportKeyRow,
    )


KEYS_OF_UPLOAD = Question(
    "SELECT upload, kind, value, line FROM import_key WHERE upload = ? ORDER BY kind, value"
    f" LIMIT {FORGOTTEN_TOGETHER}",
    ImportKeyRow,
)
_AFTER = "upload > ? AND upload < ? ORDER BY upload LIMIT 1"
LINES_UPLOAD_AFTER = Question(f"SELECT upload FROM import_line WHERE {_AFTER}", str)
KEYS_UPLOAD_AFTER = Question(f"SELECT upload FROM import_key WHERE {_AFTER}", str)
WAITING_AT_LINE = Question(
    f"{_LINE} WHERE upload = ? AND line = ? AND state = 'waits' ORDER BY position", ImportLineRow
)
KEYS_AT_LINE = Question(
    "SELECT upload, kind, value, line FROM import_key WHERE upload = ? AND line = ?"
    " ORDER BY kind, value",
    ImportKeyRow,
)
