import tomllib
from pathlib import Path
from typing import Any

import pytest

from daemon.readers.simulated.desfire.authentication import ev2_session_keys
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_channel import Channel, Command
from daemon.readers.simulated.desfire.card_ev1 import Ev1Channel
from daemon.readers.simulated.desfire.card_ev2 import Ev2Channel
from daemon.readers.simulated.desfire.card_files import (
    FREE,
    CommMode,
    DataFile,
    File,
    Rights,
    ValueFile,
)
from daemon.readers.simulated.desfire.card_frames import Frames
from daemon.readers.simulated.desfire.card_state import Chip
from daemon.readers.simulated.desfire.cipher import BlockCipher, Key, KeyKind, crc16, crc32
from daemon.readers.simulated.desfire.memory import Generation, Memory
from tests.daemon.readers.simulated.desfire.cards import AID, memory, scripted, seeded

VECTORS = tomllib.loads(
    (Path(__file__).parents[4] / "vectors" / "simulated" / "desfire_card.toml").read_text("utf-8")
)
ANYTHING = "*"
EVERYBODY = Rights(FREE, FREE, FREE, FREE)
EVERY_KEY = Rights(0, 0, 0, 0)
ZERO_KEYS = (bytes(16),) * 4


def vectors(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=lambda vector: vector["name"])


def channel_of(vector: dict[str, Any]) -> Channel:
    assert vector["source"]
    if "ev1_key" in vector:
        return Ev1Channel(KeyKind.AES, bytes.fromhex(vector["ev1_key"]))
    ev2 = vector["ev2"]
    enc, mac, transaction = (bytes.fromhex(ev2[name]) for name in ("enc", "mac", "transaction"))
    return Ev2Channel(enc, mac, transaction, ev2["counter"])


@vectors("handshake")
def test_a_handshake_answers_the_published_bytes(vector: dict[str, Any]) -> None:
    card = DesfireCard(memory(keys=ZERO_KEYS), scripted(vector["random"]))
    assert card.transmit(b"\x5a" + AID.to_bytes(3, "little")) == b"\x00"
    for step in vector["exchange"]:
        answer = card.transmit(bytes.fromhex(step["command"]))
        expected = bytes.fromhex(step["response"])
        assert answer == expected[-1:] + expected[:-1]


@vectors("session")
def test_a_session_answers_the_published_bytes(vector: dict[str, Any]) -> None:
    frames = Frames(Chip(_memory_for(vector), seeded()))
    chip = frames.chip
    chip.select(AID)
    chip.channel, chip.key_number = channel_of(vector), 0
    for step in vector["exchange"]:
        command = bytes.fromhex(step["command"])
        status, data = frames.exchange(command[0], command[1:], len(command))
        *words, expected_status = step["response"].split()
        assert status == int(expected_status, 16)
        assert words == [ANYTHING] or data == bytes.fromhex("".join(words))
    _check_left(vector, chip)


def _memory_for(vector: dict[str, Any]) -> Memory:
    files: dict[int, File] = {}
    if "file" in vector:
        file = vector["file"]
        content = bytes(file["size"])
        files[file["number"]] = DataFile(CommMode(file["mode"]), EVERY_KEY, content)
    keys = list(ZERO_KEYS)
    if "key" in vector:
        keys[vector["key"]["number"]] = bytes.fromhex(vector["key"]["value"])
    return memory(files, keys=tuple(keys))


def _check_left(vector: dict[str, Any], chip: Chip) -> None:
    if "content" in vector:
        file = chip.file(vector["file"]["number"])
        assert isinstance(file, DataFile)
        content = bytes.fromhex(vector["content"])
        assert file.content == content.ljust(len(file.content), b"\x00")
    if "changed_key" in vector:
        changed = vector["changed_key"]
        value = bytes.fromhex(changed["value"])
        assert chip.key(changed["number"]) == Key(KeyKind.AES, value, changed["version"])


@vectors("transaction")
def test_a_transaction_goes_as_it_went_on_silicon(vector: dict[str, Any]) -> None:
    assert vector["source"]
    file = ValueFile(CommMode.PLAIN, EVERYBODY, 0, 1_000, vector["value"])
    kept = memory({4: file}, keys=ZERO_KEYS, generation=Generation.EV1)
    card = DesfireCard(kept, scripted(vector["random"]))
    assert card.transmit(b"\x5a" + AID.to_bytes(3, "little")) == b"\x00"
    for step in vector["exchange"]:
        answer = card.transmit(bytes.fromhex(step["command"]))
        *words, status = step["response"].split()
        assert answer[0] == int(status, 16)
        assert words == [ANYTHING] or answer[1:] == bytes.fromhex("".join(words))
    left = card.snapshot().applications[AID].files[4]
    assert isinstance(left, ValueFile)
    assert left.value == vector["left"]


@vectors("message")
def test_a_message_is_opened_and_closed_as_published(vector: dict[str, Any]) -> None:
    channel, command = channel_of(vector), bytes.fromhex(vector["command"])
    data, mode = bytes.fromhex(vector["data"]), CommMode(vector["mode"])
    opened = channel.open(Command(command[0], command[1:]), vector["header_bytes"], len(data), mode)
    assert opened == data
    if "answer" in vector:
        closed = channel.close(bytes.fromhex(vector["answer_data"]), mode)
        assert closed == bytes.fromhex(vector["answer"])


def test_ev2_session_keys_are_those_of_the_application_notes() -> None:
    # Sources: AN12343 and AN12196, 6.6 and 6.10 (nfc-ev2-crypto test_ev2.py).
    published = [
        (
            "B04D0787C93EE0CC8CACC8E86F16C6FE FA659AD0DCA738DD65DC7DC38612AD81",
            "63DC07286289A7A6C0334CA31C314A04 774F26743ECE6AF5033B6AE8522946F6",
        ),
        (
            "13C5DB8A5930439FC3DEF9A4C675360F B9E2FC789B64BF237CCCAA20EC7E6E48",
            "1309C877509E5A215007FF0ED19CA564 4C6626F5E72EA694202139295C7A7FC7",
        ),
        (
            "B98F4C50CF1C2E084FD150E33992B048 91517975190DCEA6104948EFA3085C1B",
            "7A93D6571E4B180FCA6AC90C9A7488D4 FC4AF159B62E549B5812394CAB1918CC",
        ),
    ]
    for randoms, keys in published:
        rnd_a, rnd_b = (bytes.fromhex(word) for word in randoms.split())
        enc, mac = ev2_session_keys(Key(KeyKind.AES, bytes(16)), rnd_a, rnd_b)
        assert (enc + mac) == bytes.fromhex(keys)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "bb1d6929e95937287fa37d129b756746"),
        ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
    ],
)
def test_cmac_is_the_standard_s(message: str, expected: str) -> None:
    # Source: RFC 4493, section 4.
    cipher = BlockCipher(KeyKind.AES, bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    assert cipher.cmac(bytes.fromhex(message)) == bytes.fromhex(expected)


def test_cmac_with_des_is_the_standard_s() -> None:
    # Source: NIST SP 800-38B, D.4 and D.5 (two-key TDEA, messages of 0 and 8 bytes).
    cipher = BlockCipher(KeyKind.DES, bytes.fromhex("4cf15134a2850dd58a3d10ba80570d38"))
    assert cipher.cmac(b"") == bytes.fromhex("bd2ebf9a3ba00361")
    assert cipher.cmac(bytes.fromhex("6bc1bee22e409f96")) == bytes.fromhex("4ff2ab813c53ce83")


def test_checksums_are_desfire_s() -> None:
    # Sources: proxmark3 desfiretest.c, TestCRC32; ISO/IEC 14443-3, annex B, CRC_A of 1234.
    assert crc32(bytes.fromhex("04440F3276318000")) == bytes.fromhex("99CE1AD4")
    assert crc32(bytes(16)) == bytes.fromhex("AAB44413")
    assert crc16(bytes.fromhex("1234")) == bytes.fromhex("26CF")
