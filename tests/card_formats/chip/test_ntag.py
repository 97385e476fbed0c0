from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.ntag import (
    PAGES,
    PassThrough,
    TagModel,
    authenticate_password,
    decode_model,
    get_model,
    read_pages,
    transceive,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue

PASSWORD, PACK = b"\x01\x02\x03\x04", b"\xaa\xbb"
BEGIN, END = (
    ("FF C2 00 00 02 81 00 00", "C0030090009000"),
    ("FF C2 00 00 02 82 00 00", "C0030090009000"),
)


def script(*exchanges: tuple[str, str]) -> Callable[[bytes], bytes]:
    rest = iter(exchanges)

    def transmit(command: bytes) -> bytes:
        expected, answer = next(rest)
        assert command == bytes.fromhex(expected)
        return bytes.fromhex(answer)

    return transmit


@pytest.mark.parametrize(
    ("answer", "model"),
    [
        ("0004040201000F03", TagModel.NTAG213),  # NXP NTAG213/215/216 data sheet, 10.1
        ("0004040201001103", TagModel.NTAG215),
        ("0004040201001303", TagModel.NTAG216),
        ("0004030101000B03", TagModel.ULTRALIGHT_EV1_48),  # NXP MF0ULx1 data sheet, 10.1
        ("0004030101000E03", TagModel.ULTRALIGHT_EV1_128),
    ],
)
def test_a_tag_s_model_is_asked_through_either_reader(answer: str, model: TagModel) -> None:
    acr122 = script(("FF 00 00 00 03 D4 42 60", f"D54300 {answer} 9000"))
    assert run_dialogue(get_model(PassThrough.ACR122), acr122) is model
    pcsc = script(
        BEGIN, ("FF C2 00 01 03 95 01 60 00", f"C003009000 920100 96020000 9708{answer} 9000"), END
    )
    assert run_dialogue(get_model(PassThrough.PCSC), pcsc) is model


@given(st.binary(max_size=10) | st.binary(min_size=6, max_size=6).map(lambda b: b"\0\x04" + b))
def test_any_version_is_a_model_or_our_own_error(raw: bytes) -> None:
    try:
        assert decode_model(raw) in PAGES
    except CardFormatError as error:
        assert error.code == "tag.unknown"  # noqa: PT017 - either outcome is right


def test_pages_are_read_with_the_reader_s_own_command() -> None:
    data = bytes(range(16))
    wire = script(("FFB0000410", data.hex() + "9000"))
    assert run_dialogue(read_pages(4), wire) == data


@pytest.mark.parametrize("answer", ["6300", "6A81", "00 9000", "00" * 17 + "9000"])
def test_pages_that_cannot_be_read_are_told_by_name(answer: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_pages(4), lambda _: bytes.fromhex(answer))
    assert caught.value.code == "tag.unreadable"


def test_a_password_is_answered_by_the_tag_s_own_acknowledgement() -> None:
    command = "FF 00 00 00 07 D4 42 1B 01020304"
    good = script((command, "D54300AABB9000"))
    run_dialogue(authenticate_password(PassThrough.ACR122, PASSWORD, PACK), good)
    for answer, code in (("D54300AABA9000", "tag.bad-pack"), ("D543019000", "tag.refused")):
        wrong = script((command, answer))
        with pytest.raises(CardFormatError) as caught:
            run_dialogue(authenticate_password(PassThrough.ACR122, PASSWORD, PACK), wrong)
        assert caught.value.code == code


@pytest.mark.parametrize(
    "answer",
    ["6A81", "C00301 6401 9000", "C003009000 9000", "C003009000 920100 9000", "C0 9000"],
)
def test_a_transparent_session_is_ended_whatever_the_tag_answers(answer: str) -> None:
    heard: list[bytes] = []
    wire = script(BEGIN, ("FF C2 00 01 03 95 01 60 00", answer), END)

    def transmit(command: bytes) -> bytes:
        heard.append(command)
        return wire(command)

    with pytest.raises(CardFormatError) as caught:
        run_dialogue(transceive(PassThrough.PCSC, b"\x60"), transmit)
    assert caught.value.code == "tag.refused"
    assert len(heard) == 3


@given(st.sampled_from(PassThrough), st.lists(st.binary(min_size=2, max_size=20), min_size=3))
def test_any_answer_is_data_or_our_own_error(reader: PassThrough, answers: list[bytes]) -> None:
    rest = iter(answers)
    try:
        run_dialogue(transceive(reader, b"\x60"), lambda _: next(rest))
    except CardFormatError as error:
        assert error.code == "tag.refused"  # noqa: PT017 - either outcome is right
