"""The traffic log: every frame and APDU, at a level of its own below DEBUG, numbers masked."""

import logging

from card_formats.apdu import CommandApdu, ResponseApdu
from card_formats.credential import mask

TRAFFIC = 5
logging.addLevelName(TRAFFIC, "TRAFFIC")
_log = logging.getLogger("tillcard.traffic")


def log_frame(reader: str, frame: bytes) -> None:
    """Log one frame of a scanner, a stripe reader or a keypad: its length and its ends."""
    if _log.isEnabledFor(TRAFFIC):
        text = frame.decode("ascii", "backslashreplace")
        _log.log(TRAFFIC, "%s < %d bytes %s", reader, len(frame), mask(text))


def log_exchange(reader: str, command: CommandApdu, answer: ResponseApdu) -> None:
    """Log one exchange with a chip: header and status word in full, data masked."""
    if _log.isEnabledFor(TRAFFIC):
        header = bytes((command.cla, command.ins, command.p1, command.p2)).hex().upper()
        sent, got = (mask(d.hex().upper()) if d else "-" for d in (command.data, answer.data))
        _log.log(TRAFFIC, "%s > %s %s < %s %04X", reader, header, sent, got, answer.sw)
