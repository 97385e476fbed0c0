"""What a till has answered, kept outside its database: how a ledger that went back is noticed.

A ledger that was set back, by a backup copied over it, a lost log or a server restored from a
snapshot, is whole in itself: its chain holds, only its end is older. Nothing inside it can say
so. So the newest entry that was made durable stands in a small file beside it too. It is
written before any answer leaves, and never synced: it says at most what is durable already, and
a power cut may leave it a little behind, never ahead.

    tillcard.db        entries 1 … 1203, copied back from Monday's backup
    tillcard.db.head   "5f0c…  1210  9ab4…"   -> 7 entries are missing that this till has answered
"""

import os
import re
from contextlib import suppress
from errno import EINVAL
from pathlib import Path
from typing import NamedTuple, Protocol

from daemon.base.ids import LedgerId
from daemon.base.regular_files import read_text_file
from daemon.ledger.entries import GENESIS_HASH
from daemon.ledger.storage.queries import ENTRY_HASH, HEAD, LEDGER, Question, R

ANSWERED_SUFFIX = ".head"
_LINE = re.compile(r"([0-9a-f]{16}) +([0-9]{1,19}) ([0-9a-f]{64})\n")


class AskedStore(Protocol):
    """A store, as far as it is asked."""

    def ask_one(self, question: Question[R], *values: str | int | bytes) -> R | None:
        """Return the first row that answers a question."""
        ...


class Answered(NamedTuple):
    """The newest entry of a ledger that was made durable before something was answered."""

    ledger_id: LedgerId
    seq: int
    hash: bytes

    def lacking_in(self, store: "AskedStore") -> str:
        """Say what the ledger of ``store`` lacks of what was answered, or ""."""
        if not store.ask_one(LEDGER, self.ledger_id):
            return f"it is not ledger {self.ledger_id}, from which this till has answered"
        newest, _ = store.ask_one(HEAD, self.ledger_id) or (0, GENESIS_HASH)
        if type(newest) is not int:  # SQLite keeps any type anywhere
            return f"its newest entry has no number but {newest!r}"
        if newest < self.seq:
            return f"{self.seq - newest} entries are missing that this till has answered"
        if self.seq and store.ask_one(ENTRY_HASH, self.ledger_id, self.seq) != self.hash:
            return f"entry {self.seq} is not the one that this till has answered"
        return ""


class AnsweredFile:
    """The file. It is kept open by a till that writes, so that one answer costs one small write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def read(self) -> Answered | None:
        """Return what it says; None where there is none, or a power cut left it unreadable."""
        try:
            found = _LINE.fullmatch(read_text_file(self.path, "ascii"))
        except (OSError, UnicodeDecodeError):
            return None
        if found is None:
            return None
        return Answered(LedgerId(found[1]), int(found[2]), bytes.fromhex(found[3]))

    def open(self) -> None:
        """Open it for writing. Raises OSError, for a pipe or the like too."""
        if self.path.exists() and not self.path.is_file():
            raise OSError(EINVAL, "it is no file; remove what is there", str(self.path))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o666)  # the umask decides, as of the ledger

    def write(self, answered: Answered) -> None:
        """Keep it. What cannot be kept, on a full disk, is only noticed later or not at all."""
        if self._file is None:
            return
        line = f"{answered.ledger_id} {answered.seq:>19} {answered.hash.hex()}\n"
        with suppress(OSError):
            os.pwrite(self._file, line.encode("ascii"), 0)

    def close(self) -> None:
        """Close it; it stays where it is."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def way_out(self, lacks: str) -> str:
        """Return the sentence for a ledger that lacks what was answered: what a person can do."""
        return (
            f"{lacks}. Bring back the newer ledger; to go on with this one all the same, stop the"
            f" till and delete {self.path}."
        )
