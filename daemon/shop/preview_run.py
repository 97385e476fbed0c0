"""One preview, from the first sale of its period to the last: reads a ledger, writes nothing.

The rules of the new text may look at a meter that no rule looked at when a sale was priced. What it
stood at is counted then: from the customer's sales before that moment, as far as they have not come
back, by the new text's own definition and window. A meter that counts since a status began is taken
as it was frozen, or as nothing: when it began is not frozen.
"""

from collections.abc import Callable
from datetime import date

import msgspec

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.preview_queries import SALES_BETWEEN, SALES_COUNTED
from daemon.ledger.storage.queries import PROGRAMME, SALE, SALES_OF
from daemon.ledger.storage.store import Store
from daemon.programme.basket import Fact
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import read
from daemon.programme.names import meter_fact
from daemon.programme.programme import Programme, load
from daemon.programme.state import MeterTable
from daemon.programme.windows import windows
from daemon.shop.preview_sums import Comparison, PreviewSums, is_taken
from daemon.shop.programme_versions import counted_of

SAID_EVERY = 200
"""Sales between two words on how far it is."""
_SINCE = "since"
Said = Callable[[int, int], None]


def previewed(store: Store, text: str, first: int, last: int, most: int, say: Said) -> PreviewSums:
    """Price the sales of a period again. first, last: local days (ordinals), both included.

    say: is told how many sales were looked at, and of how many. Raises: ProgrammeError, StoreError.
    """
    programme = load(text)
    past = _Past(store, programme)
    comparison = Comparison()
    [found] = store.ask(SALES_COUNTED, first, last)
    say(0, found)
    place: tuple[int, LedgerId, int] = (first, LedgerId(""), 0)
    index = 0
    while page := store.ask(SALES_BETWEEN, first, last, *place):
        for one in page:
            if is_taken(index, found, most):
                row = store.ask_one(SALE, one.sale_id)
                if row is not None and row.record is not None:
                    comparison.add(programme, row.record, past.counted(row.record.sale))
            index += 1
            if index % SAID_EVERY == 0:
                say(min(index, found), found)
        place = page[-1][:3]
    say(found, found)
    return comparison.sums(found, sampled=found > most)


class _Sold(msgspec.Struct, frozen=True):
    """What an earlier sale of an account counts, by meter."""

    at: str
    day: int
    meters: dict[str, int]


class _Past:
    """What meters stood at that were not frozen with a sale."""

    def __init__(self, store: Store, programme: Programme) -> None:
        self._store, self._programme = store, programme
        self._tables = _tables(programme)
        self._asked = {
            meter: meter_fact(meter)
            for meter, table in self._tables.items()
            if meter_fact(meter) in programme.facts and programme.meters[meter].window != _SINCE
        }
        self._older: dict[str, dict[str, MeterTable]] = {}
        self._sold: dict[AccountId, list[_Sold]] = {}

    def counted(self, sale: Sale) -> dict[str, Fact]:
        """Return the meters of a sale's customer that must be counted for the new text."""
        if not sale.account or not self._asked:
            return {}
        frozen, then = sale.frozen.facts, self._tables_of(sale.frozen.programme)
        names = [
            meter
            for meter, fact in self._asked.items()
            if fact not in frozen or then.get(meter) != self._tables[meter]
        ]
        if not names:
            return {}
        spans = windows(self._programme, date.fromordinal(sale.today), {})
        earlier = [one for one in self._sales_of(sale.account) if one.at < sale.at]
        return {
            self._asked[meter]: sum(
                one.meters.get(meter, 0) for one in earlier if _within(spans[meter], one.day)
            )
            for meter in names
        }

    def _tables_of(self, version: str) -> dict[str, MeterTable]:
        if version not in self._older:
            text = self._store.ask_one(PROGRAMME, version) or ""
            try:
                self._older[version] = _tables(load(text))
            except ProgrammeError:  # of another tillcard: its meters are counted anew
                self._older[version] = {}
        return self._older[version]

    def _sales_of(self, account: AccountId) -> list[_Sold]:
        if account not in self._sold:
            records = (row.record for row in self._store.ask(SALES_OF, account))
            self._sold[account] = [
                _Sold(one.sale.at, one.sale.today, counted_of(self._programme, one))
                for one in records
                if one is not None
            ]
        return self._sold[account]


def _tables(programme: Programme) -> dict[str, MeterTable]:
    tables, _ = read(programme.text)
    return {table.id: table for table in tables.meter}


def _within(span: tuple[date, date] | None, day: int) -> bool:
    return span is None or span[0].toordinal() <= day <= span[1].toordinal()
