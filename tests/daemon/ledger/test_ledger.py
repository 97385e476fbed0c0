"""One request, once: its answer or its final refusal is what every repetition gets."""

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


async def test_a_final_refusal_is_the_answer_for_ever(ledger: Ledger) -> None:
    first = await refusal_of(ledger, Work(ErrorCode.CARD_BLOCKED))
    work = Work()
    again = await refusal_of(ledger, work)
    with pytest.raises(RefusedError) as looked_up:
        await ledger.stored_answer(KEY)
    for refusal in (first, again, looked_up.value):
        assert (refusal.code, refusal.detail) == (ErrorCode.CARD_BLOCKED, "No.")
        assert refusal.extra == {"burn_max": 3}
    assert (work.runs, await entries(ledger)) == (0, 0)


async def test_a_refusal_that_may_be_repeated_leaves_the_request_open(ledger: Ledger) -> None:
    refusal = await refusal_of(ledger, Work(ErrorCode.NO_CARD))
    assert (refusal.code, refusal.reader) == (ErrorCode.NO_CARD, "chip-1")
    assert await ledger.stored_answer(KEY) == (None, None)
    assert bytes(await ledger.once(KEY, AT, Work())) == b'{"number":1,"replayed":false}'


async def test_what_was_refused_before_the_write_is_kept_in_the_same_way(ledger: Ledger) -> None:
    for code in (ErrorCode.NO_CARD, ErrorCode.QUOTE_UNKNOWN):
        with pytest.raises(RefusedError):
            await ledger.refuse(KEY, AT, RefusedError(code, "Before."))
    assert (await refusal_of(ledger, Work())).code is ErrorCode.QUOTE_UNKNOWN


async def test_a_refusal_never_takes_the_place_of_an_answer(ledger: Ledger) -> None:
    await ledger.once(KEY, AT, Work())
    late = RefusedError(ErrorCode.QUOTE_UNKNOWN, "Too late.")
    assert b'"replayed":true' in bytes(await ledger.refuse(KEY, AT, late))


async def test_an_id_with_other_content_is_refused_and_its_answer_stays(ledger: Ledger) -> None:
    await ledger.once(KEY, AT, Work())
    other = msgspec.structs.replace(KEY, content=bytes([1]) * 32)
    with pytest.raises(RefusedError) as refused:
        await ledger.once(other, AT, Work())
    assert refused.value.code is ErrorCode.ID_REUSED
    with pytest.raises(RefusedError):
        await ledger.stored_answer(other)
    assert b'"replayed":true' in bytes(await ledger.once(KEY, AT, Work()))
