"""What cards mean to the accounts: one line a posting, as a bookkeeper enters it.

    batch received       book / supplier      cost        tax in / supplier    tax on it
    given                selling / book       cost
    sold                 customers / revenue  price       tax of sales / tax out    tax in the price
                         cost of sales / book cost
    spoilt or lost       losses / book        cost

Three cards for 10.00 with 20 % tax: 10.00 and 2.00 when they come; 3.33 for one that is given;
12.00, 2.00 and 3.33 for one that is sold for 12.00; 3.34 for one that is torn. What costs nothing
is left out. A line is of the local day of its act, or of the card's issue.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from daemon.accounts.act_contents import contents_of
from daemon.accounts.issue_conditions import PRICE
from daemon.base.business_day import BusinessDays
from daemon.base.clock import rfc3339
from daemon.base.config import BooksSection
from daemon.base.money import half_up, percent_of
from daemon.ledger.storage.card_queries import (
    ACTS_BETWEEN,
    BATCH,
    CARDS_NUMBERED,
    ISSUED_ON,
    TOGETHER_MAX,
    filled_up,
)
from daemon.ledger.storage.card_rows import ActRow, BatchRow, IssuedCard
from daemon.ledger.storage.store import Store

ALL_BP = 10_000
LINES_MAX = 1_000
"""Lines of one answer; more are asked for from where it ended."""


class BookLine(msgspec.Struct, frozen=True, kw_only=True):
    """One posting: ``amount`` in minor units goes from ``credit`` to ``debit``."""

    date: str
    debit: str
    credit: str
    amount: int
    document: str
    text: str


class BookDay(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of a day, and whether there are more after them."""

    lines: tuple[BookLine, ...]
    more: bool


class Books(msgspec.Struct, frozen=True):
    """Whose books, on which accounts. ``days`` says the shop's."""

    company: str
    accounts: BooksSection
    days: BusinessDays

    def day(self, store: Store, *, day: date, start: int) -> BookDay:
        """Return the lines of a local day, from the one with this index on."""
        lines = [line for line in self._lines(store, day) if line.amount]
        some = tuple(lines[start:][:LINES_MAX])
        return BookDay(lines=some, more=len(lines) > start + len(some))

    def _lines(self, store: Store, day: date) -> Iterator[BookLine]:
        batches: dict[str, BatchRow | None] = {"": None}
        for row in self._acts(store, "R", day):
            yield from self._received(day, row, _batch(store, batches, contents_of(row).batch))
        for name, issued in store.ask(ISSUED_ON, day.toordinal()):
            yield from self._issued(day, issued, _batch(store, batches, name))
        for row in self._acts(store, "D", day):
            yield from self._disposed(store, day, row, batches)

    def _acts(self, store: Store, kind: str, day: date) -> list[ActRow]:
        begin, end = self.days.start_of(day), self.days.start_of(day + timedelta(days=1))
        return store.ask(ACTS_BETWEEN, self.company, kind, rfc3339(begin), rfc3339(end))

    def _received(self, day: date, row: ActRow, batch: BatchRow | None) -> Iterator[BookLine]:
        if batch is None:
            return
        said = {"date": str(day), "document": batch.document or row.act}
        text = f"Cards received: {batch.batch}"
        tax = percent_of(batch.total_cost, batch.vat_bp)
        for debit, amount in ((batch.book, batch.total_cost), (self.accounts.tax_in, tax)):
            credit = self.accounts.supplier
            yield BookLine(debit=debit, credit=credit, amount=amount, text=text, **said)

    def _issued(self, day: date, issued: IssuedCard, batch: BatchRow | None) -> Iterator[BookLine]:
        issue, accounts = issued.issue, self.accounts
        book = batch.book if batch else ""
        document = issue.act.partition(" ")[0] or issued.number
        text = f"Card {issued.number} issued: {issue.condition}"
        legs = [(accounts.selling, book, issue.cost)]
        if issue.condition == PRICE:
            bp = batch.vat_bp if batch else 0
            tax = half_up(issue.price * bp, ALL_BP + bp)
            legs = [
                (accounts.customers, accounts.revenue, issue.price),
                (accounts.tax_of_sales, accounts.tax_out, tax),
                (accounts.cost_of_sales, book, issue.cost),
            ]
        for debit, credit, amount in legs:
            said = {"date": str(day), "document": document, "text": text}
            yield BookLine(debit=debit, credit=credit, amount=amount, **said)

    def _disposed(
        self, store: Store, day: date, row: ActRow, batches: dict[str, BatchRow | None]
    ) -> Iterator[BookLine]:
        sums: dict[str, int] = {}
        lines = contents_of(row).lines
        for start in range(0, len(lines), TOGETHER_MAX):
            some = lines[start : start + TOGETHER_MAX]
            numbers = filled_up(tuple(line.number for line in some))
            names = {card.number: card.batch for card in store.ask(CARDS_NUMBERED, *numbers)}
            for line in some:
                batch = _batch(store, batches, names.get(line.number, ""))
                book = batch.book if batch else ""
                sums[book] = sums.get(book, 0) + line.cost
        for book, amount in sorted(sums.items()):
            said = {"date": str(day), "document": row.act, "text": "Cards spoilt or lost"}
            yield BookLine(debit=self.accounts.losses, credit=book, amount=amount, **said)


def _batch(store: Store, known: dict[str, BatchRow | None], name: str) -> BatchRow | None:
    if name not in known:
        known[name] = store.ask_one(BATCH, name)
    return known[name]
