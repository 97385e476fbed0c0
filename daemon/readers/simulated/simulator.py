"""Plays the simulated readers: what ``input.simulate`` asks for is done to them here."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from card_formats.credential import Medium
from daemon.clock import Clock
from daemon.errors import ErrorCode, RefusedError
from daemon.readers import Reader
from daemon.readers.serial_port import SerialReader
from daemon.readers.settings import SerialSettings, SimulatedSettings
from daemon.readers.simulated.cards import PlayedCard, SampleCard, TokenCard
from daemon.readers.simulated.chip_reader import Field, SimulatedChipReader
from daemon.readers.simulated.terminal import Terminal

DATA_BYTES_MAX = 8192
_LINE_ENDS = (b"\r", b"\n")
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
            raise RefusedError(ErrorCode.NO_HARDWARE, "the simulated reader is unplugged")
        uid = data or (card.uid if card else b"")
        if not uid:
            raise ValueError("this card has no chip")
        self._field.put(PlayedCard(TokenCard(uid, card.atr if card else b"")))

    def _card(self) -> PlayedCard:
        if self._field.card is None:
            raise RefusedError(ErrorCode.NO_CARD, "no card lies on the simulated reader")
        return self._field.card

    def _remove(self) -> None:
        self._card()
        self._field.remove()

    def close(self) -> None:
        """Take the card away; let a thread that hangs on it go."""
        self._field.plug(plugged=False)


class LineDevice:
    """A serial device that sends lines: ``verb`` is what is done with it (scan, swipe, type)."""

    def __init__(
        self, name: str, clock: Clock, path: Path, *, verb: str, medium: Medium, shows: str
    ) -> None:
        self._shows = shows
        self._terminal = Terminal(path)
        self._terminal.plug()
        assert medium is not Medium.CHIP
        settings = SerialSettings(name=name, device=str(path), medium=medium)
        self.reader: Reader = SerialReader(settings, clock)
        self.actions: dict[str, Action] = {
            verb: self._send,
            "unplug": lambda card, data: self._terminal.unplug(),
            "plug": lambda card, data: self._terminal.plug(),
        }

    def _send(self, card: SampleCard | None, data: bytes) -> None:
        content = data or (getattr(card, self._shows) if card else b"")
        if not content:
            raise ValueError(f"this card has no {self._shows} to show")
        self._terminal.send(content if content.endswith(_LINE_ENDS) else content + b"\r")

    def close(self) -> None:
        """Take the device off the machine."""
        self._terminal.unplug()


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
        name, path = settings.name, self._directory / settings.name
        device: Device
        match settings.device:
            case "chip":
                device = ChipDevice(name, self._clock)
            case "scanner":
                device = self._line(name, path, "scan", Medium.BARCODE, "barcode")
            case "stripe":
                device = self._line(name, path, "swipe", Medium.STRIPE, "stripe")
            case "keypad":
                device = self._line(name, path, "type", Medium.TYPED, "typed")
        self._devices[name] = device
        return device.reader

    def _line(self, name: str, path: Path, verb: str, medium: Medium, shows: str) -> Device:
        return LineDevice(name, self._clock, path, verb=verb, medium=medium, shows=shows)

    @property
    def actions(self) -> dict[str, tuple[str, ...]]:
        """What can be done, by reader."""
        return {name: tuple(device.actions) for name, device in self._devices.items()}

    def do(self, reader: str, do: str, card: str = "", data: str = "") -> None:
        """Play one action.

        do:     ``present remove scan swipe type tear hang unplug plug``, as the reader allows.
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
