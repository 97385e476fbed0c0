"""Magnetic-stripe tracks as text (ISO/IEC 7811-6 characters, ISO/IEC 7813 content)."""

import re
from typing import NamedTuple

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError

SWIPE_BYTES_MAX = 4096
UNREAD = "E"  # what a swipe reader puts in place of a track that it could not read


class _Track(NamedTuple):
    """``sentinel`` starts it, ``?`` ends it; ``chars_max`` leaves them and the LRC out.

    Source: ISO/IEC 7811-6: 79, 40 and 107 characters with all three.
    """

    sentinel: str
    chars: re.Pattern[str]
    chars_max: int


_LINE_ENDS = re.compile("[\r\n]+")
_ALPHA = re.compile(r"[ -_]*")
_DIGITS = re.compile(r"[0-9:<=>]*")
_TRACKS = {
    "track1": _Track("%", _ALPHA, 76),
    "track2": _Track(";", _DIGITS, 37),
    "track3": _Track("+", _DIGITS, 104),
}
SENTINELS = tuple(track.sentinel for track in _TRACKS.values())
# The track that most often carries a card's number first.
_PREFERENCE = ("track2", "track1", "track3")


def decode_swipe(shown: Shown) -> Reading:
    """Read one swipe: one to three tracks, with sentinels or without.

    shown:   ASCII, line feeds between the tracks or none (without sentinels they are needed), LRC
             stripped, SWIPE_BYTES_MAX at most. Track 3 starts with ``+``, or with ``;`` behind
             track 2.
    Returns: track 2 if it was read, else 1, else 3; the others in ``also``; in ``faults`` what
             was wrong with the rest: ``track1.unread``, ``.empty``, ``.bad-character``,
             ``.too-long``.
    Raises:  CardFormatError ``stripe.too-long``, ``stripe.not-text``, ``stripe.bad-sentinel``,
             ``stripe.unreadable`` when no track was read well.
    """
    if len(shown.raw) > SWIPE_BYTES_MAX:
        raise CardFormatError("stripe.too-long", f"more than {SWIPE_BYTES_MAX} bytes")
    try:
        text = shown.raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise CardFormatError("stripe.not-text", "not ASCII", offset=error.start) from error
    contents = split_tracks(text)
    faults = {name: _fault(name, contents[name]) for name in _PREFERENCE if name in contents}
    names = [name for name, fault in faults.items() if not fault]
    if not names:
        raise CardFormatError("stripe.unreadable", "no track was read: swipe again")
    first, *rest = names
    return Reading(
        Medium.STRIPE,
        first,
        contents[first],
        also=tuple(contents[name] for name in rest),
        faults=tuple(f"{name}.{fault}" for name, fault in sorted(faults.items()) if fault),
    )


def _fault(name: str, content: str) -> str:
    """Return what is wrong with a track, or ""."""
    track = _TRACKS[name]
    if content in (UNREAD, ""):
        return "unread" if content else "empty"
    if len(content) > track.chars_max:
        return "too-long"
    return "" if track.chars.fullmatch(content) else "bad-character"


def split_tracks(text: str) -> dict[str, str]:
    """Return the content of each track by name, not looked at. Raises ``stripe.bad-sentinel``."""
    text = text.strip("\r\n")
    if not text.startswith(SENTINELS):
        return _bare([line for line in _LINE_ENDS.split(text) if line])
    found: dict[str, str] = {}
    for piece in _LINE_ENDS.sub("", text).removesuffix("?").split("?"):
        name = _name(piece, seen=found)
        if name in found:
            raise CardFormatError("stripe.bad-sentinel", f"{name} came twice")
        found[name] = piece[1:]
    return found


def _name(piece: str, *, seen: dict[str, str]) -> str:
    for name, track in _TRACKS.items():
        if piece.startswith(track.sentinel):
            return "track3" if name == "track2" and name in seen else name
    raise CardFormatError("stripe.bad-sentinel", "a track does not start with % ; or +")


def _bare(lines: list[str]) -> dict[str, str]:
    """Return the tracks of a reader that strips sentinels; only track 1 has letters or ``^``."""
    found: dict[str, str] = {}
    for line in lines:
        is_digits = _DIGITS.fullmatch(line.removesuffix("?")) is not None
        name = ("track3" if "track2" in found else "track2") if is_digits else "track1"
        if name in found:
            raise CardFormatError("stripe.bad-sentinel", f"{name} came twice")
        found[name] = line.removesuffix("?")
    return found
