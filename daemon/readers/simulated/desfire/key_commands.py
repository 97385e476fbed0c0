"""Commands that prove, show and change keys and key settings, at card level or in application."""

from msgspec.structs import replace

from daemon.readers.simulated.desfire.authentication import (
    Handshake,
    begin_d40,
    begin_ev1,
    begin_ev2,
)
from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_ev2 import Ev2Channel
from daemon.readers.simulated.desfire.card_files import CommMode
from daemon.readers.simulated.desfire.card_state import (
    ALLOW_CHANGE_MASTER_KEY,
    CARD_LEVEL,
    FREE_LISTING,
    SETTINGS_CHANGEABLE,
    Answer,
    Chip,
)
from daemon.readers.simulated.desfire.cipher import KEY_BYTES, Key, KeyKind, crc32, xor
from daemon.readers.simulated.desfire.status_codes import Status, StatusError, require

_CAPABILITIES_BYTES_MAX = 6
_SAME_KEY, _FROZEN = 0xE, 0xF


def authenticate_legacy(chip: Chip, command: Command) -> Handshake:
    """0A."""
    return begin_d40(_key_to_prove(chip, command), chip.random)


def authenticate_iso(chip: Chip, command: Command) -> Handshake:
    """1A."""
    key = _key_to_prove(chip, command)
    return begin_ev1(key, KeyKind.DES, chip.random, value_macs=chip.traits.value_macs)


def authenticate_aes(chip: Chip, command: Command) -> Handshake:
    """AA."""
    key = _key_to_prove(chip, command)
    return begin_ev1(key, KeyKind.AES, chip.random, value_macs=chip.traits.value_macs)


def authenticate_ev2_first(chip: Chip, command: Command) -> Handshake:
    """71: key number, then how many bytes of reader capabilities follow, then those."""
    count = command.header(2)[1]
    require(count <= _CAPABILITIES_BYTES_MAX, Status.PARAMETER)
    command.body(2, count)
    chip.begin_again()
    return begin_ev2(chip.key(command.payload[0]), chip.random, None)


def authenticate_ev2_non_first(chip: Chip, command: Command) -> Handshake:
    """77: another key within the running session and its transaction."""
    command.body(1, 0)
    if not isinstance(chip.channel, Ev2Channel):
        raise StatusError(Status.AUTHENTICATION)
    return begin_ev2(chip.key(command.payload[0]), chip.random, chip.channel)


def _key_to_prove(chip: Chip, command: Command) -> Key:
    command.body(1, 0)
    chip.begin_again()
    return chip.key(command.payload[0])


def get_key_version(chip: Chip, command: Command) -> Answer:
    """64."""
    number = chip.plain_parameters(command, 1)[0]
    return Answer(bytes((chip.key(number).version,)))


def get_key_settings(chip: Chip, command: Command) -> Answer:
    """45: the flags, then the kind and number of the keys."""
    chip.require_master_key(unless_flag=FREE_LISTING)
    chip.plain_parameters(command, 0)
    return Answer(bytes((chip.settings, chip.keys[0].kind | len(chip.keys))))


def change_key_settings(chip: Chip, command: Command) -> Answer:
    """54: one byte, encrypted."""
    chip.require_master_key()
    require(bool(chip.settings & SETTINGS_CHANGEABLE), Status.PERMISSION_DENIED)
    settings = chip.channel.open(command, 0, 1, CommMode.FULL)[0]
    if chip.selected == CARD_LEVEL:
        chip.memory = replace(chip.memory, settings=settings)
    else:
        chip.store_application(replace(chip.application, settings=settings))
    return Answer()


def change_key(chip: Chip, command: Command) -> Answer:
    """C4: the session's own key in clear inside the cipher, another one XORed with the old."""
    return _changed_key(chip, command, header_bytes=1)


def change_key_ev2(chip: Chip, command: Command) -> Answer:
    """C6: the same with the number of the key set before it; there is only set 0."""
    require(command.header(2)[0] == 0, Status.PARAMETER)
    return _changed_key(chip, command, header_bytes=2)


def _changed_key(chip: Chip, command: Command, header_bytes: int) -> Answer:
    byte = command.header(header_bytes)[-1]
    at_card = chip.selected == CARD_LEVEL
    number, kind = (byte & 0x3F, byte & 0xC0) if at_card else (byte, KeyKind.AES)
    old = chip.key(number)
    require(kind in set(KeyKind), Status.PARAMETER)
    _require_right_to_change(chip, number)
    is_aes, is_own = kind == KeyKind.AES, number == chip.key_number
    data_bytes, extra = KEY_BYTES + is_aes, 0 if is_own else 4
    data = chip.channel.open(command, header_bytes, data_bytes, CommMode.FULL, extra)
    value = data[:KEY_BYTES] if is_own else xor(data[:KEY_BYTES], old.value)
    require(is_own or data[data_bytes:] == crc32(value), Status.INTEGRITY)
    version = data[KEY_BYTES] if is_aes else _version_in_parity(value)
    _store_key(chip, number, Key(KeyKind(kind), value, version))
    return Answer(mode=None) if is_own else Answer()


def _require_right_to_change(chip: Chip, number: int) -> None:
    """Raise StatusError unless the key settings let this session change that key."""
    require(chip.key_number is not None, Status.AUTHENTICATION)
    changer = chip.settings >> 4
    if number == 0 or chip.selected == CARD_LEVEL:
        require(bool(chip.settings & ALLOW_CHANGE_MASTER_KEY), Status.PERMISSION_DENIED)
        needed = 0
    elif changer == _FROZEN:
        needed = None
    elif changer == _SAME_KEY:
        needed = number
    else:
        needed = 0 if number == changer else changer  # the changing key itself: by the master
    require(needed is not None, Status.PERMISSION_DENIED)
    require(chip.key_number == needed, Status.AUTHENTICATION)


def _store_key(chip: Chip, number: int, key: Key) -> None:
    if chip.selected == CARD_LEVEL:
        chip.memory = replace(chip.memory, master_key=key)
        return
    keys = chip.application.keys
    chip.store_application(
        replace(chip.application, keys=(*keys[:number], key, *keys[number + 1 :]))
    )


def _version_in_parity(value: bytes) -> int:
    """Return the version that a DES key hides in its first eight parity bits."""
    return int("".join(str(byte & 1) for byte in value[:8]), 2)
