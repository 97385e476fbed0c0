"""The maker's signature of a chip's UID."""

from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA224
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.desfire.commands import SIGNATURE_BYTES
from card_formats.chip.originality import maker_of, read_signature
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory
from tests.card_formats.chip.vectors import load, unhex

UID = bytes.fromhex("04A1B2C3D4E580")
MAKER = ec.derive_private_key(7, ec.SECP224R1())
MAKER_POINT = MAKER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def signed(uid: bytes) -> bytes:
    """Sign as a maker of the tests' own."""
    r, s = decode_dss_signature(MAKER.sign(uid.rjust(28, b"\0"), ec.ECDSA(Prehashed(SHA224()))))
    return r.to_bytes(28, "big") + s.to_bytes(28, "big")


def chip(signature: bytes, generation: Generation = Generation.EV2) -> DesfireCard:
    memory = Memory(uid=UID, generation=generation, signature=signature)
    return DesfireCard(memory, Random(1).randbytes)


@pytest.mark.parametrize("vector", load("originality"))
def test_signatures_that_others_read_from_chips_are_known_by_their_maker(vector: Any) -> None:
    assert maker_of(unhex(vector["uid"]), unhex(vector["signature"])) == vector["maker"]


def test_a_chip_tells_its_signature_and_it_is_of_that_uid_alone() -> None:
    signature = run_dialogue(read_signature(), chip(signed(UID)).transmit)
    assert len(signature) == SIGNATURE_BYTES
    assert maker_of(UID, signature, {"ours": MAKER_POINT}) == "ours"
    assert maker_of(UID, signature) == "", "not one of NXP's"
    assert maker_of(UID[:-1] + b"\x81", signature, {"ours": MAKER_POINT}) == ""


@pytest.mark.parametrize(
    ("signature", "generation"),
    [(b"", Generation.EV2), (signed(UID), Generation.EV1)],
    ids=["none on it", "an EV1, which has none"],
)
def test_a_chip_without_one_says_so(signature: bytes, generation: Generation) -> None:
    assert run_dialogue(read_signature(), chip(signature, generation).transmit) == b""


def test_one_of_another_length_is_refused() -> None:
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_signature(), chip(bytes(48)).transmit)
    assert caught.value.code == "desfire.bad-length"


@given(st.binary(max_size=60), st.binary(min_size=7, max_size=7))
def test_any_bytes_are_somebody_s_signature_or_nobody_s(signature: bytes, uid: bytes) -> None:
    assert maker_of(uid, signature) == ""
