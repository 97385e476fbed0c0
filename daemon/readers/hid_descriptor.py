"""Report descriptors of HID devices: where a scanner's reports keep a scan. Pure.

A descriptor is a row of items that a parser carries out one after the other. A *global* item sets
what holds from then on (the usage page, how many bits a value has, how many values there are), a
*local* one names what the next field is for (its usages), and a *main* item makes the field itself
or opens and closes a collection. So where a field lies in its report is the sum of all fields that
stand before it under the same report number:

    05 8C  09 02  A1 01   Usage Page (Bar Code Scanner), Usage (scanner), Collection (application)
    85 02  75 08          Report ID 2, Report Size 8: the number is byte 0, values are bytes
    95 03  09 FB 09 FC 09 FD  81 02     three values, Input: bytes 1 to 3, the AIM identifier
    95 38  09 FE  82 02 01              56 values, Input: bytes 4 to 59, the data of a scan
    75 01  95 01  09 FF  81 02          one bit, Input: bit 0 of byte 60: the scan goes on
    C0                                  the collection ends

Makers order these fields as they like and put others between them, so they are found by their
usages. The same bytes within another device's collection, or as data of an item, mean nothing.

Source: Device Class Definition for HID 1.11, 6.2.2; HID Point of Sale Usage Tables 1.02, 3.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from daemon.readers.errors import ReaderDeniedError

DESCRIPTOR_BYTES_MAX = 4096  # HID_MAX_DESCRIPTOR_SIZE of Linux
REPORT_BYTES_MAX = 16384  # HID_MAX_BUFFER_SIZE
SCANNER_PAGE = 0x8C
AIM_BYTES = 3

_BYTE_COUNT = 0x0001_003B  # Generic Desktop; usages with their page in front
_IDENTIFIERS = (0x008C_00FB, 0x008C_00FC, 0x008C_00FD)
_DATA, _CONTINUED = 0x008C_00FE, 0x008C_00FF
_WANTED = (_BYTE_COUNT, *_IDENTIFIERS, _DATA, _CONTINUED)

_LONG_ITEM = 0xFE
_BYTES_BY_SIZE = (0, 1, 2, 4)
_KIND, _SIZE = 0xFC, 0x03  # of an item's first byte
_LOCAL = 0x08  # in the bits 0x0C of a kind
_APPLICATION = 0x01
_CONSTANT = 0x01


class _Kind(IntEnum):
    """The first byte of an item, its size aside."""

    INPUT = 0x80
    OUTPUT = 0x90
    FEATURE = 0xB0
    COLLECTION = 0xA0
    END_COLLECTION = 0xC0
    USAGE_PAGE = 0x04
    REPORT_SIZE = 0x74
    REPORT_ID = 0x84
    REPORT_COUNT = 0x94
    PUSH = 0xA4
    POP = 0xB4
    USAGE = 0x08
    USAGE_MINIMUM = 0x18
    USAGE_MAXIMUM = 0x28
    DELIMITER = 0xA8


_MAIN = (_Kind.INPUT, _Kind.OUTPUT, _Kind.FEATURE, _Kind.COLLECTION, _Kind.END_COLLECTION)


class DescriptorError(ReaderDeniedError):
    """The device is no scanner in HID POS mode; it has to be set to that."""

    code = "reader.no-scanner"


class Field(NamedTuple):
    """``values`` values of ``bits`` bits each, from bit ``at`` of a report on."""

    at: int
    bits: int
    values: int

    def value(self, report: bytes) -> int:
        """Return all of the field as one number, the first bit lowest."""
        first, end = self.at // 8, -(-(self.at + self.bits * self.values) // 8)
        whole = int.from_bytes(report[first:end], "little") >> self.at % 8
        return whole & ((1 << self.bits * self.values) - 1)

    def content(self, report: bytes) -> bytes:
        """Return the field of a report as bytes."""
        return self.value(report).to_bytes(self.bits * self.values // 8, "little")


class ScanLayout(NamedTuple):
    """Where a scan lies in the report that carries it.

    number:      the report's, which is its first byte; 0 where the device does not number them.
    size:        bytes of a whole report; a device may send more, which say nothing.
    data:        whole bytes.
    identifiers: three bytes of AIM identifier in all, or none.
    length:      how many bytes of data count; None where the rest is only filled with zeros.
    continued:   the scan goes on in the next report; None where none ever does.
    """

    number: int
    size: int
    data: Field
    identifiers: tuple[Field, ...] = ()
    length: Field | None = None
    continued: Field | None = None


class _Item(NamedTuple):
    kind: int
    value: int


class _Globals(NamedTuple):
    page: int = 0
    bits: int = 0
    values: int = 0
    number: int = 0


class _Locals:
    """What the next main item is for: usages, as ranges of first and last."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []
        self._minimum: int | None = None
        self._in_set = self._set_has_one = False

    def take(self, item: _Item) -> None:
        """Take in a local item. Of the alternatives in a delimited set the first one counts."""
        if item.kind == _Kind.USAGE_MINIMUM:
            self._minimum = item.value
        elif item.kind == _Kind.USAGE:
            self._add(item.value, item.value)
        elif item.kind == _Kind.USAGE_MAXIMUM and self._minimum is not None:
            self._add(self._minimum, max(self._minimum, item.value))
            self._minimum = None
        elif item.kind == _Kind.DELIMITER:
            self._in_set, self._set_has_one = item.value == 1, False

    def _add(self, first: int, last: int) -> None:
        if not (self._in_set and self._set_has_one):
            self.ranges.append((first, last))
        self._set_has_one = True

    def under(self, page: int) -> list[tuple[int, int]]:
        """Return the ranges with their page in front; one of four bytes may have its own."""
        return [
            (first, last) if first > 0xFFFF else (page << 16 | first, page << 16 | last & 0xFFFF)
            for first, last in self.ranges
        ]


def scan_layout(descriptor: bytes) -> ScanLayout:
    """Return where the reports of a scanner in HID POS mode keep a scan.

    Raises: DescriptorError for any other device, and for what is no report descriptor.
    """
    if len(descriptor) > DESCRIPTOR_BYTES_MAX:
        raise DescriptorError(
            f"the device's report descriptor is longer than {DESCRIPTOR_BYTES_MAX} bytes"
        )
    parser = _Parser()
    for item in _items(descriptor):
        parser.take(item)
    return parser.layout()


def _items(descriptor: bytes) -> Iterator[_Item]:
    """Yield the short items; long ones are skipped, for none is defined."""
    at = 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == _LONG_ITEM:
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        size = _BYTES_BY_SIZE[prefix & _SIZE]
        end = at + 1 + size
        if end > len(descriptor):
            raise DescriptorError("the device's report descriptor is cut short")
        yield _Item(prefix & _KIND, int.from_bytes(descriptor[at + 1 : end], "little"))
        at = end


class _Parser:
    """Carries items out and keeps the fields that a scan is made of, by report number."""

    def __init__(self) -> None:
        self._globals = _Globals()
        self._saved: list[_Globals] = []
        self._locals = _Locals()
        self._depth = 0
        self._is_scanner = False
        self._ends: dict[int, int] = {}
        self._fields: dict[int, dict[int, Field]] = {}

    def take(self, item: _Item) -> None:
        if item.kind in _MAIN:
            self._main(item)
            self._locals = _Locals()
        elif item.kind & 0x0C == _LOCAL:
            self._locals.take(item)
        else:
            self._global(item)

    def _global(self, item: _Item) -> None:
        match item.kind:
            case _Kind.USAGE_PAGE:
                self._globals = self._globals._replace(page=item.value & 0xFFFF)
            case _Kind.REPORT_SIZE:
                self._globals = self._globals._replace(bits=item.value)
            case _Kind.REPORT_ID:
                self._globals = self._globals._replace(number=item.value & 0xFF)
            case _Kind.REPORT_COUNT:
                self._globals = self._globals._replace(values=item.value)
            case _Kind.PUSH:
                self._saved.append(self._globals)
            case _Kind.POP:
                if not self._saved:
                    raise DescriptorError(
                        "the device's report descriptor takes back what it never saved"
                    )
                self._globals = self._saved.pop()
            case _:
                pass  # limits and units change nothing about where a field lies

    def _main(self, item: _Item) -> None:
        if item.kind == _Kind.COLLECTION:
            if not self._depth:
                ranges = self._locals.under(self._globals.page)
                is_page = bool(ranges) and ranges[0][0] >> 16 == SCANNER_PAGE
                self._is_scanner = is_page and item.value == _APPLICATION
            self._depth += 1
        elif item.kind == _Kind.END_COLLECTION:
            self._depth -= 1
            if self._depth < 0:
                raise DescriptorError("the device's report descriptor ends what never began")
        elif item.kind == _Kind.INPUT:
            self._input(is_constant=bool(item.value & _CONSTANT))

    def _input(self, *, is_constant: bool) -> None:
        now = self._globals
        begin = self._ends.get(now.number, 8 if now.number else 0)
        end = begin + now.bits * now.values
        if end > REPORT_BYTES_MAX * 8:
            raise DescriptorError(f"the device's reports are longer than {REPORT_BYTES_MAX} bytes")
        self._ends[now.number] = end
        if self._depth and self._is_scanner and not is_constant:
            fields = self._fields.setdefault(now.number, {})
            for usage, field in _placed(self._locals.under(now.page), begin, now.bits, now.values):
                fields.setdefault(usage, field)

    def layout(self) -> ScanLayout:
        """Return the layout of the first report that has data of a scan."""
        for number, fields in self._fields.items():
            data = fields.get(_DATA)
            if data is not None and data.bits % 8 == 0:
                return ScanLayout(
                    number,
                    -(-self._ends[number] // 8),
                    data,
                    _identifiers(fields),
                    fields.get(_BYTE_COUNT),
                    fields.get(_CONTINUED),
                )
        raise DescriptorError("the device is no scanner in HID POS mode: its reports hold no scan")


def _identifiers(fields: dict[int, Field]) -> tuple[Field, ...]:
    """Return the fields of an AIM identifier; what is no three bytes is a maker's own code."""
    found = tuple(fields[usage] for usage in _IDENTIFIERS if usage in fields)
    is_bytes = all(field.bits == 8 for field in found)
    return found if is_bytes and sum(field.values for field in found) == AIM_BYTES else ()


def _placed(
    ranges: list[tuple[int, int]], begin: int, bits: int, values: int
) -> Iterator[tuple[int, Field]]:
    """Yield the wanted usages and their fields: one value each, the last one all that are left."""
    before = 0
    for index, (first, last) in enumerate(ranges):
        for usage in _WANTED if bits else ():
            place = before + usage - first
            if first <= usage <= last and place < values:
                is_last = index == len(ranges) - 1 and usage == last
                left = values - place if is_last else 1
                yield usage, Field(begin + place * bits, bits, left)
        before += last - first + 1
