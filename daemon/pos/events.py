"""What happens at the till, numbered and kept for a while, so that a client can catch up.

The ring is every client's queue: a client is a cursor in it, and costs no memory however slow
it is. One that falls behind the ring is told by an ``overflow`` event how many it lost.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from daemon.base.clock import Clock
from daemon.pos.claims import Claim
from daemon.pos.envelope import Notification, line_of

EVENTS_KEPT_MAX = 10_000
EVENT_BYTES_MAX = 64 * 1024
EVENTS_PER_WRITE_MAX = 64
INPUT_TYPES = frozenset(
    {
        "card.presented",
        "card.removed",
        "scan",
        "scan.duplicate",
        "scan.unreadable",
        "input.expired",
    }
)
"""Events that are input of a reader: a claim keeps them from others, a one-shot client acks them.
"""


class Kept(NamedTuple):
    """An event in the ring. ``claim`` held on its reader when it came, if it is input."""

    seq: int
    event_id: str
    line: bytes
    is_input: bool
    claim: Claim | None


class EventRing:
    """The last events, of which the newest is ``seq``. Used from the event loop's thread only.

    boot_id:   names this run of the daemon, within which ``seq`` counts from 1.
    listeners: called after each event, in no order; they must not block.
    """

    def __init__(self, clock: Clock, boot_id: str, *, kept_max: int = EVENTS_KEPT_MAX) -> None:
        assert kept_max > 0
        self.boot_id = boot_id
        self.seq = 0
        self.listeners: set[Callable[[], None]] = set()
        self._clock = clock
        self._kept: deque[Kept] = deque(maxlen=kept_max)

    @property
    def first_seq(self) -> int:
        """The oldest event that is still kept; ``seq + 1`` when there is none."""
        return self.seq - len(self._kept) + 1

    def publish(
        self,
        event_type: str,
        /,
        *,
        reader: str | None = None,
        claim: Claim | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Give an event its number, keep it and tell all subscribers; the oldest makes room.

        claim:   the client that alone shall have it, for input of a claimed reader.
        fields:  whatever else JSON can carry; numbers of cards are masked by the caller.
        Returns: the event as the clients get it.
        """
        is_input = event_type in INPUT_TYPES
        assert claim is None or is_input
        self.seq += 1
        event_id = f"{self.boot_id}-{self.seq}"
        event = self._event(self.seq, event_id, event_type, reader, fields)
        line = line_of(Notification("event", event))
        assert len(line) <= EVENT_BYTES_MAX  # readers bound what they report far below it
        self._kept.append(Kept(self.seq, event_id, line, is_input, claim))
        for listener in self.listeners:
            listener()
        return event

    def after(self, next_seq: int) -> list[Kept]:
        """Return the events from ``next_seq`` on, at most EVENTS_PER_WRITE_MAX."""
        first_seq = self.first_seq
        assert next_seq >= first_seq
        until_seq = min(self.seq + 1, next_seq + EVENTS_PER_WRITE_MAX)
        return [self._kept[seq - first_seq] for seq in range(next_seq, until_seq)]

    def overflow(self, *, lost: int, last_lost_seq: int) -> bytes:
        """Return the notification for one client that ``lost`` events are gone for it.

        It bears the number of the last one lost, so that the numbers a client sees rise by one.
        """
        event_id = f"{self.boot_id}-{last_lost_seq}-overflow"
        event = self._event(last_lost_seq, event_id, "overflow", None, {"lost": lost})
        return line_of(Notification("event", event))

    def _event(
        self, seq: int, event_id: str, event_type: str, reader: str | None, fields: dict[str, Any]
    ) -> dict[str, Any]:
        at = self._clock.now().isoformat(timespec="milliseconds")
        fixed = {"seq": seq, "event_id": event_id, "at": at, "reader": reader, "type": event_type}
        assert not fixed.keys() & fields.keys()
        return fixed | fields


class Cursor:
    """Where one client stands in the ring: ``next_seq`` is the first event it has not got."""

    def __init__(
        self,
        ring: EventRing,
        client: object,
        from_seq: int | None,
        boot_id: str | None,
        *,
        one_shot: bool = False,
    ) -> None:
        """Stand before ``from_seq``, or behind the newest event when it is None.

        A number of another run of the daemon (by its ``boot_id``, or because this run has not
        come so far) means that the client knows nothing of this run: it gets all of it.
        client:   whose claims are its own.
        one_shot: after each input, the next one and all behind it wait for ``acknowledge``.
        """
        self._ring = ring
        self._client = client
        self._begun_seq = ring.seq
        self._one_shot = one_shot
        self._unacknowledged = ""
        other_run = boot_id not in (None, ring.boot_id)
        if from_seq is None:
            self.next_seq = ring.seq + 1
        elif other_run or from_seq > ring.seq + 1:
            self.next_seq = 1
        else:
            self.next_seq = from_seq

    def take(self) -> bytes:
        """Return the next notifications, some lines at a time; b"" when there are none."""
        lost = self._ring.first_seq - self.next_seq
        if lost > 0 and self._unacknowledged:
            return b""  # more will be lost until it is acknowledged: they are told at once
        if lost > 0:
            self.next_seq += lost
            return self._ring.overflow(lost=lost, last_lost_seq=self.next_seq - 1)
        lines: list[bytes] = []
        while not lines and (kept := self._ring.after(self.next_seq)):
            for event in kept:
                if not self._is_hidden(event):
                    if event.is_input and self._unacknowledged:
                        return b"".join(lines)
                    lines.append(event.line)
                    if event.is_input and self._one_shot:
                        self._unacknowledged = event.event_id
                self.next_seq += 1
        return b"".join(lines)

    def acknowledge(self, event_id: str) -> bool:
        """Let the next input come; return False when it does not wait for ``event_id``."""
        if not event_id or event_id != self._unacknowledged:
            return False
        self._unacknowledged = ""
        return True

    def _is_hidden(self, event: Kept) -> bool:
        """Whether the event is another client's.

        What came while another held the reader stays hidden from everyone who was there; a
        client that subscribes after the claim is over may be that very client, come back.
        """
        if event.claim is None or event.claim.holder is self._client:
            return False
        return event.seq > self._begun_seq or not event.claim.is_over
