"""What a card claims: the identifier it showed, and how far that can be trusted."""

from enum import StrEnum

import msgspec


class Medium(StrEnum):
    """How the card was shown to the till."""

    CHIP = "chip"
    BARCODE = "barcode"
    STRIPE = "stripe"
    TYPED = "typed"


class Trust(StrEnum):
    """How hard a credential is to copy, weakest first; a till's policy says which ones spend."""

    STATIC = "static"
    UID = "uid"
    PASSWORD = "password"  # a class of trust, not a secret
    SUN = "sun"
    ROTATING = "rotating"
    MUTUAL_AUTH = "mutual_auth"


class Shown(msgspec.Struct, frozen=True):
    """What a reader took in, untouched: a frame's bytes, or a chip's UID and its ATR.

    encoding: what a scanner's codes are written in where they do not say it (``symbology/eci.py``).
    """

    medium: Medium
    raw: bytes
    atr: bytes = b""
    encoding: str = "utf-8"

    def __repr__(self) -> str:
        """Hide the content: what was shown may turn out to be a payment card."""
        return f"Shown({self.medium.value}, {len(self.raw)} bytes)"


class Reading(msgspec.Struct, frozen=True):
    """``Shown``, decoded but not yet recognised as anybody's card.

    symbology: ``ean13 upca code128 qr gs1-128 …`` | ``track1 track2 track3`` | ``iso14443`` |
               ``typed`` | ``unknown`` (no identifier was sent and the content does not tell).
    text:      the content with identifiers, sentinels and framing taken off; a UID in upper hex.
    aim:       the AIM symbology identifier as sent (``]E0``), or "".
    also:      the other tracks of the same swipe.
    faults:    what was wrong with tracks that are in neither (``track1.unread``).
    composite: the element strings that came with an EAN or UPC, or "".
    undecoded: the content of a scan that is no text; ``text`` is "" then.
    """

    medium: Medium
    symbology: str
    text: str
    aim: str = ""
    also: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    composite: str = ""
    undecoded: bytes = b""

    def __repr__(self) -> str:
        """Hide the content: nobody knows yet whether it is a payment card's."""
        return f"Reading({self.medium.value}, {self.symbology}, {len(self.text)} characters)"


class Credential(msgspec.Struct, frozen=True):
    """An identifier to look an account up by.

    scheme: the name space of ``value``: ``number`` (printed or encoded digits), ``uid``.
    value:  canonical, so that one card has one value whatever the reader (a UPC-A is its EAN-13).
    """

    scheme: str
    value: str
    medium: Medium
    trust: Trust


def mask(number: str) -> str:
    """Return ``number`` fit for a log or an event: at most four characters at either end."""
    keep = min(4, len(number) // 3)
    return f"{number[:keep]}…{number[-keep:]}" if keep else "…"
