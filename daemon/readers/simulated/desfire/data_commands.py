"""Commands that read and write what files hold, and that commit or abort what was written."""

from collections.abc import Callable

from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_files import (
    FREE,
    CommMode,
    DataFile,
    File,
    RecordFile,
    ValueFile,
    four,
    number_of,
)
from daemon.readers.simulated.desfire.card_state import Answer, Chip, written
from daemon.readers.simulated.desfire.status_codes import Status, StatusError, require

_WITHOUT_TRANSACTION_MAC = b"\x00"


def _data_file(file: File) -> DataFile:
    if isinstance(file, DataFile):
        return file
    raise StatusError(Status.PERMISSION_DENIED)


def _value_file(file: File) -> ValueFile:
    if isinstance(file, ValueFile):
        return file
    raise StatusError(Status.PERMISSION_DENIED)


def _record_file(file: File) -> RecordFile:
    if isinstance(file, RecordFile):
        return file
    raise StatusError(Status.PERMISSION_DENIED)


def _extent(header: bytes) -> tuple[int, int]:
    """Return the offset and length, or the record and count, of a file header of 7 bytes."""
    return int.from_bytes(header[1:4], "little"), int.from_bytes(header[4:7], "little")


def read_data(chip: Chip, command: Command) -> Answer:
    """BD, AD: what is committed, even while a transaction writes the mirror."""
    header = command.header(7)
    file = _data_file(chip.file(header[0]))
    mode = chip.mode_of(file, file.rights.read, file.rights.read_write)
    chip.channel.open(command, 7, 0, mode)
    offset, length = _extent(header)
    return Answer(file.read(offset, length), mode, read_all=length == 0)


def write_data(chip: Chip, command: Command) -> Answer:
    """3D, 8D: a standard file at once, a backup file's mirror."""
    header = command.header(7)
    number = header[0]
    file = _data_file(chip.mirrored(number))
    mode = chip.mode_of(file, file.rights.write, file.rights.read_write)
    offset, length = _extent(header)
    require(length > 0, Status.PARAMETER)
    require(offset + length <= len(file.content), Status.BOUNDARY)
    changed = file.written(offset, chip.channel.open(command, 7, length, mode))
    if file.backup:
        chip.mirror[number] = changed
    else:
        chip.store_files({number: changed})
    return written(mode)


def get_value(chip: Chip, command: Command) -> Answer:
    """6C: what is committed; for everybody where the file says so."""
    file = _value_file(chip.file(command.header(1)[0]))
    rights = file.rights
    free = (FREE,) if file.free_get_value else ()
    mode = chip.mode_of(file, rights.read, rights.write, rights.read_write, *free)
    chip.channel.open(command, 1, 0, mode)
    return Answer(four(file.value), mode)


def credit(chip: Chip, command: Command) -> Answer:
    """0C."""
    file = _value_file(chip.mirrored(command.header(1)[0]))
    return _changed_value(chip, command, file.credited, file, file.rights.read_write)


def limited_credit(chip: Chip, command: Command) -> Answer:
    """1C: without the right to credit, up to what was debited last."""
    file = _value_file(chip.mirrored(command.header(1)[0]))
    rights = (file.rights.write, file.rights.read_write)
    return _changed_value(chip, command, file.given_back_by, file, *rights)


def debit(chip: Chip, command: Command) -> Answer:
    """DC: the right to read is enough."""
    file = _value_file(chip.mirrored(command.header(1)[0]))
    rights = (file.rights.read, file.rights.write, file.rights.read_write)
    return _changed_value(chip, command, file.debited_by, file, *rights)


def _changed_value(
    chip: Chip,
    command: Command,
    change: Callable[[int], ValueFile],
    file: ValueFile,
    *wanted: int,
) -> Answer:
    mode = chip.mode_of(file, *wanted)
    amount = number_of(chip.channel.open(command, 1, 4, mode))
    chip.mirror[command.payload[0]] = change(amount)
    return written(mode)


def read_records(chip: Chip, command: Command) -> Answer:
    """BB, AB: whole records, oldest first, counted back from the newest."""
    header = command.header(7)
    file = _record_file(chip.file(header[0]))
    mode = chip.mode_of(file, file.rights.read, file.rights.read_write)
    chip.channel.open(command, 7, 0, mode)
    newest, count = _extent(header)
    return Answer(file.read(newest, count), mode, read_all=count == 0)


def write_record(chip: Chip, command: Command) -> Answer:
    """3B, 8B: one new record a transaction; writing again overwrites it."""
    header = command.header(7)
    file = _record_file(chip.mirrored(header[0]))
    mode = chip.mode_of(file, file.rights.write, file.rights.read_write)
    offset, length = _extent(header)
    require(length > 0, Status.PARAMETER)
    require(offset + length <= file.record_bytes, Status.BOUNDARY)
    chip.mirror[header[0]] = file.written(offset, chip.channel.open(command, 7, length, mode))
    return written(mode)


def clear_record_file(chip: Chip, command: Command) -> Answer:
    """EB: empty after the commit."""
    number = command.header(1)[0]
    file = _record_file(chip.mirrored(number))
    chip.mode_of(file, file.rights.read_write)
    chip.plain_parameters(command, 1)
    chip.mirror[number] = file.emptied()
    return Answer()


def commit_transaction(chip: Chip, command: Command) -> Answer:
    """C7: all that was written becomes true at once. MACed after EV2 authentication."""
    option_bytes = len(command.payload) - chip.channel.wire_bytes(0, CommMode.MAC)
    require(0 <= option_bytes <= 1, Status.LENGTH)
    option = chip.plain_parameters(command, option_bytes)
    require(option in (b"", _WITHOUT_TRANSACTION_MAC), Status.PARAMETER)
    require(bool(chip.mirror), Status.NO_CHANGES)
    chip.store_files({number: file.settled() for number, file in chip.mirror.items()})
    chip.mirror = {}
    return Answer()


def abort_transaction(chip: Chip, command: Command) -> Answer:
    """A7."""
    chip.plain_parameters(command, 0)
    require(bool(chip.mirror), Status.NO_CHANGES)
    chip.mirror = {}
    return Answer()
