"""Commands that list, create, describe, re-arrange and delete files."""

from msgspec.structs import replace

from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_files import (
    FREE,
    NEVER,
    CommMode,
    DataFile,
    File,
    RecordFile,
    Rights,
    ValueFile,
    comm_mode,
    number_of,
)
from daemon.readers.simulated.desfire.card_state import (
    FREE_CREATE_DELETE,
    FREE_LISTING,
    Answer,
    Chip,
    written,
)
from daemon.readers.simulated.desfire.memory import EEPROM_BYTES, FILES_MAX, allocated, file_bytes
from daemon.readers.simulated.desfire.status_codes import Status, require

_LIMITED_CREDIT, _FREE_GET_VALUE = 0x01, 0x02


def get_file_ids(chip: Chip, command: Command) -> Answer:
    """6F: one byte for each."""
    files = chip.application.files
    chip.require_master_key(unless_flag=FREE_LISTING)
    chip.plain_parameters(command, 0)
    return Answer(bytes(files))


def get_file_settings(chip: Chip, command: Command) -> Answer:
    """F5."""
    file = chip.file(command.header(1)[0])
    chip.require_master_key(unless_flag=FREE_LISTING)
    chip.plain_parameters(command, 1)
    if isinstance(file, ValueFile) and not file.limited_credit_enabled:
        told = file.limited_credit if chip.traits.tells_limited_credit else 0
        file = replace(file, limited_credit=told)
    return Answer(file.describe())


def change_file_settings(chip: Chip, command: Command) -> Answer:
    """5F: communication mode and rights; plain if everybody may, else encrypted."""
    number = command.header(1)[0]
    file = chip.file(number)
    right = file.rights.change
    require(right != NEVER, Status.PERMISSION_DENIED)
    require(right in (FREE, chip.key_number), Status.AUTHENTICATION)
    mode = CommMode.PLAIN if right == FREE else CommMode.FULL
    settings = chip.channel.open(command, 1, 3, mode)
    rights = Rights.decode(settings[1:])
    chip.store_files({number: replace(file, mode=comm_mode(settings[0]), rights=rights)})
    chip.mirror.pop(number, None)
    return written(mode)


def create_standard_file(chip: Chip, command: Command) -> Answer:
    """CD."""
    parameters = _creation(chip, command, 7)
    return _created(chip, parameters[0], _data_file(parameters, backup=False))


def create_backup_file(chip: Chip, command: Command) -> Answer:
    """CB."""
    parameters = _creation(chip, command, 7)
    return _created(chip, parameters[0], _data_file(parameters, backup=True))


def _data_file(parameters: bytes, *, backup: bool) -> DataFile:
    size = int.from_bytes(parameters[4:7], "little")
    require(size > 0, Status.PARAMETER)
    require(size <= EEPROM_BYTES, Status.OUT_OF_EEPROM)  # before so many bytes are made
    return DataFile(comm_mode(parameters[1]), Rights.decode(parameters[2:4]), bytes(size), backup)


def create_value_file(chip: Chip, command: Command) -> Answer:
    """CC."""
    parameters = _creation(chip, command, 17)
    lower, upper, value = (number_of(parameters[at : at + 4]) for at in (4, 8, 12))
    options = parameters[16]
    require(lower <= value <= upper and options <= 3, Status.PARAMETER)
    file = ValueFile(
        comm_mode(parameters[1]),
        Rights.decode(parameters[2:4]),
        lower,
        upper,
        value,
        bool(options & _LIMITED_CREDIT),
        bool(options & _FREE_GET_VALUE),
    )
    return _created(chip, parameters[0], file)


def create_linear_record_file(chip: Chip, command: Command) -> Answer:
    """C1."""
    return _create_record_file(chip, command, cyclic=False)


def create_cyclic_record_file(chip: Chip, command: Command) -> Answer:
    """C0: one of its records is the mirror, so it needs two."""
    return _create_record_file(chip, command, cyclic=True)


def _create_record_file(chip: Chip, command: Command, *, cyclic: bool) -> Answer:
    parameters = _creation(chip, command, 10)
    record_bytes = int.from_bytes(parameters[4:7], "little")
    records_max = int.from_bytes(parameters[7:10], "little")
    require(record_bytes > 0 and records_max > int(cyclic), Status.PARAMETER)
    mode, rights = comm_mode(parameters[1]), Rights.decode(parameters[2:4])
    file = RecordFile(mode, rights, record_bytes, records_max, cyclic)
    return _created(chip, parameters[0], file)


def _creation(chip: Chip, command: Command, count: int) -> bytes:
    files = chip.application.files
    chip.require_master_key(unless_flag=FREE_CREATE_DELETE)
    parameters = chip.plain_parameters(command, count)
    require(parameters[0] < FILES_MAX, Status.PARAMETER)
    require(parameters[0] not in files, Status.DUPLICATE)
    return parameters


def _created(chip: Chip, number: int, file: File) -> Answer:
    used_bytes = allocated(chip.memory, file_bytes(file))
    chip.store_files({number: file})
    chip.memory = replace(chip.memory, used_bytes=used_bytes)
    return Answer()


def delete_file(chip: Chip, command: Command) -> Answer:
    """DF: its memory stays taken."""
    number = command.header(1)[0]
    chip.file(number)
    chip.require_master_key(unless_flag=FREE_CREATE_DELETE)
    chip.plain_parameters(command, 1)
    application = chip.application
    files = {other: file for other, file in application.files.items() if other != number}
    chip.store_application(replace(application, files=files))
    chip.mirror.pop(number, None)
    return Answer()
