"""The report of a MagTek stripe reader in HID mode (MagTek 99875191, USB swipe reader)."""

from card_formats.errors import CardFormatError
from card_formats.stripe.tracks import SENTINELS, UNREAD

TRACK_BYTES_MAX, TRACKS = 110, 3
REPORT_BYTES = 2 * TRACKS + 1 + TRACKS * TRACK_BYTES_MAX
_DECODE_ERROR = 0x01  # bit 0 of a track's status
_LENGTHS, _DATA = TRACKS, 2 * TRACKS + 1  # three status bytes come first, the encode type sixth


def swipe_of_report(report: bytes) -> bytes:
    """Return the tracks in ``report`` as text with sentinels; ``E`` stands for an unread one.

    report:  337 bytes: three of status, three of length, the encode type, 3 x 110 of data.
    Raises:  CardFormatError ``magtek.bad-length``, ``magtek.empty``.
    """
    if len(report) != REPORT_BYTES:
        raise CardFormatError("magtek.bad-length", f"{len(report)} bytes, {REPORT_BYTES} expected")
    swipe = b"".join(_track(report, index) for index in range(TRACKS))
    if not swipe:
        raise CardFormatError("magtek.empty", "a swipe without any track")
    return swipe


def _track(report: bytes, index: int) -> bytes:
    sentinel, length = SENTINELS[index], report[_LENGTHS + index]
    if report[index] & _DECODE_ERROR or length > TRACK_BYTES_MAX:
        return f"{sentinel}{UNREAD}?".encode()
    begin = _DATA + index * TRACK_BYTES_MAX
    content = report[begin : begin + length]
    # The third track of a MagTek reader starts with ; or +: here it must not pass for the second.
    inner = content[1:] if content[:1] in (b"%", b";", b"+") else content
    return sentinel.encode() + inner.removesuffix(b"?") + b"?" if inner else b""


def encode_report(tracks: tuple[bytes, bytes, bytes], unread: tuple[int, ...] = ()) -> bytes:
    """Return the report of ``tracks``, each with its sentinels or b""; ``unread`` by index.

    Raises: CardFormatError ``track.too-long``.
    """
    if any(len(track) > TRACK_BYTES_MAX for track in tracks):
        raise CardFormatError("track.too-long", f"more than {TRACK_BYTES_MAX} bytes")
    status = bytes(int(index in unread) for index in range(TRACKS))
    lengths = bytes(map(len, tracks))
    return status + lengths + b"\0" + b"".join(t.ljust(TRACK_BYTES_MAX, b"\0") for t in tracks)
