"""One POS on the line: its requests in, its answers and events out, all within bounds.

Requests of one connection are begun in the order in which they come and run side by side; each
is answered when it is done, under its id. A client that needs an order waits for the answer.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from card_formats.number_ranges import NumberRange
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.pos.dispatch import Method, dispatch
from daemon.pos.envelope import Failure, Notification, line_of
from daemon.pos.errors import ProtocolCode, ProtocolFaultError, fault, refusal
from daemon.pos.events import EventRing
from daemon.pos.lines import LINE_BYTES_MAX, LineBuffer, LineTooLongError
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.pos.session_methods import Greeting

REQUESTS_IN_HAND_MAX = 8
STRANGER_LINE_BYTES_MAX = 4 * 1024
"""A line of a client that has shown no token yet: ``hello`` needs no more."""
WRITE_BUFFER_BYTES_MAX = 64 * 1024

_LOG = logging.getLogger(__name__)


class Service(NamedTuple):
    """What all connections of one server share.

    role_of: gives the role of a new connection, before it has said anything; peer_of: whose it is.
    drain_s: how long an answer may wait for a client that does not read.
    connections_max: of this listener.
    token:   what makes a client of role NOBODY one that may sell.
    hello_s: how long such a client has for it; then it is cut off.
    own:     the shop's card numbers.
    """

    methods: Mapping[str, Method]
    events: EventRing
    greeting: Greeting
    role_of: Callable[[asyncio.Transport], Role]
    drain_s: float
    connections_max: int
    peer_of: Callable[[asyncio.Transport], str] = lambda transport: "tcp"
    token: str = ""
    hello_s: float = 0.0
    own: tuple[NumberRange, ...] = ()


class Connection(asyncio.Protocol):
    """From the greeting to the end of the last request, whatever becomes of the client.

    - REQUESTS_IN_HAND_MAX at once; while there are as many, nothing more is read. Before a token
      was shown: one, of STRANGER_LINE_BYTES_MAX.
    - Over WRITE_BUFFER_BYTES_MAX unread bytes, no request is begun and events wait in the ring;
      if an answer waits longer than ``drain_s``, the connection is cut.
    - A client that stops sending gets its answers, then the connection is closed.
    - When it is gone, what is in hand is finished; what was not begun is dropped.
    """

    def __init__(
        self,
        service: Service,
        tasks: asyncio.TaskGroup,
        admit: Callable[["Connection"], bool],
        gone: Callable[["Connection"], None],
    ) -> None:
        """Begin with a connection that is about to be made.

        tasks: owns the requests in hand.
        admit: False when there is no place for one more.
        gone:  called once, when the client is away and nothing of it is in hand any more.
        """
        self.service = service
        self._tasks = tasks
        self._admit = admit
        self._gone = gone
        self._lines = LineBuffer()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[bytes]] = []
        self._in_hand = 0
        self._listening = True
        self._input_over = False
        self._clogged = False
        self._lost = False
        self._deadline: asyncio.TimerHandle | None = None
        self._hello_deadline: asyncio.TimerHandle | None = None

    # What the transport reports.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client, or refuse it when the connection limit is reached."""
        assert isinstance(transport, asyncio.Transport)
        if not self._admit(self):
            _turn_away(transport, self.service.greeting.language)
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES_MAX)
        service = self.service
        role = service.role_of(transport)
        greeting = service.greeting
        self._session = Session(
            role,
            greeting.terminal,
            service.events,
            greeting.language,
            service.token,
            peer=service.peer_of(transport),
        )
        if role is Role.NOBODY:
            self._lines.bytes_max = STRANGER_LINE_BYTES_MAX
            loop = asyncio.get_running_loop()
            self._hello_deadline = loop.call_later(service.hello_s, self._cut_nobody)
        transport.write(line_of(Notification("greeting", service.greeting)))
        service.events.listeners.add(self._send_events)

    def data_received(self, data: bytes) -> None:
        """Begin what has come in."""
        self._lines.feed(data)
        self._begin_requests()

    def eof_received(self) -> bool:
        """Answer what the client still asked, then close."""
        self._lines.end()
        self._input_over = True
        self._begin_requests()
        self._settle()
        return True  # the answers still go out

    def pause_writing(self) -> None:
        """Take nothing more from a client that does not read its answers."""
        self._clogged = True
        self._listen(False)

    def resume_writing(self) -> None:
        """Go on with a client that has caught up."""
        self._clogged = False
        self._stop_deadline()
        self._send_events()
        self._begin_requests()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the requests in hand go on without the client."""
        self._lost = True
        self._stop_deadline()
        if self._hello_deadline is not None:
            self._hello_deadline.cancel()
        self.service.events.listeners.discard(self._send_events)
        self._lines.clear()
        self._settle()

    # What the server asks.

    @property
    def is_stranger(self) -> bool:
        """Whether it must show a token and has shown none yet."""
        return self._session.role is Role.NOBODY

    @property
    def is_leaving(self) -> bool:
        """Whether nothing more is read from it."""
        return self._input_over

    def turn_away(self) -> None:
        """Say that there are too many, and close; what is in hand is not answered any more."""
        self._write(line_of(_too_many(self.service.greeting.language)))
        self.finish()
        self._transport.close()

    def finish(self) -> None:
        """Begin nothing more; close when what is in hand has been answered."""
        self._lines.clear()
        self._input_over = True
        self._listen(False)
        self._settle()

    def abort(self) -> None:
        """Cancel what is in hand and cut the connection."""
        self._dismiss()
        self._transport.abort()

    # Requests.

    def _begin_requests(self) -> None:
        """Begin what is there and has room; listen for more only if there is room for more."""
        try:
            while self._has_room() and (line := self._lines.take()) is not None:
                self._begin(line)
        except LineTooLongError as error:
            body = fault(ProtocolFaultError(ProtocolCode.INVALID_REQUEST, str(error)))
            self._write(line_of(Failure(None, body)))
            self.finish()
        self._listen(self._has_room())

    def _has_room(self) -> bool:
        # What a stranger sends behind its ``hello`` waits for what becomes of that.
        most = 1 if self._session.role is Role.NOBODY else REQUESTS_IN_HAND_MAX
        return self._in_hand < most and not self._clogged

    def _begin(self, line: bytes) -> None:
        """Hand ``line`` to an idle worker; a new one is only made when all are busy.

        A task for each request would cost more than all the rest of a short request does.
        """
        self._in_hand += 1
        if self._idle:
            self._idle.pop().set_result(line)
            return
        worker = self._tasks.create_task(self._work(line))
        self._workers.add(worker)
        worker.add_done_callback(self._worked)  # also of one that is cancelled before it began

    async def _work(self, line: bytes) -> None:
        """Serve ``line`` and then each that is handed over, until cancelled."""
        loop, service = asyncio.get_running_loop(), self.service
        while True:
            answer = await dispatch(line, service.methods, self._session, service.own)
            if answer:
                self._write(answer)
            if self._session.role is not Role.NOBODY:
                self._lines.bytes_max = LINE_BYTES_MAX
            self._send_events()  # behind the answer to ``events.subscribe``, never before it
            self._in_hand -= 1
            handed: asyncio.Future[bytes] = loop.create_future()
            self._idle.append(handed)
            self._begin_requests()
            self._settle()
            line = await handed

    def _worked(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._settle()

    def _settle(self) -> None:
        """Close when all is said; when the client is away too, let the workers go, then go."""
        if self._lost and not self._workers:
            try:
                self._session.exits.close()
            finally:
                self._gone(self)
        elif self._lost and not self._in_hand:
            self._dismiss()
        elif self._input_over and not self._in_hand and not self._lines:
            self._start_deadline()
            self._transport.close()

    def _dismiss(self) -> None:
        for worker in self._workers:
            worker.cancel()

    # The wire.

    def _send_events(self) -> None:
        cursor = self._session.cursor
        if cursor is None:
            return
        while not (self._clogged or self._transport.is_closing()) and (lines := cursor.take()):
            self._transport.write(lines)

    def _write(self, line: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(line)
        if self._clogged:
            self._start_deadline()

    def _listen(self, listening: bool) -> None:
        listening = listening and not self._input_over
        if listening is self._listening:
            return
        self._listening = listening
        if listening:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _start_deadline(self) -> None:
        if self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self.service.drain_s, self._cut)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        _LOG.warning("client %r does not read its answers; cut off", self._session.client)
        self._transport.abort()

    def _cut_nobody(self) -> None:
        if self._session.role is Role.NOBODY:
            _LOG.warning("a client on the TCP port showed no token; cut off")
            self._transport.abort()


def _turn_away(transport: asyncio.Transport, language: str) -> None:
    """Say that the connection limit is reached and close; nothing is read."""
    transport.set_protocol(asyncio.Protocol())
    transport.write(line_of(_too_many(language)))
    transport.close()


def _too_many(language: str) -> Failure:
    busy = RefusedError(ErrorCode.BUSY, "Too many programs are connected; try again later.")
    return Failure(None, refusal(busy, language))
