"""Answers to reset (ISO/IEC 7816-3), and what PC/SC part 3 puts into them for contactless cards."""

from contextlib import suppress
from functools import reduce
from operator import xor

import msgspec

from card_formats.errors import CardFormatError

ATR_BYTES_MAX = 33
_STORAGE_HISTORICAL = bytes.fromhex("804F0CA000000306")


class Atr(msgspec.Struct, frozen=True):
    """``protocols`` are the T values announced, T=0 when none is; ``historical`` bytes as sent."""

    protocols: tuple[int, ...]
    historical: bytes


class StorageCard(msgspec.Struct, frozen=True):
    """A memory card behind a contactless reader, by PC/SC part 3 numbers.

    standard: SS, 3 is ISO/IEC 14443-3 type A.
    name:     C0C1: 1 MIFARE Classic 1K, 2 4K, 3 Ultralight and NTAG, …
    """

    standard: int
    name: int


def decode_atr(raw: bytes) -> Atr:
    """Take an ATR apart.

    Raises: CardFormatError ``atr.bad-length``, ``atr.bad-start``, ``atr.bad-check``.
    Source: ISO/IEC 7816-3:2006, 8.2.
    """
    atr = _taken_apart(raw)
    if any(atr.protocols) and reduce(xor, raw[1:]) != 0:
        raise CardFormatError("atr.bad-check", "TCK is wrong", offset=len(raw) - 1)
    return atr


def _taken_apart(raw: bytes) -> Atr:
    """Take an ATR apart whatever its check byte says."""
    if not 2 <= len(raw) <= ATR_BYTES_MAX:
        raise CardFormatError("atr.bad-length", f"{len(raw)} bytes, 2 to {ATR_BYTES_MAX} expected")
    if raw[0] not in (0x3B, 0x3F):
        raise CardFormatError("atr.bad-start", f"starts with {raw[0]:02X}", offset=0)
    protocols, begin = _interface_bytes(raw)
    end = begin + (raw[1] & 0x0F)
    has_check = any(protocol != 0 for protocol in protocols)
    if len(raw) != end + has_check:
        raise CardFormatError("atr.bad-length", f"{len(raw)} bytes, {end + has_check} announced")
    return Atr(protocols=protocols or (0,), historical=raw[begin:end])


def _interface_bytes(raw: bytes) -> tuple[tuple[int, ...], int]:
    """Return the protocols announced, and where the historical bytes begin."""
    protocols: list[int] = []
    announced, at = raw[1] >> 4, 2
    while announced:
        at += announced.bit_count()
        if not announced & 0x8:  # no TD byte: the chain ends here
            break
        if at > len(raw):
            raise CardFormatError("atr.bad-length", "ends inside its interface bytes", offset=at)
        protocols.append(raw[at - 1] & 0x0F)
        announced = raw[at - 1] >> 4
    return tuple(protocols), at


def memory_of(raw: bytes) -> StorageCard | None:
    """Return what kind of memory card has this ATR, or None for any other and a broken one.

    A wrong check byte is overlooked: readers make up the ATRs of contactless cards, some without
    getting it right, and what the card is does not hang on it.
    """
    with suppress(CardFormatError):
        return storage_card(_taken_apart(raw))
    return None


def storage_card(atr: Atr) -> StorageCard | None:
    """Return what kind of memory card this is, or None if it is not one.

    Source: PC/SC part 3 rev. 2.01, 3.1.3.2.3.
    """
    tail = atr.historical[len(_STORAGE_HISTORICAL) :]
    if not atr.historical.startswith(_STORAGE_HISTORICAL) or len(tail) != 7:
        return None
    return StorageCard(standard=tail[0], name=int.from_bytes(tail[1:3], "big"))


def encode_contactless(historical: bytes) -> bytes:
    """Return the ATR that a PC/SC reader makes up for a contactless card.

    Source: PC/SC part 3 rev. 2.01, 3.1.3.2.3: T0, TD1 = 80, TD2 = 01, historical bytes, TCK.
    """
    assert len(historical) <= 15
    body = bytes((0x80 | len(historical), 0x80, 0x01)) + historical
    return b"\x3b" + body + bytes((reduce(xor, body),))


def encode_storage(card: StorageCard) -> bytes:
    """Return the ATR of a memory card, 20 bytes."""
    tail = bytes((card.standard,)) + card.name.to_bytes(2, "big") + bytes(4)
    return encode_contactless(_STORAGE_HISTORICAL + tail)
