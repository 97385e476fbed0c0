"""What a card keeps without power, as one value that can be stored and brought back."""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

from daemon.readers.simulated.desfire.card_files import DataFile, File, RecordFile, ValueFile
from daemon.readers.simulated.desfire.cipher import KEY_BYTES, Key, KeyKind
from daemon.readers.simulated.desfire.status_codes import Status, require

UID_BYTES = 7
APPLICATIONS_MAX = 28
FILES_MAX = 32
KEYS_MAX = 14
EEPROM_BYTES = 8192
BLOCK_BYTES = 32
FACTORY_SETTINGS = 0x0F
DES_ZERO = Key(KeyKind.DES, bytes(KEY_BYTES))
AES_ZERO = Key(KeyKind.AES, bytes(KEY_BYTES))


class Generation(IntEnum):
    """The hardware's major version, as GetVersion tells it."""

    EV1 = 0x01
    EV2 = 0x12


class Application(msgspec.Struct, frozen=True):
    """``settings`` is key settings 1: flags, and who may change a key in the upper half."""

    settings: int
    keys: tuple[Key, ...]
    files: Mapping[int, File] = {}


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """A card. ``applications`` by AID; its low byte comes first on the wire.

    used_bytes:  of EEPROM_BYTES; deleting frees nothing, only formatting does.
    signature:   the maker's, of the UID; b"" where the chip has none, as an EV1.
    default_key: what the keys of a new application are.
    """

    uid: bytes
    generation: Generation = Generation.EV2
    settings: int = FACTORY_SETTINGS
    master_key: Key = DES_ZERO
    default_key: Key = AES_ZERO
    applications: Mapping[int, Application] = {}
    used_bytes: int = 0
    random_uid: bool = False
    format_disabled: bool = False
    signature: bytes = b""

    def __post_init__(self) -> None:
        if len(self.uid) != UID_BYTES:
            raise ValueError(f"a DESFire's UID has {UID_BYTES} bytes")

    @property
    def free_bytes(self) -> int:
        """What is left for applications and files."""
        return EEPROM_BYTES - self.used_bytes

    def version_frames(self) -> tuple[bytes, bytes, bytes]:
        """Return the three frames of GetVersion: hardware, software, this card."""
        software = 0x01 if self.generation is Generation.EV1 else 0x02
        made = bytes.fromhex("BA5EBA11AA 42 26")  # batch, week, year
        return (
            bytes((0x04, 0x01, 0x01, self.generation, 0x00, 0x1A, 0x05)),
            bytes((0x04, 0x01, 0x01, software, 0x01, 0x1A, 0x05)),
            (bytes(UID_BYTES) if self.random_uid else self.uid) + made,
        )


def application_bytes(keys: int) -> int:
    """Return what an application takes of the EEPROM."""
    return _blocks(BLOCK_BYTES + keys * KEY_BYTES)


def file_bytes(file: File) -> int:
    """Return what a file takes of the EEPROM, its mirror included."""
    match file:
        case DataFile():
            return _blocks(len(file.content)) * (2 if file.backup else 1)
        case ValueFile():
            return 2 * BLOCK_BYTES
        case RecordFile():
            return _blocks(file.record_bytes * file.records_max) + BLOCK_BYTES


def _blocks(count: int) -> int:
    return -(-count // BLOCK_BYTES) * BLOCK_BYTES


def allocated(memory: Memory, count: int) -> int:
    """Return ``used_bytes`` after taking ``count`` more. Raises StatusError OUT_OF_EEPROM."""
    require(count <= memory.free_bytes, Status.OUT_OF_EEPROM)
    return memory.used_bytes + count
