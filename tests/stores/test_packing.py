"""JSON is kept packed, and whatever stands in its place is no JSON of ours."""

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.ledger.storage.packing import packed, unpacked
from tests.stores.hand_made import made_sale

OBJECTS = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.none())


@given(OBJECTS.map(msgspec.json.encode))
def test_what_was_packed_comes_back_to_the_byte(json: bytes) -> None:
    assert unpacked(packed(json)) == json
    assert len(packed(json)) <= len(json)


@given(st.binary() | st.text() | st.integers() | st.none())
def test_any_value_is_unpacked_or_is_nothing(kept: object) -> None:
    found = unpacked(kept)
    assert found in (b"", kept) or (isinstance(kept, bytes) and found == zlib.decompress(kept))


def test_a_sale_of_three_lines_packs_to_less_than_half() -> None:
    json = msgspec.json.encode(made_sale("s1", earn=7, lines=3))
    assert len(packed(json)) < len(json) / 2


def test_a_packed_entry_that_was_cut_or_goes_on_is_nothing() -> None:
    kept = zlib.compress(b'{"a":1}' * 9)
    assert unpacked(kept) != b""
    assert unpacked(kept[:-1]) == unpacked(kept + b"x") == b""
