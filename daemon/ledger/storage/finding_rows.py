"""The rows of findings: what was noticed that may be fraud, and what somebody thinks of it."""

import msgspec


class FindingRow(msgspec.Struct, frozen=True):
    """One thing that was noticed.

    finding:     its id, see ``reports.findings.finding_book.id_of``.
    subject:     a cashier's name or an account; other: of the other kind, where one belongs to it.
    store:       where, or "" where that is no single one.
    first, last: the local days (ordinals) that were looked at.
    value, threshold: what was found, and what it was measured by, in the detector's unit.
    evidence:    packed JSON of the places of entries, [ledger_id, seq]; more: how many else.
    state:       ``new``, ``fine`` or ``case``.
    operator, note: who has judged it, and what they say; at, judged_at: RFC 3339, or "".
    """

    finding: str
    detector: str
    subject: str
    other: str
    store: str
    first: int
    last: int
    value: int
    threshold: int
    evidence: bytes
    more: int
    state: str
    at: str
    operator: str = ""
    note: str = ""
    judged_at: str = ""
