"""What simulated scanners and stripe readers put on their wires: the decoders' other ends.

Each function takes what the device has read and returns the pieces that it writes.
"""

from card_formats.stripe.bits import encode_track
from card_formats.stripe.magtek import encode_report
from card_formats.stripe.tracks import split_tracks
from card_formats.symbology.aim import split_identifier
from daemon.readers.device_file import CHUNK_BYTES_MAX
from daemon.readers.hid_descriptor import ScanLayout, scan_layout
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

# Report 2 as Access-IS documents it (LSR118, product manual, B.1): 64 bytes, the length, the
# identifier, 56 bytes of data, two that are the maker's, bit 0 of byte 63 for a scan that goes on.
POS_DESCRIPTOR = bytes.fromhex(
    "058C 0902 A101 0912 A102 8502 1500 26FF00 7508 9501 0501 093B 8102"
    "058C 9503 09FB 09FC 09FD 8102 9538 09FE 820201 9502 8103"
    "7501 9501 2501 09FF 8102 9507 8103 C0 C0"
)
POS_LAYOUT = scan_layout(POS_DESCRIPTOR)
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


def as_pos_reports(content: bytes, layout: ScanLayout = POS_LAYOUT) -> list[bytes]:
    """Return HID POS reports, the identifier taken out of ``content`` where they have one."""
    aim, _, _ = split_identifier(content.decode("ascii", "replace"))
    head = aim.encode() if layout.identifiers else b""
    pieces = _cut(content[len(head) :], layout.data.bits * layout.data.values // 8)
    last = len(pieces) - 1
    return [
        _pos_report(layout, head, piece, goes_on=index < last) for index, piece in enumerate(pieces)
    ]


def _pos_report(layout: ScanLayout, aim: bytes, piece: bytes, *, goes_on: bool) -> bytes:
    report = layout.number
    report |= int.from_bytes(piece, "little") << layout.data.at
    at = 0
    for field in layout.identifiers:
        report |= int.from_bytes(aim[at : at + field.values], "little") << field.at
        at += field.values
    if layout.length:
        report |= len(piece) << layout.length.at
    if layout.continued:
        report |= int(goes_on) << layout.continued.at
    return report.to_bytes(layout.size, "little")


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
