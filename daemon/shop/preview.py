"""Previews of programmes: begun, followed and kept for a day. See their sums for what they say.

A preview may take minutes. Whoever asks first begins it and is told how far it is; whoever asks
again with the same terms hears more, and in the end what it found. One runs at a time, in a process
of its own (`preview_process`), whatever becomes of who has asked.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import Text, read_day
from daemon.programme.checks import Warning, check
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load, local_day
from daemon.shop.preview_process import PreviewJob, PreviewLine
from daemon.shop.preview_sums import SALES_MAX, PreviewSums
from daemon.shop.shop import Shop

PREVIEW_S_MAX = 3_600.0
"""Of one preview, from its start to its end."""
WAIT_S = 5.0
"""How long somebody who follows it waits for the next word."""
KEPT_MAX = 8
"""Previews that are kept for who asks again; one more and the oldest is forgotten."""
FRESH = timedelta(days=1)
"""How old a preview may be for what rests on it."""
LINE_BYTES_MAX = 8 * 1024 * 1024
_WORDS = (sys.executable, "-I", "-m", "daemon.shop.preview_process")
log = logging.getLogger(__name__)


class PreviewTerms(Params, frozen=True, kw_only=True):
    """A programme over the sales of some local days, both included.

    limit:  sales that are priced at most; of more so many are taken evenly.
    beyond: answer when more sales are done than these, or after some seconds; left out, a preview
            that is done is made anew.
    """

    text: str
    from_: Text = msgspec.field(name="from")
    to: Text
    limit: Annotated[int, msgspec.Meta(ge=1, le=SALES_MAX)] = SALES_MAX
    beyond: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """How far a preview is, and what it found when it is done.

    done, of: sales of the period that were looked at. warnings: as `programme.check` has them.
    """

    programme: str
    version: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    done: int
    of: int
    warnings: tuple[Warning, ...]
    result: PreviewSums | None


@dataclass
class _Preview:
    """One preview; ``moved`` is set, and made anew, with each word of its process."""

    job: PreviewJob
    programme: Programme
    done: int = 0
    of: int = 0
    result: PreviewSums | None = None
    problem: RefusedError | None = None
    ended_at: datetime | None = None
    warnings: tuple[Warning, ...] | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_ended(self) -> bool:
        return self.result is not None or self.problem is not None

    def move(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()


async def _started() -> Process:
    return await asyncio.create_subprocess_exec(
        *_WORDS, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=LINE_BYTES_MAX
    )


class Previews:
    """Makes previews while `run` runs. location, home: of the ledger."""

    def __init__(
        self,
        shop: Shop,
        location: str,
        home: Path,
        limit_s: float = PREVIEW_S_MAX,
        start: Callable[[], Awaitable[Process]] = _started,
    ) -> None:
        """limit_s: for one preview. start: starts the process of one. Raises OSError."""
        self._start = start
        self._shop = shop
        self._location, self._home, self._limit_s = location, home, limit_s
        self._kept: OrderedDict[tuple[str, int, int, int], _Preview] = OrderedDict()
        self._current: _Preview | None = None
        self._begun = asyncio.Event()
        self._loading = asyncio.Lock()

    async def preview(self, terms: PreviewTerms) -> Previewed:
        """Begin a preview, or say how far it is.

        Raises: ParamError; RefusedError BUSY while another runs or where none can be started,
                TIMEOUT where it took too long.
        """
        first, last = read_day(terms.from_, "from"), read_day(terms.to, "to")
        if first > last:
            raise ParamError("to", f"{last} is before {first}; turn them round")
        programme = await self._loaded(terms.text)
        preview = self._of(programme, first, last, terms)
        if not preview.has_ended and preview.done <= terms.beyond:
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_S):
                    await preview.moved.wait()
        if preview.problem is not None:
            raise preview.problem
        if preview.warnings is None:
            today = local_day(programme, self._shop.now())
            preview.warnings = tuple(await asyncio.to_thread(check, programme, today))
        return Previewed(
            programme=programme.id,
            version=programme.version,
            first=str(first),
            last=str(last),
            done=preview.done,
            of=preview.of,
            warnings=preview.warnings,
            result=preview.result,
        )

    def is_fresh(self, version: str) -> bool:
        """Whether a programme has been previewed here, and not longer ago than FRESH."""
        now = self._shop.now()
        return any(
            key[0] == version and one.ended_at is not None and now - one.ended_at <= FRESH
            for key, one in self._kept.items()
            if one.result is not None
        )

    async def _loaded(self, text: str) -> Programme:
        for preview in self._kept.values():  # whoever follows one says the same text each time
            if preview.programme.text == text:
                return preview.programme
        async with self._loading:  # a client's large files leave threads to others
            try:
                return await asyncio.to_thread(load, text)
            except ProgrammeError as error:
                raise ParamError(f"text: {error.path}", error.message) from error

    def _of(self, programme: Programme, first: date, last: date, terms: PreviewTerms) -> _Preview:
        key = (programme.version, first.toordinal(), last.toordinal(), terms.limit)
        there = self._kept.get(key)
        if there is not None and not (there.has_ended and terms.beyond < 0):
            return there
        if self._current is not None:
            raise RefusedError(
                ErrorCode.BUSY, "Another programme is being previewed; ask again when it is done."
            )
        job = PreviewJob(
            location=self._location,
            home=str(self._home.resolve()),
            text=programme.text,
            first=key[1],
            last=key[2],
            most=terms.limit,
        )
        self._current = self._kept[key] = _Preview(job, programme)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        self._begun.set()
        return self._current

    async def run(self) -> None:
        """Make what was begun, one after the other, until cancelled."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            preview = self._current
            assert preview is not None, "it was begun"
            try:
                await self._made(preview)
            except RefusedError as error:
                preview.problem = error
            finally:
                self._current = None
                preview.ended_at = self._shop.now()
                preview.move()

    async def _made(self, preview: _Preview) -> None:
        try:
            process = await self._start()
        except OSError as error:
            raise _busy(f"it could not be started ({error.strerror})") from error
        try:
            async with asyncio.timeout(self._limit_s):
                await _followed(process, preview)
        except ValueError as error:
            raise _busy(f"its process said more than {LINE_BYTES_MAX} bytes at once") from error
        except TimeoutError as error:
            raise RefusedError(
                ErrorCode.TIMEOUT, f"The preview took longer than {self._limit_s:g} s."
            ) from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _followed(process: Process, preview: _Preview) -> None:
    """Tell a process what to do, and note what it says until its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # it has ended already, and says so below
        process.stdin.write(msgspec.json.encode(preview.job))
        await process.stdin.drain()
    process.stdin.close()
    sums = None
    while line := await process.stdout.readline():
        try:
            said = msgspec.json.decode(line, type=PreviewLine)
        except msgspec.DecodeError as error:  # cut off with the process
            raise _busy("what its process said cannot be read") from error
        if said.problem:
            log.error("a programme could not be previewed: %s", said.problem)
            raise _busy("the ledger could not be read")
        if said.sums is not None:
            sums = said.sums
        else:
            preview.done, preview.of = said.done, said.of
            preview.move()
    await process.wait()
    if sums is None:
        raise _busy("its process ended before it was done")
    preview.result = sums


def _busy(why: str) -> RefusedError:
    return RefusedError(ErrorCode.BUSY, f"The programme was not previewed: {why}; ask again.")
