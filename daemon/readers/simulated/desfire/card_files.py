"""The files of an application: what they hold, what may be done to them, what a commit keeps.

All are values: a write returns the file as it will be. Backup, value and record files are written
to a mirror first, and ``settled`` is that mirror once its transaction is committed.
"""

from enum import IntEnum

import msgspec
from msgspec.structs import replace

from daemon.readers.simulated.desfire.status_codes import Status, StatusError, require

FREE, NEVER = 0xE, 0xF
VALUE_MAX = 2**31 - 1


class CommMode(IntEnum):
    """How a command and its answer are protected in a session."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class Rights(msgspec.Struct, frozen=True):
    """Key numbers; FREE for everybody, NEVER for nobody."""

    read: int
    write: int
    read_write: int
    change: int

    @classmethod
    def decode(cls, wire: bytes) -> "Rights":
        """Take the two bytes ``RW<<4|change``, ``R<<4|W``."""
        return cls(wire[1] >> 4, wire[1] & 15, wire[0] >> 4, wire[0] & 15)

    def encode(self) -> bytes:
        """Return the two bytes of GetFileSettings."""
        return bytes((self.read_write << 4 | self.change, self.read << 4 | self.write))


class DataFile(msgspec.Struct, frozen=True, tag="data"):
    """Standard data, written at once, or backup data, written at the commit."""

    mode: CommMode
    rights: Rights
    content: bytes
    backup: bool = False

    def describe(self) -> bytes:
        """Return the answer of GetFileSettings."""
        return _head(0x01 if self.backup else 0x00, self) + _three(len(self.content))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, all that are left for 0."""
        end = offset + length if length else len(self.content)
        require(offset < end <= len(self.content), Status.BOUNDARY)
        return self.content[offset:end]

    def written(self, offset: int, data: bytes) -> "DataFile":
        """Return the file with ``data`` at ``offset``."""
        return replace(self, content=_overwritten(self.content, offset, data))

    def settled(self) -> "DataFile":
        """Return the file once committed."""
        return self


class ValueFile(msgspec.Struct, frozen=True, tag="value"):
    """A signed 32-bit value within its limits.

    limited_credit: how much LimitedCredit may still give back of what was debited last, or might
                    if it were enabled.
    debited:        the sum of this transaction's debits.
    given_back:     whether this transaction used LimitedCredit.
    """

    mode: CommMode
    rights: Rights
    lower: int
    upper: int
    value: int
    limited_credit_enabled: bool = False
    free_get_value: bool = False
    limited_credit: int = 0
    debited: int = 0
    given_back: bool = False

    def describe(self) -> bytes:
        """Return the answer of GetFileSettings."""
        options = self.limited_credit_enabled | self.free_get_value << 1
        numbers = (self.lower, self.upper, self.limited_credit)
        return _head(0x02, self) + b"".join(map(four, numbers)) + bytes((options,))

    def credited(self, amount: int) -> "ValueFile":
        """Return the file with ``amount`` more."""
        return self._changed(amount, amount)

    def debited_by(self, amount: int) -> "ValueFile":
        """Return the file with ``amount`` less."""
        return replace(self._changed(amount, -amount), debited=self.debited + amount)

    def given_back_by(self, amount: int) -> "ValueFile":
        """Return the file with ``amount`` more, of what was debited last; only once."""
        require(self.limited_credit_enabled, Status.PERMISSION_DENIED)
        within = not self.given_back and amount <= self.limited_credit
        require(within, Status.BOUNDARY)
        return replace(self._changed(amount, amount), given_back=True)

    def _changed(self, amount: int, change: int) -> "ValueFile":
        require(amount >= 0, Status.PARAMETER)
        require(self.lower <= self.value + change <= self.upper, Status.BOUNDARY)
        return replace(self, value=self.value + change)

    def settled(self) -> "ValueFile":
        """Return the file once committed."""
        limit = 0 if self.given_back else self.limited_credit
        limit = self.debited or limit
        return replace(self, limited_credit=min(limit, VALUE_MAX), debited=0, given_back=False)


class RecordFile(msgspec.Struct, frozen=True, tag="record"):
    """Records, oldest first. A cyclic file keeps one less than ``records_max``.

    draft:   the record that this transaction writes, if it does.
    cleared: whether this transaction empties the file.
    """

    mode: CommMode
    rights: Rights
    record_bytes: int
    records_max: int
    cyclic: bool
    records: tuple[bytes, ...] = ()
    draft: bytes | None = None
    cleared: bool = False

    def describe(self) -> bytes:
        """Return the answer of GetFileSettings."""
        numbers = (self.record_bytes, self.records_max, len(self.records))
        return _head(0x04 if self.cyclic else 0x03, self) + b"".join(map(_three, numbers))

    def read(self, newest: int, count: int) -> bytes:
        """Return ``count`` records up to the ``newest``-th from the end (0: the last); 0: all."""
        require(newest < len(self.records), Status.BOUNDARY)
        end = len(self.records) - newest
        require(count <= end, Status.BOUNDARY)
        return b"".join(self.records[end - count if count else 0 : end])

    def written(self, offset: int, data: bytes) -> "RecordFile":
        """Return the file with ``data`` in this transaction's record, which starts as zeros."""
        require(not self.cleared, Status.PERMISSION_DENIED)
        require(self.cyclic or len(self.records) < self.records_max, Status.BOUNDARY)
        draft = self.draft if self.draft is not None else bytes(self.record_bytes)
        return replace(self, draft=_overwritten(draft, offset, data))

    def emptied(self) -> "RecordFile":
        """Return the file to be empty after the commit."""
        return replace(self, cleared=True, draft=None)

    def settled(self) -> "RecordFile":
        """Return the file once committed."""
        records = () if self.cleared else self.records
        if self.draft is not None:
            records = (*records, self.draft)
        if self.cyclic:
            records = records[-(self.records_max - 1) :]
        return replace(self, records=records, draft=None, cleared=False)


File = DataFile | ValueFile | RecordFile


def permitted(wanted: tuple[int, ...], mode: CommMode, key_number: int | None) -> CommMode:
    """Return the mode in which a file is accessed under one of the rights ``wanted``.

    A right that is free for all makes the access plain, whatever the file says.
    Raises: StatusError PERMISSION_DENIED if nobody may, AUTHENTICATION if another key may.
    """
    if key_number is not None and key_number in wanted:
        return mode
    if FREE in wanted:
        return CommMode.PLAIN
    nobody = all(right == NEVER for right in wanted)
    raise StatusError(Status.PERMISSION_DENIED if nobody else Status.AUTHENTICATION)


def comm_mode(byte: int) -> CommMode:
    """Return the mode of a communication settings byte."""
    try:
        return CommMode(byte)
    except ValueError:
        raise StatusError(Status.PARAMETER) from None


def four(number: int) -> bytes:
    """Return a signed 32-bit number as on the wire."""
    return number.to_bytes(4, "little", signed=True)


def number_of(wire: bytes) -> int:
    """Return the signed 32-bit number."""
    return int.from_bytes(wire, "little", signed=True)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _head(kind: int, file: File) -> bytes:
    return bytes((kind, file.mode)) + file.rights.encode()


def _overwritten(content: bytes, offset: int, data: bytes) -> bytes:
    require(offset + len(data) <= len(content), Status.BOUNDARY)
    return content[:offset] + data + content[offset + len(data) :]
