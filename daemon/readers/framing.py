"""Frames out of a serial byte stream. Pure: feed bytes, take frames, in whatever chunks."""

from enum import Enum
from typing import TypeAlias

import msgspec

FRAME_BYTES_MAX = 4096
_CR, _LF, _TAB, _STX, _ETX = 0x0D, 0x0A, 0x09, 0x02, 0x03


class Terminator(Enum):
    """What ends a scan.

    LINE:    CR, LF or CR LF (one scan, not two: an empty frame is none).
    TAB:     a tabulator; a CR or LF behind it belongs to it.
    STX_ETX: a scan stands between STX and ETX; anything outside them is garbage.
    GAP:     silence, for scanners that send no suffix at all.
    """

    LINE = "line"
    TAB = "tab"
    STX_ETX = "stx-etx"
    GAP = "gap"


class Garbage(msgspec.Struct, frozen=True):
    """Bytes that are no frame, dropped whole. ``reason`` is a sentence and quotes none of them."""

    reason: str


Frames: TypeAlias = list[bytes | Garbage]
"""What a decoder made of some bytes: frames of 1 to FRAME_BYTES_MAX bytes, and what was none."""

_ENDS = {
    Terminator.LINE: (_CR, _LF),
    Terminator.TAB: (_TAB, _CR, _LF),
    Terminator.STX_ETX: (_ETX,),
    Terminator.GAP: (),
}
_BETWEEN = (_CR, _LF, 0x00)  # what may stand between ETX and STX without being garbage
TOO_LONG = Garbage(f"longer than {FRAME_BYTES_MAX} bytes: is the suffix set right?")
_NO_PREFIX = Garbage("without the prefix that is configured")
_OUTSIDE = Garbage("outside STX and ETX: is the scanner set to send them?")
CUT_OFF = Garbage("cut off: the rest of the scan never came")


class Framer:
    """Cuts a byte stream into frames of 1 to FRAME_BYTES_MAX bytes, affixes taken off.

    A longer frame is dropped whole and reported once. The result does not depend on how the
    stream was chunked.
    """

    def __init__(self, terminator: Terminator, *, prefix: bytes = b"") -> None:
        self._terminator = terminator
        self._ends = _ENDS[terminator]
        self._prefix = prefix
        self._buffer = bytearray()
        self._inside = terminator is not Terminator.STX_ETX
        self._spoilt: Garbage | None = None

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._buffer) or self._spoilt is not None

    def receive(self, data: bytes) -> Frames:
        """Return what ``data`` completes."""
        out: Frames = []
        for byte in data:
            if self._terminator is Terminator.STX_ETX and byte == _STX:
                if self.pending:
                    out += self._drop()
                self._start(inside=True)
            elif byte in self._ends and self._inside:
                out += self._finish()
            elif self._inside or byte not in _BETWEEN:
                self._push(byte)
        return out

    def gap(self) -> Frames:
        """Return what a long silence ends: the frame, or a half one as garbage.

        A half frame must not wait for the next scan, or the two would be read as one.
        """
        if not self.pending:
            return []
        if self._terminator is Terminator.GAP:
            return self._finish()
        return self._drop()

    def spoil(self, garbage: Garbage) -> None:
        """Turn the frame that is under way, up to its end, into ``garbage``."""
        self._spoilt = self._spoilt or garbage

    def _push(self, byte: int) -> None:
        if len(self._buffer) == FRAME_BYTES_MAX:
            self.spoil(TOO_LONG)
        if not self._spoilt:
            self._buffer.append(byte)

    def _drop(self) -> Frames:
        garbage = self._spoilt or (CUT_OFF if self._inside else _OUTSIDE)
        self._start(inside=self._terminator is not Terminator.STX_ETX)
        return [garbage]

    def _start(self, *, inside: bool) -> None:
        self._buffer.clear()
        self._spoilt = None
        self._inside = inside

    def _finish(self) -> Frames:
        frame, spoilt = bytes(self._buffer), self._spoilt
        self._start(inside=self._terminator is not Terminator.STX_ETX)
        if spoilt:
            return [spoilt]
        if not frame:
            return []
        if not frame.startswith(self._prefix):
            return [_NO_PREFIX]
        content = frame[len(self._prefix) :]
        return [content] if content else []
