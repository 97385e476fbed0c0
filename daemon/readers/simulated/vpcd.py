"""A simulated card in a real pcscd, through the virtual reader of vsmartcard (vpcd)."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from daemon.readers.errors import CardLostError
from daemon.readers.simulated.sample_cards import PlayedCard

HOST, FIRST_PORT = "127.0.0.1", 35963
GOODBYE_S = 5.0
_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"


class VpcdCard:
    """``card`` on slot 0 or 1 of the virtual reader, for as long as the context lasts.

    powered: set once pcscd has noticed the card and given it power.
    asked:   set once the first APDU has reached it.
    left:    set once it is out of the field, taken away or torn, and pcscd has noticed; a card
             that came to the slot before that would never be noticed. GOODBYE_S at most.
    """

    def __init__(self, card: PlayedCard, *, slot: int = 0) -> None:
        self.card = card
        self.powered = threading.Event()
        self.asked = threading.Event()
        self.left = threading.Event()
        self._socket = socket.create_connection((HOST, FIRST_PORT + slot))
        self._thread = threading.Thread(target=self._serve, name=f"vpcd-{slot}", daemon=True)

    def __enter__(self) -> "VpcdCard":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()
        self._thread.join()
        self._socket.close()

    def leave(self) -> None:
        """Take the card away."""
        self.card.take_away()
        self._hang_up()

    def _hang_up(self) -> None:
        with suppress(OSError):  # pcscd may have been faster
            self._socket.shutdown(socket.SHUT_WR)

    def _serve(self) -> None:
        try:
            while True:
                answer = self._answer(self._receive())
                if answer is not None:
                    self._socket.sendall(len(answer).to_bytes(2, "big") + answer)
        except (OSError, EOFError, CardLostError):
            self._hang_up()
            self._wait_for_goodbye()
        finally:
            self.left.set()

    def _wait_for_goodbye(self) -> None:
        self._socket.settimeout(GOODBYE_S)
        with suppress(OSError):
            while self._socket.recv(512):
                pass

    def _answer(self, message: bytes) -> bytes | None:
        """Return what goes back. Only these four one-byte messages are vpcd's own.

        Any other is an APDU: cards of the native kind are spoken to in single bytes too.
        """
        if message == _GET_ATR:
            return self.card.atr
        if message in (_POWER_OFF, _POWER_ON, _RESET):
            self.card.reset()
            if message == _POWER_ON:
                self.powered.set()
            return None
        self.asked.set()
        return self.card.transmit(message)

    def _receive(self) -> bytes:
        return self._receive_exactly(int.from_bytes(self._receive_exactly(2), "big"))

    def _receive_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            # Without it each APDU waits 40 ms for a delayed acknowledgement.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
