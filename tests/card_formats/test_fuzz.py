"""Any bytes into any decoder: a value or our own error. Seeded, so that a failure comes back."""

import random

import pytest

from card_formats.apdu import ResponseApdu
from card_formats.atr import Atr, decode_atr, encode_contactless, encode_storage, storage_card
from card_formats.check_digits import Check
from card_formats.chip.uid import read_uid
from card_formats.credential import Credential, Medium, Reading, Shown
from card_formats.errors import CardFormatError
from card_formats.numbers import NumberRange
from card_formats.registry import decode, recognise
from daemon.readers.channel import run_dialogue

SEED, INPUTS = 20261102, 20_000
RANGES = (
    NumberRange(name="a", prefix="29", length=13, check=Check.EAN),
    NumberRange(name="b", prefix="77", length=10, check=Check.LUHN),
    NumberRange(name="c", prefix="7", length=12, check=Check.MOD97),
)
# Pieces that steer into the decoders' branches; noise alone would stop at the first of them.
PIECES = [b"]", b"]E0", b"]E3", b"]E4", b"]C1", b"]Q3", b"%B", b";", b"+", b"?", b"^", b"=",
          b"4111111111111111", b"4006381333931", b"2900000000179", b"7700000016",
          b"036000291452", b"E", b"\x1d", b"\r\n", b"\xd0\x9a",
          b"\xff", b"\x00", b" ", b"-", b"0" * 40, b"3"]  # fmt: skip
ATR_PIECES = [b"\x3b", b"\x3f", b"\x8f\x80\x01", b"\x80", b"\x4f\x0c\xa0\x00\x00\x03\x06", b"\xf0",
              b"\x08", b"\x04\x01\x02\x03", b"\x11"]  # fmt: skip


def some_bytes(chance: random.Random, pieces: list[bytes]) -> bytes:
    parts = [
        chance.choice(pieces) if chance.random() < 0.8 else chance.randbytes(chance.randrange(6))
        for _ in range(chance.randrange(8))
    ]
    return b"".join(parts)


@pytest.mark.parametrize("medium", Medium)
def test_whatever_is_shown_becomes_a_reading_and_a_credential_or_our_own_error(
    medium: Medium,
) -> None:
    chance = random.Random(SEED)
    outcomes: set[str] = set()
    for _ in range(INPUTS):
        pieces = ATR_PIECES if medium is Medium.CHIP else PIECES
        atr = some_bytes(chance, ATR_PIECES) if chance.random() < 0.2 else b""
        shown = Shown(medium, some_bytes(chance, pieces), atr)
        try:
            reading = decode(shown)
            assert isinstance(reading, Reading)
            assert isinstance(recognise(reading, RANGES), Credential)
            outcomes.add("credential")
        except CardFormatError as error:
            outcomes |= {error.code, str(error)}
    assert "credential" in outcomes, "the inputs reach the very end"
    assert not any("4111111111111111" in outcome for outcome in outcomes)


def test_any_bytes_are_an_atr_or_our_own_error() -> None:
    chance = random.Random(SEED)
    for _ in range(INPUTS):
        raw = some_bytes(chance, ATR_PIECES)
        try:
            atr = decode_atr(raw)
        except CardFormatError:
            continue
        assert atr.historical in raw
        memory = storage_card(atr)
        if memory is not None:
            assert storage_card(decode_atr(encode_storage(memory))) == memory


@pytest.mark.parametrize("length", range(16))
def test_an_atr_made_for_a_contactless_card_is_read_back(length: int) -> None:
    historical = bytes(range(length))
    assert decode_atr(encode_contactless(historical)) == Atr((0, 1), historical)


def test_any_answer_to_the_uid_command_gives_bytes_or_our_own_error() -> None:
    chance = random.Random(SEED)
    for _ in range(INPUTS):
        answer = chance.choice([b"", b"\x90\x00", b"\x6a\x81"])
        answer = chance.randbytes(chance.randrange(12)) + answer
        try:
            uid = run_dialogue(read_uid(), lambda command, answer=answer: answer)  # type: ignore[misc]
        except CardFormatError:
            continue
        assert uid in (b"", ResponseApdu.decode(answer).data)
