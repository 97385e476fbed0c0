"""What chip lies there: by the ATR where that tells, else by one question that harms no card."""

from enum import StrEnum

import msgspec

from card_formats.apdu import Dialogue
from card_formats.atr import memory_of
from card_formats.chip.desfire.commands import Version, get_version
from card_formats.chip.desfire.wire import OpenChannel
from card_formats.errors import CardFormatError

_NXP = 0x04


class ChipKind(StrEnum):
    """What a chip is, as far as this project cares."""

    DESFIRE_EV1 = "desfire-ev1"
    DESFIRE_EV2 = "desfire-ev2"
    DESFIRE_EV3 = "desfire-ev3"
    NTAG_424 = "ntag-424"
    CLASSIC = "mifare-classic"
    TYPE_2 = "type-2"  # Ultralight or NTAG 21x: the ATR does not tell; see `ntag.get_model`
    STORAGE = "storage"
    FOREIGN = "foreign"


# The vendor's product number and hardware generation.
_PRODUCTS = {
    (0x01, 0x01): ChipKind.DESFIRE_EV1,
    (0x01, 0x12): ChipKind.DESFIRE_EV2,
    (0x01, 0x33): ChipKind.DESFIRE_EV3,
    (0x04, 0x30): ChipKind.NTAG_424,
}
_STORAGE = {
    0x0001: ChipKind.CLASSIC,
    0x0002: ChipKind.CLASSIC,
    0x0026: ChipKind.CLASSIC,
    0x0003: ChipKind.TYPE_2,
    0x003A: ChipKind.TYPE_2,
    0x003D: ChipKind.TYPE_2,
}


class Chip(msgspec.Struct, frozen=True):
    """A chip's kind, and its version where it was asked for that."""

    kind: ChipKind
    version: Version | None = None


def identify(atr: bytes) -> Dialogue[Chip]:
    """Find out what lies there: no APDU for a memory card, three for ours, one for a stranger.

    A bank card, a phone or any other card is asked DESFire's GetVersion, which it does not know,
    and nothing else: FOREIGN. An unreadable ATR is asked in the same way.
    """
    memory = memory_of(atr)
    if memory is not None:
        return Chip(_STORAGE.get(memory.name, ChipKind.STORAGE))
    try:
        version = yield from get_version(OpenChannel())
    except CardFormatError:
        return Chip(ChipKind.FOREIGN)
    product = (version.kind, version.major)
    is_ours = version.vendor == _NXP and product in _PRODUCTS
    return Chip(_PRODUCTS[product] if is_ours else ChipKind.FOREIGN, version)
