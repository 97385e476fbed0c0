"""Magnetic-stripe tracks as text (ISO/IEC 7811-6 characters, ISO/IEC 7813 content)."""

import re
from typing import NamedTuple

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError

SWIPE_BYTES_MAX = 4096
_ERROR_MARK = "E"  # what a swipe reader puts in place of a track that it could not read


class _Track(NamedTuple):
    """``sentinel`` starts it, ``?`` ends it; ``chars_max`` leaves them and the LRC out.

    Source: ISO/IEC 7811-6: 79, 40 and 107 characters with all three.
    """

    sentinel: str
    chars: re.Pattern[str]
    chars_max: int


_ALPHA = re.compile(r"[ -_]*")
_DIGITS = re.compile(r"[0-9:<=>]*")
_TRACKS = {
    "track1": _Track("%", _ALPHA, 76),
    "track2": _Track(";", _DIGITS, 37),
    "track3": _Track("+", _DIGITS, 104),
}
# The track that most often carries a card's number first.
_PREFERENCE = ("track2", "track1", "track3")


def decode_swipe(shown: Shown) -> Reading:
    """Read one swipe: one to three tracks, with sentinels or (one track) without.

    shown:   ASCII, line feeds between the tracks or none, LRC stripped, SWIPE_BYTES_MAX at most.
             Track 3 starts with ``+``, or with ``;`` behind track 2.
    Returns: track 2 if it was read, else 1, else 3; the others in ``also``. A track that was not
             read well is left out.
    Raises:  CardFormatError ``stripe.too-long``, ``stripe.not-text``, ``stripe.bad-sentinel``,
             ``stripe.unreadable`` when no track was read well.
    """
    if len(shown.raw) > SWIPE_BYTES_MAX:
        raise CardFormatError("stripe.too-long", f"more than {SWIPE_BYTES_MAX} bytes")
    try:
        text = shown.raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise CardFormatError("stripe.not-text", "not ASCII", offset=error.start) from error
    contents = _split(text.translate({ord("\r"): None, ord("\n"): None}))
    names = [name for name in _PREFERENCE if _is_whole(name, contents.get(name, ""))]
    if not names:
        raise CardFormatError("stripe.unreadable", "no track was read: swipe again")
    first, *rest = names
    return Reading(
        Medium.STRIPE, first, contents[first], also=tuple(contents[name] for name in rest)
    )


def _is_whole(name: str, content: str) -> bool:
    track = _TRACKS[name]
    return 0 < len(content) <= track.chars_max and bool(track.chars.fullmatch(content))


def _split(text: str) -> dict[str, str]:
    """Return the content of each track by name, "" for one that the reader failed to read."""
    if not text.startswith(tuple(track.sentinel for track in _TRACKS.values())):
        return _bare(text)
    found: dict[str, str] = {}
    for piece in text.removesuffix("?").split("?"):
        name = _name(piece, seen=found)
        if name in found:
            raise CardFormatError("stripe.bad-sentinel", f"{name} came twice")
        found[name] = "" if piece[1:] == _ERROR_MARK else piece[1:]
    return found


def _name(piece: str, *, seen: dict[str, str]) -> str:
    for name, track in _TRACKS.items():
        if piece.startswith(track.sentinel):
            return "track3" if name == "track2" and name in seen else name
    raise CardFormatError("stripe.bad-sentinel", "a track does not start with % ; or +")


def _bare(text: str) -> dict[str, str]:
    """Return the one track of a reader that strips sentinels; only track 1 has letters or ``^``."""
    is_digits = _DIGITS.fullmatch(text) is not None
    return {"track2" if is_digits else "track1": text.removesuffix("?")}
