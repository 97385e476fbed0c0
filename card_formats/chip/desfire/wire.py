"""DESFire's native commands in ISO 7816 wrapping: frames, status codes, and what seals them."""

from enum import IntEnum
from typing import Protocol

import msgspec

from card_formats.apdu import CommandApdu, Dialogue
from card_formats.errors import CardFormatError

NATIVE_CLA = 0x90
SW1_NATIVE = 0x91
MORE_FRAMES = 0xAF
# What fits one 64-byte ISO-DEP frame beside its own bytes and the wrapping's.
COMMAND_BYTES_MAX = 55
ANSWER_FRAMES_MAX = 64


class Status(IntEnum):
    """What a card answers instead of data. Source: DESFire EV1 data sheet, 3.4."""

    NO_CHANGES = 0x0C
    OUT_OF_MEMORY = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH = 0x7E
    PERMISSION = 0x9D
    PARAMETER = 0x9E
    NO_APPLICATION = 0xA0
    APPLICATION_INTEGRITY = 0xA1
    AUTHENTICATION_DELAY = 0xAD
    AUTHENTICATION = 0xAE
    BOUNDARY = 0xBE
    CHIP_INTEGRITY = 0xC1
    ABORTED = 0xCA
    CHIP_DISABLED = 0xCD
    TOO_MANY = 0xCE
    DUPLICATE = 0xDE
    MEMORY = 0xEE
    NO_FILE = 0xF0
    FILE_INTEGRITY = 0xF1

    @property
    def code(self) -> str:
        """The error code of this project: ``desfire.no-such-key``."""
        return "desfire." + self.name.lower().replace("_", "-")


_KNOWN = {int(status): status for status in Status}


class CommMode(IntEnum):
    """How data travels: open, open with a MAC, or encrypted."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class Command(msgspec.Struct, frozen=True):
    """A native command before it is sealed.

    header: never encrypted, such as a file number.
    data:   open or encrypted as ``mode`` says. A command that asks for data has none; in FULL
            its answer is encrypted.
    tail:   goes behind the data's own checksum (ChangeKey only).
    sizes:  lengths that the answer's data may have, where it is asked for in FULL: EV1's padding
            does not tell.
    """

    ins: int
    header: bytes = b""
    data: bytes = b""
    mode: CommMode = CommMode.MAC
    tail: bytes = b""
    sizes: range = range(0)

    def __repr__(self) -> str:
        """Hide the data: it may be a key."""
        return f"Command({self.ins:02X}, {self.mode.name})"


class Channel(Protocol):
    """What seals commands and opens answers. ``alive`` falls with anything that goes wrong."""

    alive: bool

    def seal(self, command: Command) -> bytes:
        """Return what follows the instruction byte."""
        ...

    def unseal(self, command: Command, answer: bytes) -> bytes:
        """Return the data of a good answer. Raises CardFormatError when its MAC is wrong."""
        ...


class OpenChannel:
    """No authentication: everything travels as it is."""

    def __init__(self) -> None:
        self.alive = True

    def seal(self, command: Command) -> bytes:
        """Return header and data."""
        return command.header + command.data

    def unseal(self, command: Command, answer: bytes) -> bytes:
        """Return the answer."""
        return answer


def send(channel: Channel, command: Command) -> Dialogue[bytes]:
    """Run one native command through ``channel``.

    Returns: the answer's data, verified.
    Raises:  CardFormatError ``desfire.session-over`` when an earlier command failed or was left
             unanswered, and what `exchange` and the channel raise. All of them end the session.
    """
    answer = yield from send_last(channel, command)
    data = channel.unseal(command, answer)
    channel.alive = True
    return data


def send_last(channel: Channel, command: Command) -> Dialogue[bytes]:
    """Run a command that ends its session, whose answer therefore carries no MAC."""
    if not channel.alive:
        raise CardFormatError("desfire.session-over", "authenticate again")
    # Until its answer is verified a command may have gone wrong in any way: torn, refused, forged.
    channel.alive = False
    return (yield from exchange(command.ins, channel.seal(command)))


def exchange(ins: int, body: bytes) -> Dialogue[bytes]:
    """Send ``body`` in as many frames as it takes and join the frames of the answer.

    Raises: CardFormatError as `frame` does; ``desfire.too-long`` for an answer of more than
            ANSWER_FRAMES_MAX frames, ``desfire.bad-status`` when the card stops listening early.
    """
    while len(body) > COMMAND_BYTES_MAX:
        more, _ = yield from frame(ins, body[:COMMAND_BYTES_MAX])
        if not more:
            raise CardFormatError("desfire.bad-status", "the command was cut short")
        ins, body = MORE_FRAMES, body[COMMAND_BYTES_MAX:]
    more, answer = yield from frame(ins, body)
    for _ in range(ANSWER_FRAMES_MAX - 1):
        if not more:
            break
        more, data = yield from frame(MORE_FRAMES, b"")
        answer += data
    if more:
        raise CardFormatError("desfire.too-long", f"more than {ANSWER_FRAMES_MAX} frames")
    return answer


def frame(ins: int, body: bytes) -> Dialogue[tuple[bool, bytes]]:
    """Send one frame.

    Returns: whether the card has or wants more, and the data.
    Raises:  CardFormatError with the code of a `Status`; ``desfire.status`` for one that is not
             known, ``desfire.foreign`` for a status word that no DESFire gives.
    """
    answer = yield CommandApdu(cla=NATIVE_CLA, ins=ins, p1=0, p2=0, data=body, le=256)
    sw1, status = divmod(answer.sw, 256)
    if sw1 != SW1_NATIVE:
        raise CardFormatError("desfire.foreign", f"command {ins:02X} answered {answer.sw:04X}")
    if status not in (0x00, MORE_FRAMES):
        code = _KNOWN[status].code if status in _KNOWN else "desfire.status"
        raise CardFormatError(code, f"command {ins:02X} answered 91{status:02X}")
    return status == MORE_FRAMES, answer.data


def need_length(data: bytes, expected: int, what: str) -> bytes:
    """Return ``data``. Raises CardFormatError ``desfire.bad-length`` for any other length."""
    if len(data) != expected:
        text = f"{what}: {len(data)} bytes, {expected} expected"
        raise CardFormatError("desfire.bad-length", text)
    return data


def need_blocks(cipher: bytes) -> bytes:
    """Return ``cipher``. Raises CardFormatError ``desfire.bad-length`` unless in whole blocks."""
    if not cipher or len(cipher) % 16:
        raise CardFormatError("desfire.bad-length", f"{len(cipher)} encrypted bytes")
    return cipher
