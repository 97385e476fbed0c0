"""An SSI scanner on a bad line: no scan is lost in silence, and none counts twice."""

from collections.abc import Iterator

import pytest

from daemon.readers.framing import Frames
from daemon.readers.simulated.wires import as_resent, as_ssi
from daemon.readers.ssi import CONTINUES, DECODE_DATA, SCANNER, SsiDecoder, encode_packet

CODE = b"]C0K-1"
(PACKET,) = as_ssi(CODE)
TOLD = "the same code came again after a garbled one: if it was scanned twice, scan it once more"


def garbled(packet: bytes) -> Iterator[bytes]:
    """Give ``packet`` with each bit of it another, and each beginning of it."""
    for bit in range(8 * len(packet)):
        yield bytes(b ^ (1 << bit % 8 if at == bit // 8 else 0) for at, b in enumerate(packet))
    for length in range(1, len(packet)):
        yield packet[:length]


def said(frames: Frames) -> list[str]:
    return [frame.decode() if isinstance(frame, bytes) else frame.reason for frame in frames]


def garble(decoder: SsiDecoder, packet: bytes) -> None:
    """Let a packet arrive that is none, and a silence after it."""
    assert CODE not in decoder.receive(packet) + decoder.gap()


@pytest.mark.parametrize("noise", list(garbled(PACKET)), ids=bytes.hex)
def test_a_second_scan_of_the_same_code_that_was_garbled_is_told(noise: bytes) -> None:
    decoder = SsiDecoder()
    assert decoder.receive(PACKET) == [CODE]
    garble(decoder, noise)
    assert said(decoder.receive(as_resent(PACKET))) == [TOLD]
    assert decoder.receive(as_resent(PACKET)) == [], "told once"
    assert decoder.receive(PACKET) == [CODE], "a new scan is always one"


@pytest.mark.parametrize("noise", list(garbled(as_resent(PACKET))), ids=bytes.hex)
def test_a_scan_whose_repetition_is_garbled_counts_once(noise: bytes) -> None:
    decoder = SsiDecoder()
    assert decoder.receive(PACKET) == [CODE]
    garble(decoder, noise)
    assert CODE not in decoder.receive(as_resent(PACKET))


@pytest.mark.parametrize("noise", list(garbled(PACKET)), ids=bytes.hex)
def test_another_code_that_was_garbled_is_delivered_when_it_comes_again(noise: bytes) -> None:
    decoder = SsiDecoder()
    assert decoder.receive(as_ssi(b"]C0other")[0]) == [b"]C0other"]
    garble(decoder, noise)
    assert decoder.receive(as_resent(PACKET)) == [CODE]
    assert decoder.receive(as_resent(PACKET)) == []


def test_a_code_of_equal_parts_is_never_delivered_without_one_of_them() -> None:
    part, end = (
        encode_packet(DECODE_DATA, b"\x03" + data, source=SCANNER, status=status)
        for data, status in ((b"yyyy", CONTINUES), (b"z", 0))
    )
    for noise in garbled(part):
        decoder = SsiDecoder()
        assert decoder.receive(part) == []
        decoder.receive(noise)
        decoder.gap()
        frames = decoder.receive(as_resent(part) + end)
        assert all(not isinstance(frame, bytes) for frame in frames), said(frames)
        assert decoder.receive(PACKET) == [CODE]
