"""Magnetic-stripe tracks as the bits on the stripe (ISO/IEC 7811-2, 7811-6).

A character is its bits, lowest first, then one for odd parity. Behind the end sentinel stands the
LRC: one more character that makes the count of ones in each bit position, parity aside, even.
"""

from functools import reduce
from operator import xor
from typing import NamedTuple

from card_formats.errors import CardFormatError

TRACK_BYTES_MAX = 512  # a stripe holds 1,400 bits; readers send the empty ends too
LRC_CHARS = 1


class Alphabet(NamedTuple):
    """``bits`` of data in each character; the code of a character is its ASCII less ``base``."""

    bits: int
    base: int
    start: str
    end: str = "?"


ALPHABETS = {
    "track1": Alphabet(6, 0x20, "%"),
    "track2": Alphabet(4, 0x30, ";"),
    "track3": Alphabet(4, 0x30, ";"),
}
# How far a reading of the bits got: of several readings the best one's error is told.
_ERRORS = ("track.no-start", "track.bad-parity", "track.no-end", "track.no-lrc", "track.bad-lrc")
_MESSAGES = dict(
    zip(
        _ERRORS,
        (
            "no start sentinel",
            "a character with wrong parity",
            "no end sentinel",
            "the LRC is missing",
            "the LRC is wrong",
        ),
        strict=True,
    )
)


def decode_track(raw: bytes, name: str) -> str:
    """Read one track from its bits, eight to a byte.

    raw:     leading and trailing zeros do not matter; nor does which way the card was swiped,
             whether a one is sent as 1 or 0, or which bit of a byte comes first.
    name:    ``track1 track2 track3``.
    Returns: the content without sentinels and LRC.
    Raises:  CardFormatError ``track.too-long``, ``track.no-start``, ``track.bad-parity``,
             ``track.no-end``, ``track.no-lrc``, ``track.bad-lrc``.
    """
    if len(raw) > TRACK_BYTES_MAX:
        raise CardFormatError("track.too-long", f"more than {TRACK_BYTES_MAX} bytes")
    furthest = 0
    for bits in _readings(raw):
        try:
            return _decode(bits, ALPHABETS[name])
        except CardFormatError as error:
            furthest = max(furthest, _ERRORS.index(error.code))
    raise _error(_ERRORS[furthest])


def _readings(raw: bytes) -> list[str]:
    """Return the eight bit streams that ``raw`` may stand for, the usual one first."""
    first = "".join(f"{byte:08b}" for byte in raw)
    swapped = "".join(f"{byte:08b}"[::-1] for byte in raw)
    inverted = str.maketrans("01", "10")
    straight = [first, first[::-1], swapped, swapped[::-1]]
    return straight + [bits.translate(inverted) for bits in straight]


def _decode(bits: str, alphabet: Alphabet) -> str:
    width = alphabet.bits + 1
    begin = bits.find("1")  # both start sentinels begin with a one
    if begin < 0:
        raise _error("track.no-start")
    codes: list[int] = []
    for at in range(begin, len(bits) - width + 1, width):
        char = bits[at : at + width]
        code = int(char[: alphabet.bits][::-1], 2)
        if not codes and chr(alphabet.base + code) != alphabet.start:
            raise _error("track.no-start")
        if char.count("1") % 2 == 0:
            raise _error("track.bad-parity")
        codes.append(code)
        if len(codes) > 1 and chr(alphabet.base + codes[-2]) == alphabet.end:
            return _checked(codes, alphabet)
    is_ended = bool(codes) and chr(alphabet.base + codes[-1]) == alphabet.end
    raise _error("track.no-lrc" if is_ended else "track.no-end")


def _checked(codes: list[int], alphabet: Alphabet) -> str:
    if reduce(xor, codes) != 0:
        raise _error("track.bad-lrc")
    return "".join(chr(alphabet.base + code) for code in codes[1 : -1 - LRC_CHARS])


def _error(code: str) -> CardFormatError:
    return CardFormatError(code, _MESSAGES[code])


def encode_track(content: str, name: str) -> str:
    """Return the bits of a track as a string of 0 and 1, sentinels and LRC with them.

    Raises: CardFormatError ``track.bad-char`` for what its alphabet does not have.
    """
    alphabet = ALPHABETS[name]
    codes = [ord(c) - alphabet.base for c in f"{alphabet.start}{content}{alphabet.end}"]
    if not all(0 <= code < 1 << alphabet.bits for code in codes):
        raise CardFormatError("track.bad-char", f"{name} cannot hold one of these characters")
    return "".join(_char_bits(code, alphabet.bits) for code in [*codes, reduce(xor, codes)])


def _char_bits(code: int, width: int) -> str:
    bits = f"{code:0{width}b}"[::-1]
    return bits + str(1 - bits.count("1") % 2)
