"""Which programmes were brought in force, by whom, when and why, and what is different in them.

An old one comes back as a new activation of its text; nothing is taken out of the history.
"""

import difflib
from collections import Counter
from typing import Annotated

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.params import Params
from daemon.base.refusals import ParamError
from daemon.base.text_limits import IdText
from daemon.ledger.storage.queries import ACTIVATIONS_BEFORE, NEWEST_ACTIVATION, PROGRAMME
from daemon.ledger.storage.rows import ActivationRow
from daemon.ledger.storage.store import Store
from daemon.shop.shop import Shop

HISTORY_MAX = 50
"""Activations in one answer."""
DIFFERENCE_LINES_MAX = 4_000
"""Lines of a difference that are told; ``more`` says how many are not."""
_ALIKE_MAX = 2_000 * 2_000
"""Of lines times lines that are held against each other; of longer texts all is told as new."""
_NEWEST = 2**53


class HistoryTerms(Params, frozen=True, kw_only=True):
    """Activations before number ``before``, the newest first; 0: from the newest on."""

    before: Annotated[int, msgspec.Meta(ge=0, le=_NEWEST)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=HISTORY_MAX)] = 20


class VersionTerms(Params, frozen=True, kw_only=True):
    """A version that was in force, or is to come, and another one that it is held against."""

    version: IdText
    against: IdText = ""


class ActivationTold(msgspec.Struct, frozen=True, kw_only=True):
    """One activation. at: from when on (RFC 3339). by: a person, or ``file <terminal>``.

    reason: why it was made without a preview, or "". added, removed: lines, against the one before.
    """

    number: int
    at: str
    version: str
    by: str
    reason: str
    in_force: bool
    added: int
    removed: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Activations, the newest first. next: the ``before`` to go on with, or 0 at the first one."""

    versions: tuple[ActivationTold, ...]
    next: int


class VersionTold(msgspec.Struct, frozen=True, kw_only=True):
    """A programme's text. difference: lines of ``diff -u``; more: how many are not told."""

    version: str
    text: str
    against: str
    difference: tuple[str, ...]
    more: int


class ProgrammeHistory:
    """Reads what was in force."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def history(self, terms: HistoryTerms) -> History:
        """Tell of activations, those of all tills on this database."""
        now = rfc3339(self._shop.now())

        def read(store: Store) -> tuple[list[ActivationRow], int, dict[str, str]]:
            rows = store.ask(ACTIVATIONS_BEFORE, terms.before or _NEWEST, terms.limit + 1)
            in_force = store.ask_one(NEWEST_ACTIVATION, now)
            texts = {row.version: store.ask_one(PROGRAMME, row.version) or "" for row in rows}
            return rows, in_force.number if in_force else 0, texts

        rows, in_force, texts = await self._shop.ledger.read(read)
        texts[""] = ""
        before = [row.version for row in rows[1:]] + [""] * (len(rows) <= terms.limit)
        told = [
            _told(row, texts[row.version], texts[older], is_now=row.number == in_force)
            for row, older in zip(rows, before, strict=False)
        ]
        more = rows[terms.limit - 1].number if len(rows) > terms.limit else 0
        return History(versions=tuple(told[: terms.limit]), next=more)

    async def version(self, terms: VersionTerms) -> VersionTold:
        """Tell the text of a version, and what is different in another. Raises ParamError."""

        def read(store: Store) -> tuple[str | None, str | None]:
            other = store.ask_one(PROGRAMME, terms.against) if terms.against else ""
            return store.ask_one(PROGRAMME, terms.version), other

        text, other = await self._shop.ledger.read(read)
        for name, found in (("version", text), ("against", other)):
            if found is None:
                problem = f"{getattr(terms, name)!r} was never in force; see programme.history"
                raise ParamError(name, problem)
        assert text is not None
        assert other is not None
        lines = difference(other, text) if terms.against else []
        return VersionTold(
            version=terms.version,
            text=text,
            against=terms.against,
            difference=tuple(lines[:DIFFERENCE_LINES_MAX]),
            more=max(0, len(lines) - DIFFERENCE_LINES_MAX),
        )


def _told(row: ActivationRow, text: str, before: str, *, is_now: bool) -> ActivationTold:
    lines, older = Counter(text.splitlines()), Counter(before.splitlines())
    return ActivationTold(
        number=row.number,
        at=row.at,
        version=row.version,
        by=row.source,
        reason=row.reason,
        in_force=is_now,
        added=(lines - older).total(),
        removed=(older - lines).total(),
    )


def difference(before: str, after: str) -> list[str]:
    """Return what must be done to ``before`` to make it ``after``, as ``diff -u`` writes it."""
    old, new = before.splitlines(), after.splitlines()
    same = next(
        (n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    if (len(old) - same) * (len(new) - same) > _ALIKE_MAX:
        return [*(f"-{line}" for line in old[same:]), *(f"+{line}" for line in new[same:])]
    return list(difflib.unified_diff(old, new, "before", "after", lineterm=""))
