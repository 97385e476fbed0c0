"""What a chip is owed: kept as it always was, so that a torn one of an older ledger is settled."""

import msgspec
from msgspec.structs import replace

from daemon.base.ids import AccountId, SaleId
from daemon.ledger import chip_transfers
from daemon.ledger.chip_owed import air_counter, due, owed_purse
from daemon.ledger.chip_sales import intent_of
from daemon.ledger.chip_transfers import ChipTransfer
from daemon.ledger.entries import ChipMove, CounterMove
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.sale_records import Sale, SaleRecord
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.store import View
from tests.stores.hand_made import made_sale

AT = "2026-11-23T08:00:00.000000Z"
LATER = "2026-11-23T09:00:00.000000Z"
KEPT_SALE = (
    b'{"sale_id":"owed-6a83f4c7cc6ed635","account":"a1","terminal":"","cashier":"",'
    b'"at":"2026-11-23T08:00:00.000000Z","today":739943,"frozen":{"programme":"157b1c47a9a326de",'
    b'"now":"2026-11-23T08:00:00Z","basket":{"lines":[],"codes":[],"payment":"","burn":{}},'
    b'"facts":{}},"quote":{"programme":"chips","version":"157b1c47a9a326de",'
    b'"now":"2026-11-23T08:00:00.000000Z","lines":[],"list_total":0,"discount":0,"net":0,"total":0,'
    b'"burn":{},"burn_max":{},"earn":[],"issue":[],"meters":{},"uses":[],"why_not":[],"next":[],'
    b'"provisional":false},"credit":{},"gifts":{},"card_pays":true,"ordinals":[],"issued":[],'
    b'"chip_purse":"bonus","card_uid":"04457C769F6441","owed":-2000,"tenders":[]}'
)
"""As version 0.1 wrote it before there was a type for transfers."""
KEPT = (
    b'{"sale":'
    + KEPT_SALE
    + b',"burned":{},"accrued":{},"returned":[],"refunded":0,"kept":0,"chip":{'
    b'"ledger_id":"e4af5a9e44293e47","uid":"04457C769F6441","seq":1,"txid":"aoP0x8xu1jU=",'
    b'"amount":2000,"balance":7000,"sale":'
    + KEPT_SALE
    + b',"content":"","until":"","counters":[],"speaks":"ev2","not_written":false,"case":false}}'
)
TRANSFER = ChipTransfer(
    transfer_id=SaleId("owed-6a83f4c7cc6ed635"),
    account=AccountId("a1"),
    uid="04457C769F6441",
    purse="bonus",
    amount=2_000,
    at=AT,
    today=739_943,
    programme="chips",
    version="157b1c47a9a326de",
)
OWED = owed_purse("bonus")


def view(state: SaleState = SaleState.UNKNOWN) -> View:
    row = SaleRow(TRANSFER.transfer_id, state, AccountId("a1"), "", KEPT)
    purses = {
        "bonus": PurseLots(5_000, 0, (Lot(amount=5_000),)),
        OWED: PurseLots(2_000, 0, (Lot(amount=2_000),)),
    }
    return View(request=None, sale=row, purses={"a1": purses}, counters={})


def test_a_transfer_that_was_kept_before_it_had_a_type_is_read() -> None:
    assert msgspec.json.decode(KEPT_SALE, type=Sale) == TRANSFER.sale
    row = view().sale
    assert row is not None
    assert ChipTransfer.of(intent_of(row).sale) == TRANSFER
    assert row.record == msgspec.json.decode(KEPT, type=SaleRecord)


def test_a_sale_that_sells_something_is_no_transfer() -> None:
    assert ChipTransfer.of(made_sale("s1")) is None


def test_an_intent_reserves_nothing_and_counts_as_in_the_air() -> None:
    row = view().sale
    assert row is not None
    nothing = View(request=None, sale=None, purses={}, counters={})
    decision = chip_transfers.intend(nothing, intent_of(row))
    written = decision.sale
    assert (written.sale_id, written.state) == (TRANSFER.transfer_id, SaleState.INTENT)
    assert (written.account, written.until) == ("a1", "")
    to_chips = air_counter(AccountId("a1"), 2_000)
    assert intent_of(written) == msgspec.structs.replace(intent_of(row), counters=(to_chips,))
    assert decision.entry.counters == (CounterMove(to_chips, 2_000),)
    assert (decision.entry.kind, decision.entry.postings, decision.entry.held) == ("intent", (), ())


def test_a_torn_transfer_that_the_chip_has_proved_is_owed_no_more() -> None:
    for state, after in (
        (SaleState.UNKNOWN, SaleState.POSTED),
        (SaleState.INTENT, SaleState.POSTED),
        (SaleState.VOID_PENDING, SaleState.VOIDED),
    ):
        decision = chip_transfers.done(view(state), LATER)
        moved = {(str(leg.account), leg.purse): leg.amount for leg in decision.entry.postings}
        assert moved["a1", "bonus"] == 2_000
        assert moved["a1", OWED] == -2_000
        assert decision.sale.state is after
        row = replace(decision.sale, seq=1, entry=msgspec.json.encode(decision.entry))
        assert row.record == SaleRecord(sale=TRANSFER.sale, burned={})
        assert (decision.entry.kind, decision.entry.at) == ("owed", LATER)
        assert msgspec.json.decode(decision.entry.detail, type=Sale) == TRANSFER.sale
        proved = ChipMove("04457C769F6441", 1, "6a83f4c7cc6ed635", 2_000, 7_000)
        assert decision.entry.chip == proved


def test_one_that_was_not_written_is_let_go_and_owed_still() -> None:
    for state, after, kind in (
        (SaleState.UNKNOWN, SaleState.NEW, "not_sent"),
        (SaleState.INTENT, SaleState.NEW, "not_sent"),
        (SaleState.VOID_PENDING, SaleState.VOIDED, "void"),
    ):
        decision = chip_transfers.not_written(view(state), LATER)
        assert (decision.sale.state, decision.entry.kind) == (after, kind)
        assert (decision.entry.postings, decision.entry.held) == ((), ())
        assert bool(decision.sale.body) is (after is SaleState.VOIDED)


def test_what_is_due_is_sure_whatever_becomes_of_what_is_in_the_air() -> None:
    account = AccountId("a1")
    to_chips, from_chips = air_counter(account, 1), air_counter(account, -1)
    for owed, counters, right in (
        (250, {}, 250),
        (250, {to_chips: 200}, 50),
        (250, {to_chips: 300}, 0),
        (250, {from_chips: 100}, 250),
        (-250, {}, -250),
        (-250, {from_chips: 200}, -50),
        (-250, {from_chips: 300}, 0),
        (-250, {to_chips: 100}, -250),
        (0, {to_chips: 100, from_chips: 100}, 0),
    ):
        assert due(account, owed, counters) == right
