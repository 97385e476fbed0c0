"""The text of a shop's own TOML file, read within limits: programme and questionnaire. Pure."""

import tomllib
from decimal import Decimal, InvalidOperation
from typing import Any

from daemon.programme.toml_keys import KEY_DOTS_MAX, has_long_key

BYTE_ORDER_MARK = "\ufeff"
"""What editors on Windows write before a text; it says nothing."""
DECIMAL_EXPONENT_MAX = 30
"""Powers of ten of a decimal; money has far fewer digits."""
DECIMAL_CHARS_SHOWN = 20


class TomlTextError(ValueError):
    """It is no TOML, or too much of it. The text says what is wrong."""


def read_toml(text: str, bytes_max: int) -> dict[str, Any]:
    """Return the tables of a text of at most ``bytes_max`` bytes of UTF-8; decimals are Decimals.

    Raises: TomlTextError.
    """
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:  # half of a character, which only a program can write
        raise TomlTextError("not TOML: it is no Unicode text") from None
    if size > bytes_max:
        raise TomlTextError(
            f"the file has {size} bytes, at most {bytes_max} are read; make it shorter"
        )
    if has_long_key(text):
        raise TomlTextError(f"a key has more than {KEY_DOTS_MAX} dots; write it with fewer")
    try:
        return tomllib.loads(text.removeprefix(BYTE_ORDER_MARK), parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        raise TomlTextError(f"not TOML: {error}") from error
    except ValueError as error:
        raise TomlTextError(f"a value that does not exist: {error}") from error
    except RecursionError as error:
        raise TomlTextError("tables are nested too deeply") from error


def _decimal(text: str) -> Decimal:
    """Return a number of the file. Raises ValueError for one that no rule can mean."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:  # an exponent that is itself too long
        raise ValueError(f"{text[:DECIMAL_CHARS_SHOWN]} is out of range") from error
    if number.is_finite() and abs(number.adjusted()) > DECIMAL_EXPONENT_MAX:
        raise ValueError(f"{text[:DECIMAL_CHARS_SHOWN]} is out of range")
    return number
