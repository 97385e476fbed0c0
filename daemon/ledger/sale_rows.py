"""Where a sale is kept: in the entry that posted it, and in a row that says where it stands.

An entry is never changed and never forgotten, so what was sold stands there and nowhere else. The
row beside it says which entry that is, and what has become of the sale since:

    entry 1203  kind "sale", detail: the basket, the facts, the quote          once, for good
    row         posted, entry 1203; lots that it moved, what has come back     written again

No entry says who a person is: their name and birthday, which a price may rest on, are in the row.
Erasing a person takes them out of it, and the books stay whole.

While a sale is on its way to a chip, no entry has it as it will be posted; until then the row has
all of it.
"""

from functools import cached_property

import msgspec

from daemon.base.ids import NO_LEDGER, AccountId, LedgerId, SaleId
from daemon.base.receipt_codes import folded
from daemon.ledger.sale_records import Sale, SaleProgress, SaleRecord
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.rows import damaged, too_new
from daemon.programme.basket import Fact
from daemon.programme.names import ANSWER
from daemon.programme.quote import Earned, Quote, QuotedLine

PERSONAL = ("card.name", "card.birthday")
"""Facts that say who a person is; whatever a customer has answered is one, too."""
_replace = msgspec.structs.replace
ITS_OWN = -1
"""In place of an entry's number: the entry that is written with the row."""


class _Line(QuotedLine, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A line as it is kept; what a till is answered says empty fields too."""


class _Earned(Earned, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An accrual as it is kept."""


class _Quote(Quote, frozen=True, kw_only=True, omit_defaults=True):
    """A quote as it is kept: without what only the cashier's screen needs."""


def for_entry(sale: Sale) -> Sale:
    """Return what an entry says of a sale: all that was sold and decided, and of nobody who."""
    quote = sale.quote
    as_dict = msgspec.structs.asdict
    kept = as_dict(quote) | {
        "lines": tuple(_Line(**as_dict(line)) for line in quote.lines),
        "earn": tuple(_Earned(**as_dict(earned)) for earned in quote.earn),
        "why_not": (),
        "next": (),
    }
    return _replace(for_nobody(sale), quote=_Quote(**kept))


def _is_personal(name: str, fact: Fact) -> bool:
    """Whether a fact stands beside the entry; a name that is empty says nothing of anybody."""
    return name.startswith(ANSWER) or (name in PERSONAL and bool(fact))


def for_nobody(sale: Sale) -> Sale:
    """Return a sale without what its facts say of a person."""
    facts = {n: fact for n, fact in sale.frozen.facts.items() if not _is_personal(n, fact)}
    return _replace(sale, frozen=_replace(sale.frozen, facts=facts))


class _Detailed(msgspec.Struct, frozen=True):
    """An entry, as far as it says what was sold."""

    detail: Sale


class _Beside(SaleProgress, frozen=True, kw_only=True):
    """What stands beside the entry of a sale. ``person``: the facts that the entry does not say."""

    person: dict[str, Fact] = msgspec.field(default_factory=dict)


def _beside(record: SaleRecord) -> bytes:
    facts = record.sale.frozen.facts
    person = {name: fact for name, fact in facts.items() if _is_personal(name, fact)}
    progress = {name: getattr(record, name) for name in SaleProgress.__struct_fields__}
    return msgspec.json.encode(_Beside(person=person, **progress))


def _joined(entry: bytes, body: bytes) -> SaleRecord:
    sale = msgspec.json.decode(entry, type=_Detailed).detail
    progress = msgspec.structs.asdict(msgspec.json.decode(body, type=_Beside))
    facts = sale.frozen.facts | progress.pop("person")
    frozen = _replace(sale.frozen, facts=facts)
    return SaleRecord(sale=_replace(sale, frozen=frozen), **progress)


def _beside_of_nobody(body: bytes) -> bytes:
    beside = msgspec.json.decode(body, type=_Beside)
    if not beside.person:
        return b""
    return msgspec.json.encode(_replace(beside, person={}, erased=True))


def _whole_of_nobody(body: bytes) -> bytes:
    record = msgspec.json.decode(body, type=SaleRecord)
    chip = _replace(record.chip, sale=for_nobody(record.chip.sale)) if record.chip else None
    made = _replace(record, sale=for_nobody(record.sale), chip=chip)
    return msgspec.json.encode(_replace(made, erased=True)) if made != record else b""


class SaleRow(msgspec.Struct, frozen=True, dict=True):
    """Where a sale stands. ``body`` is JSON of its record, or b"" where nothing was sold yet.

    until:  when a hold runs out, RFC 3339, or "".
    folded: the id as a receipt's code says it, where that is another text, or "".
    ledger_id, seq: the entry that has the sale, where ``body`` has not; seq 0 where it has.
    entry:  that entry, where the row was read; no column.
    """

    sale_id: SaleId
    state: SaleState
    account: AccountId
    until: str
    body: bytes
    folded: str = ""
    ledger_id: LedgerId = NO_LEDGER
    seq: int = 0
    entry: bytes = b""

    @classmethod
    def of(
        cls, sale_id: SaleId, state: SaleState, account: AccountId, until: str, body: bytes
    ) -> "SaleRow":
        """Make the row of a sale that ``body`` has whole, or of one that sold nothing."""
        plain = folded(sale_id)
        return cls(sale_id, state, account, until, body, "" if plain == sale_id else plain)

    @classmethod
    def whole(cls, record: SaleRecord, state: SaleState, until: str = "") -> "SaleRow":
        """Make the row of a sale that no entry has."""
        sale = record.sale
        return cls.of(sale.sale_id, state, sale.account, until, msgspec.json.encode(record))

    @classmethod
    def beside(
        cls,
        record: SaleRecord,
        state: SaleState,
        until: str = "",
        before: "SaleRow | None" = None,
    ) -> "SaleRow":
        """Make the row of a sale that an entry has: the one written with it, or that of before."""
        sale = record.sale
        row = cls.of(sale.sale_id, state, sale.account, until, _beside(record))
        ledger_id, seq = (before.ledger_id, before.seq) if before else (NO_LEDGER, ITS_OWN)
        return _replace(row, ledger_id=ledger_id, seq=seq)

    def placed(self, ledger_id: LedgerId, seq: int) -> "SaleRow":
        """Return the row as it is written with the entry ``seq``."""
        if self.seq != ITS_OWN:
            return self
        return _replace(self, ledger_id=ledger_id, seq=seq)

    @cached_property
    def record(self) -> SaleRecord | None:
        """The sale as kept. It is decoded when it is first asked for, once a row."""
        if not self.body:
            return None
        record = self._as_sold
        if record.sale.account == self.account:
            return record
        sale = _replace(record.sale, account=self.account)
        return _replace(record, sale=sale)

    def nobodys(self) -> "SaleRow | None":
        """Return the row without what it says of a person; None where it says nothing."""
        if not self.body:
            return None
        of_nobody = _beside_of_nobody if self.seq else _whole_of_nobody
        try:
            body = of_nobody(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise too_new(error) from error
        return _replace(self, body=body) if body else None

    @property
    def sold_to(self) -> AccountId:
        """Whose it was when it was sold; ``account`` is another after a merge."""
        return self._as_sold.sale.account if self.body else self.account

    @property
    def _as_sold(self) -> SaleRecord:
        if self.seq and not self.entry:
            raise damaged()  # the entry that has the sale is gone, or no JSON any more
        try:
            if self.seq:
                return _joined(self.entry, self.body)
            return msgspec.json.decode(self.body, type=SaleRecord)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise too_new(error) from error

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """Every account whose purses the sale may move."""
        return self.record.sale.accounts if self.record else ()
