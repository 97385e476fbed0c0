"""Passes on what readers report as events, and keeps what each of them was shown last."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, assert_never

import msgspec

from card_formats import registry
from card_formats.credential import Credential, Medium, Shown, mask
from card_formats.errors import CardFormatError, UnknownFormatError
from daemon.base.clock import Clock
from daemon.base.ids import NO_PRESENTATION, PresentationId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError, misread, refusal_of
from daemon.pos.claims import Claims
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
from daemon.sale.recognition import Recognition

SEEN_S_MAX = 2.0
_ABSENT = ReaderState.ABSENT
CAUSED: dict[str, Callable[[ReaderEvent], bool]] = {
    **dict.fromkeys(
        ("present", "scan", "swipe", "type"),
        lambda event: isinstance(event, Presented | Unreadable),
    ),
    "remove": lambda event: isinstance(event, Removed),
    "unplug": lambda event: isinstance(event, StateChanged) and event.state is _ABSENT,
    "plug": lambda event: isinstance(event, StateChanged) and event.state is not _ABSENT,
}
"""The events that tell of what was played at a simulated reader; what is not here has none."""


class Waiting(msgspec.Struct):
    """What was shown at a reader, or why it is nobody's card. ``event_id`` told of it.

    credential:   of what was shown, where it was recognised for the event already.
    taken:        a POS has asked for it.
    presentation: what a POS was told it is, or "".
    """

    shown: Shown | RefusedError
    event_id: str
    until_s: float
    credential: Credential | None = None
    taken: bool = False
    presentation: PresentationId = NO_PRESENTATION


class Expected(NamedTuple):
    """Somebody waits for an event at ``reader`` that ``fits``."""

    reader: str
    fits: Callable[[ReaderEvent], bool]
    told: asyncio.Event


class Inputs:
    """Follows the readers' events. ``states`` are the supervisor's, by reader.

    One input waits at each reader: a newer one takes its place, a chip waits while it lies
    there, anything else for ``ttl_s``.
    """

    def __init__(
        self,
        events: EventRing,
        recognition: Recognition,
        clock: Clock,
        states: dict[str, ReaderState],
        claims: Claims,
        *,
        ttl_s: float,
    ) -> None:
        self._events = events
        self._recognition = recognition
        self._clock = clock
        self._states = states
        self._claims = claims
        self._ttl_s = ttl_s
        self._waiting: dict[str, Waiting] = {}
        self._lying: set[str] = set()  # readers whose chip was presented and not removed yet
        self._expected: list[Expected] = []

    async def run(self, queue: asyncio.Queue[ReaderEvent]) -> None:
        """Publish every event until cancelled."""
        while True:
            event = await queue.get()
            self.publish(event)
            queue.task_done()
            if isinstance(event, Overflow):
                continue
            for expected in self._expected:
                if event.reader == expected.reader and expected.fits(event):
                    expected.told.set()

    @asynccontextmanager
    async def seen(self, reader: str, do: str) -> AsyncIterator[None]:
        """Play ``do`` at ``reader`` in the block; leave it when the till has seen what it causes.

        After SEEN_S_MAX it is left all the same: some bytes cause nothing.
        """
        is_absent = self._states.get(reader) is _ABSENT
        as_it_was = (do == "plug" and not is_absent) or (do == "unplug" and is_absent)
        fits = None if as_it_was else CAUSED.get(do)
        if fits is None:
            yield
            return
        expected = Expected(reader, fits, asyncio.Event())
        self._expected.append(expected)
        try:
            yield
            with suppress(TimeoutError):
                async with asyncio.timeout(SEEN_S_MAX):
                    await expected.told.wait()
        finally:
            self._expected.remove(expected)

    def publish(self, event: ReaderEvent) -> None:
        """Tell the POS of one event."""
        match event:
            case Presented():
                self._presented(event)
            case Removed(reader):
                self._waiting.pop(reader, None)
                self._left(reader)
            case Unreadable(reader, reason):
                self._refused(reader, reason, misread(reason))
            case StateChanged(reader, state, detail):
                if state in (ReaderState.ABSENT, ReaderState.DENIED, ReaderState.STUCK):
                    self._waiting.pop(reader, None)
                if state in (ReaderState.ABSENT, ReaderState.DENIED):
                    self._left(reader)
                self._events.publish("reader.state", reader=reader, state=state, detail=detail)
            case Overflow(lost):
                self._events.publish("overflow", lost=lost)
            case _:
                assert_never(event)

    def expire(self) -> None:
        """Forget input whose time has run out, and say so if no POS had asked for it."""
        now_s = self._clock.monotonic_s()
        for reader, waiting in list(self._waiting.items()):
            if waiting.until_s > now_s:
                continue
            del self._waiting[reader]
            if not waiting.taken and isinstance(waiting.shown, Shown):
                medium, input_id = waiting.shown.medium, waiting.event_id
                self._publish_input("input.expired", reader, medium=medium, input_id=input_id)

    def check_known(self, reader: str) -> None:
        """Raise ParamError for a reader that the configuration does not have."""
        if reader not in self._states:
            known = ", ".join(sorted(self._states)) or "none"
            raise ParamError("reader", f"there is no reader {reader!r}; configured: {known}")

    def last_shown(self, reader: str) -> tuple[Shown, Waiting]:
        """Return what was shown at ``reader`` last; from now on it counts as taken.

        Raises: ParamError as `check_known`; RefusedError NO_HARDWARE for a reader that is not
                there, TIMEOUT for one that hangs, NO_CARD when nothing was shown, it has waited
                too long, or its sale is done; and what is wrong with what was shown last: the card
                before it is forgotten.
        """
        self.check_known(reader)
        state = self._states[reader]
        if state in (ReaderState.ABSENT, ReaderState.DENIED):
            raise RefusedError(
                ErrorCode.NO_HARDWARE, f"Reader {reader!r} is {state}.", reader=reader
            )
        if state is ReaderState.STUCK:
            raise RefusedError(
                ErrorCode.TIMEOUT, f"Reader {reader!r} does not answer.", reader=reader
            )
        self.expire()
        waiting = self._waiting.get(reader)
        if waiting is None:
            raise RefusedError(ErrorCode.NO_CARD, f"Show a card at {reader!r}.", reader=reader)
        waiting.taken = True
        if isinstance(waiting.shown, RefusedError):
            raise waiting.shown
        lies_there = waiting.shown.medium is Medium.CHIP
        if not lies_there and self._recognition.is_used(waiting.presentation):
            raise RefusedError(
                ErrorCode.NO_CARD, f"Its sale is done; show a card at {reader!r}.", reader=reader
            )
        return waiting.shown, waiting

    def _presented(self, event: Presented) -> None:
        shown, reader = event.shown, event.reader
        if event.duplicate:
            self._publish_input("scan.duplicate", reader, medium=shown.medium)
            return
        try:
            credential = self._recognition.recognise(shown)
        except UnknownFormatError:
            self._not_ours(shown, reader)
        except CardFormatError as error:
            self._refused(reader, error.message, refusal_of(error))
        else:
            self._card_presented(shown, reader, credential)

    def _refused(self, reader: str, reason: str, refusal: RefusedError) -> None:
        event_id = self._publish_input("scan.unreadable", reader, reason=reason)
        self._waiting[reader] = Waiting(refusal, event_id, self._clock.monotonic_s() + self._ttl_s)

    def _not_ours(self, shown: Shown, reader: str) -> None:
        if shown.medium is not Medium.BARCODE:
            self._card_presented(shown, reader, None)
            return
        reading = registry.decode(shown)  # a product: the till has one scanner for both
        self._waiting.pop(reader, None)
        fields = {"symbology": reading.symbology, "aim": reading.aim, "text": reading.text}
        if reading.composite:
            fields["composite"] = reading.composite
        if reading.undecoded:
            fields["bytes"] = reading.undecoded.hex().upper()
        self._publish_input("scan", reader, **fields)

    def _card_presented(self, shown: Shown, reader: str, credential: Credential | None) -> None:
        fields: dict[str, Any] = {"medium": shown.medium, "card": ""}
        if credential is not None:
            fields |= {"card": mask(credential.value), "trust": credential.trust}
        event_id = self._publish_input("card.presented", reader, **fields)
        stays = shown.medium is Medium.CHIP  # until it is taken away
        if stays:
            self._lying.add(reader)
        until_s = math.inf if stays else self._clock.monotonic_s() + self._ttl_s
        self._waiting[reader] = Waiting(shown, event_id, until_s, credential)

    def _left(self, reader: str) -> None:
        if reader in self._lying:  # a torn card may be found gone twice
            self._lying.remove(reader)
            self._publish_input("card.removed", reader)

    def _publish_input(self, event_type: str, reader: str, **fields: Any) -> str:
        claim = self._claims.of(reader)
        event = self._events.publish(event_type, reader=reader, claim=claim, **fields)
        event_id: str = event["event_id"]
        return event_id
