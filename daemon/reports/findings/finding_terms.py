"""What is asked about findings, and what is answered: the shapes on the wire."""

from typing import Literal

import msgspec

from daemon.base.approval import Approvable
from daemon.base.params import Params
from daemon.base.text_limits import IdText, RequestId, SaidText, Text

Verdict = Literal["fine", "case"]


class FindingsTerms(Params, frozen=True, kw_only=True):
    """Findings behind the id ``after``; with a state, a detector, a subject only those.

    reader: the operator who reads; they see what their role sees.
    """

    state: Literal["", "new", "fine", "case"] = ""
    detector: IdText = ""
    subject: Text = ""
    after: IdText = ""
    reader: Text = ""


class FindingTerms(Params, frozen=True, kw_only=True):
    """A finding, by its id."""

    finding: IdText
    reader: Text = ""


class JudgeTerms(Approvable, frozen=True, kw_only=True):
    """What a finding is, by somebody's word; it stays. The note is kept for ever: no names."""

    request_id: RequestId
    finding: IdText
    verdict: Verdict
    note: Text = ""
    by: SaidText


class FindingsRunTerms(Approvable, frozen=True, kw_only=True):
    """A local day that is over, YYYY-MM-DD, to be looked at again; "": all that are due."""

    request_id: RequestId
    day: Text = ""
    by: SaidText


class FindingsRun(msgspec.Struct, frozen=True, kw_only=True):
    """What looking has brought: new findings, and those that were known."""

    day: str
    new: int
    known: int
    replayed: bool = False


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """How a finding stands now, by whom."""

    finding: str
    state: str
    by: str
    replayed: bool = False


class FindingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A finding.

    about:    what its subject is: ``cashier`` or ``account``; other: of the other kind, or "".
    first, last: the local days that were looked at. unit: of value and threshold.
    entries:  how many are its evidence.
    means, innocent: what it is, and when it is no fraud, in the till's language.
    now:      the account that the subject is now, where it was merged since; notice: a sentence
              where its person was erased.
    """

    finding: str
    detector: str
    about: str
    subject: str
    other: str
    store: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    unit: str
    value: int
    threshold: int
    entries: int
    means: str
    innocent: str
    state: str
    at: str
    by: str
    note: str
    judged_at: str
    now: str
    notice: str


class FindingList(msgspec.Struct, frozen=True, kw_only=True):
    """A page, the newest first; where there is a ``next``, ask on with that as ``after``."""

    findings: tuple[FindingShown, ...]
    next: str


class EvidenceShown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry: its place, and what it says. Amounts are minor units; of a return below 0.

    sale: the POS's id of the sale that it is about, or what else it is about.
    rules: what each rule gave.
    """

    ledger: str
    seq: int
    at: str
    kind: str
    sale: str
    account: str
    store: str
    terminal: str
    cashier: str
    list_total: int
    discount: int
    net: int
    rules: dict[str, int]


class FindingEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its entries, 200 at most; more: how many else there are."""

    finding: FindingShown
    evidence: tuple[EvidenceShown, ...]
    more: int
