from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from card_formats.apdu import Dialogue
from card_formats.chip.desfire.ev1 import Ev1Channel, authenticate_ev1
from card_formats.chip.desfire.ev2 import (
    COMMANDS_MAX,
    Ev2Channel,
    authenticate_ev2,
    authenticate_ev2_again,
    session_keys,
    transaction_mac_keys,
)
from card_formats.chip.desfire.wire import Channel, Command, CommMode
from card_formats.crypto import ZERO_BLOCK, cmac, crc32_desfire, encrypt_cbc
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from tests.card_formats.chip.vectors import load, unhex

CHANNELS = load("desfire_ev1", "desfire_ev2")
AUTHENTICATIONS = load("desfire_auth")
ANY_MODE = st.sampled_from(CommMode)


def open_channel(vector: dict[str, Any]) -> Channel:
    if "ti" not in vector:
        return Ev1Channel(unhex(vector["key"]))
    keys = unhex(vector["enc_key"]), unhex(vector["mac_key"])
    return Ev2Channel(*keys, unhex(vector["ti"]), vector.get("counter", 0))


def command_of(step: dict[str, Any]) -> Command:
    said = step["command"]
    header, data, new_key = (unhex(said.get(name, "")) for name in ("header", "data", "tail_of"))
    mode, tail = CommMode[said.get("mode", "MAC")], crc32_desfire(new_key) if new_key else b""
    size = len(unhex(step.get("returns", "")))
    return Command(said["ins"], header, data, mode, tail, range(size, size + 1))


def flips(raw: bytes) -> Iterator[bytes]:
    """Every string that differs from ``raw`` in one bit."""
    whole = int.from_bytes(raw, "big")
    for bit in range(8 * len(raw)):
        yield (whole ^ 1 << bit).to_bytes(len(raw), "big")


@pytest.mark.parametrize("vector", CHANNELS)
def test_commands_are_sealed_and_answers_opened_as_published(vector: dict[str, Any]) -> None:
    channel = open_channel(vector)
    for step in vector["step"]:
        command, wire = command_of(step), unhex(step["sealed"])
        assert bytes((command.ins,)) + channel.seal(command) == wire
        if "answer" in step:
            assert channel.unseal(command, unhex(step["answer"])) == unhex(step["returns"])


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x80"]))
@example((18).to_bytes(4, "little"), b"")  # its checksum begins with a zero
@example(bytes(3), b"")
def test_ev1_data_of_any_length_comes_back_as_long_as_it_was(data: bytes, first: bytes) -> None:
    plain = data + crc32_desfire(data + b"\0") + first
    cipher = encrypt_cbc(bytes(16), ZERO_BLOCK, plain.ljust(-(-len(plain) // 16) * 16, b"\0"))
    asked = Command(0xBD, mode=CommMode.FULL, sizes=range(len(data), len(data) + 1))
    assert Ev1Channel(bytes(16)).unseal(asked, cipher) == data


@pytest.mark.parametrize("vector", CHANNELS)
def test_every_flipped_bit_of_an_answer_is_refused(vector: dict[str, Any]) -> None:
    for at, step in enumerate(vector["step"]):
        for wrong in flips(unhex(step.get("answer", ""))):
            channel = open_channel(vector)
            for before in vector["step"][:at]:
                channel.seal(command_of(before))
                channel.unseal(command_of(before), unhex(before["answer"]))
            channel.seal(command_of(step))
            with pytest.raises(CardFormatError) as caught:
                channel.unseal(command_of(step), wrong)
            assert caught.value.code in ("desfire.bad-mac", "desfire.bad-crc")


@pytest.mark.parametrize("vector", CHANNELS)
def test_an_answer_to_an_earlier_command_is_refused(vector: dict[str, Any]) -> None:
    answered = [step for step in vector["step"] if "answer" in step]
    for step in answered:
        channel = open_channel(vector)
        channel.seal(command_of(step))
        channel.unseal(command_of(step), unhex(step["answer"])) if step is answered[0] else None
        channel.seal(command_of(step))
        with pytest.raises(CardFormatError):
            channel.unseal(command_of(step), unhex(step["answer"]))


def authenticate(vector: dict[str, Any]) -> Dialogue[Channel]:
    key_no, key, rnd_a = vector["key_no"], unhex(vector["key"]), unhex(vector["rnd_a"])
    match vector["dialogue"]:
        case "ev1":
            return (yield from authenticate_ev1(key_no, key, rnd_a))
        case "ev2":
            return (yield from authenticate_ev2(key_no, key, rnd_a))
        case _:
            before = Ev2Channel(bytes(16), bytes(16), unhex(vector["ti"]), 1)
            return (yield from authenticate_ev2_again(before, key_no, key, rnd_a))


def converse(vector: dict[str, Any], last: bytes) -> Channel:
    """Run the authentication of ``vector`` with ``last`` as the card's last answer."""
    steps = vector["exchange"]
    answers = [*(unhex(step["response"]) for step in steps[:-1]), last]
    script = iter(zip(steps, answers, strict=True))

    def transmit(command: bytes) -> bytes:
        step, answer = next(script)
        assert command == unhex(step["command"])
        return answer

    channel = run_dialogue(authenticate(vector), transmit)
    assert next(script, None) is None
    return channel


@pytest.mark.parametrize("vector", AUTHENTICATIONS)
def test_authentication_goes_as_published(vector: dict[str, Any]) -> None:
    channel = converse(vector, unhex(vector["exchange"][-1]["response"]))
    probe = Command(0x51, mode=CommMode.FULL)
    if isinstance(channel, Ev2Channel):
        keys = unhex(vector["enc_key"]), unhex(vector["mac_key"])
        counter = 1 if vector["dialogue"] == "ev2_again" else 0
        expected: Channel = Ev2Channel(*keys, unhex(vector["ti"]), counter)
        assert (channel.ti, channel.counter) == (unhex(vector["ti"]), counter)
    else:
        expected = Ev1Channel(unhex(vector["session_key"]))
        probe = Command(0x3D, b"\x01", b"data", CommMode.MAC)
    assert channel.seal(probe) == expected.seal(probe)


@pytest.mark.parametrize("vector", AUTHENTICATIONS)
def test_a_card_that_does_not_know_the_key_is_found_out(vector: dict[str, Any]) -> None:
    proof = unhex(vector["exchange"][-1]["response"])[:-2]
    first_block = flips(proof[:16])
    for wrong in first_block:
        with pytest.raises(CardFormatError) as caught:
            converse(vector, wrong + proof[16:] + b"\x91\x00")
        assert caught.value.code == "desfire.not-the-card"


@pytest.mark.parametrize("vector", AUTHENTICATIONS)
def test_a_refused_key_is_told_by_name(vector: dict[str, Any]) -> None:
    with pytest.raises(CardFormatError) as caught:
        converse(vector, b"\x91\xae")
    assert caught.value.code == "desfire.authentication"


@pytest.mark.parametrize("vector", load("desfire_keys"))
def test_keys_are_derived_as_published(vector: dict[str, Any]) -> None:
    key = unhex(vector["key"])
    if vector["derive"] == "session":
        keys = session_keys(key, unhex(vector["rnd_a"]), unhex(vector["rnd_b"]))
    else:
        keys = transaction_mac_keys(key, unhex(vector["uid"]), vector["count"])
    assert [derived.hex().upper() for derived in keys] == vector["decoded"]


@given(ANY_MODE, st.binary(max_size=40), st.binary(max_size=80))
def test_any_answer_is_data_or_our_own_error(mode: CommMode, data: bytes, answer: bytes) -> None:
    for channel in (Ev1Channel(bytes(16)), Ev2Channel(bytes(16), bytes(16), bytes(4))):
        command = Command(0xBD, b"\x01", data, mode)
        channel.seal(command)
        try:
            channel.unseal(command, answer)
        except CardFormatError as error:
            assert error.code.startswith("desfire.")  # noqa: PT017 - either outcome is right


def test_a_session_ends_before_its_counter_runs_over() -> None:
    channel = Ev2Channel(bytes(16), bytes(16), bytes(4), COMMANDS_MAX - 1)
    command = Command(0xC7, mode=CommMode.PLAIN)
    channel.seal(command)
    channel.unseal(command, b"")
    with pytest.raises(CardFormatError) as caught:
        channel.seal(command)
    assert caught.value.code == "desfire.session-over"


def test_a_plain_command_in_the_second_channel_counts_but_carries_no_proof() -> None:
    channel = Ev2Channel(bytes(16), bytes(16), bytes(4))
    command = Command(0xBD, b"\x01", mode=CommMode.PLAIN)
    assert channel.seal(command) == b"\x01"
    assert channel.unseal(command, b"data") == b"data"
    assert channel.counter == 1


@pytest.mark.parametrize("vector", CHANNELS)
def test_every_answer_cut_short_is_refused(vector: dict[str, Any]) -> None:
    step = vector["step"][0]
    whole = unhex(step.get("answer", ""))
    for size in range(len(whole)):
        channel = open_channel(vector)
        channel.seal(command_of(step))
        with pytest.raises(CardFormatError):
            channel.unseal(command_of(step), whole[:size])


@pytest.mark.parametrize(
    ("plain", "code"),
    [
        (b"data" + b"\x80" + bytes(11), ""),
        (b"data" + bytes(12), "desfire.bad-padding"),
        (b"data" * 3 + b"\x80" + bytes(3 + 16), "desfire.bad-padding"),
        (bytes(16), "desfire.bad-padding"),
        (b"\x80" + bytes(15), ""),
    ],
)
def test_padding_is_an_80_in_the_last_block_even_under_a_good_mac(plain: bytes, code: str) -> None:
    enc_key, mac_key, ti = b"e" * 16, b"m" * 16, b"tid0"
    iv = encrypt_cbc(enc_key, ZERO_BLOCK, b"\x5a\xa5" + ti + b"\x01\x00" + bytes(8))
    cipher = encrypt_cbc(enc_key, iv, plain)
    answer = cipher + cmac(mac_key, b"\x00\x01\x00" + ti + cipher)[1::2]
    channel = Ev2Channel(enc_key, mac_key, ti)
    command = Command(0xBD, b"\x01", mode=CommMode.FULL)
    channel.seal(command)
    if not code:
        assert channel.unseal(command, answer) == plain.rstrip(b"\0")[:-1]
        return
    with pytest.raises(CardFormatError) as caught:
        channel.unseal(command, answer)
    assert caught.value.code == code


def test_a_cipher_of_broken_blocks_is_refused_even_under_a_good_mac() -> None:
    cipher, ti = b"x" * 15, b"tid0"
    answer = cipher + cmac(bytes(16), b"\x00\x01\x00" + ti + cipher)[1::2]
    channel = Ev2Channel(bytes(16), bytes(16), ti)
    command = Command(0xBD, b"\x01", mode=CommMode.FULL)
    channel.seal(command)
    with pytest.raises(CardFormatError) as caught:
        channel.unseal(command, answer)
    assert caught.value.code == "desfire.bad-length"
