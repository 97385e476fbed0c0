"""One request, once: its answer is what every repetition gets; a refusal binds nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Change, Store, View

AT = "2026-11-23T08:00:00.000000Z"
KEY = RequestKey("card.issue", "r1", bytes(32))


class Done(msgspec.Struct, frozen=True):
    number: int
    replayed: bool = False


class Work:
    """A job that counts its runs, and refuses where it is told to."""

    def __init__(self, refuses: ErrorCode | None = None) -> None:
        self.runs = 0
        self._refuses = refuses

    def __call__(self, store: Store, view: View) -> tuple[Change, Done]:
        self.runs += 1
        if self._refuses is not None:
            raise RefusedError(self._refuses, "No.", reader="chip-1", extra={"burn_max": 3})
        return Change(entry=Entry(at=AT, kind="card", ref="c1")), Done(self.runs)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    path = tmp_path / "ledger.db"
    ledger = Ledger(SQLiteStore(path), SQLiteStore(path, read_only=True))
    yield ledger
    await ledger.close()


async def entries(ledger: Ledger) -> int:
    return await ledger.read(lambda store: len(list(store.entries())))


async def refusal_of(ledger: Ledger, work: Work) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        await ledger.once(KEY, AT, work)
    return refused.value


async def test_a_repeated_request_gets_the_same_answer_and_nothing_is_done_again(
    ledger: Ledger,
) -> None:
    work = Work()
    assert bytes(await ledger.once(KEY, AT, work)) == b'{"number":1,"replayed":false}'
    assert bytes(await ledger.once(KEY, AT, work)) == b'{"number":1,"replayed":true}'
    assert await ledger.stored_answer(KEY) == (msgspec.Raw(b'{"number":1,"replayed":true}'), None)
    assert (work.runs, await entries(ledger)) == (1, 1)


async def test_requests_that_wait_together_are_still_one(ledger: Ledger) -> None:
    work = Work()
    answers = await asyncio.gather(*(ledger.once(KEY, AT, work) for _ in range(20)))
    assert sorted(b"true" in bytes(answer) for answer in answers) == [False] + 19 * [True]
    assert (work.runs, await entries(ledger)) == (1, 1)


@pytest.mark.parametrize("code", [ErrorCode.NO_CARD, ErrorCode.CARD_BLOCKED])
async def test_a_refusal_binds_no_id_and_the_request_may_be_sent_again_corrected(
    ledger: Ledger, code: ErrorCode
) -> None:
    refusal = await refusal_of(ledger, Work(code))
    assert (refusal.code, refusal.reader) == (code, "chip-1")
    assert await ledger.stored_answer(KEY) == (None, None)
    corrected = msgspec.structs.replace(KEY, content=bytes([1]) * 32)
    assert bytes(await ledger.once(corrected, AT, Work())) == b'{"number":1,"replayed":false}'
    late = await refusal_of(ledger, Work())  # the refused one, come late
    assert late.code is ErrorCode.ID_REUSED
    assert await entries(ledger) == 1


async def test_an_id_with_other_content_is_refused_and_its_answer_stays(ledger: Ledger) -> None:
    await ledger.once(KEY, AT, Work())
    other = msgspec.structs.replace(KEY, content=bytes([1]) * 32)
    with pytest.raises(RefusedError) as refused:
        await ledger.once(other, AT, Work())
    assert refused.value.code is ErrorCode.ID_REUSED
    with pytest.raises(RefusedError):
        await ledger.stored_answer(other)
    assert b'"replayed":true' in bytes(await ledger.once(KEY, AT, Work()))
