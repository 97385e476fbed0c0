"""What a ``[[reader]]`` table of the configuration says, one struct a kind."""

from typing import Literal

import msgspec

from card_formats.credential import Medium
from card_formats.symbology.eci import ENCODING_DEFAULT, ENCODINGS
from daemon.readers.framing import Framer, Terminator

GAP_S, SWIPE_GAP_S = 0.5, 0.1
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
"""The speeds that scanners can be set to."""


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
    pass_through: how it hands native commands to a tag, for tags with a password; "": not at all.
    """

    name: str
    device: str = ""
    pass_through: Literal["", "acr122", "pcsc"] = ""


class FrameSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every reader that sends frames is told.

    device:  a path that stays the same when the device is plugged in again.
    medium:  what it takes in: ``barcode stripe typed``.
    gs_text: what the scanner sends in place of the separator GS (1D), such as ``<GS>``, or "".
    encoding: what a scanner's codes are written in that do not say it themselves, one of ENCODINGS;
             what is not written in it is read as Latin-1.
    gap_s:   silence in the middle of a frame that ends it; None is GAP_S, or SWIPE_GAP_S for a
             swipe, whose end only silence tells: its tracks may come on lines of their own.
    duplicate_window_s: the same code within it is marked as a duplicate; 0 marks none.
    """

    name: str
    device: str
    medium: Medium = Medium.BARCODE
    gs_text: str = ""
    encoding: str = ENCODING_DEFAULT
    gap_s: float | None = None
    duplicate_window_s: float = 0.5

    def __post_init__(self) -> None:
        if self.medium is Medium.CHIP:
            raise ValueError("medium: write barcode, stripe or typed: chips are read by kind pcsc")
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding: must be one of {', '.join(ENCODINGS)}")
        if self.encoding != ENCODING_DEFAULT and self.medium is not Medium.BARCODE:
            raise ValueError('encoding: goes with medium = "barcode"')
        if self.silence_s <= 0:
            raise ValueError("gap_s: must be above 0")
        if self.duplicate_window_s < 0:
            raise ValueError("duplicate_window_s: must be 0 or more")

    @property
    def silence_s(self) -> float:
        """How long a silence ends a frame."""
        default_s = SWIPE_GAP_S if self.medium is Medium.STRIPE else GAP_S
        return default_s if self.gap_s is None else self.gap_s


class LineSettings(FrameSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reader that sends characters with something that ends each scan.

    suffix: what ends a scan (``daemon.readers.framing.Terminator``); a swipe ends at silence.
    prefix: what begins one, or "".
    """

    suffix: Literal["line", "tab", "stx-etx", "gap"] = "line"
    prefix: str = ""

    def framer(self) -> Framer:
        """Return what cuts its bytes into scans."""
        suffix = "gap" if self.medium is Medium.STRIPE else self.suffix
        return Framer(Terminator(suffix), prefix=self.prefix.encode())


class SerialSettings(
    LineSettings,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="serial",
):
    """A scanner, stripe reader or keypad on a serial port, USB (CDC-ACM) or RS-232.

    device:   ``/dev/serial/by-id/…``.
    protocol: ``lines``, ``ssi`` for a Zebra scanner set to SSI, ``msr605`` for such a stripe
              reader. The latter two have no suffix.
    """

    protocol: Literal["lines", "ssi", "msr605"] = "lines"
    baud: int = 9600
    byte_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow: Literal["none", "rtscts", "xonxoff"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol == "msr605" and self.medium is not Medium.STRIPE:
            raise ValueError('protocol: "msr605" goes with medium = "stripe"')
        if self.protocol == "ssi" and self.medium is not Medium.BARCODE:
            raise ValueError('protocol: "ssi" goes with medium = "barcode"')
        if self.baud not in BAUDS:
            raise ValueError(f"baud: must be one of {', '.join(map(str, BAUDS))}")


class KeyboardSettings(
    LineSettings,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="keyboard",
):
    """A scanner, stripe reader or keypad that types. Its keys reach nobody else while we run.

    device: ``/dev/input/by-id/…-event-kbd``.
    layout: the keyboard that the scanner is set to, whatever the desktop's is.
    """

    layout: Literal["us", "de", "fr", "be", "gb", "ua"] = "us"


class HidrawSettings(
    FrameSettings,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="hidraw",
):
    """A scanner in HID POS mode, or a MagTek stripe reader in HID mode: it sends reports.

    device: ``/dev/tillcard/…``, which our udev rule makes: the kernel numbers them as they come.
    """

    report: Literal["pos", "magtek"] = "pos"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.report == "magtek") != (self.medium is Medium.STRIPE):
            raise ValueError('report: "magtek" goes with medium = "stripe", "pos" with the others')


class SimulatedSettings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="simulated",
):
    """A reader that ``input.simulate`` plays; ``device`` is what it plays.

    A ``scanner``, ``stripe`` reader and ``keypad`` send lines over a serial port; the others are
    what their names say, on the wire that the real ones have.
    """

    name: str
    device: Literal[
        "chip",
        "scanner",
        "stripe",
        "keypad",
        "ssi-scanner",
        "keyboard-scanner",
        "keyboard-stripe",
        "pos-scanner",
        "magtek-stripe",
        "msr605-stripe",
    ]


ReaderSettings = (
    PcscSettings | SerialSettings | KeyboardSettings | HidrawSettings | SimulatedSettings
)
