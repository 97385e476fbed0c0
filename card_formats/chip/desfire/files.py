"""DESFire's files: kinds, access rights, and the bytes that create and describe them."""

import struct
from enum import IntEnum

import msgspec

from card_formats.chip.desfire.wire import CommMode
from card_formats.errors import CardFormatError

FREE, NEVER = 0xE, 0xF
_MODES = {int(mode): mode for mode in CommMode}
_VALUE = struct.Struct("<iiiB")
_LIMITED_CREDIT, _FREE_GET_VALUE = 0x01, 0x02


class FileKind(IntEnum):
    """The kinds of file by their number in GetFileSettings."""

    STANDARD = 0
    BACKUP = 1
    VALUE = 2
    LINEAR = 3
    CYCLIC = 4


_KINDS = {int(kind): kind for kind in FileKind}


class Rights(msgspec.Struct, frozen=True):
    """Which key may do what: a key's number, FREE or NEVER.

    On a value file ``read`` may debit too; only ``read_write`` may credit.
    """

    read: int
    write: int
    read_write: int
    change: int

    def encode(self) -> bytes:
        """Return the two bytes of the wire."""
        assert all(0 <= key <= 0xF for key in (self.read, self.write, self.read_write, self.change))
        return bytes((self.read_write << 4 | self.change, self.read << 4 | self.write))

    @classmethod
    def decode(cls, raw: bytes) -> "Rights":
        """Read two bytes."""
        return cls(raw[1] >> 4, raw[1] & 0xF, raw[0] >> 4, raw[0] & 0xF)


class DataFile(msgspec.Struct, frozen=True, tag=True):
    """Bytes without structure; a backup file takes part in transactions, a standard file does not.

    options: what a card says of secure dynamic messaging and further rights, not taken apart.
    """

    mode: CommMode
    rights: Rights
    size: int
    is_backup: bool
    options: bytes = b""


class ValueFile(msgspec.Struct, frozen=True, tag=True):
    """One signed number of 32 bits between two limits.

    value: at creation the first value; in what a card answers, the limited credit left.
    """

    mode: CommMode
    rights: Rights
    lower: int
    upper: int
    value: int
    limited_credit: bool
    free_get_value: bool = False


class RecordFile(msgspec.Struct, frozen=True, tag=True):
    """Records of one size. A cyclic file keeps one fewer than ``records_max``.

    records: how many there are now; 0 at creation.
    """

    mode: CommMode
    rights: Rights
    record_bytes: int
    records_max: int
    is_cyclic: bool
    records: int = 0


File = DataFile | ValueFile | RecordFile


def kind_of(file: File) -> FileKind:
    """Return the kind of ``file``."""
    match file:
        case DataFile():
            return FileKind.BACKUP if file.is_backup else FileKind.STANDARD
        case ValueFile():
            return FileKind.VALUE
        case RecordFile():
            return FileKind.CYCLIC if file.is_cyclic else FileKind.LINEAR


def encode_creation(file: File) -> bytes:
    """Return what follows the file's number in the command that creates it."""
    head = bytes((file.mode,)) + file.rights.encode()
    match file:
        case DataFile():
            return head + _uint24(file.size)
        case ValueFile():
            return head + _VALUE.pack(file.lower, file.upper, file.value, _value_flags(file))
        case RecordFile():
            return head + _uint24(file.record_bytes) + _uint24(file.records_max)


def decode_settings(raw: bytes) -> File:
    """Read the answer to GetFileSettings.

    Raises: CardFormatError ``desfire.bad-file``.
    Source: DESFire EV1 data sheet, 9.4.
    """
    if len(raw) < 7 or raw[0] not in _KINDS or raw[1] & 3 not in _MODES:
        raise CardFormatError("desfire.bad-file", f"unknown file settings of {len(raw)} bytes")
    kind, mode, rights, tail = _KINDS[raw[0]], _MODES[raw[1] & 3], raw[2:4], raw[4:]
    if kind in (FileKind.STANDARD, FileKind.BACKUP):
        if bool(raw[1] & ~3) != (len(tail) > 3):  # further bits and further bytes go together
            raise CardFormatError("desfire.bad-file", f"{len(raw)} bytes of settings")
        size, is_backup = int.from_bytes(tail[:3], "little"), kind is FileKind.BACKUP
        return DataFile(mode, Rights.decode(rights), size, is_backup, tail[3:])
    expected = _VALUE.size if kind is FileKind.VALUE else 9
    if len(tail) != expected or raw[1] & ~3:
        raise CardFormatError("desfire.bad-file", f"{len(raw)} bytes of settings")
    if kind is FileKind.VALUE:
        return _decode_value(mode, Rights.decode(rights), tail)
    size, records_max, records = (int.from_bytes(tail[i : i + 3], "little") for i in (0, 3, 6))
    is_cyclic = kind is FileKind.CYCLIC
    return RecordFile(mode, Rights.decode(rights), size, records_max, is_cyclic, records)


def _decode_value(mode: CommMode, rights: Rights, tail: bytes) -> ValueFile:
    lower, upper, value, flags = _VALUE.unpack(tail)
    if flags > 3:
        raise CardFormatError("desfire.bad-file", f"value flags {flags:02X}")
    limited, free = bool(flags & _LIMITED_CREDIT), bool(flags & _FREE_GET_VALUE)
    return ValueFile(mode, rights, lower, upper, value, limited, free)


def _value_flags(file: ValueFile) -> int:
    return file.limited_credit * _LIMITED_CREDIT | file.free_get_value * _FREE_GET_VALUE


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")
