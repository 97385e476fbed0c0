"""Whole answers that are read page by page: written once, so that no page is of another moment.

A file without a name holds the rows, some hundred bytes each: it is gone with the daemon. Few are
kept, and not for long; who asks for a page of one that is gone asks the report again.
"""

import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import IO

import msgspec

from daemon.base.clock import Clock
from daemon.base.refusals import ParamError
from daemon.reports.report import Row

KEPT_MAX = 8
KEPT_S = 600.0
"""Since the last page of it was read."""
PAGE_ROWS = 500
"""Rows of a page: with the longest names there are it is less than one answer may be."""
_ROWS = msgspec.json.Decoder(list[Row])


class _Result:
    def __init__(self, folder: Path) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - outlives this
        self.starts: list[int] = []
        self.used_s = 0.0


class KeptResults:
    """The results that are kept, in files of a folder; for the threads of reports, too."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._results: dict[str, _Result] = {}
        self._lock = Lock()

    def keep(self, rows: Iterable[Row]) -> str:
        """Write the rows of a result; return its name. Those that nobody reads any more go."""
        result = _Result(self._folder)
        page: list[Row] = []
        for row in rows:
            page.append(row)
            if len(page) == PAGE_ROWS:
                _write(result, page)
                page = []
        if page:
            _write(result, page)
        name = secrets.token_hex(8)
        result.used_s = self._clock.monotonic_s()
        with self._lock:
            self._forget()
            self._results[name] = result
        return name

    def _forget(self) -> None:
        now_s = self._clock.monotonic_s()
        by_age = sorted(self._results.items(), key=lambda item: item[1].used_s)
        spare = len(by_age) - (KEPT_MAX - 1)
        for place, (name, result) in enumerate(by_age):
            if place < spare or result.used_s + KEPT_S < now_s:
                result.file.close()
                del self._results[name]

    def page(self, name: str, number: int) -> list[Row]:
        """Return a page of a result, the first one being 0; [] behind the last one.

        Raises: ParamError for a result that is not kept.
        """
        with self._lock:
            result, now_s = self._results.get(name), self._clock.monotonic_s()
            if result is None or result.used_s + KEPT_S < now_s:
                raise ParamError("result", "is not kept any more; ask for the report again")
            result.used_s = now_s
            if number >= len(result.starts):
                return []
            result.file.seek(result.starts[number])
            line = result.file.readline()
        return _ROWS.decode(line)

    def close(self) -> None:
        """Let all of them go, for good or because somebody whom they name was erased."""
        with self._lock:
            for result in self._results.values():
                result.file.close()
            self._results.clear()


def _write(result: _Result, page: list[Row]) -> None:
    result.starts.append(result.file.tell())
    result.file.write(msgspec.json.encode(page) + b"\n")
