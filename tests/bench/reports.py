"""What a page of a report takes, of a history of three years.

``python -m tests.bench.reports [FACTS]``, a million without one; they are drawn as
``tests.bench.facts`` does. Limits are those of ten million. Each is a whole answer: a hundred rows
in their order, how many there are in all, and the sums of all of them. A month is asked again of a
ledger that has the last year alone: cost follows the period, and not the history.
"""

import sys
from contextlib import closing
from datetime import date
from functools import partial
from os import getloadavg
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
from tests.bench.facts import FACTS, MONTH, SOME_31_DAYS, YEAR, best_s, scan_s
from tests.bench.many_facts import lay_facts
from tests.scenarios.shops import HEAD

HISTORY = Period(date(2024, 1, 1), date(2026, 12, 31))
HISTORY_MAX = 1.3
"""How much longer a month may take where there are three years instead of one."""
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


def made(folder: Path, wanted: int, since: int = 0) -> Store:
    """Make a ledger with drawn facts from a day (ordinal) on; return a reader of it."""
    with closing(open_store("ledger.db", folder)) as store:
        add_partners(store)
    lay_facts(folder / "ledger.db", wanted, since)
    return open_store("ledger.db", folder, read_only=True)


def ask_s(store: Store, name: str, period: Period, filters: Filters) -> float:
    """Return the processor time of a report's first page, the best of some."""
    report = REPORTS[name]
    per = report.ways[0] if report.ways else ""
    asked = Asked(period=period, filters=filters, today=TODAY, programme=load(HEAD), per=per)
    return best_s(partial(answer, store, report, asked, sorting(report, ""), (100, 0)))


def main() -> int:
    """Measure; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else FACTS
    good, months = True, dict[str, float]()
    with TemporaryDirectory() as folder, closing(made(Path(folder), wanted)) as store:
        for what, name, period, filters, limit_s in QUESTIONS:
            took_s, bare_s = ask_s(store, name, period, filters), scan_s(store, period)
            said = f"{took_s * 1_000:.0f} ms, {took_s / bare_s:.1f} x a scan of its facts"
            print(f"{what} (load {getloadavg()[0]:.1f}):", end=" ")
            good = judge(said, took_s <= limit_s) and good
            if period == MONTH:
                months[name] = took_s
    since = YEAR.first.toordinal()
    with TemporaryDirectory() as folder, closing(made(Path(folder), wanted, since)) as store:
        for name in ("activity", "partners", "trend"):
            ratio = months[name] / ask_s(store, name, MONTH, Filters())
            print(f"{name} of a month, of three years beside one:", end=" ")
            good = judge(f"{ratio:.2f} x", ratio <= HISTORY_MAX) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
