"""The hot list: chips that must not be used, for tills that have no line to the ledger that knows.

A text file, made by ``tillcard cards hot-list`` and carried to the tills in any way:

    tillcard hot list 2
    2026-11-28T09:00:00.000000Z        when it was made
    keys 1 2                           the generations of chip keys that the marks are made with
    00c4a1…                            a mark a line, sorted: eight bytes of a keyed hash of a UID
    …
    5f0e…                              the signature of all of it (``daemon.keys.signing_keys``)

A mark is keyed, because there are few UIDs: a plain hash of each could be tried against the list.
It has to be made with each generation that a till may have alone. The signature is of a key that
tills do not have, so a stolen till makes no list. What is older than a list that this till has
taken is not taken, also after a restart: when that one was made stands in the ledger.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemon.base.chip_section import ChipSection
from daemon.base.clock import Clock, rfc3339
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.regular_files import read_text_file
from daemon.keys.chip_keys import ChipKeys
from daemon.keys.hot_list_keys import load_hot_list_public_key
from daemon.keys.signing_keys import PublicKey, SigningKey
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import HOT_AFTER
from daemon.ledger.storage.store import Change, Store

TITLE, OLD_TITLE = "tillcard hot list 2", "tillcard hot list 1"
MARK_BYTES = 8
HOT_LIST_BYTES_MAX = 32 * 2**20
AHEAD_MAX = timedelta(hours=1)
"""How far the clocks of two machines may differ."""
MADE_AT = "hot-list:made-at"
"""The counter that says when the newest list was made that was taken: seconds since 1970."""
_MISSING = (0,)
log = logging.getLogger("tillcard.chip")


class HotListError(Exception):
    """The file is no hot list of this shop, or one that is not to be taken."""


class HotListKeys(NamedTuple):
    """What a till reads a list with: the signer's public half, and what the marks are made with."""

    public: PublicKey
    chip: ChipKeys


class HotList(msgspec.Struct, frozen=True):
    """The chips that were hot when it was made."""

    made_at: datetime
    marks: frozenset[bytes]

    def names(self, uid: str, keys: ChipKeys) -> bool:
        """Whether a chip (UID in hex) is on it."""
        return not self.marks.isdisjoint(mark(uid, keys, one) for one in keys.versions)

    @property
    def made_at_s(self) -> int:
        """When it was made, in seconds since 1970."""
        return int(self.made_at.timestamp())

    def why_not(self, now: datetime, taken_s: int) -> str:
        """Say why it is not to be taken now, or "".

        taken_s: when the newest list was made that was taken before; 0 for none.
        """
        if self.made_at > now + AHEAD_MAX:
            return f"it is dated ahead, {rfc3339(self.made_at)}: is this machine's clock right?"
        if self.made_at_s < taken_s:
            newest = rfc3339(datetime.fromtimestamp(taken_s, UTC))
            return f"it is older than the one before, of {newest}"
        return ""


def mark(uid: str, keys: ChipKeys, generation: int) -> bytes:
    """Return what stands for a UID (hex) in the list."""
    return keys.mark(bytes.fromhex(uid), generation)[:MARK_BYTES]


def hot_uids(store: Store) -> list[str]:
    """Return the chips that a ledger knows must not be used: blocked, replaced, or alarming."""
    found: list[str] = []
    while more := store.ask(HOT_AFTER, *[found[-1] if found else ""] * 2):
        found += more
    return found


def encode(uids: Iterable[str], made_at: datetime, keys: ChipKeys, key: SigningKey) -> str:
    """Return the file's text."""
    marks = sorted({mark(uid, keys, one).hex() for uid in uids for one in keys.versions})
    lines = [TITLE, rfc3339(made_at), " ".join(["keys", *map(str, keys.versions)]), *marks]
    body = "".join(f"{line}\n" for line in lines)
    return f"{body}{key.sign(body.encode()).hex()}\n"


def decode(text: str, keys: HotListKeys) -> HotList:
    """Read a file's text. Raises HotListError."""
    body, _, signature = text.removesuffix("\n").rpartition("\n")
    if text.startswith(f"{OLD_TITLE}\n"):
        raise HotListError("an older program made it: make it anew")
    try:
        title, made, generations, *marks = body.split("\n")
        if title != TITLE or not keys.public.verifies(
            f"{body}\n".encode(), bytes.fromhex(signature)
        ):
            raise HotListError("it is not signed with this shop's key for hot lists")
        known = [int(one) for one in generations.removeprefix("keys ").split(" ")]
        if not set(known) & set(keys.chip.versions):
            raise HotListError(f"it is made with chip keys {known}, which this till does not have")
        return HotList(datetime.fromisoformat(made), frozenset(map(bytes.fromhex, marks)))
    except ValueError as error:
        raise HotListError("it is cut short or altered") from error


class HotListFile:
    """The till's hot list. It is read again when the file has changed; a bad one is not taken.

    Where the file is gone, whom it named is refused still, until the till stops; chips do not pay
    where it must have a list.

    path:     None where the till has none. keys: what it is read with.
    days_max: how old it may be for chips to pay; 0 is any age, and none at all.
    """

    def __init__(
        self,
        path: Path | None,
        keys: HotListKeys | None,
        ledger: Ledger,
        clock: Clock,
        days_max: int,
    ) -> None:
        self._path = path
        self._keys = keys
        self._ledger = ledger
        self._clock = clock
        self._days_max = days_max
        self._list: HotList | None = None
        self._seen: tuple[int, ...] | None = None
        self._again_at: datetime | None = None
        self._turn = asyncio.Lock()

    async def names(self, uid: str) -> bool:
        """Whether a chip is on the list. Raises RefusedError as the ledger does."""
        if self._path is None or self._keys is None:
            return False
        async with self._turn:
            await self._follow(self._path, self._keys)
        return self._list is not None and self._list.names(uid, self._keys.chip)

    def need_fresh(self) -> None:
        """Raise RefusedError OFFLINE where the list is too old for chips to pay."""
        if not self._days_max:
            return
        oldest = self._clock.now() - timedelta(days=self._days_max)
        if self._list is None or self._seen == _MISSING or self._list.made_at < oldest:
            raise RefusedError(
                ErrorCode.OFFLINE, "This till needs a new hot list before cards pay again."
            )

    async def _follow(self, path: Path, keys: HotListKeys) -> None:
        seen = await asyncio.to_thread(_state_of, path)
        is_due = self._again_at is not None and self._clock.now() >= self._again_at
        if seen == self._seen and not is_due:
            return
        self._again_at = None
        try:
            new = await asyncio.to_thread(_read, path, seen[0], keys)
            await self._take(new)
        except (OSError, UnicodeDecodeError, HotListError) as error:
            log.warning("the hot list %s was not taken: %s", path, error)
        self._seen = seen

    async def _take(self, new: HotList) -> None:
        """Take a list, and write down of when it is where that is later than all before."""
        now = self._clock.now()

        def job(store: Store) -> str:
            taken_s = store.counters([MADE_AT]).get(MADE_AT, 0)
            why_not = new.why_not(now, taken_s)
            if not why_not and new.made_at_s > taken_s:
                move = CounterMove(MADE_AT, new.made_at_s - taken_s)
                made_at = rfc3339(new.made_at)
                store.write(
                    Change(
                        entry=Entry(at=rfc3339(now), kind="hot_list", ref=made_at, counters=(move,))
                    )
                )
            return why_not

        if why_not := await self._ledger.update(job):
            # One that is dated ahead is looked at again when its time has come.
            self._again_at = new.made_at - AHEAD_MAX if new.made_at > now + AHEAD_MAX else None
            raise HotListError(why_not)
        self._list = new


def hot_list_of(
    section: ChipSection, home: Path, chip: ChipKeys, ledger: Ledger, clock: Clock
) -> HotListFile:
    """Return the hot list of a till whose settings are in ``home``.

    Raises: KeyFileError where it has one and not the public half that it is read with.
    """
    if not section.hot_list:
        return HotListFile(None, None, ledger, clock, section.hot_list_days)
    path = home / section.hot_list
    keys = HotListKeys(load_hot_list_public_key(home / section.hot_list_key), chip)
    if not path.exists():
        log.warning("there is no hot list %s: no chip is refused by it", path)
    return HotListFile(path, keys, ledger, clock, section.hot_list_days)


def _state_of(path: Path) -> tuple[int, ...]:
    """Return what tells a file from another: its size first; _MISSING where there is none.

    A copy may bring its own time along, so when its inode was changed counts as well.
    """
    with suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
    return _MISSING


def _read(path: Path, size: int, keys: HotListKeys) -> HotList:
    if size > HOT_LIST_BYTES_MAX:
        raise HotListError(f"it is longer than {HOT_LIST_BYTES_MAX} bytes")
    return decode(read_text_file(path, "ascii"), keys)
