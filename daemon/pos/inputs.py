"""What readers report, told to the POS; and what was shown at each of them last."""

import asyncio
from typing import assert_never

from card_formats import registry
from card_formats.credential import Medium, Shown, mask
from card_formats.errors import BankCardError, CardFormatError, UnknownFormatError
from daemon.checkout import Checkout
from daemon.clock import Clock
from daemon.errors import ErrorCode, RefusedError
from daemon.pos.events import EventRing
from daemon.readers import (
    Overflow,
    Presented,
    ReaderEvent,
    ReaderState,
    Removed,
    StateChanged,
    Unreadable,
)
from daemon.shelf import Shelf

INPUT_TTL_S = 900
READERS_MAX = 64


class Inputs:
    """Follows the readers' events. ``states`` are the supervisor's, by reader."""

    def __init__(
        self,
        events: EventRing,
        checkout: Checkout,
        clock: Clock,
        states: dict[str, ReaderState],
    ) -> None:
        self._events = events
        self._checkout = checkout
        self._states = states
        self._shown: Shelf[Shown] = Shelf(clock, ttl_s=INPUT_TTL_S, size_max=READERS_MAX)

    async def run(self, queue: asyncio.Queue[ReaderEvent]) -> None:
        """Publish every event until cancelled."""
        while True:
            self.publish(await queue.get())

    def publish(self, event: ReaderEvent) -> None:
        """Tell the POS of one event."""
        match event:
            case Presented():
                self._presented(event)
            case Removed(reader):
                self._shown.drop(reader)
                self._events.publish("card.removed", reader=reader)
            case Unreadable(reader, reason):
                self._events.publish("scan.unreadable", reader=reader, reason=reason)
            case StateChanged(reader, state, detail):
                self._events.publish("reader.state", reader=reader, state=state, detail=detail)
            case Overflow(lost):
                self._events.publish("overflow", lost=lost)
            case _:
                assert_never(event)

    def last_shown(self, reader: str) -> Shown:
        """Return what was shown at ``reader`` last.

        Raises: RefusedError NO_HARDWARE for a reader that is not there, TIMEOUT for one that
                hangs, NO_CARD when nothing was shown.
        """
        state = self._states.get(reader)
        if state is None:
            known = ", ".join(sorted(self._states)) or "none"
            raise RefusedError(
                ErrorCode.NO_HARDWARE,
                f"There is no reader {reader!r}; configured: {known}.",
                reader=reader,
            )
        if state in (ReaderState.ABSENT, ReaderState.DENIED):
            raise RefusedError(
                ErrorCode.NO_HARDWARE, f"Reader {reader!r} is {state}.", reader=reader
            )
        if state is ReaderState.STUCK:
            raise RefusedError(
                ErrorCode.TIMEOUT, f"Reader {reader!r} does not answer.", reader=reader
            )
        shown = self._shown.get(reader)
        if shown is None:
            raise RefusedError(ErrorCode.NO_CARD, f"Show a card at {reader!r}.", reader=reader)
        return shown

    def _presented(self, event: Presented) -> None:
        shown, reader = event.shown, event.reader
        if event.duplicate:
            self._events.publish("scan.duplicate", reader=reader, medium=shown.medium)
            return
        try:
            credential = self._checkout.recognise(shown)
        except BankCardError as error:
            self._events.publish("scan.unreadable", reader=reader, reason=error.message)
        except UnknownFormatError:
            self._not_ours(shown, reader)
        except CardFormatError as error:
            self._events.publish("scan.unreadable", reader=reader, reason=error.message)
        else:
            self._shown.put(reader, shown)
            self._events.publish(
                "card.presented",
                reader=reader,
                medium=shown.medium,
                card=mask(credential.value),
                trust=credential.trust,
            )

    def _not_ours(self, shown: Shown, reader: str) -> None:
        if shown.medium is not Medium.BARCODE:
            self._shown.put(reader, shown)
            self._events.publish("card.presented", reader=reader, medium=shown.medium, card="")
            return
        reading = registry.decode(shown)  # a product: the till has one scanner for both
        self._shown.drop(reader)
        self._events.publish(
            "scan", reader=reader, symbology=reading.symbology, aim=reading.aim, text=reading.text
        )
