"""Files that are read whole at a start or by a command: keys, configuration, programme, lists.

What stands in the place of one and is no file makes a start hang: a pipe is waited for, a device
never ends. So nothing but a regular file is opened, and what is there instead is said.
"""

import os
import stat
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from io import BufferedReader
from itertools import repeat
from pathlib import Path

LINE_CHARS_MAX = 200


def read_file(path: Path) -> bytes:
    """Return what a regular file holds. Raises OSError, also for a pipe, a device or a folder."""
    # Without waiting: a pipe would open when somebody writes into it, and that may be never.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        check_regular(path, os.fstat(file))
        with open(file, "rb", closefd=False) as opened:
            return opened.read()
    finally:
        os.close(file)


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file of bytes. Raises OSError as `read_file`."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(file, "rb") as opened:
        check_regular(path, os.fstat(file))
        yield opened


def check_regular(path: Path, found: os.stat_result) -> None:
    """Raise OSError where what was found at ``path`` is not a regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(EINVAL, "it is not a regular file; put one in its place", str(path))


def without_mark(text: bytes) -> bytes:
    """Return UTF-8 without the byte order mark that editors on Windows put before it."""
    return text.removeprefix(BOM_UTF8)


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a regular file of UTF-8, without blanks around them; not all at once.

    Empty lines at the end are left out. What is longer than LINE_CHARS_MAX comes in pieces.
    Raises: OSError as `read_file`, UnicodeDecodeError.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(file, encoding="utf-8-sig") as opened:
        check_regular(path, os.fstat(file))
        empty = 0
        while line := opened.readline(LINE_CHARS_MAX):
            if text := line.strip():
                yield from repeat("", empty)
                yield text
            empty = 0 if text else empty + 1


def read_text_file(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return the text of a regular file. Raises OSError as `read_file`, UnicodeDecodeError."""
    text = without_mark(read_file(path)).decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")
