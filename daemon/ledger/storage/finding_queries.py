"""What is asked about findings; see ``queries``."""

from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.queries import ROWS_MAX, Question

_FINDING = (
    "SELECT finding, detector, subject, other, store, first, last, value, threshold, evidence,"
    " more, state, at, operator, note, judged_at FROM finding"
)
_NEWEST_FIRST = f"(last, finding) < (?, ?) ORDER BY last DESC, finding DESC LIMIT {ROWS_MAX}"
FINDING = Question(f"{_FINDING} WHERE finding = ?", FindingRow)
FINDINGS = Question(f"{_FINDING} WHERE {_NEWEST_FIRST}", FindingRow)
"""Findings before a day (ordinal) and an id, the newest first."""
FINDINGS_IN = Question(f"{_FINDING} WHERE state = ? AND {_NEWEST_FIRST}", FindingRow)
"""The same of one state."""
FINDINGS_ABOUT = Question(f"{_FINDING} WHERE subject = ? AND {_NEWEST_FIRST}", FindingRow)
"""The same of one subject."""
