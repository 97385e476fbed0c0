"""A sale stands in its entry, and its row says in which and what has become of it."""

import msgspec
from msgspec.structs import replace

from daemon.base.ids import AccountId, LedgerId, SaleId
from daemon.ledger.lots import Lot
from daemon.ledger.sale_records import ReturnedLine, SaleRecord
from daemon.ledger.sale_rows import SaleRow, for_entry
from daemon.ledger.sale_states import SaleState
from daemon.programme.quote import NextStep, WhyNot
from tests.stores.hand_made import made_sale

LEDGER = LedgerId("0123456789abcdef")
NAMED = {"card.name": "Zofia", "card.birthday": "1990-11-20", "card.tags": ("student",)}
SALE = made_sale("s1", earn=7, burn=3, lines=2)
SALE = replace(
    SALE,
    frozen=replace(SALE.frozen, facts=NAMED),
    quote=replace(
        SALE.quote,
        why_not=(WhyNot("percent", "card.tags"),),
        next=(NextStep("steps", "meter.spend", 5, "7 %", "0.05 more"),),
    ),
)
RECORD = SaleRecord(
    sale=SALE,
    burned={"bonus": (Lot(amount=3),)},
    accrued={"bonus": (Lot(amount=7),)},
    returned=(ReturnedLine(1, 1_000),),
    refunded=1_000,
    kept=2,
    short=1,
    sums_gone={"basket": 5},
)


def test_entry_and_row_are_the_sale_less_what_only_the_screen_needs() -> None:
    row = SaleRow.beside(RECORD, SaleState.POSTED).placed(LEDGER, 12)
    assert (row.ledger_id, row.seq) == (LEDGER, 12)
    entry = msgspec.json.encode({"kind": "sale", "detail": for_entry(SALE)})
    quote = replace(SALE.quote, why_not=(), next=())
    assert replace(row, entry=entry).record == replace(RECORD, sale=replace(SALE, quote=quote))


def test_an_entry_says_nobody_s_name_or_birthday_and_no_empty_field() -> None:
    text = msgspec.json.encode(for_entry(SALE))
    for said in (b"Zofia", b"1990-11-20", b"0.05 more", b"why_not", b'"burned":{}', b"provisional"):
        assert said not in text
    assert b"student" in text
    assert b"Zofia" in SaleRow.beside(RECORD, SaleState.POSTED).body


def test_what_is_written_later_names_the_same_entry() -> None:
    first = SaleRow.beside(RECORD, SaleState.POSTED).placed(LEDGER, 12)
    later = SaleRow.beside(RECORD, SaleState.POSTED, before=first).placed(LEDGER, 40)
    assert (later.ledger_id, later.seq) == (LEDGER, 12)


def test_a_sale_that_no_entry_has_is_in_its_row() -> None:
    row = SaleRow.whole(RECORD, SaleState.INTENT).placed(LEDGER, 12)
    assert (row.seq, row.record) == (0, RECORD)
    nothing = SaleRow.of(SaleId("s2"), SaleState.VOIDED, AccountId(""), "", b"")
    assert nothing.record is None
