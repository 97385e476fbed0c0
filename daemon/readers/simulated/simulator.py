"""Plays the simulated readers: what ``input.simulate`` asks for is done to them here."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from card_formats.credential import Medium
from card_formats.errors import CardFormatError
from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.readers import Reader
from daemon.readers.hid import hidraw_reader, keyboard_reader
from daemon.readers.reader_settings import (
    HidrawSettings,
    KeyboardSettings,
    SerialSettings,
    SimulatedSettings,
)
from daemon.readers.serial_port import SerialReader
from daemon.readers.simulated.cable import Cable
from daemon.readers.simulated.chip_reader import Field, SimulatedChipReader
from daemon.readers.simulated.pseudo_terminal import Terminal
from daemon.readers.simulated.sample_cards import PlayedCard, SampleCard, TokenCard
from daemon.readers.simulated.wires import (
    POS_DESCRIPTOR,
    as_keys,
    as_line,
    as_magtek,
    as_msr605,
    as_pos_reports,
    as_resent,
    as_ssi,
)

DATA_BYTES_MAX = 8192
Action = Callable[[SampleCard | None, bytes], None]
"""What is done with the card named and the raw data given; either may be missing."""


class Device(Protocol):
    """One simulated device and what can be done to it."""

    reader: Reader
    actions: dict[str, Action]

    def close(self) -> None:
        """Take the device off the machine."""
        ...


class ChipDevice:
    """A chip reader. ``data`` of ``present`` is a UID, that of ``tear`` a number of exchanges."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._field = Field()
        self.reader: Reader = SimulatedChipReader(name, clock, self._field)
        self.actions: dict[str, Action] = {
            "present": self._present,
            "remove": lambda card, data: self._remove(),
            "tear": lambda card, data: self._card().tear(int(data or b"0")),
            "hang": lambda card, data: self._card().hang(),
            "unplug": lambda card, data: self._field.plug(plugged=False),
            "plug": lambda card, data: self._field.plug(plugged=True),
        }

    def _present(self, card: SampleCard | None, data: bytes) -> None:
        if not self._field.plugged:
            raise RefusedError(ErrorCode.NO_HARDWARE, "The simulated reader is unplugged.")
        uid = data or (card.uid if card else b"")
        if not uid:
            raise ValueError("this card has no chip")
        model = card.model if card and not data else None
        self._field.put(PlayedCard(model or TokenCard(uid, card.atr if card else b"")))

    def _card(self) -> PlayedCard:
        if self._field.card is None:
            raise RefusedError(ErrorCode.NO_CARD, "No card lies on the simulated reader.")
        return self._field.card

    def _remove(self) -> None:
        self._card()
        self._field.remove()

    def close(self) -> None:
        """Take the card away; let a thread that hangs on it go."""
        self._field.plug(plugged=False)


class Port(Protocol):
    """The device's end of a wire."""

    def plug(self) -> None:
        """Appear."""
        ...

    def unplug(self) -> None:
        """Vanish."""
        ...

    def send(self, data: bytes) -> None:
        """Write ``data`` at once. Raises RefusedError when unplugged or not read from."""
        ...


class FrameDevice:
    """A scanner, stripe reader or keypad; ``verb`` is what is done with it.

    shows:  the field of a sample card that it takes in.
    encode: makes the pieces that it writes.
    """

    def __init__(self, kind: "Kind", reader: Reader, port: Port) -> None:
        self.reader = reader
        self._kind = kind
        self._port = port
        self._sent: list[bytes] = []
        port.plug()
        self.actions: dict[str, Action] = {
            kind.verb: self._send,
            "unplug": lambda card, data: port.unplug(),
            "plug": lambda card, data: port.plug(),
        }
        if kind.encode is as_ssi:
            self.actions["resend"] = lambda card, data: self._resend()

    def _send(self, card: SampleCard | None, data: bytes) -> None:
        content = data or (getattr(card, self._kind.shows) if card else b"")
        if not content:
            what = "number to type" if self._kind.medium is Medium.TYPED else self._kind.shows
            raise ValueError(f"this card has no {what}; give data")
        try:
            self._sent = self._kind.encode(content)
        except UnicodeDecodeError as error:
            raise ValueError("data: a keyboard types text, and these bytes are no UTF-8") from error
        except CardFormatError as error:
            raise ValueError(f"data: {error}") from error
        for piece in self._sent:
            self._port.send(piece)

    def _resend(self) -> None:
        """Send the last packet again, as a scanner does that missed the answer to it."""
        if not self._sent:
            raise ValueError("nothing was sent yet")
        self._port.send(as_resent(self._sent[-1]))

    def close(self) -> None:
        """Take the device off the machine."""
        self._port.unplug()


class Kind(NamedTuple):
    """What a simulated reader of frames is."""

    wire: Literal["lines", "ssi", "msr605", "keyboard", "pos", "magtek"]
    verb: str
    shows: str
    medium: Medium
    encode: Callable[[bytes], list[bytes]]


KINDS = {
    "scanner": Kind("lines", "scan", "barcode", Medium.BARCODE, as_line),
    "stripe": Kind("lines", "swipe", "stripe", Medium.STRIPE, as_line),
    "keypad": Kind("lines", "type", "typed", Medium.TYPED, as_line),
    "ssi-scanner": Kind("ssi", "scan", "barcode", Medium.BARCODE, as_ssi),
    "keyboard-scanner": Kind("keyboard", "scan", "barcode", Medium.BARCODE, as_keys),
    "keyboard-stripe": Kind("keyboard", "swipe", "stripe", Medium.STRIPE, as_keys),
    "pos-scanner": Kind("pos", "scan", "barcode", Medium.BARCODE, as_pos_reports),
    "magtek-stripe": Kind("magtek", "swipe", "stripe", Medium.STRIPE, as_magtek),
    "msr605-stripe": Kind("msr605", "swipe", "stripe", Medium.STRIPE, as_msr605),
}


def frame_device(kind: Kind, name: str, clock: Clock, path: Path) -> FrameDevice:
    """Make a device of ``kind`` and the real reader at its wire's other end."""
    medium, cable = kind.medium, Cable()
    match kind.wire:
        case "lines" | "ssi" | "msr605" as protocol:
            serial = SerialSettings(name=name, device=str(path), medium=medium, protocol=protocol)
            return FrameDevice(kind, SerialReader(serial, clock), Terminal(path))
        case "keyboard":
            typing = KeyboardSettings(name=name, device=name, medium=medium)
            return FrameDevice(kind, keyboard_reader(typing, clock, cable.open), cable)
        case "pos" | "magtek" as report:
            reporting = HidrawSettings(name=name, device=name, medium=medium, report=report)
            reader = hidraw_reader(reporting, clock, cable.open, lambda fd: POS_DESCRIPTOR)
            return FrameDevice(kind, reader, cable)


class Simulator:
    """All simulated devices of a till. ``cards`` may change while it runs (a phone's code does).

    Close it, or its pseudo-terminals stay behind.
    """

    def __init__(self, cards: Mapping[str, SampleCard], clock: Clock) -> None:
        self.cards = cards
        self._clock = clock
        self._directory = Path(tempfile.mkdtemp(prefix="tillcard-simulated-"))
        self._devices: dict[str, Device] = {}

    def reader(self, settings: SimulatedSettings) -> Reader:
        """Make the device that ``settings`` describes; return the reader that reads it."""
        name = settings.name
        device: Device
        if settings.device == "chip":
            device = ChipDevice(name, self._clock)
        else:
            kind = KINDS[settings.device]
            device = frame_device(kind, name, self._clock, self._directory / name)
        self._devices[name] = device
        return device.reader

    @property
    def actions(self) -> dict[str, tuple[str, ...]]:
        """What can be done, by reader."""
        return {name: tuple(device.actions) for name, device in self._devices.items()}

    def do(self, reader: str, do: str, card: str = "", data: str = "") -> None:
        """Play one action.

        do:     ``present remove scan swipe type tear hang unplug plug resend``, as the reader
                allows.
        card:   the name of a sample card. data: what to send instead, as text or ``hex:…``; a
                line device ends it with CR unless it ends in a line end.
        Raises: ValueError for what makes no sense, in words for the caller; RefusedError
                ``no_hardware``, ``no_card``, ``busy`` for what makes none now.
        """
        device = self._devices.get(reader)
        if device is None:
            raise ValueError(f"no simulated reader {reader!r}; there are {_listed(self._devices)}")
        action = device.actions.get(do)
        if action is None:
            raise ValueError(f"{reader} cannot {do!r}; it can {_listed(device.actions)}")
        if card and card not in self.cards:
            raise ValueError(f"no sample card {card!r}; there are {_listed(self.cards)}")
        if do == "present" and data and not data.startswith("hex:"):
            raise ValueError("data: a UID is bytes; write it such as hex:04112233445566")
        action(self.cards[card] if card else None, parse_data(data))

    def close(self) -> None:
        """Take every device off the machine."""
        for device in self._devices.values():
            device.close()
        shutil.rmtree(self._directory, ignore_errors=True)


def _listed(names: Mapping[str, object]) -> str:
    return " ".join(names) or "none"


def parse_data(data: str) -> bytes:
    """Return the bytes that ``data`` stands for: ``hex:…`` or text. Raises ValueError."""
    raw = bytes.fromhex(data.removeprefix("hex:")) if data.startswith("hex:") else data.encode()
    if len(raw) > DATA_BYTES_MAX:
        raise ValueError(f"data is longer than {DATA_BYTES_MAX} bytes")
    return raw
