"""What files hold, what may be written to them, and when it becomes true."""

import pytest

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import (
    FREE,
    CommMode,
    DataFile,
    File,
    RecordFile,
    Rights,
    ValueFile,
)
from daemon.readers.simulated.desfire.card_state import FREE_CREATE_DELETE, FREE_LISTING
from daemon.readers.simulated.desfire.memory import EEPROM_BYTES, FILES_MAX
from daemon.readers.simulated.desfire.status_codes import Status
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, card
from tests.daemon.readers.simulated.desfire.reader import FULL, MAC, PLAIN, Reader, extent, refused

OPEN = Rights(FREE, FREE, FREE, FREE)
CREDIT, DEBIT, LIMITED_CREDIT = 0x0C, 0xDC, 0x1C
READ_RECORDS, WRITE_RECORD, CLEAR_RECORDS = 0xBB, 0x3B, 0xEB


def at(files: dict[int, File], settings: int = 0x0F) -> Reader:
    """Return a reader in an application whose files are open to all."""
    reader = Reader(card(files, settings=settings))
    reader.select(AID)
    return reader


def backup(content: bytes) -> DataFile:
    return DataFile(CommMode.PLAIN, OPEN, content, backup=True)


def value(amount: int, lower: int = 0, upper: int = 1000, limited: bool = True) -> ValueFile:
    return ValueFile(CommMode.PLAIN, OPEN, lower, upper, amount, limited)


def records(cyclic: bool, count: int = 3) -> RecordFile:
    return RecordFile(CommMode.PLAIN, OPEN, 4, count, cyclic)


def settings(reader: Reader, number: int) -> str:
    return reader.call(0xF5, bytes((number,))).hex().upper()


def write_record(reader: Reader, data: bytes, offset: int = 0) -> None:
    reader.write(1, offset, data, PLAIN, ins=WRITE_RECORD)


def read_records(reader: Reader, newest: int = 0, count: int = 0) -> bytes:
    return reader.read(1, newest, count, PLAIN, ins=READ_RECORDS)


def change(reader: Reader, ins: int, amount: int) -> None:
    reader.change_value(ins, 1, amount, PLAIN)


def test_a_standard_file_is_written_at_once() -> None:
    reader = at({1: DataFile(CommMode.PLAIN, OPEN, bytes(8))})
    reader.write(1, 2, b"now", PLAIN)
    assert reader.read(1, 0, 0, PLAIN) == b"\0\0now\0\0\0"
    with refused(Status.NO_CHANGES):
        reader.commit()


def test_a_backup_file_shows_the_old_until_the_commit() -> None:
    reader = at({1: backup(b"old old")})
    reader.write(1, 0, b"new", PLAIN)
    reader.write(1, 4, b"new", PLAIN)
    assert reader.read(1, 0, 0, PLAIN) == b"old old"
    reader.commit()
    assert reader.read(1, 0, 0, PLAIN) == b"new new"


def test_an_abort_leaves_everything_as_it_was() -> None:
    reader = at({1: value(100), 2: backup(b"old")})
    change(reader, DEBIT, 30)
    reader.write(2, 0, b"new", PLAIN)
    reader.abort()
    with refused(Status.NO_CHANGES):
        reader.commit()
    assert (reader.value(1, PLAIN), reader.read(2, 0, 0, PLAIN)) == (100, b"old")
    with refused(Status.NO_CHANGES):
        reader.abort()


def test_a_commit_with_an_option_that_needs_a_transaction_mac_is_refused() -> None:
    reader = at({1: value(100)})
    change(reader, DEBIT, 1)
    with refused(Status.PARAMETER):
        reader.call(0xC7, b"\x01")
    change(reader, DEBIT, 1)
    reader.call(0xC7, b"\x00")
    assert reader.value(1, PLAIN) == 99


def test_value_changes_add_up_until_the_commit() -> None:
    reader = at({1: value(100)})
    change(reader, DEBIT, 30)
    change(reader, CREDIT, 5)
    change(reader, DEBIT, 1)
    assert reader.value(1, PLAIN) == 100
    reader.commit()
    assert reader.value(1, PLAIN) == 74


@pytest.mark.parametrize(
    ("ins", "amount", "status"),
    [
        (DEBIT, 101, Status.BOUNDARY),
        (CREDIT, 901, Status.BOUNDARY),
        (DEBIT, -1, Status.PARAMETER),
        (CREDIT, -(2**31), Status.PARAMETER),
        (CREDIT, 2**31 - 1, Status.BOUNDARY),
        (LIMITED_CREDIT, 1, Status.BOUNDARY),
    ],
)
def test_a_value_never_leaves_its_limits(ins: int, amount: int, status: Status) -> None:
    reader = at({1: value(100)})
    with refused(status):
        change(reader, ins, amount)
    with refused(Status.NO_CHANGES):
        reader.commit()


def test_limited_credit_gives_back_what_was_debited_last_once() -> None:
    reader = at({1: value(100)})
    change(reader, DEBIT, 20)
    change(reader, DEBIT, 10)
    reader.commit()
    assert settings(reader, 1) == "0200EEEE" + "00000000" + "E8030000" + "1E000000" + "01"
    with refused(Status.BOUNDARY):
        change(reader, LIMITED_CREDIT, 31)
    change(reader, LIMITED_CREDIT, 12)
    with refused(Status.BOUNDARY):
        change(reader, LIMITED_CREDIT, 1)
    change(reader, LIMITED_CREDIT, 12)  # the refusal aborted the first
    reader.commit()
    assert reader.value(1, PLAIN) == 82
    with refused(Status.BOUNDARY):
        change(reader, LIMITED_CREDIT, 1)


def test_limited_credit_must_be_switched_on() -> None:
    reader = at({1: value(100, limited=False)})
    change(reader, DEBIT, 20)
    reader.commit()
    with refused(Status.PERMISSION_DENIED):
        change(reader, LIMITED_CREDIT, 1)


def test_a_value_may_be_free_to_read_and_no_more() -> None:
    rights = Rights(2, 2, 3, 0)
    file = ValueFile(CommMode.FULL, rights, 0, 1000, 77, free_get_value=True)
    reader = at({1: file})
    assert reader.value(1, PLAIN) == 77
    with refused(Status.AUTHENTICATION):
        change(reader, DEBIT, 1)
    reader.authenticate("ev2", 2, KEYS[2])
    assert reader.value(1, FULL) == 77


def test_a_cyclic_file_keeps_one_record_less_than_its_maximum() -> None:
    reader = at({1: records(cyclic=True)})
    for number in range(4):
        write_record(reader, bytes((number,)) * 4)
        reader.commit()
    assert read_records(reader) == b"\2\2\2\2\3\3\3\3"
    assert settings(reader, 1) == "0400EEEE" + "040000" + "030000" + "020000"


def test_a_linear_file_takes_no_more_when_it_is_full() -> None:
    reader = at({1: records(cyclic=False)})
    for number in range(3):
        write_record(reader, bytes((number,)) * 4)
        reader.commit()
    with refused(Status.BOUNDARY):
        write_record(reader, b"more")
    assert read_records(reader) == b"\0\0\0\0\1\1\1\1\2\2\2\2"


def test_records_are_counted_back_from_the_newest() -> None:
    reader = at({1: records(cyclic=False)})
    for number in range(3):
        write_record(reader, bytes((number,)) * 4)
        reader.commit()
    assert read_records(reader, newest=1, count=1) == b"\1\1\1\1"
    assert read_records(reader, newest=1) == b"\0\0\0\0\1\1\1\1"
    for newest, count in ((3, 1), (2, 2), (0, 4)):
        with refused(Status.BOUNDARY):
            read_records(reader, newest, count)


def test_an_empty_record_file_has_nothing_to_read() -> None:
    reader = at({1: records(cyclic=True)})
    write_record(reader, b"soon")
    with refused(Status.BOUNDARY):
        read_records(reader)


def test_one_transaction_writes_one_record() -> None:
    reader = at({1: records(cyclic=True, count=5)})
    write_record(reader, b"abcd")
    write_record(reader, b"XY", offset=1)
    reader.commit()
    write_record(reader, b"z", offset=3)
    reader.commit()
    assert read_records(reader) == b"aXYd\0\0\0z"


def test_a_cleared_record_file_is_empty_after_the_commit_and_takes_nothing_before() -> None:
    reader = at({1: records(cyclic=True)})
    write_record(reader, b"abcd")
    reader.commit()
    reader.call(CLEAR_RECORDS, b"\x01")
    assert read_records(reader) == b"abcd"
    with refused(Status.PERMISSION_DENIED):
        write_record(reader, b"efgh")
    reader.call(CLEAR_RECORDS, b"\x01")
    reader.commit()
    with refused(Status.BOUNDARY):
        read_records(reader)


@pytest.mark.parametrize(("offset", "length"), [(0, 9), (8, 1), (9, 0), (8, 0), (0xFFFFFF, 1)])
def test_nothing_is_read_beyond_the_end(offset: int, length: int) -> None:
    with refused(Status.BOUNDARY):
        at({1: backup(bytes(8))}).read(1, offset, length, PLAIN)


@pytest.mark.parametrize(("offset", "length"), [(0, 9), (8, 1), (0xFFFFFF, 1)])
def test_nothing_is_written_beyond_the_end(offset: int, length: int) -> None:
    with refused(Status.BOUNDARY):
        at({1: backup(bytes(8))}).write(1, offset, bytes(length), PLAIN)
    with refused(Status.BOUNDARY):
        at({1: records(cyclic=True)}).write(1, offset, bytes(length), PLAIN, ins=WRITE_RECORD)


def test_nothing_written_is_no_write() -> None:
    with refused(Status.PARAMETER):
        at({1: backup(bytes(8))}).write(1, 0, b"", PLAIN)
    with refused(Status.PARAMETER):
        at({1: records(cyclic=True)}).write(1, 0, b"", PLAIN, ins=WRITE_RECORD)


def test_a_command_for_another_kind_of_file_is_denied() -> None:
    files: dict[int, File] = {1: backup(bytes(8)), 2: value(1), 3: records(cyclic=True)}
    for ins, body in (
        (0xBD, extent(2, 0, 1)),
        (0x3D, extent(3, 0, 1) + b"x"),
        (0x6C, b"\x01"),
        (0xDC, b"\x03" + bytes(4)),
        (0xBB, extent(1, 0, 1)),
        (0x3B, extent(2, 0, 1) + b"x"),
        (0xEB, b"\x02"),
    ):
        with refused(Status.PERMISSION_DENIED):
            at(files).send(ins, body)


@pytest.mark.parametrize("ins", [0xF5, 0x5F, 0x6C, 0xEB, 0xDF])
def test_a_file_that_is_not_there_is_not_found(ins: int) -> None:
    with refused(Status.FILE_NOT_FOUND):
        at({}).send(ins, b"\x09" + bytes(3 if ins == 0x5F else 0))


@pytest.mark.parametrize("ins", [0x6F, 0xF5, 0xCD, 0xDF, 0xBD, 0x6C])
def test_there_are_no_files_at_card_level(ins: int) -> None:
    with refused(Status.PERMISSION_DENIED):
        Reader(card()).send(ins, bytes(7))


# The bytes of chip.md 2.1; the rights of the first are Elmue's example.
CREATIONS = {
    0xCD: ("05 00 1100 500000", "00001100500000"),
    0xCB: ("05 01 2345 1C0000", "010123451C0000"),
    0xCC: ("05 03 3022 9CFFFFFF E8030000 00000000 03", "020330229CFFFFFFE80300000000000003"),
    0xC1: ("05 03 3022 1C0000 050000", "030330221C0000050000000000"),
    0xC0: ("05 03 3022 1C0000 050000", "040330221C0000050000000000"),
}


@pytest.mark.parametrize("ins", CREATIONS)
@pytest.mark.parametrize("kind", ["", "ev1", "ev2"])
def test_a_file_is_created_described_and_deleted(ins: int, kind: str) -> None:
    parameters, described = CREATIONS[ins]
    reader = at({})
    if kind:
        reader.authenticate(kind, 0, KEYS[0])
    reader.call(ins, bytes.fromhex(parameters))
    assert reader.call(0x6F) == b"\x05"
    assert settings(reader, 5) == described
    reader.call(0xDF, b"\x05")
    assert reader.call(0x6F) == b""


@pytest.mark.parametrize(
    ("ins", "parameters", "status"),
    [
        (0xCD, "01 00 1100 500000", Status.DUPLICATE),
        (0xCD, "20 00 1100 500000", Status.PARAMETER),
        (0xCD, "05 02 1100 500000", Status.PARAMETER),
        (0xCD, "05 00 1100 000000", Status.PARAMETER),
        (0xCD, "05 00 1100 5000", Status.LENGTH),
        (0xCD, "05 00 1100 50000000", Status.LENGTH),
        (0xCB, "05 00 1100 FFFFFF", Status.OUT_OF_EEPROM),
        (0xCC, "05 00 1100 01000000 00000000 00000000 00", Status.PARAMETER),
        (0xCC, "05 00 1100 00000000 10000000 11000000 00", Status.PARAMETER),
        (0xCC, "05 00 1100 00000000 10000000 00000000 04", Status.PARAMETER),
        (0xC1, "05 00 1100 000000 050000", Status.PARAMETER),
        (0xC0, "05 00 1100 040000 010000", Status.PARAMETER),
        (0xC0, "05 00 1100 FFFFFF FFFFFF", Status.OUT_OF_EEPROM),
    ],
)
def test_a_file_that_cannot_be_is_not_created(ins: int, parameters: str, status: Status) -> None:
    with refused(status):
        at({1: value(1)}).send(ins, bytes.fromhex(parameters))


def test_the_memory_runs_out_and_deleting_gives_nothing_back() -> None:
    reader = at({})
    number, free = 0, EEPROM_BYTES
    while free >= 1024:
        reader.call(0xCD, bytes((number,)) + bytes.fromhex("00EEEE000400"))
        number += 1
        free = int.from_bytes(reader.call(0x6E), "little")
    assert number == 8
    with refused(Status.OUT_OF_EEPROM):
        reader.call(0xCD, bytes((number,)) + bytes.fromhex("00EEEE000400"))
    reader.call(0xDF, b"\x00")
    with refused(Status.OUT_OF_EEPROM):
        reader.call(0xCD, b"\x00" + bytes.fromhex("00EEEE000400"))


def test_an_application_has_room_for_so_many_file_numbers() -> None:
    reader = at({})
    for number in range(FILES_MAX):
        reader.call(0xCD, bytes((number,)) + bytes.fromhex("00EEEE010000"))
    assert reader.call(0x6F) == bytes(range(FILES_MAX))
    with refused(Status.PARAMETER):
        reader.call(0xCD, bytes((FILES_MAX,)) + bytes.fromhex("00EEEE010000"))


def test_an_application_may_keep_listing_and_creating_to_its_master_key() -> None:
    closed = 0x0F & ~(FREE_LISTING | FREE_CREATE_DELETE)
    commands = {
        0x6F: b"",
        0x45: b"",
        0xF5: b"\x01",
        0xCD: bytes.fromhex("05 00 1100 500000"),
        0xDF: b"\x01",
    }
    for ins, parameters in commands.items():
        reader = at({1: value(1)}, closed)
        with refused(Status.AUTHENTICATION):
            reader.call(ins, parameters)
        reader.authenticate("ev1", 1, KEYS[1])
        with refused(Status.AUTHENTICATION):
            reader.call(ins, parameters)
        reader.authenticate("ev2", 0, KEYS[0])
        reader.call(ins, parameters)


@pytest.mark.parametrize("kind", ["ev1", "ev2"])
def test_the_key_for_it_changes_a_file_s_mode_and_rights(kind: str) -> None:
    file = DataFile(CommMode.PLAIN, Rights(1, 1, 1, 3), b"text")
    reader = at({1: file})
    reader.authenticate(kind, 3, KEYS[3])
    reader.call(0x5F, b"\x01", bytes.fromhex("032345"), FULL)
    assert settings(reader, 1) == "0003234504" + "0000"
    with refused(Status.AUTHENTICATION):  # the new rights hold: key 3 is now the one to change
        reader.read(1, 0, 0, FULL)
    reader.authenticate(kind, 2, KEYS[2])
    assert reader.read(1, 0, 0, FULL) == b"text"


@pytest.mark.parametrize("kind", ["", "ev1", "ev2"])
def test_everybody_changes_a_file_s_settings_in_plain_where_that_is_free(kind: str) -> None:
    reader = at({1: backup(b"text")})
    if kind:
        reader.authenticate(kind, 1, KEYS[1])
    reader.call(0x5F, b"\x01", bytes.fromhex("01EE12"), PLAIN)
    assert settings(reader, 1) == "0101EE12040000"
    with refused(Status.PARAMETER):
        reader.call(0x5F, b"\x01", bytes.fromhex("07EE12"), PLAIN)


def test_deleting_a_file_takes_it_out_of_the_transaction() -> None:
    reader = at({1: value(100), 2: backup(b"old")})
    change(reader, DEBIT, 10)
    reader.call(0xDF, b"\x01")
    with refused(Status.NO_CHANGES):
        reader.commit()


@pytest.mark.parametrize("mode", list(CommMode))
@pytest.mark.parametrize("kind", ["ev1", "ev2"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_long_data_goes_and_comes_in_many_frames(mode: CommMode, kind: str, wrapped: bool) -> None:
    content = bytes(range(250)) + bytes(50)
    rights = Rights(0, 0, 0, 0)
    model = card({1: DataFile(mode, rights, bytes(len(content)), backup=True)})
    reader = Reader(model, wrapped=wrapped)
    reader.select(AID)
    reader.authenticate(kind, 0, KEYS[0])
    reader.write(1, 0, content, mode)
    reader.commit()
    assert reader.read(1, 0, len(content), mode) == content
    assert reader.read(1, 0, 0, mode) == content
    assert reader.read(1, 0, 100, mode, ins=0xAD) == content[:100]
    reader.write(1, 200, content[:100], mode, ins=0x8D)
    reader.commit()
    assert reader.read(1, 200, 100, mode) == content[:100]


def test_a_mac_covers_the_joined_frames() -> None:
    model = card({1: DataFile(CommMode.MAC, Rights(0, 0, 0, 0), bytes(100))})
    reader = Reader(model)
    reader.select(AID)
    reader.authenticate("ev2", 0, KEYS[0])
    body = reader.channel.seal(0x3D, extent(1, 0, 80), bytes(80), MAC)
    with refused(Status.INTEGRITY):
        reader.send(0x3D, body[:20] + b"\x01" + body[21:])


def test_more_data_than_announced_has_the_wrong_length() -> None:
    reader = at({1: backup(bytes(80))})
    assert reader.frame(0x3D, extent(1, 0, 60) + bytes(50)) == (Status.ADDITIONAL_FRAME, b"")
    assert reader.frame(0xAF, bytes(11)) == (Status.LENGTH, b"")


def test_a_card_brought_back_from_its_snapshot_has_what_was_committed() -> None:
    model = card({1: value(100), 2: backup(b"old")})
    reader = Reader(model)
    reader.select(AID)
    change(reader, DEBIT, 25)
    reader.commit()
    reader.write(2, 0, b"new", PLAIN)
    again = Reader(DesfireCard(model.snapshot(), bytes))
    again.select(AID)
    assert (again.value(1, PLAIN), again.read(2, 0, 0, PLAIN)) == (75, b"old")
