"""What a purse card holds beside its money: prizes in slots, and whose it is by a pseudonym."""

import struct

import msgspec

from card_formats.chip.purse_layout import CUSTOMER_BYTES, PRIZE_BYTES
from card_formats.errors import CardFormatError

CUSTOMER_ID_BYTES = 8
PRIZE_SLOTS, PRIZE_SLOT_BYTES = 12, 5
_SLOT = struct.Struct("<HBH")
_CUSTOMER = struct.Struct("<8sBB")
_NO_PRIZE = bytes(PRIZE_SLOT_BYTES)


class Prize(msgspec.Struct, frozen=True):
    """Something the card may be exchanged for ``count`` times.

    number:  the shop's, 0 to 65535. count: 1 to 255.
    expires: the last day, in days since 1970; 0 is never.
    """

    number: int
    count: int
    expires: int = 0


class Customer(msgspec.Struct, frozen=True):
    """Whose card it is, with no name in it.

    customer_id: eight bytes that only the shop can look up; zeros when nobody was written.
    birth_month: 1 to 12, 0 when not known.
    """

    customer_id: bytes
    tier: int = 0
    birth_month: int = 0


def encode_prize(prize: Prize | None) -> bytes:
    """Return one slot; None empties it."""
    if prize is None:
        return _NO_PRIZE
    assert 1 <= prize.count <= 0xFF
    return _SLOT.pack(prize.number, prize.count, prize.expires)


def decode_prizes(raw: bytes) -> tuple[Prize | None, ...]:
    """Read the prize file, a value for each of the PRIZE_SLOTS.

    Raises: CardFormatError ``prizes.bad-length``; ``prizes.bad-slot`` for a prize that counts 0
            and for anything behind the last slot.
    """
    if len(raw) != PRIZE_BYTES:
        raise CardFormatError("prizes.bad-length", f"{len(raw)} bytes, {PRIZE_BYTES} expected")
    size = PRIZE_SLOTS * PRIZE_SLOT_BYTES
    prizes = tuple(
        Prize(number, count, expires) if number or count or expires else None
        for number, count, expires in _SLOT.iter_unpack(raw[:size])
    )
    if any(raw[size:]) or any(prize is not None and not prize.count for prize in prizes):
        raise CardFormatError("prizes.bad-slot", "a slot holds what is no prize")
    return prizes


def encode_customer(customer: Customer) -> bytes:
    """Return the content of the customer file."""
    assert len(customer.customer_id) == CUSTOMER_ID_BYTES
    assert 0 <= customer.birth_month <= 12
    packed = _CUSTOMER.pack(customer.customer_id, customer.tier, customer.birth_month)
    return packed.ljust(CUSTOMER_BYTES, b"\0")


def decode_customer(raw: bytes) -> Customer:
    """Read the customer file.

    Raises: CardFormatError ``customer.bad-length``; ``customer.bad-month``; ``customer.bad-tail``
            for anything behind what is known.
    """
    if len(raw) != CUSTOMER_BYTES:
        raise CardFormatError("customer.bad-length", f"{len(raw)} bytes, {CUSTOMER_BYTES} expected")
    customer_id, tier, month = _CUSTOMER.unpack(raw[: _CUSTOMER.size])
    if month > 12:
        raise CardFormatError("customer.bad-month", f"month {month}")
    if any(raw[_CUSTOMER.size :]):
        raise CardFormatError("customer.bad-tail", "more than this program understands")
    return Customer(customer_id, tier, month)
