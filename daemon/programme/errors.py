"""What can be wrong with a programme file or with a basket, named by its path."""

from daemon.errors import ParamError


class ProgrammeError(ValueError):
    """The programme file cannot be used; the one that is active stays.

    path:    of the wrong key, such as ``rule[3].when.time``.
    message: what is wrong and what to write instead.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class BasketError(ParamError):
    """The basket, a fact or a return cannot be priced."""
