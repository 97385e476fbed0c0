from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from card_formats.chip.purse import (
    ChipPayment,
    ChipPurse,
    Handover,
    Messaging,
    Outcome,
    TillKey,
    after_payment,
    decode_key_version,
    encode_key_version,
    follows,
    open_purse,
    pay,
    read_history,
    set_status,
    settle,
)
from card_formats.chip.purse_layout import (
    AMOUNT_MAX,
    DEBIT_KEY,
    HISTORY_RECORDS_MAX,
    LOAD_KEY,
    SEQ_MAX,
    NewerState,
    PurseState,
    PurseStatus,
    encode_state,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from tests.card_formats.chip.peer import Peer

RND_A = bytes.fromhex("2347C1557F80707ABDFF86BF9D965CA7")
KEYS = {number: bytes((0x10 + number,)) * 16 for number in range(4)}
NEW = PurseState(1000, PurseStatus.ACTIVE, 0, bytes(8), 1, 0, 0, 1_700_000_000)
BOTH = pytest.mark.parametrize("messaging", Messaging)
OPEN_INS = {
    Messaging.EV1: [0x5A, 0xAA, 0xAF, 0xBD, 0x6C],
    Messaging.EV2: [0x5A, 0x71, 0xAF, 0xBD, 0x6C],
}


def key(number: int = LOAD_KEY) -> TillKey:
    return TillKey(number, {0: KEYS[number]})


def card(state: PurseState = NEW, *, ev2: bool = True) -> Peer:
    peer = Peer(dict(KEYS), ev2=ev2)
    peer.value, peer.state = state.balance, encode_state(state)
    return peer


def opened(
    peer: Peer, *, number: int = LOAD_KEY, messaging: Messaging = Messaging.EV2
) -> ChipPurse:
    return run_dialogue(open_purse(key(number), RND_A, messaging=messaging), peer.transmit)


def payment(amount: int, txid: bytes = b"txid-one") -> ChipPayment:
    return ChipPayment(txid, amount, shop=3, till=2, time_s=1_700_000_100)


class TornError(Exception):
    """The card is gone."""


def torn_after(peer: Peer, exchanges: int, *, answer_lost: bool) -> Callable[[bytes], bytes]:
    """Let so many exchanges pass; of the next one lose the command, or only the answer."""

    def transmit(command: bytes) -> bytes:
        nonlocal exchanges
        exchanges -= 1
        if exchanges >= 0:
            return peer.transmit(command)
        if answer_lost:
            peer.transmit(command)
        raise TornError

    return transmit


@BOTH
@pytest.mark.parametrize(("amount", "ins"), [(-300, 0xDC), (250, 0x0C)])
def test_a_purchase_is_nine_apdus(messaging: Messaging, amount: int, ins: int) -> None:
    peer = card()
    purse = opened(peer, messaging=messaging)
    assert peer.heard == OPEN_INS[messaging]
    after = run_dialogue(pay(purse, payment(amount)), peer.transmit)
    assert peer.heard[5:] == [ins, 0x3B, 0x3D, 0xC7]
    assert len(peer.heard) == 9
    assert (after.balance, after.seq, after.last_txid) == (1000 + amount, 1, b"txid-one")
    assert (purse.state, purse.handover) == (after, Handover.VERIFIED)
    assert (peer.value, peer.state) == (after.balance, encode_state(after))


@BOTH
def test_the_next_tap_reads_what_was_written(messaging: Messaging) -> None:
    peer = card()
    purse = opened(peer, messaging=messaging)
    after = run_dialogue(pay(purse, payment(-1)), peer.transmit)
    assert opened(peer, messaging=messaging).state == after


def test_a_sale_that_changes_nothing_is_recorded_all_the_same() -> None:
    peer = card()
    run_dialogue(pay(opened(peer), payment(0)), peer.transmit)
    assert peer.heard[5:] == [0x3B, 0x3D, 0xC7]
    assert (peer.value, len(peer.records)) == (1000, 1)


def test_a_second_sale_goes_on_in_the_same_session() -> None:
    peer = card()
    purse = opened(peer)
    run_dialogue(pay(purse, payment(-1, b"txid-one")), peer.transmit)
    run_dialogue(pay(purse, payment(-2, b"txid-two")), peer.transmit)
    assert (peer.value, peer.commits) == (997, 2)
    assert isinstance(purse.state, PurseState)
    assert (purse.state.seq, purse.state.last_txid) == (2, b"txid-two")


@BOTH
@pytest.mark.parametrize("answer_lost", [False, True])
@pytest.mark.parametrize("exchanges", range(5))
def test_a_tear_anywhere_leaves_an_answer_that_is_true(
    messaging: Messaging, exchanges: int, answer_lost: bool
) -> None:
    peer = card()
    purse = opened(peer, messaging=messaging)
    wire = torn_after(peer, exchanges, answer_lost=answer_lost)
    if exchanges == 4:
        run_dialogue(pay(purse, payment(-300)), wire)
        assert purse.handover is Handover.VERIFIED
        return
    with pytest.raises(TornError):
        run_dialogue(pay(purse, payment(-300)), wire)
    assert purse.handover is (Handover.SENT if exchanges == 3 else Handover.NOT_SENT)
    assert purse.state == NEW
    if purse.handover is Handover.NOT_SENT:
        assert peer.value == 1000
    # The next tap decides, and the same payment goes through once.
    again = opened(peer, messaging=messaging)
    outcome = run_dialogue(settle(again, 1, b"txid-one"), peer.transmit)
    assert outcome is (Outcome.WRITTEN if peer.commits else Outcome.NOT_WRITTEN)
    if outcome is Outcome.NOT_WRITTEN:
        run_dialogue(pay(again, payment(-300)), peer.transmit)
    assert (peer.value, peer.commits) == (700, 1)


@BOTH
def test_a_forged_answer_to_the_commit_is_no_answer(messaging: Messaging) -> None:
    peer = card()
    purse = opened(peer, messaging=messaging)

    def transmit(command: bytes) -> bytes:
        answer = peer.transmit(command)
        return bytes((answer[0] ^ 1,)) + answer[1:] if command[1] == 0xC7 else answer

    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(-1)), transmit)
    assert caught.value.code == "desfire.bad-mac"
    assert purse.handover is Handover.SENT


def test_a_commit_that_was_refused_is_not_known_to_be_undone() -> None:
    peer = card()
    purse = opened(peer)

    def transmit(command: bytes) -> bytes:
        return b"\x91\x0c" if command[1] == 0xC7 else peer.transmit(command)

    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(-1)), transmit)
    assert (caught.value.code, purse.handover) == ("desfire.no-changes", Handover.SENT)


def test_what_is_known_of_a_commit_is_not_forgotten_by_trying_again() -> None:
    peer = card()
    purse = opened(peer)
    with pytest.raises(TornError):
        run_dialogue(pay(purse, payment(-1)), torn_after(peer, 3, answer_lost=True))
    heard = len(peer.heard)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(-1)), peer.transmit)
    assert caught.value.code == "desfire.session-over"
    assert purse.handover is Handover.SENT
    assert len(peer.heard) == heard


def test_a_second_sale_that_is_torn_early_is_surely_not_sent() -> None:
    peer = card()
    purse = opened(peer)
    first = run_dialogue(pay(purse, payment(-1)), peer.transmit)
    with pytest.raises(TornError):
        run_dialogue(pay(purse, payment(-1, b"txid-two")), torn_after(peer, 1, answer_lost=True))
    assert (purse.handover, purse.state) == (Handover.NOT_SENT, first)


def test_a_card_that_only_knows_the_first_channel_is_found_out_once() -> None:
    peer = card(ev2=False)
    purse = opened(peer)
    assert peer.heard == [0x5A, 0x71, 0xAA, 0xAF, 0xBD, 0x6C]
    assert purse.messaging is Messaging.EV1


def test_with_two_generations_of_keys_the_card_is_asked_for_its_own() -> None:
    peer = card()
    peer.versions[LOAD_KEY] = 2
    both = TillKey(LOAD_KEY, {1: bytes(16), 2: KEYS[LOAD_KEY]})
    run_dialogue(open_purse(both, RND_A), peer.transmit)
    assert peer.heard == [0x5A, 0x64, 0x71, 0xAF, 0xBD, 0x6C]
    peer.versions[LOAD_KEY] = 3
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(open_purse(both, RND_A), peer.transmit)
    assert caught.value.code == "purse.key-generation"


def test_a_key_s_version_tells_the_channel_too_so_that_nothing_is_tried_in_vain() -> None:
    peer = card(ev2=False)
    peer.versions[LOAD_KEY] = 0x82
    both = TillKey(LOAD_KEY, {1: bytes(16), 2: KEYS[LOAD_KEY]})
    purse = run_dialogue(open_purse(both, RND_A), peer.transmit)
    assert peer.heard == [0x5A, 0x64, 0xAA, 0xAF, 0xBD, 0x6C]
    assert (purse.key_generation, purse.messaging) == (2, Messaging.EV1)


@given(st.integers(0, 0xFF))
def test_every_version_byte_is_a_generation_and_a_channel(version: int) -> None:
    assert encode_key_version(*decode_key_version(version)) == version


def test_a_wrong_key_is_told_by_name() -> None:
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(open_purse(TillKey(LOAD_KEY, {0: bytes(16)}), RND_A), card().transmit)
    assert caught.value.code == "desfire.authentication"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("91A0", "desfire.no-application"),
        ("6A82", "desfire.foreign"),
        ("6D00", "desfire.foreign"),
        ("6E00", "desfire.foreign"),
        ("9000", "desfire.foreign"),
    ],
)
def test_a_card_that_is_not_ours_is_left_alone_after_one_apdu(answer: str, code: str) -> None:
    asked: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        asked.append(command)
        return bytes.fromhex(answer)

    with pytest.raises(CardFormatError) as caught:
        run_dialogue(open_purse(key(), RND_A), transmit)
    assert caught.value.code == code
    assert asked == [bytes.fromhex("905A000003544C4300")]


def test_the_debit_key_takes_and_does_not_add() -> None:
    peer = card()
    purse = opened(peer, number=DEBIT_KEY)
    run_dialogue(pay(purse, payment(-1)), peer.transmit)
    heard = len(peer.heard)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(1)), peer.transmit)
    assert caught.value.code == "purse.no-load-key"
    assert len(peer.heard) == heard


@pytest.mark.parametrize(
    ("change", "amount", "code"),
    [
        ({"status": PurseStatus.BLOCKED}, -1, "purse.blocked"),
        ({"status": PurseStatus.EXPIRED}, -1, "purse.expired"),
        ({"status": PurseStatus.MIGRATING}, -1, "purse.migrating"),
        ({}, -1001, "purse.not-enough"),
        ({}, AMOUNT_MAX, "purse.too-much"),
        ({"seq": SEQ_MAX}, -1, "purse.worn-out"),
    ],
)
def test_what_cannot_be_paid_is_refused_before_anything_is_sent(
    change: dict[str, int], amount: int, code: str
) -> None:
    peer = card(msgspec.structs.replace(NEW, **change))
    purse = opened(peer)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(amount)), peer.transmit)
    assert caught.value.code == code
    assert (len(peer.heard), purse.handover) == (5, Handover.NOT_SENT)


def test_the_last_amount_and_the_last_number_still_go_through() -> None:
    nearly = msgspec.structs.replace(NEW, seq=SEQ_MAX - 1, balance=1)
    assert after_payment(nearly, payment(AMOUNT_MAX - 1)).balance == AMOUNT_MAX
    assert after_payment(nearly, payment(-1)).seq == SEQ_MAX


def test_a_newer_card_is_shown_and_never_rewritten() -> None:
    peer = card()
    peer.state = b"\x03" + peer.state[1:]
    purse = opened(peer)
    assert purse.state == NewerState(1000, 3)
    for dialogue in (
        pay(purse, payment(-1)),
        set_status(purse, PurseStatus.BLOCKED),
        read_history(purse),
        settle(purse, 1, b"txid-one"),
    ):
        with pytest.raises(CardFormatError) as caught:
            run_dialogue(dialogue, peer.transmit)
        assert caught.value.code == "purse.newer-schema"
    assert len(peer.heard) == 5


@BOTH
def test_a_status_is_written_in_two_apdus_and_counts_as_no_payment(messaging: Messaging) -> None:
    peer = card()
    purse = opened(peer, messaging=messaging)
    after = run_dialogue(set_status(purse, PurseStatus.BLOCKED), peer.transmit)
    assert peer.heard[5:] == [0x3D, 0xC7]
    assert after == msgspec.structs.replace(NEW, status=PurseStatus.BLOCKED)
    assert opened(peer, messaging=messaging).state == after
    assert purse.handover is Handover.VERIFIED


def paid(count: int) -> Peer:
    """Return a card with ``count`` payments of 1, named 0, 1, … and numbered from 1."""
    peer = card()
    purse = opened(peer)
    for number in range(count):
        run_dialogue(pay(purse, payment(-1, number.to_bytes(8, "big"))), peer.transmit)
    return peer


@BOTH
@pytest.mark.parametrize(
    ("back", "count", "expected"),
    [
        (0, 1, [5]),
        (0, 3, [3, 4, 5]),
        (1, 2, [3, 4]),
        (4, 9, [1]),
        (0, 99, [1, 2, 3, 4, 5]),
        (5, 1, []),
    ],
)
def test_the_history_is_read_from_its_end(
    messaging: Messaging, back: int, count: int, expected: list[int]
) -> None:
    peer = paid(5)
    purse = opened(peer, messaging=messaging)
    records = run_dialogue(read_history(purse, back=back, count=count), peer.transmit)
    assert [record.seq for record in records] == expected
    assert [record.balance_after for record in records] == [1000 - seq for seq in expected]


def test_a_new_card_has_no_history_and_is_not_asked() -> None:
    peer = card()
    assert run_dialogue(read_history(opened(peer)), peer.transmit) == ()
    assert len(peer.heard) == 5


def test_a_full_history_is_its_last_records() -> None:
    peer = paid(HISTORY_RECORDS_MAX + 3)
    records = run_dialogue(read_history(opened(peer), count=99), peer.transmit)
    assert [record.seq for record in records] == list(range(4, HISTORY_RECORDS_MAX + 4))


@pytest.mark.parametrize("count", [0, 1, 5, HISTORY_RECORDS_MAX + 3])
def test_a_balance_follows_from_its_payments_and_from_no_others(count: int) -> None:
    peer = paid(count)
    purse = opened(peer)
    records = run_dialogue(read_history(purse, count=99), peer.transmit)
    state = purse.state
    assert isinstance(state, PurseState)
    assert follows(records, state)
    more = msgspec.structs.replace(state, balance=state.balance + 1)
    assert follows(records, more) is not bool(records)
    for index, record in enumerate(records[1:], start=1):
        wrong = msgspec.structs.replace(record, amount=record.amount + 1)
        assert not follows((*records[:index], wrong, *records[index + 1 :]), state)


def test_a_history_that_does_not_fit_the_count_is_refused() -> None:
    peer = paid(3)
    peer.records.reverse()
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_history(opened(peer)), peer.transmit)
    assert caught.value.code == "purse.bad-history"


@pytest.mark.parametrize(
    ("seq", "number", "outcome", "apdus"),
    [
        (24, 99, Outcome.NOT_WRITTEN, 0),
        (23, 22, Outcome.WRITTEN, 0),
        (23, 99, Outcome.NOT_WRITTEN, 1),
        (22, 21, Outcome.WRITTEN, 1),
        (22, 99, Outcome.NOT_WRITTEN, 1),
        (4, 3, Outcome.WRITTEN, 1),
        (3, 2, Outcome.UNDECIDED, 0),
        (25, 99, Outcome.UNDECIDED, 0),
    ],
)
def test_the_card_s_own_count_and_history_settle_a_doubtful_payment(
    seq: int, number: int, outcome: Outcome, apdus: int
) -> None:
    peer = paid(23)
    purse = opened(peer)
    heard = len(peer.heard)
    assert run_dialogue(settle(purse, seq, number.to_bytes(8, "big")), peer.transmit) is outcome
    assert len(peer.heard) - heard == apdus


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=9), st.integers(0, 9))
@settings(max_examples=200)
def test_any_answers_lead_to_a_value_or_our_own_error(noise: list[bytes], at: int) -> None:
    peer = card()
    answers = iter(noise)
    said = 0

    def transmit(command: bytes) -> bytes:
        nonlocal said
        said += 1
        answer = peer.transmit(command)
        return next(answers, answer) if said > at else answer

    try:
        purse = run_dialogue(open_purse(key(), RND_A), transmit)
        run_dialogue(pay(purse, payment(-1)), transmit)
    except CardFormatError as error:
        assert error.code.startswith(("desfire.", "purse.", "apdu."))  # noqa: PT017


def test_keys_are_not_shown() -> None:
    assert KEYS[LOAD_KEY].hex() not in repr(key())
    assert repr(KEYS[LOAD_KEY]) not in repr(key())
