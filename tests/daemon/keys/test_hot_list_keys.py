"""The key of hot lists: one that signs, and a half that only tells."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.keys.hot_list_keys import (
    load_hot_list_key,
    load_hot_list_public_key,
    make_hot_list_keys,
)
from daemon.keys.key_files import KeyFileError
from daemon.keys.signing_keys import PublicKey, SigningKey

# RFC 8032, 7.1, TEST 2: the key, its public half, a message and its signature.
SECRET = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
KEY = SigningKey(bytes.fromhex(SECRET))


def test_it_signs_as_the_standard_says() -> None:
    assert KEY.sign(b"\x72").hex() == SIGNATURE
    assert KEY.public.raw.hex() == PUBLIC
    assert PublicKey(bytes.fromhex(PUBLIC)).verifies(b"\x72", bytes.fromhex(SIGNATURE))


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_a_signature_holds_for_its_own_message_alone(
    message: bytes, other: bytes, noise: bytes
) -> None:
    signature = KEY.sign(message)
    assert KEY.public.verifies(message, signature)
    assert KEY.public.verifies(other, signature) == (other == message)
    assert not KEY.public.verifies(message, noise)


def test_the_half_at_a_till_does_not_hold_the_key(tmp_path: Path) -> None:
    secret, public = tmp_path / "hot-list.key", tmp_path / "hot-list.pub"
    make_hot_list_keys(secret, public)
    assert secret.stat().st_mode & 0o777 == 0o600
    signed = load_hot_list_key(secret).sign(b"list")
    assert load_hot_list_public_key(public).verifies(b"list", signed)
    assert secret.read_text("ascii").strip() not in public.read_text("ascii")
    assert not KEY.public.verifies(b"list", signed)
    before = secret.read_text("ascii"), public.read_text("ascii")
    for other in (tmp_path / "other.key", secret):
        with pytest.raises(FileExistsError):
            make_hot_list_keys(other, public)
    with pytest.raises(FileExistsError):
        make_hot_list_keys(secret, tmp_path / "other.pub")
    assert (secret.read_text("ascii"), public.read_text("ascii")) == before


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    path = tmp_path / "hot-list.key"
    for load in (load_hot_list_key, load_hot_list_public_key):
        with pytest.raises(KeyFileError, match="tillcard cards hot-list-key"):
            load(path)
    path.write_text("00ff", "ascii")
    path.chmod(0o600)
    for load in (load_hot_list_key, load_hot_list_public_key):
        with pytest.raises(KeyFileError, match="32 bytes in hex"):
            load(path)
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="read by others"):
        load_hot_list_key(path)
