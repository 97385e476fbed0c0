import msgspec
import pytest

from daemon.base.ids import AccountId, CardId, SaleId
from daemon.ledger.audit import audit
from daemon.ledger.entries import (
    FOREVER,
    CounterMove,
    Entry,
    HeldMove,
    LotMove,
    MeterMove,
    Posting,
    decode,
)
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.sale_records import SaleRecord
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.queries import (
    ACCOUNTS_SOLD_TO,
    ACTIVATIONS_AFTER,
    CAMPAIGN,
    CARD,
    CARD_BY_IDENTIFIER,
    CARD_BY_TOKEN,
    CARDS_ON_DEVICE,
    CODE,
    CODES_OF,
    CUSTOMER,
    DEVICES_OF,
    EXPIRED_HOLDS,
    HISTORY,
    LOTS_EXPIRED,
    MEMBERS_DUE,
    MEMBERS_LISTED,
    MEMBERS_OF,
    METER_DAYS,
    NEWEST_ACTIVATION,
    NEWEST_AT,
    NEWEST_OF_SOURCE,
    PHONE,
    PROGRAMME,
    REQUEST,
    SALE,
    SALES_OF,
)
from daemon.ledger.storage.registry import STORES
from daemon.ledger.storage.rows import (
    ActivationRow,
    CardRow,
    CodeRow,
    CustomerRow,
    DeviceRow,
    LotRow,
    MemberRow,
    PhoneRow,
    ProgrammeRow,
    RequestRow,
    identified,
)
from daemon.ledger.storage.store import Change, Gone, Reads, Store, View
from tests.stores.conftest import LOCATIONS, OpenHere
from tests.stores.hand_made import made_sale

AT = "2026-11-23T08:00:00.000000Z"
DAY = 739_943
ACCRUAL = Entry(
    at=AT,
    kind="sale",
    ref="s1",
    account=AccountId("a1"),
    postings=(
        Posting(AccountId("a1"), "bonus", 50),
        Posting(AccountId("@liability"), "bonus", -50),
    ),
    lots=(
        LotMove(AccountId("a1"), "bonus", FOREVER, 0, 30),
        LotMove(AccountId("a1"), "bonus", DAY + 9, DAY, 20),
    ),
    meters=(MeterMove(AccountId("a1"), "spend", DAY, 1_000),),
    counters=(CounterMove("morning:total:life", 1),),
)


def write(store: Store, *changes: Change) -> None:
    store.begin()
    for change in changes:
        store.savepoint()
        store.write(change)
        store.release()
    store.commit()


def view(store: Store, *, sale_id: str = "s1") -> View:
    reads = Reads(
        sale_id=SaleId(sale_id),
        accounts=(AccountId("a1"),),
        counters=("morning:total:life", "never"),
    )
    return store.view(reads, ("sale.commit", sale_id))


def test_every_store_is_in_the_suite() -> None:
    assert LOCATIONS.keys() == STORES.keys()


def test_a_new_ledger_has_a_name_and_nothing_else(store: Store) -> None:
    assert len(store.ledger_id) == 16
    assert view(store) == View(request=None, sale=None, purses={"a1": {}}, counters={})
    assert list(store.entries()) == []


def test_an_entry_brings_every_cached_figure_along(store: Store) -> None:
    write(store, Change(entry=ACCRUAL))
    lots = (Lot(DAY + 9, DAY, 20), Lot(FOREVER, 0, 30))
    assert view(store).purses == {"a1": {"bonus": PurseLots(50, 0, lots)}}
    assert view(store).counters == {"morning:total:life": 1}
    windows: dict[str, tuple[int, int] | None] = {"spend": None, "visits": None}
    assert store.meters(AccountId("a1"), windows) == {"spend": 1_000, "visits": 0}
    assert audit(store).findings == ()


def test_what_was_written_is_there_for_the_next_connection(open_here: OpenHere) -> None:
    first = open_here()
    write(first, Change(entry=ACCRUAL))
    second = open_here(read_only=True)
    assert second.ledger_id == first.ledger_id
    assert second.purses(AccountId("a1")) == first.purses(AccountId("a1"))


def test_a_meter_is_summed_over_whole_days_first_and_last_included(store: Store) -> None:
    for day in (DAY, DAY + 1, DAY + 2):
        moves = (MeterMove(AccountId("a1"), "spend", day, 10),)
        write(
            store,
            Change(entry=Entry(at=AT, kind="sale", ref="s", account=AccountId("a1"), meters=moves)),
        )
    sums = [
        store.meters(AccountId("a1"), {"spend": (first, last)})["spend"]
        for first, last in ((DAY, DAY + 1), (DAY + 1, DAY + 1), (DAY + 3, DAY + 9), (DAY + 1, DAY))
    ]
    assert sums == [20, 10, 0, 0]


def test_an_empty_lot_leaves_nothing_behind(store: Store) -> None:
    spent = Entry(
        at=AT,
        kind="sale",
        ref="s2",
        account=AccountId("a1"),
        postings=(
            Posting(AccountId("a1"), "bonus", -20),
            Posting(AccountId("@liability"), "bonus", 20),
        ),
        lots=(LotMove(AccountId("a1"), "bonus", DAY + 9, DAY, -20),),
    )
    write(store, Change(entry=ACCRUAL), Change(entry=spent))
    assert store.purses(AccountId("a1"))["bonus"] == PurseLots(30, 0, (Lot(FOREVER, 0, 30),))
    assert audit(store).findings == ()


def test_a_job_that_fails_leaves_its_group_untouched(store: Store) -> None:
    store.begin()
    store.savepoint()
    store.write(Change(entry=ACCRUAL))
    store.release()
    store.savepoint()
    store.write(Change(entry=ACCRUAL))
    store.rollback_to()
    store.savepoint()
    held = Entry(
        at=AT,
        kind="hold",
        ref="s3",
        account=AccountId("a1"),
        held=(HeldMove(AccountId("a1"), "bonus", 5),),
    )
    store.write(Change(entry=held))
    store.release()
    store.commit()
    result = audit(store)
    assert result.entries == 2
    assert [f for f in result.findings if "chain" in f or "hash" in f or "missing" in f] == []
    assert store.purses(AccountId("a1"))["bonus"].posted == 50
    assert store.purses(AccountId("a1"))["bonus"].held == 5


def test_a_job_sees_what_the_jobs_before_it_wrote_and_takes_only_its_own_back(
    store: Store,
) -> None:
    store.begin()
    for _ in range(2):
        store.savepoint()
        store.write(Change(entry=ACCRUAL))
        store.release()
    for _ in range(2):
        store.savepoint()
        assert view(store).purses["a1"]["bonus"].posted == 100
        assert store.counters(["morning:total:life"]) == {"morning:total:life": 2}
        store.write(Change(entry=ACCRUAL))
        store.rollback_to()
    store.commit()
    result = audit(store)
    assert (result.entries, result.findings) == (2, ())


def test_a_group_that_is_rolled_back_was_never_there(store: Store) -> None:
    store.begin()
    store.savepoint()
    store.write(Change(entry=ACCRUAL))
    store.release()
    store.rollback()
    assert list(store.entries()) == []
    assert store.purses(AccountId("a1")) == {}
    write(store, Change(entry=ACCRUAL))
    assert [chained.seq for chained in store.entries()] == [1]
    assert audit(store).whole


def test_a_sale_keeps_its_account_and_changes_its_state(store: Store) -> None:
    ledger_id, nine, never = "ab" * 8, "2026-11-23T09:00:00.000000Z", "2026-11-22T09:00:00.000000Z"
    sale_id = SaleId(f"{ledger_id}/s1")
    held = SaleRow(sale_id, SaleState.HELD, AccountId("a1"), nine, b"{}")
    write(store, Change(rows=(held,)))
    assert store.ask_one(SALE, sale_id) == held
    assert store.ask(EXPIRED_HOLDS, "2026-11-23T08:59:59.999999Z", ledger_id, never) == []
    assert store.ask(EXPIRED_HOLDS, nine, ledger_id, never) == [held]
    assert store.ask(EXPIRED_HOLDS, nine, "cd" * 8, never) == []
    assert store.ask(EXPIRED_HOLDS, nine, "cd" * 8, nine) == [held]
    posted = SaleRow(sale_id, SaleState.POSTED, AccountId("a1"), "", b'{"x":1}')
    write(store, Change(rows=(posted,)))
    assert store.ask_one(SALE, sale_id) == posted
    assert store.ask(EXPIRED_HOLDS, "2027-01-01T00:00:00.000000Z", ledger_id, nine) == []


def test_a_request_is_stored_once(store: Store) -> None:
    row = RequestRow("sale.commit", "s1", bytes(32), b'{"replayed":false}', AT)
    write(store, Change(rows=(row,)))
    assert store.ask_one(REQUEST, "sale.commit", "s1") == row
    assert store.ask_one(REQUEST, "sale.hold", "s1") is None


def test_a_card_is_found_by_each_of_its_identifiers_and_by_its_token(store: Store) -> None:
    card = CardRow(CardId("c1"), AccountId("a1"), "active", "phone", "9100", "04", b"\1" * 32)
    identifiers = (("number", "9100"), ("uid", "04AA"))
    customer = CustomerRow(AccountId("a1"), b'{"name":"Olena"}')
    write(store, Change(rows=(*identified(card, identifiers), customer)))
    assert [store.ask_one(CARD_BY_IDENTIFIER, *identifier) for identifier in identifiers] == [
        card,
        card,
    ]
    assert store.ask_one(CARD_BY_IDENTIFIER, "uid", "9100") is None
    assert store.ask_one(CARD_BY_TOKEN, b"\1" * 32) == card
    assert store.ask_one(CUSTOMER, "a1") == customer
    assert store.ask_one(CUSTOMER, "a2") is None


def test_a_card_may_be_good_until_a_moment(store: Store) -> None:
    card = CardRow(
        CardId("c1"), AccountId("a1"), "active", "flyer", "9100", "", b"\1" * 32, until=AT
    )
    write(store, Change(rows=(card,)))
    assert store.ask_one(CARD, "c1") == card
    extended = msgspec.structs.replace(card, until="")
    write(store, Change(rows=(extended,)))
    assert store.ask_one(CARD, "c1") == extended
    assert store.ask_one(CARD, "c2") is None


def test_a_phone_s_row_is_replaced_whole(store: Store) -> None:
    assert store.ask_one(PHONE, "c1") is None
    for row in (
        PhoneRow(CardId("c1"), "1234567890", 1),
        PhoneRow(CardId("c1"), "1234567890", 2, 56_666_666, 3),
    ):
        write(store, Change(rows=(row,)))
        assert store.ask_one(PHONE, "c1") == row
    assert store.ask_one(PHONE, "c2") is None


def test_the_devices_that_hold_a_pass_come_and_go(store: Store) -> None:
    cards = [
        CardRow(CardId(f"c{n}"), AccountId("a1"), "active", "phone", "", "", bytes([n] * 32))
        for n in (1, 2)
    ]
    rows = [
        DeviceRow("d1", CardId("c1"), "t1"),
        DeviceRow("d1", CardId("c2"), "t1"),
        DeviceRow("d2", CardId("c1"), "t2"),
    ]
    write(store, *(Change(rows=(card,)) for card in cards), *(Change(rows=(row,)) for row in rows))
    assert store.ask(DEVICES_OF, "c1") == [rows[0], rows[2]]
    assert store.ask(CARDS_ON_DEVICE, "d1") == cards
    newer = DeviceRow("d1", CardId("c1"), "t9")
    write(store, Change(rows=(newer,)), Change(gone=(Gone(DeviceRow, ("d2", "c1")),)))
    assert store.ask(DEVICES_OF, "c1") == [newer]
    assert store.ask(CARDS_ON_DEVICE, "d2") == []


def test_of_what_one_group_writes_and_deletes_the_last_word_counts(store: Store) -> None:
    row, gone = DeviceRow("d1", CardId("c1"), "t1"), Gone(DeviceRow, ("d1", "c1"))
    write(store, Change(rows=(row,)), Change(gone=(gone,)))
    assert store.ask(DEVICES_OF, "c1") == []
    write(store, Change(gone=(gone,)), Change(rows=(row,)))
    assert store.ask(DEVICES_OF, "c1") == [row]


def test_a_text_that_no_database_keeps_is_found_nowhere(store: Store) -> None:
    assert store.ask_one(CARD_BY_IDENTIFIER, "number", "91\0") is None


def test_a_sale_s_record_is_decoded_once_and_a_row_without_one_has_none() -> None:
    body = msgspec.json.encode(SaleRecord(sale=made_sale("s1"), burned={}))
    row = SaleRow(SaleId("s1"), SaleState.POSTED, AccountId("a1"), "", body)
    assert row.record is not None
    assert row.record is row.record
    assert row.accounts == ("a1",)
    assert SaleRow(SaleId("s2"), SaleState.VOIDED, AccountId(""), "", b"").record is None


def test_the_newest_entry_says_how_late_it_is_at_least(store: Store) -> None:
    assert store.ask_one(NEWEST_AT, store.ledger_id) is None
    write(store, Change(entry=ACCRUAL))
    assert store.ask_one(NEWEST_AT, store.ledger_id) == AT


def test_a_row_is_kept_whole_and_replaced_by_its_key(store: Store) -> None:
    member = MemberRow(AccountId("a1"), "club", '{"stage":"member"}', DAY, "")
    code = CodeRow("abc", "flyer", AccountId(""), "s1", DAY, FOREVER, 3, "good")
    activation = ActivationRow(AT, "v1", "file till-1", 1)
    write(store, Change(rows=(member, code, activation)))
    lapsing = msgspec.structs.replace(member, due=DAY + 60, listed="exclude")
    write(store, Change(rows=(lapsing, msgspec.structs.replace(code, state="taken_back"))))
    assert store.ask(MEMBERS_OF, "a1") == [lapsing]
    assert store.ask(MEMBERS_DUE, DAY + 59) == []
    assert store.ask(MEMBERS_DUE, DAY + 60) == [lapsing]
    assert store.ask(MEMBERS_LISTED, "club", "exclude", "") == [lapsing]
    assert store.ask(CODE, "abc") == [msgspec.structs.replace(code, state="taken_back")]
    assert [row.code for row in store.ask(CODES_OF, "s1")] == ["abc"]
    assert store.ask(CAMPAIGN, "nothing") == []
    assert store.ask(NEWEST_ACTIVATION, AT) == [activation]
    assert store.ask(ACTIVATIONS_AFTER, AT) == []
    assert store.ask(NEWEST_OF_SOURCE, "file till-1") == [activation]


def test_lots_and_sales_are_found_for_the_day_s_work(store: Store) -> None:
    write(store, Change(entry=ACCRUAL))
    assert store.ask(LOTS_EXPIRED, DAY + 9) == []
    assert store.ask(LOTS_EXPIRED, DAY + 10) == [LotRow(AccountId("a1"), "bonus", DAY + 9, DAY, 20)]
    assert store.ask(METER_DAYS, "a1", "spend") == [(0, 1_000), (DAY, 1_000)]
    posted = SaleRow(SaleId("s1"), SaleState.POSTED, AccountId("a1"), "", b"{}")
    write(
        store,
        Change(rows=(posted,)),
        Change(rows=(SaleRow(SaleId("s2"), SaleState.VOIDED, AccountId("a2"), "", b""),)),
    )
    assert store.ask(ACCOUNTS_SOLD_TO, "") == ["a1"]
    assert store.ask(SALES_OF, "a1") == [posted]


def test_old_requests_are_forgotten(store: Store) -> None:
    later = "2027-01-01T00:00:00.000000Z"
    for n, at in enumerate((AT, later)):
        write(store, Change(rows=(RequestRow("sale.commit", f"s{n}", bytes(32), b"{}", at),)))
    write(store, Change(requests_before=later))
    assert store.ask_one(REQUEST, "sale.commit", "s0") is None
    assert store.ask_one(REQUEST, "sale.commit", "s1") is not None


def test_an_account_s_history_comes_newest_first(store: Store) -> None:
    entries = [Entry(at=AT, kind="sale", ref=f"s{n}", account=AccountId("a1")) for n in range(5)]
    write(store, *(Change(entry=entry) for entry in entries))
    newest = [decode(body).ref for body in store.ask(HISTORY, "a1", 2)]
    assert newest == ["s4", "s3"]


def test_a_programme_s_text_is_kept_under_its_version(store: Store) -> None:
    text = ProgrammeRow("v1", "text")
    write(store, Change(rows=(text,)), Change(rows=(text,)))
    assert store.ask_one(PROGRAMME, "v1") == "text"
    assert store.ask_one(PROGRAMME, "v2") is None


@pytest.mark.parametrize("count", [1, 100])
def test_seq_counts_without_gaps_and_the_chain_holds(store: Store, count: int) -> None:
    write(store, *(Change(entry=ACCRUAL) for _ in range(count)))
    result = audit(store)
    assert (result.entries, result.findings) == (count, ())
    assert [chained.seq for chained in store.entries()] == list(range(1, count + 1))


def test_a_view_shows_what_an_earlier_job_of_its_group_has_counted(store: Store) -> None:
    profile = CustomerRow(AccountId("a1"), b'{"name":"Olena"}')
    reads = Reads(meters_of="a1", windows={"spend": None, "never": (DAY, DAY)}, profile_of="a1")
    store.begin()
    store.savepoint()
    assert store.view(reads).meters == {"spend": 0, "never": 0}
    moves = (MeterMove(AccountId("a1"), "spend", DAY, 1_000),)
    entry = Entry(at=AT, kind="sale", ref="s1", account=AccountId("a1"), meters=moves)
    store.write(Change(entry=entry, rows=(profile,)))
    store.release()
    store.savepoint()
    seen = store.view(reads)
    assert (dict(seen.meters), seen.profile) == ({"spend": 1_000, "never": 0}, profile.profile)
    store.write(Change(gone=(Gone(CustomerRow, ("a1",)),)))
    store.release()
    store.savepoint()
    assert store.view(reads).profile == b""
    store.release()
    store.commit()
