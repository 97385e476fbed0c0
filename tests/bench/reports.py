"""What a page of a report takes, of a history of three years.

``python -m tests.bench.reports [FACTS]``, a million without one; they are drawn and written as
``tests.bench.facts`` does. Limits are those of ten million. Each is a whole answer: a hundred rows
in their order, how many there are in all, and the sums of all of them.
"""

import sys
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.base.ids import AccountId
from daemon.ledger.storage.partner_rows import PartnerRow
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import load
from daemon.reports.asking import answer, sorting
from daemon.reports.catalogue import REPORTS
from daemon.reports.filters import Filters
from daemon.reports.period import Period
from daemon.reports.report import Asked
from tests.bench.commit import judge
from tests.bench.facts import FACTS, MONTH, SOME_31_DAYS, YEAR, best_s, fill, scan_s
from tests.scenarios.shops import HEAD

HISTORY = Period(date(2024, 1, 1), date(2026, 12, 31))
TODAY = date(2026, 12, 1)
DORMANT = Filters(dormant_since="60d")
QUESTIONS: tuple[tuple[str, str, Period, Filters, float], ...] = (
    ("activity, a calendar month", "activity", MONTH, Filters(), 0.5),
    ("activity, any 31 days", "activity", SOME_31_DAYS, Filters(), 1.5),
    ("activity, a year", "activity", YEAR, Filters(), 2.0),
    ("dormant, of all time", "dormant", HISTORY, DORMANT, 0.1),
    ("partners, a calendar month", "partners", MONTH, Filters(), 0.3),
    ("partners, any 31 days", "partners", SOME_31_DAYS, Filters(), 1.0),
    ("cohorts, 36 x 36", "cohorts", HISTORY, Filters(), 3.0),
    ("segments, a year", "segments", MONTH, Filters(), 2.0),
    ("trend by day, a month", "trend", MONTH, Filters(), 1.0),
    ("cashiers, a year", "cashiers", YEAR, Filters(), 1.0),
)


def add_partners(store: Store) -> None:
    """Write the partners and employees whom the facts name."""
    store.begin()
    for n in range(200):
        code = f"P{n:04d}"
        words = ("each", "active", "2024-01-01T00:00:00.000000Z")
        whole = AccountId(f"p{n}")
        store.write(Change(rows=(_partner(code, whole, "partner", "", words),)))
        for one in range(5):
            account = AccountId(f"p{n}-{one}")
            row = _partner(f"{code}-{one:02d}", account, "employee", whole, words)
            store.write(Change(rows=(row,)))
    store.commit()


def _partner(
    code: str, account: AccountId, kind: str, of: str, words: tuple[str, str, str]
) -> PartnerRow:
    return PartnerRow(code, account, kind, AccountId(of), code, "", *words)


def main() -> int:
    """Measure; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else FACTS
    good = True
    with TemporaryDirectory() as folder:
        with closing(open_store("ledger.db", Path(folder))) as store:
            fill(store, wanted)
            add_partners(store)
        with closing(open_store("ledger.db", Path(folder), read_only=True)) as store:
            for what, name, period, filters, limit_s in QUESTIONS:
                report = REPORTS[name]
                per = report.ways[0] if report.ways else ""
                asked = Asked(
                    period=period, filters=filters, today=TODAY, programme=load(HEAD), per=per
                )
                ask = partial(answer, store, report, asked, sorting(report, ""), (100, 0))
                took_s, bare_s = best_s(ask), scan_s(store, period)
                said = f"{took_s * 1_000:.0f} ms, {took_s / bare_s:.1f} x a scan of its facts"
                print(f"{what}:", end=" ")
                good = judge(said, took_s <= limit_s) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
