import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.readers.framing import FRAME_BYTES_MAX, Framer, Garbage, Terminator

SEED, INPUTS = 20261101, 20_000
# Bytes that mean something to a framer come up often, others sometimes.
BYTES = st.lists(
    st.one_of(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\t", b"\x02", b"\x03", b"\x00", b"AB", b"4"]),
        st.binary(max_size=8),
        st.just(b"x" * FRAME_BYTES_MAX),
    ),
    max_size=30,
).map(b"".join)


def frames(terminator: Terminator, *chunks: bytes, prefix: bytes = b"") -> list[bytes | Garbage]:
    framer = Framer(terminator, prefix=prefix)
    return [frame for chunk in chunks for frame in framer.receive(chunk)]


@pytest.mark.parametrize(
    ("terminator", "sent"),
    [
        (Terminator.LINE, b"4006381333931\r590\r"),
        (Terminator.LINE, b"4006381333931\n590\n"),
        (Terminator.LINE, b"4006381333931\r\n590\r\n"),
        (Terminator.TAB, b"4006381333931\t590\t"),
        (Terminator.STX_ETX, b"\x024006381333931\x03\x02590\x03\r\n"),
    ],
)
def test_two_scans_are_two_frames_whatever_ends_them(terminator: Terminator, sent: bytes) -> None:
    assert frames(terminator, sent) == [b"4006381333931", b"590"]


def test_a_cr_and_its_lf_in_two_pieces_are_one_scan() -> None:
    assert frames(Terminator.LINE, b"590\r", b"\n") == [b"590"]


def test_silence_ends_a_scan_that_has_no_suffix() -> None:
    framer = Framer(Terminator.GAP)
    assert framer.receive(b"590") == []
    assert framer.gap() == [b"590"]
    assert framer.gap() == []


def test_half_a_scan_is_dropped_at_the_gap_and_never_joined_to_the_next() -> None:
    framer = Framer(Terminator.LINE)
    framer.receive(b"40063")
    assert [type(frame) for frame in framer.gap()] == [Garbage]
    assert framer.receive(b"590\r") == [b"590"]


def test_a_frame_of_the_greatest_length_passes_and_one_byte_more_is_dropped_whole() -> None:
    longest = b"x" * FRAME_BYTES_MAX
    assert frames(Terminator.LINE, longest + b"\r") == [longest]
    dropped, following = frames(Terminator.LINE, longest + b"y\r590\r")
    assert isinstance(dropped, Garbage)
    assert following == b"590"


def test_the_prefix_is_taken_off_and_a_frame_without_it_is_garbage() -> None:
    with_it, without = frames(Terminator.LINE, b"S:590\r590\r", prefix=b"S:")
    assert with_it == b"590"
    assert isinstance(without, Garbage)


def test_bytes_outside_stx_and_etx_are_reported_and_the_scan_behind_them_is_kept() -> None:
    noise, scan = frames(Terminator.STX_ETX, b"noise\x02590\x03")
    assert isinstance(noise, Garbage)
    assert scan == b"590"


def test_an_stx_in_the_middle_of_a_scan_means_that_its_end_was_lost() -> None:
    lost, scan = frames(Terminator.STX_ETX, b"\x02400\x02590\x03")
    assert isinstance(lost, Garbage)
    assert scan == b"590"


@given(st.sampled_from(Terminator), BYTES, st.lists(st.integers(0, 400), max_size=12))
def test_chunking_never_changes_the_frames(
    terminator: Terminator, sent: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(edges)]
    assert frames(terminator, *pieces) == frames(terminator, sent)


def test_any_bytes_one_at_a_time_or_in_blocks_give_the_same_frames_within_the_limit() -> None:
    chance = random.Random(SEED)
    terminators = list(Terminator)
    for n in range(INPUTS):
        terminator = terminators[n % len(terminators)]
        sent = bytes(chance.choices(range(16), k=chance.randrange(40)))
        single = frames(terminator, *(bytes((byte,)) for byte in sent))
        assert single == frames(terminator, sent)
        for frame in single:
            assert isinstance(frame, Garbage) or 0 < len(frame) <= FRAME_BYTES_MAX
