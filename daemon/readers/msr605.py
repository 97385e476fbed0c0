"""The MSR605 and its kin: stripe readers that send the bits of the tracks, when asked to. Pure.

Source: MSR605 Programmer's Manual, revision B (2009), section 6, Raw Data Read.
"""

from card_formats.errors import CardFormatError
from card_formats.stripe.bits import decode_track
from card_formats.stripe.tracks import SENTINELS, UNREAD
from daemon.readers.framing import CUT_OFF, Frames, Garbage

READ_RAW = b"\x1bm"  # reads one swipe; asked again after each
START, TRACK_START, END = b"\x1bs", b"\x1b", b"?\x1c\x1b"
STATUS_BYTES = 1
_NAMES = ("track1", "track2", "track3")
_NO_BLOCK = Garbage("no block of raw tracks: is this an MSR605?")
_NO_TRACK = Garbage("no track was read: swipe again")


class Msr605Decoder:
    """Turns blocks of raw tracks into swipes as text; ``E`` stands for a track not read well."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skipping = False
        self._replies = READ_RAW

    @property
    def pending(self) -> bool:
        """Whether a block has begun and not ended."""
        return bool(self._buffer) or self._skipping

    def take_replies(self) -> bytes:
        """Return what the reader is to be asked, once."""
        replies, self._replies = self._replies, b""
        return replies

    def receive(self, data: bytes) -> Frames:
        """Return the swipes that ``data`` completes."""
        if self._skipping:
            return []
        self._buffer += data
        out: Frames = []
        while self._buffer:
            try:
                found = _split_block(self._buffer)
            except CardFormatError:
                self._buffer, self._skipping = b"", True
                return [*out, _NO_BLOCK]
            if found is None:
                break
            tracks, size = found
            self._buffer = self._buffer[size:]
            self._replies = READ_RAW
            swipe = "".join(map(_as_text, _NAMES, SENTINELS, tracks))
            out.append(swipe.encode() if swipe else _NO_TRACK)
        return out

    def gap(self) -> Frames:
        """Drop half a block, and ask for the next swipe."""
        if not self.pending:
            return []
        reported, self._buffer, self._skipping = self._skipping, b"", False
        self._replies = READ_RAW
        return [] if reported else [CUT_OFF]


def _split_block(data: bytes) -> tuple[list[bytes], int] | None:
    """Return the tracks of the block that ``data`` begins with and its size, None if it goes on.

    Raises: CardFormatError ``msr605.bad-block``.
    """
    tracks, at = [], _skip(data, 0, START)
    for number in range(1, len(_NAMES) + 1):
        at = _skip(data, at, TRACK_START + bytes((number,)))
        length = data[at] if at < len(data) else 0
        tracks.append(data[at + 1 : at + 1 + length])
        at += 1 + length
    size = _skip(data, at, END) + STATUS_BYTES
    return (tracks, size) if size <= len(data) else None


def _skip(data: bytes, at: int, mark: bytes) -> int:
    """Return where ``mark`` ends that stands at ``at``, as far as ``data`` reaches."""
    if not mark.startswith(data[at : at + len(mark)]):
        raise CardFormatError("msr605.bad-block", "no block of raw tracks", offset=at)
    return at + len(mark)


def _as_text(name: str, sentinel: str, raw: bytes) -> str:
    if not raw.strip(b"\0"):
        return ""
    try:
        return f"{sentinel}{decode_track(raw, name)}?"
    except CardFormatError:
        return f"{sentinel}{UNREAD}?"
