"""Faults of a card on a reader (torn, answer lost, late, silent), and a record of exchanges."""

import threading
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from daemon.readers.errors import CardLostError
from daemon.readers.simulated.sample_cards import CardModel, PlayedCard


class Fault(StrEnum):
    """What goes wrong with one exchange.

    TORN_BEFORE:  the card is gone before the command reaches it. TORN_AFTER: the command has its
                  effect, then the card is gone. It comes back as another FaultyCard of the model.
    COMMAND_LOST: the command is lost at the field's edge, the card stays.
    ANSWER_LOST:  the command has its effect, the answer is lost there, the card stays.
    LATE_BEFORE:  the command is held up until ``release``. LATE_AFTER: the answer is.
    """

    TORN_BEFORE = "torn_before"
    TORN_AFTER = "torn_after"
    COMMAND_LOST = "command_lost"
    ANSWER_LOST = "answer_lost"
    LATE_BEFORE = "late_before"
    LATE_AFTER = "late_after"


class Exchange(msgspec.Struct, frozen=True):
    """One APDU and what came back; None when nothing did."""

    command: bytes
    answer: bytes | None


class FaultyCard(PlayedCard):
    """A card in somebody's hand, with a misfortune planned for its n-th APDU, the first being 1.

    faults:    what goes wrong, by the number of the APDU; ``count`` is how many there have been.
    noise:     what becomes of an answer on its way, by the number of its APDU.
    exchanges: all of them, the latest last.
    keeps_power: whether a reset does not reach it: at the field's edge it is lost to the reader
               and comes back as it was, authenticated, with what was written and not committed.
    held:      set while one is late. A late exchange blocks its thread until ``release``, or
               until the card is taken away: without either it never ends.
    """

    def __init__(
        self,
        model: CardModel,
        faults: Mapping[int, Fault] | None = None,
        noise: Mapping[int, Callable[[bytes], bytes]] | None = None,
        *,
        keeps_power: bool = False,
    ) -> None:
        super().__init__(model)
        self.keeps_power = keeps_power
        self._noise = dict(noise or {})
        self.exchanges: list[Exchange] = []
        self.held = threading.Event()
        self._faults = dict(faults or {})
        self._released = threading.Event()
        self._gone = False

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
        """Take the power away and give it back, as far as that reaches the card."""
        if not self.keeps_power:
            super().reset()

    def take_away(self) -> None:
        """Leave the field; an exchange that is late ends."""
        self._gone = True
        self._released.set()
        super().take_away()

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU. Raises CardLostError when torn, or when the answer is lost."""
        fault = self._faults.pop(self.count + 1, None)
        answer = None
        try:
            answer = self._exchange(command, fault)
            return answer
        finally:
            self.exchanges.append(Exchange(command, answer))

    def _exchange(self, command: bytes, fault: Fault | None) -> bytes:
        if fault is Fault.TORN_BEFORE:
            self.take_away()
        if fault is Fault.COMMAND_LOST:
            raise CardLostError("the command was lost")
        self._hold(fault is Fault.LATE_BEFORE)
        answer = super().transmit(command)
        self._hold(fault is Fault.LATE_AFTER)
        if fault is Fault.TORN_AFTER:
            self.take_away()
        if self._gone or fault is Fault.ANSWER_LOST:
            raise CardLostError("the answer was lost")
        garble = self._noise.pop(self.count + 1, None)
        return garble(answer) if garble else answer

    def _hold(self, late: bool) -> None:
        if late:
            self.held.set()
            self._released.wait()
            self.held.clear()
