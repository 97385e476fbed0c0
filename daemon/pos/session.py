"""One client's session: who it is, what it may do, and where it stands in the events."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from daemon.pos.cashier_language import ENGLISH
from daemon.pos.events import Cursor, EventRing
from daemon.pos.peers import Role


@dataclass(eq=False, slots=True)
class Session:
    """What a method's handler knows of its caller; two sessions are never equal.

    terminal: the till that this daemon serves.
    client:   the POS program's own name and version, as ``hello`` gave them, or "".
    language: of the sentences for the cashier, one of ``language.LANGUAGES``.
    token:    what ``hello`` must bring while the role is NOBODY.
    lenient:  whether fields that nobody knows are passed over and named, as ``hello`` asked.
    cursor:   set by ``events.subscribe``; None while the client wants no events.
    peer:     the user it runs as, or that it came over TCP.
    claims:   whether ``exits`` will free the readers it claimed.
    exits:    what is to be undone when the client is gone and its last request has ended:
              ``session.exits.callback(release, reader)``.
    """

    role: Role
    terminal: str
    events: EventRing
    language: str = ENGLISH
    token: str = ""
    lenient: bool = False
    client: str = ""
    peer: str = ""
    cursor: Cursor | None = None
    claims: bool = False
    exits: ExitStack = field(default_factory=ExitStack)

    @property
    def caller(self) -> str:
        """What limits by client know it by, also when it has connected anew."""
        return f"{self.peer}/{self.client}"
