"""The card's own level: its version, applications, configuration; keys and their settings."""

import pytest

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.cipher import Key, KeyKind
from daemon.readers.simulated.desfire.memory import (
    APPLICATIONS_MAX,
    DES_ZERO,
    EEPROM_BYTES,
    KEYS_MAX,
    Generation,
    Memory,
)
from daemon.readers.simulated.desfire.status_codes import Status
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, UID, card, memory, seeded
from tests.daemon.readers.simulated.desfire.reader import FULL, Ev1, Reader, cbc, crc, refused

NEW_KEY = bytes(range(16))
AES_MASTER = Memory(uid=UID, master_key=Key(KeyKind.AES, KEYS[0], 1))
CHANNELS = pytest.mark.parametrize("kind", ["ev1", "ev2"])


def application(settings: int = 0x0F, kind: str = "ev2", key: int = 0) -> Reader:
    reader = Reader(card(settings=settings))
    reader.select(AID)
    reader.authenticate(kind, key, KEYS[key])
    return reader


def at_card_level(kind: str = "ev2", model: DesfireCard | None = None) -> Reader:
    reader = Reader(model or DesfireCard(AES_MASTER, seeded()))
    reader.authenticate(kind, 0, KEYS[0])
    return reader


def change_key(reader: Reader, number: int, old: bytes = b"", ins: int = 0xC4) -> None:
    """Change a key to NEW_KEY, version 5; ``old`` unless it is the session's own."""
    header = bytes((number,)) if ins == 0xC4 else bytes((0, number))
    own = not old
    value = NEW_KEY if own else bytes(a ^ b for a, b in zip(NEW_KEY, old, strict=True))
    data = value + b"\x05"
    extra = b"" if own else crc(NEW_KEY)
    if isinstance(reader.channel, Ev1) and extra:
        # seal() would append the CRC of the command behind the key's own; EV1 wants it before.
        plain = data + crc(bytes((ins,)) + header + data) + extra
        body = header + _ev1_enciphered(reader.channel, plain)
    else:
        body = reader.channel.seal(ins, header, data + extra, FULL)
    answer = reader.send(ins, body)
    assert answer == b"" if own else reader.channel.unseal(answer, 1) == b""


def _ev1_enciphered(channel: Ev1, plain: bytes) -> bytes:
    sealed = cbc(channel.key, channel.iv, plain + bytes(-len(plain) % 16))
    channel.iv = sealed[-16:]
    return sealed


@pytest.mark.parametrize("generation", list(Generation))
@pytest.mark.parametrize("kind", ["", "ev1", "ev2"])
def test_the_version_comes_in_three_frames(generation: Generation, kind: str) -> None:
    reader = Reader(card(generation=generation))
    if kind and generation is Generation.EV2:
        reader.select(AID)
        reader.authenticate(kind, 1, KEYS[1])
    status, hardware = reader.frame(0x60, reader.channel.seal(0x60, b"", b"", 1))
    assert (status, len(hardware), hardware[3]) == (0xAF, 7, generation)
    status, software = reader.frame(0xAF)
    assert (status, len(software)) == (0xAF, 7)
    status, rest = reader.frame(0xAF)
    whole = reader.channel.unseal(hardware + software + rest, 1)
    assert (status, len(whole), whole[14:21]) == (0, 28, UID)


def test_a_blank_card_has_a_des_key_of_zeros_and_all_its_memory() -> None:
    reader = Reader(DesfireCard(Memory(uid=UID), seeded()))
    assert reader.call(0x6E) == EEPROM_BYTES.to_bytes(3, "little")
    assert reader.call(0x45) == bytes.fromhex("0F01")
    assert reader.call(0x64, b"\x00") == b"\x00"
    assert reader.call(0x6A) == b""


def test_a_uid_has_seven_bytes() -> None:
    with pytest.raises(ValueError, match="7 bytes"):
        Memory(uid=bytes(4))


@CHANNELS
def test_applications_are_created_listed_and_deleted(kind: str) -> None:
    reader = at_card_level(kind)
    for number in range(APPLICATIONS_MAX):
        reader.call(0xCA, bytes((number + 1, 0, 0)) + bytes.fromhex("0F81"))
    assert len(reader.call(0x6A)) == 3 * APPLICATIONS_MAX
    with refused(Status.COUNT):
        reader.call(0xCA, bytes.fromhex("FF0000 0F81"))
    reader.authenticate(kind, 0, KEYS[0])
    reader.call(0xDA, bytes.fromhex("010000"))
    assert len(reader.call(0x6A)) == 3 * (APPLICATIONS_MAX - 1)
    with refused(Status.APPLICATION_NOT_FOUND):
        reader.select(1)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("000000 0F 81", Status.PARAMETER),
        ("445566 0F 80", Status.PARAMETER),
        ("445566 0F 8F", Status.PARAMETER),
        ("445566 0F 01", Status.PARAMETER),
        ("445566 0F 41", Status.PARAMETER),
        ("445566 0F A1", Status.PARAMETER),
        ("435458 0F 81", Status.DUPLICATE),
        ("445566 0F", Status.LENGTH),
    ],
)
def test_an_application_that_cannot_be_is_not_created(parameters: str, status: Status) -> None:
    with refused(status):
        Reader(card()).call(0xCA, bytes.fromhex(parameters))


def test_an_application_has_at_most_fourteen_keys_all_of_them_the_default() -> None:
    reader = at_card_level()
    reader.call(0x5C, b"\x01", NEW_KEY + bytes(8) + b"\x09", FULL)
    reader.call(0xCA, bytes.fromhex("445566 0F") + bytes((0x80 | KEYS_MAX,)))
    reader.select(0x665544)
    reader.authenticate("ev2", KEYS_MAX - 1, NEW_KEY)
    assert reader.call(0x64, b"\x00") == b"\x09"
    assert reader.call(0x45) == bytes((0x0F, 0x80 | KEYS_MAX))
    with refused(Status.NO_SUCH_KEY):
        reader.call(0x64, bytes((KEYS_MAX,)))


def test_inside_an_application_card_level_commands_are_denied() -> None:
    for ins, parameters in ((0x6A, b""), (0xCA, bytes.fromhex("445566 0F 81")), (0xFC, b"")):
        with refused(Status.PERMISSION_DENIED):
            application().call(ins, parameters)
    with refused(Status.PERMISSION_DENIED):
        application().call(0x5C, b"\x00", b"\x00", FULL)


def test_a_card_may_keep_listing_and_creating_to_its_master_key() -> None:
    closed = Memory(uid=UID, master_key=AES_MASTER.master_key, settings=0x09)
    for ins, parameters in ((0x6A, b""), (0x45, b""), (0xCA, bytes.fromhex("445566 0F 81"))):
        model = DesfireCard(closed, seeded())
        with refused(Status.AUTHENTICATION):
            Reader(model).call(ins, parameters)
        at_card_level(model=model).call(ins, parameters)


def test_an_application_s_own_master_key_deletes_it_where_creation_is_free() -> None:
    reader = application()
    reader.call(0xDA, AID.to_bytes(3, "little"))
    reader.channel = Reader(reader.card).channel  # that was the session's last answer
    assert reader.call(0x6A) == b""
    with refused(Status.AUTHENTICATION):
        application(key=1).call(0xDA, AID.to_bytes(3, "little"))
    with refused(Status.PERMISSION_DENIED):
        application().call(0xDA, bytes.fromhex("445566"))


@CHANNELS
def test_formatting_deletes_all_applications_and_frees_their_memory(kind: str) -> None:
    reader = at_card_level(kind)
    reader.call(0xCA, bytes.fromhex("445566 0F 81"))
    assert int.from_bytes(reader.call(0x6E), "little") < EEPROM_BYTES
    reader.call(0xFC)
    reader.channel = Reader(reader.card).channel
    assert reader.call(0x6A) == b""
    assert int.from_bytes(reader.call(0x6E), "little") == EEPROM_BYTES
    with refused(Status.AUTHENTICATION):
        Reader(card()).call(0xFC)


def test_formatting_can_be_forbidden_for_ever() -> None:
    reader = at_card_level()
    reader.call(0x5C, b"\x00", b"\x01", FULL)
    reader.call(0x5C, b"\x00", b"\x00", FULL)
    with refused(Status.PERMISSION_DENIED):
        reader.call(0xFC)


def test_an_unknown_configuration_is_refused() -> None:
    with refused(Status.PARAMETER):
        at_card_level().call(0x5C, b"\x07", b"\x00", FULL)


def test_a_card_with_a_random_uid_shows_another_each_time_and_its_own_only_in_session() -> None:
    reader = at_card_level()
    reader.call(0x5C, b"\x00", b"\x02", FULL)
    model = reader.card
    assert isinstance(model, DesfireCard)
    shown = set()
    for _ in range(3):
        model.reset()
        answer = model.transmit(bytes.fromhex("FFCA000000"))
        assert (len(answer), answer[0], answer[-2:]) == (6, 0x08, b"\x90\x00")
        shown.add(answer)
    assert len(shown) == 3
    assert UID not in Reader(model).call(0x60)
    assert at_card_level(model=model).call(0x51, answer=FULL) == UID


@CHANNELS
@pytest.mark.parametrize("ins", [0xC4, 0xC6])
def test_a_changed_key_is_proven_from_then_on(kind: str, ins: int) -> None:
    reader = application(kind=kind)
    change_key(reader, 2, old=KEYS[2], ins=ins)
    assert reader.call(0x64, b"\x02") == b"\x05"
    reader.authenticate(kind, 2, NEW_KEY)
    reader.authenticate(kind, 0, KEYS[0])
    change_key(reader, 0, ins=ins)
    assert reader.frame(0x51)[0] == Status.AUTHENTICATION
    reader.authenticate(kind, 0, NEW_KEY)


@CHANNELS
def test_a_key_changed_with_a_wrong_idea_of_the_old_one_stays(kind: str) -> None:
    reader = application(kind=kind)
    with refused(Status.INTEGRITY):
        change_key(reader, 2, old=KEYS[3])
    reader.authenticate(kind, 2, KEYS[2])


@pytest.mark.parametrize(
    ("settings", "session", "number", "status"),
    [
        (0x0F, 0, 2, None),
        (0x0F, 1, 2, Status.AUTHENTICATION),
        (0x1F, 1, 2, None),
        (0x1F, 0, 2, Status.AUTHENTICATION),
        (0x1F, 0, 1, None),
        (0x1F, 1, 1, Status.AUTHENTICATION),
        (0xEF, 2, 2, None),
        (0xEF, 0, 2, Status.AUTHENTICATION),
        (0xFF, 0, 2, Status.PERMISSION_DENIED),
        (0xFF, 0, 0, None),
        (0x0E, 0, 0, Status.PERMISSION_DENIED),
        (0x0F, 0, 4, Status.NO_SUCH_KEY),
    ],
)
def test_the_key_settings_say_who_changes_which_key(
    settings: int, session: int, number: int, status: Status | None
) -> None:
    reader = application(settings, key=session)
    old = b"" if number == session else KEYS[number % 4]
    if status is None:
        change_key(reader, number, old)
    else:
        with refused(status):
            change_key(reader, number, old)


def test_without_a_session_no_key_is_changed() -> None:
    with refused(Status.AUTHENTICATION):
        Reader(card()).send(0xC4, bytes(33))


@CHANNELS
def test_key_settings_are_changed_until_they_are_frozen(kind: str) -> None:
    reader = application(kind=kind)
    reader.call(0x54, b"", b"\xe7", FULL)
    assert reader.call(0x45) == b"\xe7\x84"
    with refused(Status.PERMISSION_DENIED):
        reader.call(0x54, b"", b"\x0f", FULL)
    with refused(Status.AUTHENTICATION):
        application(key=1, kind=kind).call(0x54, b"", b"\x0f", FULL)
    reader = at_card_level(kind)
    reader.call(0x54, b"", b"\x0b", FULL)
    assert reader.call(0x45) == b"\x0b\x81"


@CHANNELS
def test_the_card_s_master_key_is_changed_and_can_become_des_again(kind: str) -> None:
    reader = at_card_level(kind)
    change_key(reader, 0x80)
    reader.authenticate(kind, 0, NEW_KEY)
    assert reader.call(0x64, b"\x00") == b"\x05"
    reader.send(0xC4, reader.channel.seal(0xC4, b"\x00", bytes(16), FULL))
    assert isinstance(reader.card, DesfireCard)
    assert reader.card.snapshot().master_key == DES_ZERO


def test_a_kind_of_key_that_the_card_has_not_is_refused() -> None:
    with refused(Status.PARAMETER):
        at_card_level().send(0xC4, b"\x40" + bytes(40))


def test_a_key_set_that_is_not_there_is_refused() -> None:
    with refused(Status.PARAMETER):
        application().send(0xC6, b"\x01\x00" + bytes(40))


def test_a_card_with_applications_keeps_their_order_and_their_own_settings() -> None:
    model = DesfireCard(memory(), seeded())
    reader = Reader(model)
    reader.call(0xCA, bytes.fromhex("010000 0B 81"))
    assert reader.call(0x6A) == AID.to_bytes(3, "little") + bytes.fromhex("010000")
    reader.select(1)
    assert reader.call(0x45) == bytes.fromhex("0B81")
