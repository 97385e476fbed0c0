"""The card's outside: native and wrapped frames, ISO SELECT, the reader's UID, any bytes at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import FREE, CommMode, DataFile, Rights
from daemon.readers.simulated.desfire.card_frames import (
    ANSWER_FRAME_BYTES,
    COMMANDS,
    FRAME_BYTES_MAX,
)
from daemon.readers.simulated.desfire.status_codes import Status
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, UID, card
from tests.daemon.readers.simulated.desfire.reader import Reader, extent
from tests.daemon.readers.simulated.desfire.test_sessions import in_session, purse_files

OPEN = Rights(FREE, FREE, FREE, FREE)
SELECT = "5A" + AID.to_bytes(3, "little").hex()
ANSWERS_PLAIN = frozenset({0x9000, 0x6700, 0x6A81, 0x6A82, 0x6A86, 0x6D00})


def asked(model: DesfireCard, command: str) -> str:
    return model.transmit(bytes.fromhex(command)).hex().upper()


def with_open_file(size: int = 200) -> DesfireCard:
    model = card({1: DataFile(CommMode.PLAIN, OPEN, bytes(size))})
    assert asked(model, SELECT) == "00"
    return model


def test_it_looks_like_every_desfire() -> None:
    assert card().atr == bytes.fromhex("3B8180018080")


def test_a_native_command_is_answered_status_first_a_wrapped_one_status_last() -> None:
    model = card()
    assert asked(model, SELECT) == "00"
    assert asked(model, "90" + SELECT[:2] + "0000 03" + SELECT[2:] + "00") == "9100"
    assert asked(model, "45") == "000F84"
    assert asked(model, "90 45 0000 00") == "0F849100"
    assert asked(model, "5A 000001") == "A0"
    assert asked(model, "90 5A 0000 03 000001 00") == "91A0"


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("90", "6700"),
        ("90 45 0000", "6700"),
        ("90 45 0000 01", "6700"),
        ("90 5A 0000 03 000001", "6700"),
        ("90 5A 0000 02 000001 00", "6700"),
        ("90 5A 0000 00 00", "6700"),
        ("90 45 0100 00", "6A86"),
        ("90 45 0001 00", "6A86"),
        ("", "7E"),
        ("45 00", "7E"),
        ("99", "1C"),
        ("AF", "1C"),
    ],
)
def test_a_malformed_command_is_refused_and_ends_the_session(apdu: str, answer: str) -> None:
    model = card(purse_files())
    in_session("ev2", 1, model)
    assert asked(model, apdu) == answer
    assert asked(model, "51") == "AE"


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("00A40400 07 D2760000850100 00", "9000"),
        ("00A40400 07 D2760000850100", "9000"),
        ("00A4000C 02 3F00", "9000"),
        ("00A40000", "9000"),
        ("00A40400 07 A0000000031010 00", "6A82"),
        ("00A40000 02 1234", "6A82"),
        ("00A40400 08 D2760000850100", "6700"),
        ("00A4", "6700"),
        ("00", "6D00"),
        ("00B0000000", "6D00"),
    ],
)
def test_iso_select_knows_the_card_and_nothing_else(apdu: str, answer: str) -> None:
    model = card()
    asked(model, SELECT)
    assert asked(model, apdu) == answer
    level = AID if answer != "9000" else 0
    assert (asked(model, "6A") == "9D") is (level == AID)


@pytest.mark.parametrize("command", ["FFCA0000", "FFCA000000", "FFCA000007"])
def test_the_reader_asks_for_the_uid_without_disturbing_the_card(command: str) -> None:
    reader = in_session("ev2", 1)
    assert reader.card.transmit(bytes.fromhex(command)) == UID + b"\x90\x00"
    assert reader.call(0x51, answer=3) == UID


@pytest.mark.parametrize("command", ["FFCA000004", "FFCA0100", "FF", "FF82000006"])
def test_the_reader_s_other_commands_are_not_supported(command: str) -> None:
    assert asked(card(), command) == "6A81"


def test_an_answer_longer_than_a_frame_is_fetched_frame_by_frame() -> None:
    model = with_open_file()
    first = model.transmit(b"\xbd" + extent(1, 0, 150))
    assert (len(first), first[0]) == (1 + ANSWER_FRAME_BYTES, Status.ADDITIONAL_FRAME)
    assert len(model.transmit(b"\xaf")) == 1 + ANSWER_FRAME_BYTES
    last = model.transmit(b"\xaf")
    assert (len(last), last[0]) == (1 + 150 - 2 * ANSWER_FRAME_BYTES, Status.OK)
    assert asked(model, "AF") == "1C"


def test_a_frame_longer_than_a_block_is_refused_unless_the_command_may_be_chained() -> None:
    model = with_open_file()
    longest = FRAME_BYTES_MAX - 8
    assert asked(model, "3D" + (extent(1, 0, longest) + bytes(longest)).hex()) == "00"
    assert asked(model, "3D" + (extent(1, 0, longest + 1) + bytes(longest + 1)).hex()) == "7E"
    assert asked(model, "8D" + (extent(1, 0, 150) + bytes(150)).hex()) == "00"


def test_a_chained_command_is_not_continued_in_frames() -> None:
    assert asked(with_open_file(), "8D" + (extent(1, 0, 150) + bytes(100)).hex()) == "7E"


@pytest.mark.parametrize("between", ["45", "60", "BD" + "00" * 7])
def test_another_command_before_the_last_frame_is_aborted_with_what_was_begun(
    between: str,
) -> None:
    for begun in ("60", "BD" + extent(1, 0, 150).hex(), "3D" + extent(1, 0, 90).hex(), "AA00"):
        model = with_open_file()
        assert asked(model, begun)[:2] == "AF"
        assert asked(model, between) == "CA"
        assert asked(model, "AF") == "1C"


def test_frames_are_fetched_without_parameters_and_given_with_some() -> None:
    model = with_open_file()
    assert asked(model, "60")[:2] == "AF"
    assert asked(model, "AF00") == "7E"
    assert asked(model, "3D" + extent(1, 0, 90).hex()) == "AF"
    assert asked(model, "AF") == "7E"


def test_half_a_handshake_proves_nothing() -> None:
    model = with_open_file()
    assert asked(model, "AA00")[:2] == "AF"
    model.reset()
    assert asked(model, "AF" + "00" * 32) == "1C"


INS = st.one_of(st.sampled_from(sorted(COMMANDS)), st.integers(0, 255))
BODIES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        extent, st.integers(0, 9), st.sampled_from([0, 1, 27, 2**24 - 1]), st.integers(0, 90)
    ),
)
NATIVE = st.builds(lambda ins, body: bytes((ins,)) + body, INS, BODIES)
WRAPPED = st.builds(
    lambda ins, body: bytes((0x90, ins, 0, 0)) + bytes((len(body),)) * bool(body) + body + b"\0",
    INS,
    BODIES,
)


@given(
    st.sampled_from(["", "ev1", "ev2"]),
    st.integers(0, 3),
    st.lists(st.one_of(NATIVE, WRAPPED, st.binary(max_size=300), st.just(b"\xaf")), max_size=12),
)
def test_any_bytes_are_answered_with_a_status(kind: str, key: int, commands: list[bytes]) -> None:
    reader = Reader(card(purse_files(CommMode.PLAIN)))
    reader.select(AID)
    if kind:
        reader.authenticate(kind, key, KEYS[key])
    for command in commands:
        answer = reader.card.transmit(command)
        if command[:1] in (b"\x90", b"\x00", b"\xff"):
            word = int.from_bytes(answer[-2:], "big")
            assert word in ANSWERS_PLAIN or (answer[-2] == 0x91 and Status(answer[-1]) in Status)
        else:
            assert Status(answer[0]) in Status
