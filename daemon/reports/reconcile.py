"""Whether all that reports read agrees with itself and with the entries, over a period.

The audit proves every row of every table; this is the answer for who asks about a month: the sums
of each source, beside those of the entries themselves, decoded one by one.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec
from msgspec.structs import astuple

from daemon.base.ids import LedgerId
from daemon.ledger.entries import decode
from daemon.ledger.folding import FoldingProgress, progress
from daemon.ledger.posted_facts import FIGURES, Fact, facts_of
from daemon.ledger.storage.queries import ENTRIES_AFTER, HEAD, LEDGERS, Question
from daemon.ledger.storage.store import Store
from daemon.reports.period import AMOUNTS, Period, of_accounts, of_facts

_EVER = Period(date.min, date.max)
_OF_DAYS = ("list_total", "discount", "net")
_OF_ACCOUNTS = ("visits", "net", "paid", "discount")
Sums = dict[str, int]


class SourceSums(msgspec.Struct, frozen=True):
    """What one source says.

    source: ``entry fact month_sum day_sum account_sum``.
    of:     ``all`` sales, those of ``accounts``, or of accounts ``ever``, whatever the period.
    sums:   by figure, those that the source has.
    """

    source: str
    of: str
    sums: Sums


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of all sources, and in which of them a figure differs; none: all is well.

    folded: how many entries from before there were facts have theirs, of how many.
    """

    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    sources: tuple[SourceSums, ...]
    differing: tuple[str, ...]
    folded: FoldingProgress

    @property
    def agrees(self) -> bool:
        """Whether no figure differs."""
        return not self.differing


def reconcile(store: Store, period: Period) -> Reconciled:
    """Sum every source, as of the transaction."""
    of_all, of_carded = _of_entries(store, period)
    ever = dict(zip(AMOUNTS, _one_row(store, *of_facts(_EVER, accounts_only=True)), strict=True))
    sources = (
        SourceSums("entry", "all", of_all),
        _facts(store, period, of="all"),
        SourceSums("day_sum", "all", _of_days(store, period)),
        SourceSums("entry", "accounts", of_carded),
        _facts(store, period, of="accounts"),
        SourceSums("month_sum", "accounts", _of_months(store, period)),
        SourceSums("fact", "ever", {name: ever[name] for name in _OF_ACCOUNTS}),
        SourceSums("account_sum", "ever", _of_account_sums(store)),
    )
    return Reconciled(
        first=period.first.isoformat(),
        last=period.last.isoformat(),
        sources=sources,
        differing=tuple(_differing(sources)),
        folded=progress(store),
    )


def _differing(sources: Iterable[SourceSums]) -> Iterator[str]:
    """Yield ``source of: figure`` where one differs from the first source of the same sales."""
    first: dict[str, Sums] = {}
    for source in sources:
        expected = first.setdefault(source.of, source.sums)
        for name, amount in source.sums.items():
            if amount != expected[name]:
                yield f"{source.source} {source.of}: {name}"


def _facts(store: Store, period: Period, *, of: str) -> SourceSums:
    row = _one_row(store, *of_facts(period, accounts_only=of == "accounts"))
    return SourceSums("fact", of, dict(zip(AMOUNTS, row, strict=True)))


def _of_months(store: Store, period: Period) -> Sums:
    return dict(zip(AMOUNTS, _one_row(store, *of_accounts(period)), strict=True))


def _of_days(store: Store, period: Period) -> Sums:
    sums = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in _OF_DAYS)
    text = f"SELECT {sums} FROM day_sum WHERE day BETWEEN ? AND ? AND rule = ''"
    return dict(zip(_OF_DAYS, _one_row(store, text, period.days), strict=True))


def _of_account_sums(store: Store) -> Sums:
    sums = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in _OF_ACCOUNTS)
    row = _one_row(store, f"SELECT {sums} FROM account_sum", ())
    return dict(zip(_OF_ACCOUNTS, row, strict=True))


def _one_row(store: Store, text: str, values: tuple[int, ...]) -> tuple[int, ...]:
    [row] = store.ask(Question(text, lambda *row: row), *values)
    return row


def _of_entries(store: Store, period: Period) -> tuple[Sums, Sums]:
    """Return the sums over the entries themselves: of all sales, and of those with a card."""
    of_all, carded = dict.fromkeys(AMOUNTS, 0), dict.fromkeys(AMOUNTS, 0)
    for ledger_id, _ in store.ask(LEDGERS):
        for fact in _facts_in(store, LedgerId(ledger_id)):
            if not period.days[0] <= fact.day <= period.days[1]:
                continue
            amounts = (int(fact.kind == "sale"), fact.visits, *astuple(fact.figures))
            for sums in (of_all, carded) if fact.account else (of_all,):
                for name, amount in zip(("sales", "visits", *FIGURES), amounts, strict=True):
                    sums[name] += amount
    return of_all, carded


def _facts_in(store: Store, ledger_id: LedgerId) -> Iterator[Fact]:
    done, (upto, _) = 0, store.ask_one(HEAD, ledger_id) or (0, b"")
    while entries := store.ask(ENTRIES_AFTER, ledger_id, done, upto):
        for _, body in entries:
            if (fact := facts_of(decode(body))) is not None:
                yield fact
        done = entries[-1][0]
