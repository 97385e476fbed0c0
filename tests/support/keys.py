"""Key events as the kernel gives them, from a short notation: ``shift+2 30 alt(79 80) 28``."""

import re

from daemon.readers.keyboard import EV_KEY, EV_SYN, EVENT, SYN_DROPPED, SYN_REPORT

MODIFIERS = {"shift": 42, "altgr": 100, "ctrl": 29, "alt": 56}
TOKEN = re.compile(r"alt\(([0-9 ]+)\)|(dropped)|(?:(repeat|shift|altgr|ctrl|alt)\+)?([0-9]+)")


def event(kind: int, code: int, value: int) -> bytes:
    """One ``struct input_event`` with a time that nobody looks at."""
    return EVENT.pack(1_793_000_000, 123_456, kind, code, value)


def key(code: int, value: int) -> bytes:
    """One key's event and the report that ends it."""
    return event(EV_KEY, code, value) + event(EV_SYN, SYN_REPORT, 0)


def stroke(code: int, *, repeated: int = 0) -> bytes:
    """A key down, held for some repetitions, and up."""
    return key(code, 1) + key(code, 2) * repeated + key(code, 0)


def keys(notation: str) -> bytes:
    """Key codes in a row; before each a modifier that is held; ``dropped`` as after a flood."""
    out = b""
    for alt, dropped, modifier, code in TOKEN.findall(notation):
        if alt:
            inside = b"".join(stroke(int(digit)) for digit in alt.split())
            out += key(MODIFIERS["alt"], 1) + inside + key(MODIFIERS["alt"], 0)
        elif dropped:
            lost = event(EV_KEY, 44, 1) + event(EV_SYN, SYN_REPORT, 0)
            out += event(EV_SYN, SYN_DROPPED, 0) + lost
        elif modifier == "repeat":
            out += stroke(int(code), repeated=3)
        elif modifier:
            out += key(MODIFIERS[modifier], 1) + stroke(int(code)) + key(MODIFIERS[modifier], 0)
        else:
            out += stroke(int(code))
    return out
