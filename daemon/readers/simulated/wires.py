"""What simulated scanners and stripe readers put on their wires: the decoders' other ends.

Each function takes what the device has read and returns the pieces that it writes.
"""

from card_formats.stripe.bits import encode_track
from card_formats.stripe.magtek import encode_report
from card_formats.stripe.tracks import split_tracks
from card_formats.symbology.aim import split_identifier
from daemon.readers.device_file import CHUNK_BYTES_MAX
from daemon.readers.hid_reports import POS_DATA_BYTES_MAX, SCANNED_DATA
from daemon.readers.keyboard import (
    EV_KEY,
    EV_SYN,
    EVENT,
    LEFT_ALT,
    LEFT_CTRL,
    LEFT_SHIFT,
    PRESSED,
    RELEASED,
    RIGHT_ALT,
    SYN_REPORT,
)
from daemon.readers.keyboard_layouts import DEAD, KEYPAD_KEYS, LAYOUTS, Layout
from daemon.readers.msr605 import END, START, TRACK_START
from daemon.readers.ssi import (
    AIM_BY_TYPE,
    CHECKSUM_BYTES,
    CONTINUES,
    DECODE_DATA,
    RETRANSMIT,
    SCANNER,
    checksum,
    encode_packet,
)

_LINE_ENDS = (b"\r", b"\n")
_SSI_DATA_BYTES_MAX = 250
_KEY_BY_DIGIT = {char: code for code, char in KEYPAD_KEYS.items() if char.isdigit()}
_LEADING_ZEROS = "0" * 12
_SPACE = 57
_KEY_BY_CONTROL = {"\r": 28, "\n": 28, "\t": 15, " ": _SPACE}
_SYNCHRONISED = EVENT.pack(0, 0, EV_SYN, SYN_REPORT, 0)


def as_line(content: bytes) -> list[bytes]:
    """End ``content`` with CR, unless it ends in a line end."""
    return [content if content.endswith(_LINE_ENDS) else content + b"\r"]


def as_ssi(content: bytes) -> list[bytes]:
    """Return SSI packets; an AIM identifier becomes the scanner's own code where it has one."""
    aim, _, _ = split_identifier(content.decode("ascii", "replace"))
    kinds = [kind for kind, of_kind in AIM_BY_TYPE.items() if aim and of_kind == aim]
    data, kind = (content[len(aim) :], kinds[0]) if kinds else (content, 0)
    pieces = _cut(data, _SSI_DATA_BYTES_MAX)
    last = len(pieces) - 1
    return [
        encode_packet(
            DECODE_DATA,
            bytes((kind,)) + piece,
            source=SCANNER,
            status=CONTINUES if index < last else 0,
        )
        for index, piece in enumerate(pieces)
    ]


def as_resent(packet: bytes) -> bytes:
    """Return an SSI packet as it is sent again."""
    body = packet[:3] + bytes((packet[3] | RETRANSMIT,)) + packet[4:-CHECKSUM_BYTES]
    return body + checksum(body)


def as_pos_reports(content: bytes) -> list[bytes]:
    """Return HID POS reports, the identifier taken out of ``content`` into each."""
    aim, _, _ = split_identifier(content.decode("ascii", "replace"))
    head = aim.encode() or bytes(3)
    pieces = _cut(content[len(aim) :], POS_DATA_BYTES_MAX)
    last = len(pieces) - 1
    return [
        bytes((SCANNED_DATA, len(piece)))
        + head
        + piece.ljust(POS_DATA_BYTES_MAX, b"\0")
        + bytes((0, 0, int(index < last)))
        for index, piece in enumerate(pieces)
    ]


def as_magtek(content: bytes) -> list[bytes]:
    """Return the one report of a swipe. Raises ValueError for what is no swipe."""
    tracks = split_tracks(content.decode("ascii", "replace"))
    texts = [tracks.get(name) for name in ("track1", "track2", "track3")]
    framed = [f"{s}{t}?".encode() if t else b"" for s, t in zip("%;;", texts, strict=True)]
    unread = tuple(index for index, text in enumerate(texts) if text == "E")
    return [encode_report((framed[0], framed[1], framed[2]), unread)]


def as_msr605(content: bytes) -> list[bytes]:
    """Return the block of raw tracks of a swipe. Raises ValueError for what is no swipe."""
    tracks = split_tracks(content.decode("ascii", "replace"))
    block = START
    for number, name in enumerate(("track1", "track2", "track3"), start=1):
        text = tracks.get(name, "")
        bits = _LEADING_ZEROS + encode_track(text, name) if text else ""
        raw = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))
        block += TRACK_START + bytes((number, len(raw))) + raw
    return [block + END + b"0"]


def as_keys(content: bytes, layout: str = "us") -> list[bytes]:
    """Return the key events that type ``content`` (UTF-8) and Enter.

    What the layout does not have is typed as an Alt code, as scanners do. Raises ValueError for
    what has no Alt code either, or is not UTF-8.
    """
    text = content.decode("utf-8").rstrip("\r\n") + "\r"
    events = b"".join(_strokes(char, layout) for char in text)
    return _cut(events, CHUNK_BYTES_MAX // EVENT.size * EVENT.size)


def _strokes(char: str, name: str) -> bytes:
    layout = LAYOUTS[name]
    if char in _KEY_BY_CONTROL:
        return _stroke(_KEY_BY_CONTROL[char])
    levels = ((layout.plain, ()), (layout.shift, (LEFT_SHIFT,)), (layout.altgr, (RIGHT_ALT,)))
    for keys, modifiers in levels:
        for code, printed in keys.items():
            if printed == char:
                return _stroke(code, *modifiers)
            if DEAD.get(printed) == char:
                return _stroke(code, *modifiers) + _stroke(_SPACE)
    return _control(char) or _alt_code(ord(char), layout)


def _control(char: str) -> bytes:
    """Return Ctrl with the key for a control character, b"" for any other."""
    for code, letter in LAYOUTS["us"].plain.items():
        if ord(char) < 0x20 and letter.upper() == chr(ord(char) + 0x40):
            return _stroke(code, LEFT_CTRL)
    return b""


def _alt_code(number: int, layout: Layout) -> bytes:
    encoded = chr(number).encode(layout.ansi, "ignore")
    if not encoded and number < 256:  # such a number would be taken for one of the code page
        raise ValueError(f"a scanner with this layout cannot type {chr(number)!r}")
    digits = f"0{encoded[0]}" if encoded else str(number)
    strokes = b"".join(_stroke(_KEY_BY_DIGIT[digit]) for digit in digits)
    return _press(LEFT_ALT) + strokes + _release(LEFT_ALT)


def _stroke(code: int, *modifiers: int) -> bytes:
    down = b"".join(map(_press, modifiers))
    return down + _press(code) + _release(code) + b"".join(map(_release, modifiers))


def _press(code: int) -> bytes:
    return EVENT.pack(0, 0, EV_KEY, code, PRESSED) + _SYNCHRONISED


def _release(code: int) -> bytes:
    return EVENT.pack(0, 0, EV_KEY, code, RELEASED) + _SYNCHRONISED


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)] or [b""]
