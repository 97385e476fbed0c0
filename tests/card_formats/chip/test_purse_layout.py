import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.purse_layout import (
    RECORD_BYTES,
    SCHEMA,
    STATE_BYTES,
    NewerState,
    PurchaseRecord,
    PurseState,
    PurseStatus,
    crc8,
    decode_records,
    decode_state,
    diversification_input,
    encode_record,
    encode_state,
    files,
)
from card_formats.crypto import diversify
from card_formats.errors import CardFormatError

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
I32 = st.integers(-(2**31), 2**31 - 1)
TXID = st.binary(min_size=8, max_size=8)
STATES = st.builds(PurseState, I32, st.sampled_from(PurseStatus), U32, TXID, U16, U16, I32, U32, U8)
RECORDS = st.builds(PurchaseRecord, U32, U32, U16, U16, I32, I32, TXID)
STATE = PurseState(500, PurseStatus.ACTIVE, 7, b"txid0007", 3, 2, -120, 1_700_000_000, 0)


def test_state_is_laid_out_as_documented() -> None:
    body = "02 01 07000000 7478696430303037 0300 0200 88FFFFFF 00F15365 00"
    raw = bytes.fromhex(body)
    assert encode_state(STATE) == raw + bytes((crc8(raw),))
    assert len(encode_state(STATE)) == STATE_BYTES


def test_a_record_is_laid_out_as_documented() -> None:
    record = PurchaseRecord(7, 1_700_000_000, 3, 2, -120, 500, b"txid0007")
    raw = bytes.fromhex("07000000 00F15365 0300 0200 88FFFFFF F4010000 7478696430303037")
    assert encode_record(record) == raw
    assert len(raw) == RECORD_BYTES


def test_the_check_byte_is_the_catalogue_s() -> None:
    assert crc8(b"123456789") == 0xF4  # RevEng catalogue, CRC-8/SMBUS


@given(STATES)
def test_a_state_comes_back_as_it_went(state: PurseState) -> None:
    assert decode_state(encode_state(state), state.balance) == state


@given(st.lists(RECORDS, max_size=5))
def test_records_come_back_as_they_went(records: list[PurchaseRecord]) -> None:
    assert decode_records(b"".join(map(encode_record, records))) == tuple(records)


@given(st.binary(max_size=40) | st.binary(max_size=27).map(lambda rest: b"\x01" + rest), I32)
def test_any_bytes_are_a_state_or_our_own_error(raw: bytes, balance: int) -> None:
    try:
        state = decode_state(raw, balance)
    except CardFormatError as error:
        assert error.code.startswith("purse.")  # noqa: PT017 - either outcome is right
        return
    assert state.balance == balance
    if isinstance(state, PurseState):
        assert encode_state(state) == raw


@given(STATES, st.integers(0, 8 * STATE_BYTES - 1))
def test_no_flipped_bit_makes_another_valid_state(state: PurseState, bit: int) -> None:
    raw = int.from_bytes(encode_state(state), "big") ^ 1 << bit
    try:
        found = decode_state(raw.to_bytes(STATE_BYTES, "big"), state.balance)
    except CardFormatError:
        return
    assert isinstance(found, NewerState)  # a bit of the schema byte: read-only, never rewritten


@given(st.binary(max_size=100))
def test_any_bytes_are_records_or_our_own_error(raw: bytes) -> None:
    try:
        records = decode_records(raw)
    except CardFormatError:
        assert len(raw) % RECORD_BYTES
        return
    assert b"".join(map(encode_record, records)) == raw


def test_a_newer_schema_shows_its_balance_and_nothing_else() -> None:
    raw = bytes((SCHEMA + 1,)) + bytes(27)
    assert decode_state(raw, 500) == NewerState(500, SCHEMA + 1)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (bytes(28), "purse.blank"),
        (bytes(27), "purse.bad-length"),
        (encode_state(STATE)[:-1] + b"\xff", "purse.bad-check"),
        (b"\x01\x05" + bytes(26), "purse.bad-check"),
    ],
)
def test_a_state_that_is_none_is_refused_by_name(raw: bytes, code: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        decode_state(raw, 0)
    assert caught.value.code == code


def test_an_unknown_status_is_refused() -> None:
    body = b"\x01\x05" + encode_state(STATE)[2:-1]
    with pytest.raises(CardFormatError) as caught:
        decode_state(body + bytes((crc8(body),)), 0)
    assert caught.value.code == "purse.bad-status"


def test_the_rights_are_those_of_the_layout() -> None:
    rights = {number: file.rights.encode().hex() for number, file in files(1000, 0).items()}
    # RW and change in the first byte, R and W in the second.
    assert rights == {1: "302f", 2: "3022", 3: "3022", 4: "3022", 5: "301f"}


def test_every_card_and_every_key_number_has_a_key_of_its_own() -> None:
    uids = [bytes.fromhex("04A1B2C3D4E580"), bytes.fromhex("04A1B2C3D4E581")]
    inputs = [diversification_input(uid, b"shop", number) for uid in uids for number in range(4)]
    assert inputs[1] == bytes.fromhex("04A1B2C3D4E580 544C43 73686F70 01")
    assert len({diversify(bytes(16), card) for card in inputs}) == len(inputs)
