"""DESFire's commands, one dialogue each. All raise what `wire.send` raises."""

import msgspec

from card_formats.apdu import SW_OK, CommandApdu, Dialogue
from card_formats.chip.desfire.files import (
    File,
    FileKind,
    decode_settings,
    encode_creation,
    kind_of,
)
from card_formats.chip.desfire.wire import (
    Channel,
    Command,
    CommMode,
    Status,
    exchange,
    need_length,
    send,
    send_last,
)
from card_formats.crypto import KEY_BYTES, crc32_desfire, xor
from card_formats.errors import CardFormatError

PICC = bytes(3)
AMOUNT_MAX = 0x7FFFFFFF
_AES_KEYS = 0x80
_CREATE = {
    FileKind.STANDARD: 0xCD,
    FileKind.BACKUP: 0xCB,
    FileKind.VALUE: 0xCC,
    FileKind.LINEAR: 0xC1,
    FileKind.CYCLIC: 0xC0,
}
_NATIVE_UID_BYTES = 7
SIGNATURE_BYTES = 56
_RECORDS_MAX = 0xFFFFFF
"""As many as a header's three bytes can name."""


class Version(msgspec.Struct, frozen=True):
    """What a chip says it is. ``kind`` is the vendor's number: 1 DESFire, 4 NTAG, 8 DESFire Light.

    major: of the hardware: 0x01 EV1, 0x12 EV2, 0x33 EV3, 0x30 NTAG 424.
    uid:   seven bytes, zeros when the card hides it.
    """

    vendor: int
    kind: int
    major: int
    minor: int
    storage: int
    uid: bytes


def decode_version(raw: bytes) -> Version:
    """Read the three joined frames of GetVersion, 28 bytes or 29.

    Raises: CardFormatError ``desfire.bad-version``.
    Source: DESFire EV1 data sheet, 8.6; EV3 adds a byte when its fabrication key is not standard.
    """
    if len(raw) not in (28, 29):
        raise CardFormatError("desfire.bad-version", f"{len(raw)} bytes, 28 or 29 expected")
    return Version(raw[0], raw[1], raw[3], raw[4], raw[5], raw[14:21])


def select_application(aid: bytes) -> Dialogue[None]:
    """Select an application, PICC for the card itself. Whatever session there was is over.

    A card that waits for the rest of another command refuses the next one, once: it was lost at
    the field's edge between two frames and has kept its power. So it is asked twice.
    """
    try:
        yield from exchange(0x5A, aid)
    except CardFormatError as error:
        if error.code != Status.ABORTED.code:
            raise
        yield from exchange(0x5A, aid)


def select_iso(name: bytes) -> Dialogue[None]:
    """Select an application by its ISO 7816-4 name.

    Raises: CardFormatError ``iso.not-found``, for any status word but 9000.
    """
    answer = yield CommandApdu(cla=0x00, ins=0xA4, p1=0x04, p2=0x00, data=name, le=256)
    if answer.sw != SW_OK:
        raise CardFormatError("iso.not-found", f"SELECT answered {answer.sw:04X}")


def get_version(channel: Channel) -> Dialogue[Version]:
    """Ask what the chip is; three APDUs."""
    return decode_version((yield from send(channel, Command(0x60))))


def get_card_uid(channel: Channel) -> Dialogue[bytes]:
    """Ask for the real UID, also of a card that shows a random one; needs a session."""
    uid = yield from send(channel, _asking(0x51, b"", _NATIVE_UID_BYTES, CommMode.FULL))
    return need_length(uid, _NATIVE_UID_BYTES, "UID")


def read_signature(channel: Channel) -> Dialogue[bytes]:
    """Ask for the maker's signature of the UID; EV2 and later."""
    return (yield from send(channel, _asking(0x3C, b"\0", SIGNATURE_BYTES, CommMode.FULL)))


def get_key_version(channel: Channel, key_no: int) -> Dialogue[int]:
    """Ask for a key's version byte; no session is needed."""
    return (yield from _one_byte(channel, Command(0x64, bytes((key_no,)))))


def get_file_settings(channel: Channel, file_no: int) -> Dialogue[File]:
    """Ask how a file was made."""
    return decode_settings((yield from send(channel, Command(0xF5, bytes((file_no,))))))


def create_application(channel: Channel, aid: bytes, settings: int, keys: int) -> Dialogue[None]:
    """Make an application with so many AES keys, all zero; ``settings``: its key settings byte."""
    assert len(aid) == 3
    assert 1 <= keys <= 14
    yield from send(channel, Command(0xCA, aid + bytes((settings, _AES_KEYS | keys))))


def delete_application(channel: Channel, aid: bytes) -> Dialogue[None]:
    """Delete an application and all it holds; its own session ends with it."""
    yield from send_last(channel, Command(0xDA, aid))


def create_file(channel: Channel, file_no: int, file: File) -> Dialogue[None]:
    """Make a file. It is there at once, whatever becomes of the transaction."""
    header = bytes((file_no,)) + encode_creation(file)
    yield from send(channel, Command(_CREATE[kind_of(file)], header))


def create_transaction_mac_file(
    channel: Channel, file_no: int, rights: bytes, key: bytes, version: int
) -> Dialogue[None]:
    """Make the transaction MAC file of an EV2 or EV3 card (AES key)."""
    # Not called yet: for cards whose payments head office can verify without trusting a till.
    header = bytes((file_no, CommMode.PLAIN)) + rights + b"\x02"
    data = key + bytes((version,))
    yield from send(channel, Command(0xCE, header, data, CommMode.FULL))


def change_file_settings(channel: Channel, file_no: int, settings: bytes) -> Dialogue[None]:
    """Change mode and rights: one byte, two bytes, further ones as the options want."""
    yield from send(channel, Command(0x5F, bytes((file_no,)), settings, CommMode.FULL))


def change_key(
    channel: Channel, key_no: int, new: bytes, version: int, *, old: bytes
) -> Dialogue[None]:
    """Change a key other than the session's own, whose value must be known."""
    assert len(new) == len(old) == KEY_BYTES
    data = xor(new, old) + bytes((version,))
    command = Command(0xC4, bytes((key_no,)), data, CommMode.FULL, tail=crc32_desfire(new))
    yield from send(channel, command)


def change_own_key(channel: Channel, key_no: int, new: bytes, version: int) -> Dialogue[None]:
    """Change the key of this session, which is over then: the card's answer has no MAC."""
    assert len(new) == KEY_BYTES
    data = new + bytes((version,))
    yield from send_last(channel, Command(0xC4, bytes((key_no,)), data, CommMode.FULL))


def get_value(channel: Channel, file_no: int, mode: CommMode) -> Dialogue[int]:
    """Read a value file, as of the last commit."""
    raw = yield from send(channel, _asking(0x6C, bytes((file_no,)), 4, mode))
    return int.from_bytes(need_length(raw, 4, "value"), "little", signed=True)


def credit(channel: Channel, file_no: int, amount: int, mode: CommMode) -> Dialogue[None]:
    """Add to a value file at the next commit; ``desfire.boundary`` above its upper limit."""
    yield from _change_value(channel, 0x0C, file_no, amount, mode)


def debit(channel: Channel, file_no: int, amount: int, mode: CommMode) -> Dialogue[None]:
    """Take from a value file at the next commit; ``desfire.boundary`` below its lower limit."""
    yield from _change_value(channel, 0xDC, file_no, amount, mode)


def limited_credit(channel: Channel, file_no: int, amount: int, mode: CommMode) -> Dialogue[None]:
    """Give back at most what the last transaction with a debit took."""
    yield from _change_value(channel, 0x1C, file_no, amount, mode)


def _change_value(
    channel: Channel, ins: int, file_no: int, amount: int, mode: CommMode
) -> Dialogue[None]:
    assert 0 < amount <= AMOUNT_MAX
    yield from send(channel, Command(ins, bytes((file_no,)), amount.to_bytes(4, "little"), mode))


def read_data(
    channel: Channel, file_no: int, offset: int, size: int, mode: CommMode
) -> Dialogue[bytes]:
    """Read ``size`` bytes of a standard or backup file."""
    data = yield from send(channel, _asking(0xBD, _span(file_no, offset, size), size, mode))
    return need_length(data, size, f"file {file_no}")


def write_data(
    channel: Channel, file_no: int, offset: int, data: bytes, mode: CommMode
) -> Dialogue[None]:
    """Write to a standard file at once, to a backup file at the next commit."""
    yield from send(channel, Command(0x3D, _span(file_no, offset, len(data)), data, mode))


def read_records(
    channel: Channel, file_no: int, back: int, count: int, size: int, mode: CommMode
) -> Dialogue[bytes]:
    """Read ``count`` records, the newest of them ``back`` before the last; oldest first.

    count:  0 is all from the oldest on. size: of one, in bytes.
    Raises: CardFormatError ``desfire.boundary`` when there are not so many.
    """
    sizes = range(size, _RECORDS_MAX * size + 1, size)
    command = Command(0xBB, _span(file_no, back, count), mode=mode, sizes=sizes)
    return (yield from send(channel, command))


def write_record(
    channel: Channel, file_no: int, offset: int, data: bytes, mode: CommMode
) -> Dialogue[None]:
    """Append a record at the next commit; one for each transaction."""
    yield from send(channel, Command(0x3B, _span(file_no, offset, len(data)), data, mode))


def commit(channel: Channel) -> Dialogue[None]:
    """Commit: everything written since the last commit takes effect, all at once."""
    yield from send(channel, Command(0xC7))


def abort(channel: Channel) -> Dialogue[None]:
    """Abort: discard everything written since the last commit."""
    yield from send(channel, Command(0xA7))


def format_card(channel: Channel) -> Dialogue[None]:
    """Delete every application; needs the card's master key."""
    yield from send(channel, Command(0xFC))


def _asking(ins: int, header: bytes, size: int, mode: CommMode) -> Command:
    return Command(ins, header, mode=mode, sizes=range(size, size + 1))


def _one_byte(channel: Channel, command: Command) -> Dialogue[int]:
    return need_length((yield from send(channel, command)), 1, f"answer to {command.ins:02X}")[0]


def _span(file_no: int, offset: int, count: int) -> bytes:
    return bytes((file_no,)) + offset.to_bytes(3, "little") + count.to_bytes(3, "little")
