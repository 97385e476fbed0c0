"""Findings as they are shown, to whom they may be."""

from collections.abc import Callable
from datetime import date

import msgspec

from daemon.accounts.look_ups import LOOKED_UP, LookedUp
from daemon.accounts.operators import Operator
from daemon.base.ids import AccountId, SaleId, given_id
from daemon.base.permissions import Action, Sight, sight
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.entries import FOREVER, Entry, decode
from daemon.ledger.erased import notice
from daemon.ledger.posted_facts import facts_of
from daemon.ledger.storage.customer_queries import ENTRY_BODY, MERGED
from daemon.ledger.storage.finding_queries import FINDINGS, FINDINGS_ABOUT, FINDINGS_IN
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import ROWS_MAX
from daemon.ledger.storage.rows import damaged
from daemon.ledger.storage.store import Store
from daemon.reports.findings.detector import Note, Place
from daemon.reports.findings.detectors import DETECTOR
from daemon.reports.findings.finding_book import detector_of, known_finding
from daemon.reports.findings.finding_terms import (
    EvidenceShown,
    FindingEvidence,
    FindingList,
    FindingShown,
    FindingsTerms,
)

May = Callable[[FindingRow], bool]
_OF_SALES = ("hold", "void")
_NONE = Note("This till does not know what that is.", "Ця каса не знає, що це.")


def may_see(operator: Operator | None) -> May:
    """Return which findings somebody sees; None is the shop itself.

    Raises: RefusedError PERMISSION for who sees none.
    """
    if operator is None:
        return lambda row: True
    match sight(operator.role, Action.READ_REPORTS):
        case Sight.ALL | Sight.MASKED:
            return lambda row: True
        case Sight.STORE:
            stores = operator.stores
            return lambda row: not stores or row.store in stores
        case Sight.NOTHING | Sight.OWN:
            pass
    raise RefusedError(ErrorCode.PERMISSION, f"{operator.name} does not see findings.")


def check_seen(row: FindingRow, may: May) -> None:
    """Raise RefusedError PERMISSION for a finding of other stores."""
    if not may(row):
        raise RefusedError(ErrorCode.PERMISSION, "This finding is of another store.")


def finding_list(store: Store, terms: FindingsTerms, may: May, language: str) -> FindingList:
    """Return a page of findings, the newest first."""
    if terms.detector and terms.detector not in DETECTOR:
        raise ParamError(
            "detector", f"there is none of this name; there are: {', '.join(DETECTOR)}"
        )
    after = known_finding(store, terms.after) if terms.after else None
    place = (after.last, after.finding) if after else (FOREVER, "")
    if terms.subject:
        rows = store.ask(FINDINGS_ABOUT, terms.subject, *place)
    elif terms.state:
        rows = store.ask(FINDINGS_IN, terms.state, *place)
    else:
        rows = store.ask(FINDINGS, *place)
    chosen = (
        row
        for row in rows
        if may(row) and terms.detector in ("", row.detector) and terms.state in ("", row.state)
    )
    return FindingList(
        findings=tuple(_shown(store, row, language) for row in chosen),
        next=rows[-1].finding if len(rows) == ROWS_MAX else "",
    )


def finding_evidence(store: Store, finding: str, may: May, language: str) -> FindingEvidence:
    """Return a finding with its entries. Raises ParamError; RefusedError PERMISSION."""
    row = known_finding(store, finding)
    check_seen(row, may)
    places = msgspec.json.decode(unpacked(row.evidence), type=list[Place])
    return FindingEvidence(
        finding=_shown(store, row, language),
        evidence=tuple(_evidence(store, place) for place in places),
        more=row.more,
    )


def _shown(store: Store, row: FindingRow, language: str) -> FindingShown:
    detector = detector_of(row)
    means, innocent = (detector.means, detector.innocent) if detector else (_NONE, _NONE)
    is_account = detector is not None and detector.about == "account"
    account = row.subject if is_account else row.other
    return FindingShown(
        finding=row.finding,
        detector=row.detector,
        about=detector.about if detector else "",
        subject=row.subject,
        other=row.other,
        store=row.store,
        first=str(date.fromordinal(row.first)),
        last=str(date.fromordinal(row.last)),
        unit=detector.unit if detector else "",
        value=row.value,
        threshold=row.threshold,
        entries=row.more + len(msgspec.json.decode(unpacked(row.evidence), type=list[Place])),
        means=_said(means, language),
        innocent=_said(innocent, language),
        state=row.state,
        at=row.at,
        by=row.operator,
        note=row.note,
        judged_at=row.judged_at,
        now=_now(store, account) if is_account else "",
        notice=notice(store, AccountId(account)) if account else "",
    )


def _said(note: Note, language: str) -> str:
    return note.uk if language == "uk" else note.en


def _looked_up(entry: Entry) -> str:
    """Return whose card somebody looked up, of an entry that says so, or ""."""
    if entry.kind != LOOKED_UP:
        return ""
    return msgspec.json.decode(entry.detail, type=LookedUp).account


def _now(store: Store, account: str) -> str:
    """Return the account that one was merged into in the end, or ""."""
    now = ""
    while (row := store.ask_one(MERGED, now or account)) is not None:
        now = row.kept
    return now


def _evidence(store: Store, place: Place) -> EvidenceShown:
    ledger_id, seq = place
    body = store.ask_one(ENTRY_BODY, ledger_id, seq)
    if body is None:
        raise damaged()
    entry = decode(body)
    fact = facts_of(entry)
    figures = fact.figures if fact else None
    is_sale = fact is not None or entry.kind in _OF_SALES
    return EvidenceShown(
        ledger=ledger_id,
        seq=seq,
        at=entry.at,
        kind=entry.kind,
        sale=given_id(SaleId(fact.sale_id if fact else entry.ref)) if is_sale else "",
        account=entry.account or _looked_up(entry),
        store=fact.store if fact else "",
        terminal=fact.terminal if fact else "",
        cashier=fact.cashier if fact else "",
        list_total=figures.list_total if figures else 0,
        discount=figures.discount if figures else 0,
        net=figures.net if figures else 0,
        rules=fact.rules if fact else {},
    )
