"""What a ``[[reader]]`` table of the configuration says, one struct a kind."""

from typing import Literal

import msgspec

from card_formats.credential import Medium


class PcscSettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="pcsc",
):
    """A contactless reader behind pcscd.

    device: a part of the name that ``pcsc_scan`` shows; the reader's serial number stands in it.
            Empty takes any reader that no other table names.
    """

    name: str
    device: str = ""


class SerialSettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="serial",
):
    r"""A scanner, stripe reader or keypad on a serial port, USB (CDC-ACM) or RS-232.

    device: a stable path, ``/dev/serial/by-id/…``.
    medium: what it takes in: ``barcode stripe typed``.
    suffix: what ends a scan (``daemon.readers.framing.Terminator``).
    prefix: what begins one, or "".
    gap_s:  silence in the middle of a scan that ends it.
    """

    name: str
    device: str
    medium: Medium = Medium.BARCODE
    baud: int = 9600
    byte_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    suffix: Literal["line", "tab", "stx-etx", "gap"] = "line"
    prefix: str = ""
    gap_s: float = 0.5

    def __post_init__(self) -> None:
        if self.medium is Medium.CHIP:
            raise ValueError("medium is barcode, stripe or typed: chips are read by kind pcsc")


class SimulatedSettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="simulated",
):
    """A reader that ``input.simulate`` plays; ``device`` is what it plays."""

    name: str
    device: Literal["chip", "scanner", "stripe", "keypad"]


ReaderSettings = PcscSettings | SerialSettings | SimulatedSettings
