"""JSON is kept packed, and whatever stands in its place is no JSON of ours."""

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.ledger.storage.packing import packed, unpacked
from tests.stores.hand_made import made_sale

OBJECTS = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.none())

LISTS = st.lists(st.lists(st.text() | st.integers(-(2**53), 2**53)))


@given((OBJECTS | LISTS).map(msgspec.json.encode))
def test_what_was_packed_comes_back_to_the_byte(json: bytes) -> None:
    assert unpacked(packed(json)) == json
    assert len(packed(json)) <= len(json)


@given(st.binary() | st.text() | st.integers() | st.none())
def test_any_value_is_unpacked_or_is_nothing(kept: object) -> None:
    found = unpacked(kept)
    assert found in (b"", kept) or (isinstance(kept, bytes) and found == zlib.decompress(kept))


def test_a_sale_of_three_lines_packs_to_less_than_a_third() -> None:
    json = msgspec.json.encode(made_sale("s1", earn=7, lines=3))
    assert len(packed(json)) < len(json) / 3


def test_what_was_packed_with_the_names_that_both_sides_know_stays_readable() -> None:
    kept = bytes.fromhex(
        "486af2b7eca5432eb90c0d758d2c420c2c882ab94cd30c92f58b41b91b5b118190c599eb8a2a41c520"
        "24f700b34b2d00cf1426bc"
    )
    assert unpacked(kept) == (
        b'{"at":"2026-11-28T08:00:00.000000Z","kind":"sale","ref":"5f0c/s1",'
        b'"detail":{"sale_id":"5f0c/s1","lines":[{"line":1,"sku":"rye","qty":1}]}}'
    )


def test_a_packed_entry_that_was_cut_or_goes_on_is_nothing() -> None:
    kept = zlib.compress(b'{"a":1}' * 9)
    assert unpacked(kept) != b""
    assert unpacked(kept[:-1]) == unpacked(kept + b"x") == b""
