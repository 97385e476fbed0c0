"""The purse application on a DESFire: its files and keys, the bytes of STATE and of a record.

STATE begins with the number of the layout, its schema:

1  the right to write the value file was the debit key's, and limited credit was on: a debit key
   could give back what it had taken last, again after each payment.
2  nobody has that right, so a debit key only takes.

A card of an older schema is used as it is until ``tillcard cards migrate`` has seen it; its rights
are changed, and then its schema. One of a newer schema is shown and never written.
"""

import struct
from enum import IntEnum

import msgspec

from card_formats.chip.desfire.files import NEVER, DataFile, File, RecordFile, Rights, ValueFile
from card_formats.chip.desfire.wire import CommMode
from card_formats.errors import CardFormatError

AID = b"TLC"  # as on the wire
MODE = CommMode.FULL
MASTER_KEY, READ_KEY, DEBIT_KEY, LOAD_KEY = 0, 1, 2, 3
KEYS = 4
CARD_KEY = 4
"""Not one of the purse's: what the card's own master key is diversified with."""
# Only the master key lists, makes and deletes files and changes keys and settings.
APPLICATION_SETTINGS = 0x09
VALUE_FILE, STATE_FILE, HISTORY_FILE, PRIZE_FILE, CUSTOMER_FILE = 1, 2, 3, 4, 5
STATE_BYTES = RECORD_BYTES = 28  # with a CRC or a padding: two cipher blocks on either channel
PRIZE_BYTES = CUSTOMER_BYTES = 64
HISTORY_RECORDS_MAX = 20
SCHEMA, OLDEST_SCHEMA = 2, 1
TXID_BYTES = 8
SEQ_MAX = 0xFFFFFFFF
AMOUNT_MAX = 0x7FFFFFFF

_STATE = struct.Struct("<BBI8sHHiIB")  # and the check byte
_RECORD = struct.Struct("<IIHHii8s")
_TILL_RIGHTS = Rights(read=DEBIT_KEY, write=DEBIT_KEY, read_write=LOAD_KEY, change=MASTER_KEY)
# On a value file the right to read debits too, and the right to write gives back what was debited.
VALUE_RIGHTS = Rights(read=DEBIT_KEY, write=NEVER, read_write=LOAD_KEY, change=MASTER_KEY)
_CUSTOMER_RIGHTS = Rights(read=READ_KEY, write=NEVER, read_write=LOAD_KEY, change=MASTER_KEY)


class PurseStatus(IntEnum):
    """Whether the purse may be used."""

    ACTIVE = 1
    BLOCKED = 2
    EXPIRED = 3
    MIGRATING = 4


_STATUSES = {int(status): status for status in PurseStatus}


class PurseState(msgspec.Struct, frozen=True):
    """What the chip holds.

    balance:     points or minor units.
    seq:         rises by one with every committed payment.
    last_txid:   of the payment that made ``seq``; eight zeros on a new card.
    last_amount: what that payment added; negative when it took.
    last_time_s: seconds since 1970.
    flags:       how often the customer data was written, modulo 256.
    schema:      of the layout that the card's files have, OLDEST_SCHEMA to SCHEMA.
    """

    balance: int
    status: PurseStatus
    seq: int
    last_txid: bytes
    shop: int
    till: int
    last_amount: int
    last_time_s: int
    flags: int = 0
    schema: int = SCHEMA


class NewerState(msgspec.Struct, frozen=True):
    """A STATE that only a newer program understands. It is shown and never rewritten."""

    balance: int
    schema: int


class PurchaseRecord(msgspec.Struct, frozen=True):
    """One committed payment in the history."""

    seq: int
    time_s: int
    shop: int
    till: int
    amount: int
    balance_after: int
    txid: bytes


def encode_state(state: PurseState) -> bytes:
    """Return the content of STATE. The balance is not in it: the value file holds that."""
    body = _STATE.pack(
        state.schema,
        state.status,
        state.seq,
        state.last_txid,
        state.shop,
        state.till,
        state.last_amount,
        state.last_time_s,
        state.flags,
    )
    return body + bytes((crc8(body),))


def decode_state(raw: bytes, balance: int) -> PurseState | NewerState:
    """Read the content of STATE; ``balance`` is the value file's.

    Raises: CardFormatError ``purse.bad-length``; ``purse.blank`` for a card that was never
            finished; ``purse.bad-check``; ``purse.bad-status``.
    """
    if len(raw) != STATE_BYTES:
        raise CardFormatError("purse.bad-length", f"{len(raw)} bytes, {STATE_BYTES} expected")
    schema = raw[0]
    if schema > SCHEMA:
        return NewerState(balance, schema)
    if schema < OLDEST_SCHEMA:
        raise CardFormatError("purse.blank", "this card was not finished when it was issued")
    if crc8(raw[:-1]) != raw[-1]:
        raise CardFormatError("purse.bad-check", "the check byte is wrong", offset=STATE_BYTES - 1)
    _, status, seq, txid, shop, till, amount, time_s, flags = _STATE.unpack(raw[:-1])
    if status not in _STATUSES:
        raise CardFormatError("purse.bad-status", f"status {status}", offset=1)
    known = _STATUSES[status]
    return PurseState(balance, known, seq, txid, shop, till, amount, time_s, flags, schema)


def encode_record(record: PurchaseRecord) -> bytes:
    """Return one record of the history."""
    return _RECORD.pack(
        record.seq,
        record.time_s,
        record.shop,
        record.till,
        record.amount,
        record.balance_after,
        record.txid,
    )


def decode_records(raw: bytes) -> tuple[PurchaseRecord, ...]:
    """Read the records that a card answered, oldest first. Raises ``purse.bad-length``."""
    if len(raw) % RECORD_BYTES:
        raise CardFormatError("purse.bad-length", f"{len(raw)} bytes of records")
    return tuple(PurchaseRecord(*fields) for fields in _RECORD.iter_unpack(raw))


def files(cap: int, balance: int) -> dict[int, File]:
    """Return the files by number; the purse holds ``balance`` at first and ``cap`` at most."""
    return {
        VALUE_FILE: ValueFile(MODE, VALUE_RIGHTS, 0, cap, balance, limited_credit=False),
        STATE_FILE: DataFile(MODE, _TILL_RIGHTS, STATE_BYTES, is_backup=True),
        # A cyclic file keeps one record fewer than it has room for.
        HISTORY_FILE: RecordFile(
            MODE, _TILL_RIGHTS, RECORD_BYTES, HISTORY_RECORDS_MAX + 1, is_cyclic=True
        ),
        PRIZE_FILE: DataFile(MODE, _TILL_RIGHTS, PRIZE_BYTES, is_backup=True),
        CUSTOMER_FILE: DataFile(MODE, _CUSTOMER_RIGHTS, CUSTOMER_BYTES, is_backup=False),
    }


def diversification_input(uid: bytes, system: bytes, key_no: int) -> bytes:
    """Return what `card_formats.crypto.diversify` makes the key ``key_no`` of one card from.

    uid:    seven bytes. system: the shop's or chain's own name, 1 to 20 bytes.
    Source: NXP AN10922, 2.2, with the key's number behind the system identifier.
    """
    assert len(uid) == 7
    assert 1 <= len(system) <= 20
    return uid + AID + system + bytes((key_no,))


def crc8(data: bytes) -> int:
    """Return the CRC-8 of polynomial 07, begun with 0 (CRC-8/SMBUS in the RevEng catalogue)."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc8_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CRC8 = tuple(map(_crc8_of, range(256)))
