"""The hot list: chips that must not be used, for tills that have no line to the ledger that knows.

A text file, made by ``tillcard cards hot-list`` and carried to the tills in any way: a title, when
it was made, a mark a line (the first eight bytes of the UID's SHA-256, so that it names nobody,
sorted), and a proof under the shop's keys.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from daemon.base.clock import Clock, rfc3339
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys
from daemon.ledger.storage.queries import HOT_AFTER
from daemon.ledger.storage.store import Store

TITLE = "tillcard hot list 1"
MARK_BYTES = 8
HOT_LIST_BYTES_MAX = 32 * 2**20
log = logging.getLogger("tillcard.chip")


class HotListError(Exception):
    """The file is no hot list of this shop."""


class HotList(msgspec.Struct, frozen=True):
    """The chips that were hot when it was made."""

    made_at: datetime
    marks: frozenset[bytes]


def mark(uid: str) -> bytes:
    """Return what stands for a UID (upper case hex) in the list."""
    return hashlib.sha256(bytes.fromhex(uid)).digest()[:MARK_BYTES]


def hot_uids(store: Store) -> list[str]:
    """Return the chips that a ledger knows must not be used: blocked, replaced, or alarming."""
    found: list[str] = []
    while more := store.ask(HOT_AFTER, *[found[-1] if found else ""] * 2):
        found += more
    return found


def encode(uids: Iterable[str], made_at: datetime, keys: ChipKeys) -> str:
    """Return the file's text."""
    lines = [TITLE, rfc3339(made_at), *sorted({mark(uid).hex() for uid in uids})]
    body = "".join(f"{line}\n" for line in lines)
    return f"{body}{keys.sign(body.encode()).hex()}\n"


def decode(text: str, keys: ChipKeys) -> HotList:
    """Read a file's text. Raises HotListError."""
    body, _, proof = text.removesuffix("\n").rpartition("\n")
    try:
        title, made, *marks = body.split("\n")
        if title != TITLE or not keys.verifies(f"{body}\n".encode(), bytes.fromhex(proof)):
            raise HotListError("it was not made with this shop's keys")
        return HotList(datetime.fromisoformat(made), frozenset(map(bytes.fromhex, marks)))
    except ValueError as error:
        raise HotListError("it is cut short or altered") from error


class HotListFile:
    """The till's hot list. It is read again when the file has changed; a bad one is not taken.

    path:     None where the till has none.
    days_max: how old it may be for chips to pay; 0 is any age, and none at all.
    """

    def __init__(self, path: Path | None, keys: ChipKeys, clock: Clock, days_max: int = 0) -> None:
        self._path = path
        self._keys = keys
        self._clock = clock
        self._days_max = days_max
        self._list: HotList | None = None
        self._seen: tuple[int, int] | None = None

    async def names(self, uid: str) -> bool:
        """Whether a chip is on the list."""
        if self._path is not None:
            await asyncio.to_thread(self._follow, self._path)
        return self._list is not None and mark(uid) in self._list.marks

    def need_fresh(self) -> None:
        """Raise RefusedError OFFLINE where the list is too old for chips to pay."""
        if not self._days_max:
            return
        oldest = self._clock.now() - timedelta(days=self._days_max)
        if self._list is None or self._list.made_at < oldest:
            raise RefusedError(
                ErrorCode.OFFLINE, "This till needs a new hot list before cards pay again."
            )

    def _follow(self, path: Path) -> None:
        seen = (0, 0)  # there is none
        with suppress(OSError):
            found = path.stat()
            seen = (found.st_mtime_ns, found.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            if seen[1] > HOT_LIST_BYTES_MAX:
                raise HotListError(f"it is longer than {HOT_LIST_BYTES_MAX} bytes")
            new = decode(path.read_text("ascii"), self._keys)
            if self._list is not None and new.made_at < self._list.made_at:
                raise HotListError("it is older than the one before")
            self._list = new
        except (OSError, UnicodeDecodeError, HotListError) as error:
            log.warning("the hot list %s was not taken: %s", path, error)
