"""What a DESFire card answers when it is asked (status codes of the data sheet)."""

from enum import IntEnum


class Status(IntEnum):
    """The status byte: first in a native answer, SW2 after ``91`` in a wrapped one."""

    OK = 0x00
    NO_CHANGES = 0x0C
    OUT_OF_EEPROM = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH = 0x7E
    PERMISSION_DENIED = 0x9D
    PARAMETER = 0x9E
    APPLICATION_NOT_FOUND = 0xA0
    AUTHENTICATION = 0xAE
    ADDITIONAL_FRAME = 0xAF
    BOUNDARY = 0xBE
    COMMAND_ABORTED = 0xCA
    COUNT = 0xCE
    DUPLICATE = 0xDE
    FILE_NOT_FOUND = 0xF0


class StatusError(Exception):
    """The card refuses; ``status`` is all that it says about it."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"{status:02X} {status.name}")
        self.status = status


class FramesMissingError(Exception):
    """The command goes on in the next frame."""


def require(condition: bool, status: Status) -> None:
    """Raise StatusError ``status`` unless ``condition`` holds."""
    if not condition:
        raise StatusError(status)
