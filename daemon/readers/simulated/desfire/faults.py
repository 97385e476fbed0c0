"""What can happen to a card on a counter: torn away, unheard, late, silent. And what was said."""

import threading
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from daemon.readers.errors import CardLostError
from daemon.readers.simulated.cards import CardModel


class Fault(StrEnum):
    """What goes wrong with one exchange.

    TORN_BEFORE:  the card is gone before the command reaches it. TORN_AFTER: the command has its
                  effect, then the card is gone. Either way it has no power until ``reset``.
    ANSWER_LOST:  the command has its effect, the answer is lost in the field, the card stays.
    LATE_BEFORE:  the command is held up until ``release``. LATE_AFTER: the answer is.
    """

    TORN_BEFORE = "torn_before"
    TORN_AFTER = "torn_after"
    ANSWER_LOST = "answer_lost"
    LATE_BEFORE = "late_before"
    LATE_AFTER = "late_after"


class Exchange(msgspec.Struct, frozen=True):
    """One APDU and what came back; None when nothing did."""

    command: bytes
    answer: bytes | None


class FaultyCard:
    """A card with a misfortune planned for its n-th APDU, the first being 1. A CardModel itself.

    faults:    what goes wrong, by the number of the APDU; ``count`` is how many there have been.
    exchanges: all of them, the latest last.
    held:      set while one is late. A late exchange blocks its thread until ``release``, for
               ever if that never comes.
    """

    def __init__(self, model: CardModel, faults: Mapping[int, Fault] | None = None) -> None:
        self.atr = model.atr
        self.exchanges: list[Exchange] = []
        self.held = threading.Event()
        self._model = model
        self._faults = dict(faults or {})
        self._torn = False
        self._released = threading.Event()

    @property
    def count(self) -> int:
        """How many APDUs the reader has sent."""
        return len(self.exchanges)

    def plan(self, fault: Fault, *, after_exchanges: int = 0) -> None:
        """Let ``fault`` happen to the next exchange, or after so many more."""
        self._faults[self.count + after_exchanges + 1] = fault

    def release(self) -> None:
        """Let a late exchange go on, and every later one."""
        self._released.set()

    def reset(self) -> None:
        """Take the power away and give it back; a torn card is in the field again."""
        self._torn = False
        self._model.reset()

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU. Raises CardLostError when torn, or when the answer is lost."""
        fault = self._faults.pop(self.count + 1, None)
        self._torn = self._torn or fault is Fault.TORN_BEFORE
        answer = None
        if not self._torn:
            self._hold(fault is Fault.LATE_BEFORE)
            answer = self._model.transmit(command)
            self._hold(fault is Fault.LATE_AFTER)
        self._torn = self._torn or fault is Fault.TORN_AFTER
        if self._torn or fault is Fault.ANSWER_LOST:
            answer = None
        self.exchanges.append(Exchange(command, answer))
        if answer is None:
            raise CardLostError("the card left, or its answer was lost")
        return answer

    def _hold(self, late: bool) -> None:
        if late:
            self.held.set()
            self._released.wait()
            self.held.clear()
