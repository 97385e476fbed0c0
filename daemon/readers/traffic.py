"""The traffic log: every frame and APDU, at a level of its own below DEBUG, numbers masked."""

import logging
import re

from card_formats.apdu import CommandApdu, ResponseApdu
from card_formats.credential import mask
from card_formats.symbology.aim import split_identifier

TRAFFIC = 5
logging.addLevelName(TRAFFIC, "TRAFFIC")
_DIGIT, _UPPER, _LOWER = re.compile("[0-9]"), re.compile("[A-Z]"), re.compile("[a-z]")
_log = logging.getLogger("tillcard.traffic")


def log_frame(reader: str, frame: bytes) -> None:
    """Log one frame of a scanner, a stripe reader or a keypad: its shape, none of its content.

    An identifier in front stays; elsewhere every digit is 9, every letter A or a. So affixes,
    sentinels and separators show, and neither a number nor a name does.
    """
    if _log.isEnabledFor(TRAFFIC):
        text = frame.decode("ascii", "backslashreplace")
        aim, _, content = split_identifier(text)
        shape = _LOWER.sub("a", _UPPER.sub("A", _DIGIT.sub("9", content)))
        _log.log(TRAFFIC, "%s < %d bytes %s%s", reader, len(frame), aim, shape)


def log_exchange(reader: str, command: CommandApdu, answer: ResponseApdu) -> None:
    """Log one exchange with a chip: header and status word in full, data masked."""
    if _log.isEnabledFor(TRAFFIC):
        header = bytes((command.cla, command.ins, command.p1, command.p2)).hex().upper()
        sent, got = (mask(d.hex().upper()) if d else "-" for d in (command.data, answer.data))
        _log.log(TRAFFIC, "%s > %s %s < %s %04X", reader, header, sent, got, answer.sw)
