"""A scanner that types: the kernel's key events turned into frames. Pure."""

import struct
import unicodedata

from daemon.readers.framing import Framer, Frames, Garbage
from daemon.readers.keyboard_layouts import (
    CONTROL_KEYS,
    DEAD,
    KEYPAD_DECIMAL,
    KEYPAD_KEYS,
    LAYOUTS,
    Layout,
)

EVENT = struct.Struct("@llHHi")  # struct input_event: seconds, microseconds, type, code, value
EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
RELEASED, PRESSED = 0, 1  # 2 is the kernel's own repetition of a key that is held
LEFT_CTRL, LEFT_SHIFT, LEFT_ALT, CAPS_LOCK = 29, 42, 56, 58
RIGHT_CTRL, RIGHT_SHIFT, RIGHT_ALT = 97, 54, 100
ALT_DIGITS_MAX = 7  # the greatest code point has as many
_MODIFIERS = {LEFT_CTRL, LEFT_SHIFT, LEFT_ALT, RIGHT_CTRL, RIGHT_SHIFT, RIGHT_ALT}

_LOST = Garbage("the machine lost key presses of this scan: scan it again")
_NO_CHARACTER = Garbage("a key that the layout does not have: is the layout set right?")
_NO_ALT_CODE = Garbage("an Alt code that stands for no character")


class KeyDecoder:
    """Turns ``struct input_event`` records into the frames that were typed, as UTF-8.

    Keys that make no character (F1, arrows, …) are passed over. A character that cannot be told
    spoils the whole frame: half a number must never pass for a number.
    """

    def __init__(self, layout: str, framer: Framer) -> None:
        self._layout: Layout = LAYOUTS[layout]
        self._framer = framer
        self._buffer = b""
        self._held: set[int] = set()
        self._caps = False
        self._dead = ""
        self._alt_digits = ""
        self._dropping = False

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._framer.pending or bool(self._dead)

    def receive(self, data: bytes) -> Frames:
        """Return what the records in ``data`` complete; half a record waits for its rest."""
        self._buffer += data
        whole = len(self._buffer) // EVENT.size * EVENT.size
        records, self._buffer = self._buffer[:whole], self._buffer[whole:]
        out: Frames = []
        for _, _, kind, code, value in EVENT.iter_unpack(records):
            if kind == EV_SYN:
                self._synchronise(code)
            elif kind == EV_KEY and not self._dropping:
                out += self._key(code, value)
        return out

    def gap(self) -> Frames:
        """Return what a long silence ends."""
        return self._flush_dead() + self._framer.gap()

    def _synchronise(self, code: int) -> None:
        """Between SYN_DROPPED and the next report the kernel's buffer was too small."""
        if code == SYN_DROPPED:
            self._dropping = True
            self._framer.spoil(_LOST)
            self._held.clear()
            self._dead = self._alt_digits = ""
        elif code == SYN_REPORT:
            self._dropping = False

    def _key(self, code: int, value: int) -> Frames:
        if value == RELEASED:
            self._held.discard(code)
            return self._alt_code() if code == LEFT_ALT else []
        if value != PRESSED:
            return []
        if code in _MODIFIERS:
            self._held.add(code)
            return []
        if code == CAPS_LOCK:
            self._caps = not self._caps
            return []
        if self._is_alt and code in KEYPAD_KEYS:
            self._alt_digits = (self._alt_digits + KEYPAD_KEYS[code])[: ALT_DIGITS_MAX + 1]
            return []
        return self._type(self._character(code))

    @property
    def _is_alt(self) -> bool:
        return LEFT_ALT in self._held and not self._is_altgr

    @property
    def _is_altgr(self) -> bool:
        """Whether AltGr is held: the right Alt, or what Windows takes for it, Ctrl with Alt."""
        return RIGHT_ALT in self._held or {LEFT_CTRL, LEFT_ALT} <= self._held

    def _character(self, code: int) -> str | Garbage:
        """Return what the key types, "" if nothing ever."""
        layout = self._layout
        if code == KEYPAD_DECIMAL:
            return layout.decimal
        if char := CONTROL_KEYS.get(code) or KEYPAD_KEYS.get(code):
            return char
        if code not in layout.plain:
            return ""
        if self._is_altgr:
            return layout.altgr.get(code) or _NO_CHARACTER
        if self._held & {LEFT_CTRL, RIGHT_CTRL}:
            return self._control(code)
        if self._is_alt:
            return _NO_CHARACTER
        shifted = bool(self._held & {LEFT_SHIFT, RIGHT_SHIFT})
        if self._caps and code in layout.caps:
            shifted = not shifted
        return (layout.shift if shifted else layout.plain)[code]

    def _control(self, code: int) -> str | Garbage:
        """Return the control character of Ctrl and a key: so scanners type GS, as Ctrl and ]."""
        for char in (self._layout.plain[code].upper(), LAYOUTS["us"].plain[code].upper()):
            if len(char) == 1 and "@" <= char <= "_":  # the capital of ß has two letters
                return chr(ord(char) & 0x1F)
        return _NO_CHARACTER

    def _alt_code(self) -> Frames:
        digits, self._alt_digits = self._alt_digits, ""
        return self._type(self._alt_character(digits)) if digits else []

    def _alt_character(self, digits: str) -> str | Garbage:
        """Return the character of an Alt code: by code page up to 255, by Unicode above."""
        if not digits.isdigit() or len(digits) > ALT_DIGITS_MAX:
            return _NO_ALT_CODE
        number = int(digits)
        if number < 128:
            return chr(number)
        page = self._layout.ansi if digits.startswith("0") else self._layout.oem
        try:
            char = bytes((number,)).decode(page) if number < 256 else chr(number)
            char.encode()  # half of a surrogate pair is no character
        except (ValueError, OverflowError):
            return _NO_ALT_CODE
        return char

    def _type(self, char: str | Garbage) -> Frames:
        if isinstance(char, Garbage):
            self._dead = ""
            self._framer.spoil(char)
            return []
        if char == "":
            return []
        dead, self._dead = self._dead, ""
        if not dead:
            if char in DEAD:
                self._dead = char
                return []
            return self._framer.receive(char.encode())
        composed = DEAD[dead] if char == " " else unicodedata.normalize("NFC", char + dead)
        if len(composed) == 1:
            return self._framer.receive(composed.encode())
        return self._framer.receive(DEAD[dead].encode()) + self._type(char)

    def _flush_dead(self) -> Frames:
        dead, self._dead = self._dead, ""
        return self._framer.receive(DEAD[dead].encode()) if dead else []
