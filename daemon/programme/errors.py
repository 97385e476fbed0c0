"""What can be wrong with a programme file or with a basket, named by its path."""

import re
from collections.abc import Mapping
from typing import Any

from daemon.base.refusals import ParamError


class ProgrammeError(ValueError):
    """The programme file cannot be used; the one that is active stays.

    path:    of the wrong key, such as ``rule[3].when.time``.
    message: what is wrong and what to write instead.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def naming_table(error: ProgrammeError, tables: Mapping[str, Any]) -> ProgrammeError:
    """Return the error with the id of the table that its path gives a number.

    tables: the file as TOML has it.
    """
    match = re.match(r"(\w+)\[(\d+)\](?!\.id$)", error.path)
    table = tables[match[1]][int(match[2])] if match else None
    if match is None or not isinstance(table, dict) or not table.get("id"):
        return error
    return ProgrammeError(error.path, f'{error.message} ({match[1]} "{table["id"]}")')


class BasketError(ParamError):
    """The basket, a fact or a return cannot be priced."""
