"""Commands of the card's own level: what it is, its applications, its configuration."""

from msgspec.structs import replace

from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_files import CommMode
from daemon.readers.simulated.desfire.card_state import (
    CARD_LEVEL,
    FREE_CREATE_DELETE,
    FREE_LISTING,
    Answer,
    Chip,
)
from daemon.readers.simulated.desfire.cipher import KEY_BYTES, Key, KeyKind
from daemon.readers.simulated.desfire.memory import (
    APPLICATIONS_MAX,
    KEYS_MAX,
    Application,
    allocated,
    application_bytes,
)
from daemon.readers.simulated.desfire.status_codes import Status, StatusError, require

_DEFAULT_KEY_FIELD_BYTES = 24


def get_version(chip: Chip, command: Command) -> Answer:
    """60: hardware, software, UID and production, in three frames."""
    chip.plain_parameters(command, 0)
    frames = chip.memory.version_frames()
    return Answer(b"".join(frames), first_frames=(len(frames[0]), len(frames[1])))


def get_card_uid(chip: Chip, command: Command) -> Answer:
    """51: the real UID, always encrypted."""
    require(chip.key_number is not None, Status.AUTHENTICATION)
    chip.plain_parameters(command, 0)
    return Answer(chip.memory.uid, CommMode.FULL)


def read_signature(chip: Chip, command: Command) -> Answer:
    """3C: the maker's signature of the UID; encrypted in a session."""
    require(bool(chip.memory.signature), Status.ILLEGAL_COMMAND)
    require(chip.plain_parameters(command, 1) == b"\x00", Status.PARAMETER)
    return Answer(chip.memory.signature, CommMode.FULL)


def free_memory(chip: Chip, command: Command) -> Answer:
    """6E: bytes left, three bytes."""
    chip.plain_parameters(command, 0)
    return Answer(chip.memory.free_bytes.to_bytes(3, "little"))


def select_application(chip: Chip, command: Command) -> Answer:
    """5A: never protected, whatever session it ends."""
    chip.select(int.from_bytes(command.body(0, 3), "little"))
    return Answer(mode=None)


def get_application_ids(chip: Chip, command: Command) -> Answer:
    """6A: three bytes for each."""
    chip.require_card_level()
    chip.require_master_key(unless_flag=FREE_LISTING)
    chip.plain_parameters(command, 0)
    return Answer(b"".join(aid.to_bytes(3, "little") for aid in chip.memory.applications))


def create_application(chip: Chip, command: Command) -> Answer:
    """CA: AES keys only, all of them the default key."""
    chip.require_card_level()
    chip.require_master_key(unless_flag=FREE_CREATE_DELETE)
    parameters = chip.plain_parameters(command, 5)
    aid, settings = int.from_bytes(parameters[:3], "little"), parameters[3]
    key_kind, key_count = parameters[4] & 0xF0, parameters[4] & 0x0F
    require(key_kind == KeyKind.AES and 1 <= key_count <= KEYS_MAX, Status.PARAMETER)
    require(aid != CARD_LEVEL, Status.PARAMETER)
    memory = chip.memory
    require(aid not in memory.applications, Status.DUPLICATE)
    require(len(memory.applications) < APPLICATIONS_MAX, Status.COUNT)
    application = Application(settings, (memory.default_key,) * key_count)
    chip.memory = replace(
        memory,
        used_bytes=allocated(memory, application_bytes(key_count)),
        applications={**memory.applications, aid: application},
    )
    return Answer()


def delete_application(chip: Chip, command: Command) -> Answer:
    """DA: with the card's master key, or with the application's own where creation is free."""
    aid = int.from_bytes(command.header(3), "little")
    applications = dict(chip.memory.applications)
    own = chip.selected == aid and bool(chip.memory.settings & FREE_CREATE_DELETE)
    require(chip.key_number == 0, Status.AUTHENTICATION)
    require(chip.selected == CARD_LEVEL or own, Status.PERMISSION_DENIED)
    chip.plain_parameters(command, 3)
    require(aid in applications, Status.APPLICATION_NOT_FOUND)
    del applications[aid]
    chip.memory = replace(chip.memory, applications=applications)
    if own:
        chip.selected = CARD_LEVEL
    return Answer(ends_session=own)


def format_card(chip: Chip, command: Command) -> Answer:
    """FC: delete all applications and free their memory; the master key stays."""
    chip.require_card_level()
    chip.require_master_key()
    chip.plain_parameters(command, 0)
    require(not chip.memory.format_disabled, Status.PERMISSION_DENIED)
    chip.memory = replace(chip.memory, applications={}, used_bytes=0)
    return Answer(ends_session=True)


def set_configuration(chip: Chip, command: Command) -> Answer:
    """5C: option 00 forbids formatting and makes the UID random, for ever; 01 the default key."""
    chip.require_card_level()
    chip.require_master_key()
    match command.header(1)[0]:
        case 0x00:
            flags = chip.channel.open(command, 1, 1, CommMode.FULL)[0]
            chip.memory = replace(
                chip.memory,
                format_disabled=chip.memory.format_disabled or bool(flags & 1),
                random_uid=chip.memory.random_uid or bool(flags & 2),
            )
        case 0x01:
            field = chip.channel.open(command, 1, _DEFAULT_KEY_FIELD_BYTES + 1, CommMode.FULL)
            key = Key(KeyKind.AES, field[:KEY_BYTES], field[_DEFAULT_KEY_FIELD_BYTES])
            chip.memory = replace(chip.memory, default_key=key)
        case _:
            raise StatusError(Status.PARAMETER)
    return Answer()
