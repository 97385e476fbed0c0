"""The kinds of readers there are. One line a kind, here and in ``ReaderSettings``."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from daemon.base.clock import Clock
from daemon.readers import Reader
from daemon.readers.hid import hidraw_reader, keyboard_reader
from daemon.readers.pcsc import PcscReader, PcscWatch
from daemon.readers.reader_settings import (
    HidrawSettings,
    KeyboardSettings,
    PcscSettings,
    ReaderSettings,
    SerialSettings,
    SimulatedSettings,
)
from daemon.readers.serial_port import SerialReader
from daemon.readers.simulated.simulator import Simulator


class ReaderContext(NamedTuple):
    """What the readers of one process share."""

    clock: Clock
    watch: PcscWatch
    simulator: Simulator


# Each value takes the key's settings; a table cannot say so to the type checker.
READER_KINDS: dict[type, Callable[[Any, ReaderContext], Reader]] = {
    PcscSettings: lambda settings, around: PcscReader(settings, around.clock, around.watch),
    SerialSettings: lambda settings, around: SerialReader(settings, around.clock),
    KeyboardSettings: lambda settings, around: keyboard_reader(settings, around.clock),
    HidrawSettings: lambda settings, around: hidraw_reader(settings, around.clock),
    SimulatedSettings: lambda settings, around: around.simulator.reader(settings),
}


def check_together(settings: Sequence[ReaderSettings]) -> None:
    """Raise ValueError when two readers have one name, or one real device."""
    names = [reader.name for reader in settings]
    devices = [reader.device for reader in settings if not isinstance(reader, SimulatedSettings)]
    for relation, values in (("called", names), ("on", devices)):
        twice = sorted({value for value in values if value and values.count(value) > 1})
        if twice:
            raise ValueError(f"two readers are {relation} {', '.join(twice)}")


def build_readers(
    settings: Sequence[ReaderSettings], clock: Clock, simulator: Simulator
) -> list[Reader]:
    """Make the configured readers; ``check_together`` has passed them."""
    around = ReaderContext(clock, PcscWatch(), simulator)
    return [READER_KINDS[type(reader)](reader, around) for reader in settings]
