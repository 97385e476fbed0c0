"""``smartcard.scard`` with faults that a virtual reader cannot have: cables, names, rights."""

import threading
from typing import Any

from smartcard import scard

STEP_MS = 20
# A wait lasts so many times longer here: what is not told at once but found by looking again comes
# too late for any test.
WAIT_FACTOR = 20
GONE = scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_CHANGED


class FaultyScard:
    """Every call goes to the real pcscd, except where a fault is set.

    Readers are known by the names that ``show`` gives the real ones; one without is unplugged.
    ``refused`` is what pcscd answers to whoever asks for a context. While ``hung`` is set, no card
    can be connected to. ``let_go_as`` is how the cards were let go, the latest last. The answer to
    the APDU after ``answers_left`` more is lost in the field, once; the card has executed it.
    """

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self.refused = scard.SCARD_S_SUCCESS
        self.hung = threading.Event()
        self.let_go = threading.Event()
        self.let_go_as: list[int] = []
        self.answers_left: int | None = None

    def show(self, real: str, shown: str) -> None:
        """Plug a reader in under a name, or out with ""."""
        names = {name: known for name, known in self._shown.items() if name != real}
        self._shown = {**names, real: shown} if shown else names

    def __getattr__(self, name: str) -> Any:
        return getattr(scard, name)

    def SCardEstablishContext(self, scope: int) -> Any:  # noqa: N802
        return (self.refused, 0) if self.refused else scard.SCardEstablishContext(scope)

    def SCardListReaders(self, context: int, groups: list[str]) -> Any:  # noqa: N802
        code, _ = scard.SCardListReaders(context, groups)
        names = list(self._shown.values())
        if not code and not names:
            code = scard.SCARD_E_NO_READERS_AVAILABLE
        return code, names

    def SCardConnect(self, context: int, reader: str, *rest: int) -> Any:  # noqa: N802
        if self.hung.is_set():
            self.let_go.wait()
        return scard.SCardConnect(context, self._real(reader), *rest)

    def SCardDisconnect(self, card: int, end: int) -> Any:  # noqa: N802
        self.let_go_as.append(end)
        return scard.SCardDisconnect(card, end)

    def SCardTransmit(self, card: int, pci: int, command: list[int]) -> Any:  # noqa: N802
        answer = scard.SCardTransmit(card, pci, command)
        if self.answers_left is None:
            return answer
        is_lost, self.answers_left = not self.answers_left, self.answers_left - 1
        if is_lost:
            self.answers_left = None
        return (scard.SCARD_E_NOT_TRANSACTED, []) if is_lost else answer

    def SCardGetStatusChange(  # noqa: N802
        self, context: int, wait_ms: int, asked: list[tuple[str, int]]
    ) -> Any:
        """Wait in short steps, so that a fault that sets in meanwhile is seen."""
        shown, wait_ms = self._shown, wait_ms * WAIT_FACTOR
        *readers, pnp = asked
        there = [(self._real(name), state) for name, state in readers if name in shown.values()]
        moved_before = {name for name, _ in readers} != set(shown.values())
        while True:
            step_ms = min(wait_ms, STEP_MS)
            code, states = scard.SCardGetStatusChange(context, step_ms, [*there, pnp])
            wait_ms -= step_ms
            plugged = moved_before or self._shown != shown
            if plugged or wait_ms <= 0 or code != scard.SCARD_E_TIMEOUT:
                break
        answers = {shown[name]: (state, atr) for name, state, atr in states[:-1]}
        left = self._shown.values()
        told = [(n, *(answers.get(n, (GONE, [])) if n in left else (GONE, []))) for n, _ in readers]
        return (scard.SCARD_S_SUCCESS if plugged else code), [*told, states[-1]]

    def _real(self, name: str) -> str:
        return next((real for real, shown in self._shown.items() if shown == name), name)
