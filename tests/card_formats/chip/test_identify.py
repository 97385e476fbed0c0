import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.apdu import SW_NO_ANSWER
from card_formats.atr import StorageCard, encode_storage
from card_formats.chip.desfire.commands import Version
from card_formats.chip.identify import Chip, ChipKind, identify
from card_formats.chip.uid import read_uid
from card_formats.credential import Medium, Shown
from card_formats.errors import CardFormatError, UnknownFormatError
from card_formats.registry import decode, recognise
from daemon.readers.channel import run_dialogue

CONTACTLESS = bytes.fromhex("3B8180018080")
BANK_CARD = bytes.fromhex("3B8A80010031C173C840000090007A")
GET_VERSION = bytes.fromhex("9060000000")
MORE = bytes.fromhex("90AF000000")
UID = bytes.fromhex("04A1B2C3D4E580")


def version_frames(kind: int, major: int, *, vendor: int = 4, more: bytes = b"") -> list[bytes]:
    part = bytes((vendor, kind, 1, major, 0, 0x1A, 5))
    last = UID + bytes.fromhex("BA34551A90") + b"\x20\x26" + more
    return [part + b"\x91\xaf", part + b"\x91\xaf", last + b"\x91\x00"]


def identified(atr: bytes, answers: list[bytes]) -> tuple[Chip, list[bytes]]:
    heard: list[bytes] = []
    rest = iter(answers)

    def transmit(command: bytes) -> bytes:
        heard.append(command)
        return next(rest)

    return run_dialogue(identify(atr), transmit), heard


@pytest.mark.parametrize(
    ("product", "major", "kind"),
    [
        (1, 0x01, ChipKind.DESFIRE_EV1),
        (1, 0x12, ChipKind.DESFIRE_EV2),
        (1, 0x33, ChipKind.DESFIRE_EV3),
        (4, 0x30, ChipKind.NTAG_424),
        (1, 0x00, ChipKind.FOREIGN),  # the first DESFire, which has no AES
        (1, 0x99, ChipKind.FOREIGN),
        (9, 0x01, ChipKind.FOREIGN),
    ],
)
def test_our_chips_say_what_they_are_in_three_apdus(
    product: int, major: int, kind: ChipKind
) -> None:
    chip, heard = identified(CONTACTLESS, version_frames(product, major))
    assert chip == Chip(kind, Version(4, product, major, 0, 0x1A, UID))
    assert heard == [GET_VERSION, MORE, MORE]


def test_a_version_of_29_bytes_is_one_too() -> None:
    assert identified(CONTACTLESS, version_frames(1, 0x33, more=b"\1"))[0].kind is (
        ChipKind.DESFIRE_EV3
    )


def test_another_vendor_s_chip_is_foreign() -> None:
    assert identified(CONTACTLESS, version_frames(1, 0x33, vendor=2))[0].kind is ChipKind.FOREIGN


@pytest.mark.parametrize("answer", ["6E00", "6D00", "6A82", "9000", "911C", "9100", "00009000"])
@pytest.mark.parametrize("atr", [CONTACTLESS, BANK_CARD, b""])
def test_a_bank_card_or_a_phone_is_asked_once_and_nothing_of_it_is_read(
    atr: bytes, answer: str
) -> None:
    chip, heard = identified(atr, [bytes.fromhex(answer)])
    assert chip == Chip(ChipKind.FOREIGN)
    assert heard == [GET_VERSION]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (0x0001, ChipKind.CLASSIC),
        (0x0002, ChipKind.CLASSIC),
        (0x0026, ChipKind.CLASSIC),
        (0x0003, ChipKind.TYPE_2),
        (0xF011, ChipKind.STORAGE),
    ],
)
def test_a_memory_card_is_known_by_its_atr_alone(name: int, kind: ChipKind) -> None:
    assert identified(encode_storage(StorageCard(3, name)), []) == (Chip(kind), [])


ANSWER = st.binary(min_size=2, max_size=40) | st.binary(max_size=40).map(lambda b: b + b"\x91\xaf")


@given(st.binary(max_size=40), st.lists(ANSWER, min_size=64, max_size=64))
def test_whatever_a_card_answers_it_is_identified(atr: bytes, answers: list[bytes]) -> None:
    chip, _ = identified(atr, answers)
    assert chip.kind in ChipKind


@pytest.mark.parametrize("word", [0x6986, 0x6999, 0x6985, 0x6982, 0x6700, 0x6A86, 0x6B00, 0x6800])
def test_whatever_error_a_card_has_for_get_data_it_has_no_uid_and_is_no_misread(word: int) -> None:
    assert run_dialogue(read_uid(), lambda command: word.to_bytes(2, "big")) == b""
    with pytest.raises(UnknownFormatError):
        recognise(decode(Shown(Medium.CHIP, b"", bytes.fromhex("3B021450"))), ())


def outcome_of(word: int) -> bytes | str:
    try:
        return run_dialogue(read_uid(), lambda command: word.to_bytes(2, "big"))
    except CardFormatError as error:
        return error.code


def test_no_word_but_a_reader_s_says_that_the_card_is_leaving() -> None:
    left = [word for word in range(0x10000) if outcome_of(word) == "uid.unreadable"]
    assert left == sorted(SW_NO_ANSWER)
    assert all(outcome_of(word) == b"" for word in range(0x10000) if word not in left)
