from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.crypto import (
    ZERO_BLOCK,
    cmac,
    cmac_from,
    crc32_desfire,
    decrypt_cbc,
    diversify,
    encrypt_cbc,
    subkeys,
    xor,
)
from tests.card_formats.chip.vectors import load, unhex

KEY = st.binary(min_size=16, max_size=16)
BLOCK = st.binary(min_size=16, max_size=16)
RFC_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


@pytest.mark.parametrize("vector", load("aes_cmac"))
def test_cmac_vector(vector: dict[str, Any]) -> None:
    key, message = unhex(vector["key"]), unhex(vector["input"])
    assert cmac(key, message) == unhex(vector["decoded"])
    assert cmac_from(key, ZERO_BLOCK, message) == unhex(vector["decoded"])


@pytest.mark.parametrize("vector", load("an10922"))
def test_diversification_vector(vector: dict[str, Any]) -> None:
    always = vector.get("always_32_bytes", True)
    key = diversify(unhex(vector["key"]), unhex(vector["input"]), always_32_bytes=always)
    assert key == unhex(vector["decoded"])


@pytest.mark.parametrize("vector", load("crc32_desfire"))
def test_crc32_vector(vector: dict[str, Any]) -> None:
    assert crc32_desfire(unhex(vector["input"])) == unhex(vector["decoded"])


def test_the_subkeys_are_those_of_the_diversification_note() -> None:
    k1, k2 = subkeys(unhex("00112233445566778899AABBCCDDEEFF"))
    assert k1 == unhex("FBC9F75C9413C041DFEE452D3F0706D1")  # NXP AN10922, 2.2.1
    assert k2 == unhex("F793EEB928278083BFDC8A5A7E0E0D25")


@given(KEY, st.binary(max_size=70))
def test_our_cmac_that_starts_at_zero_is_the_library_s(key: bytes, message: bytes) -> None:
    assert cmac_from(key, ZERO_BLOCK, message) == cmac(key, message)


@given(KEY, BLOCK, st.binary(min_size=16, max_size=70))
def test_a_start_value_is_a_change_of_the_first_block(
    key: bytes, start: bytes, message: bytes
) -> None:
    changed = xor(message[:16], start) + message[16:]
    assert cmac_from(key, start, message) == cmac(key, changed)


@given(KEY, BLOCK, st.integers(0, 5), st.data())
def test_what_is_enciphered_deciphers(
    key: bytes, iv: bytes, blocks: int, data: st.DataObject
) -> None:
    plain = data.draw(st.binary(min_size=16 * blocks, max_size=16 * blocks))
    assert decrypt_cbc(key, iv, encrypt_cbc(key, iv, plain)) == plain


@given(st.binary(min_size=15, max_size=31))
def test_both_diversifications_agree_on_long_inputs(card: bytes) -> None:
    always, variant = (diversify(RFC_KEY, card, always_32_bytes=flag) for flag in (True, False))
    assert (always == variant) == (len(card) > 15)


@pytest.mark.parametrize("card", [b"", bytes(32)])
def test_a_card_that_does_not_fit_the_diversification_is_our_own_fault(card: bytes) -> None:
    with pytest.raises(AssertionError):
        diversify(RFC_KEY, card)
