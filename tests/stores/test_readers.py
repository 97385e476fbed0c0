"""A question that takes long holds up no other, on every store."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from daemon.ledger.ledger import Ledger
from daemon.ledger.readers import READERS_MAX, LedgerReaders
from daemon.ledger.storage.queries import HEAD
from daemon.ledger.storage.store import Store
from tests.stores.conftest import OpenHere
from tests.stores.hand_made import PATIENCE_S, commit, made_sale


class Slow:
    """A question that is answered when the test says so; ``asked`` by connection."""

    def __init__(self) -> None:
        self.asked: list[Store] = []
        self.go_on = threading.Event()

    def __call__(self, store: Store) -> Store:
        self.asked.append(store)
        assert self.go_on.wait(PATIENCE_S)
        return store


@pytest.fixture
async def ledger(open_here: OpenHere) -> AsyncIterator[Ledger]:
    open_reading = partial(open_here, read_only=True)
    ledger = Ledger(open_here(), open_reading(), open_reading)
    yield ledger
    await ledger.close()


def head(store: Store) -> int | None:
    found = store.ask_one(HEAD, store.ledger_id)
    return found[0] if found else None


async def test_a_slow_question_holds_up_neither_a_question_nor_a_sale(ledger: Ledger) -> None:
    slow = Slow()
    waiting = asyncio.create_task(ledger.read(slow))
    async with asyncio.timeout(PATIENCE_S):
        assert await ledger.read(head) is None
        await commit(ledger, made_sale("s1"))
        assert await ledger.read(head) == 1
        slow.go_on.set()
        await waiting


async def test_so_many_are_asked_at_once_each_on_a_connection_of_its_own(ledger: Ledger) -> None:
    together = threading.Barrier(READERS_MAX)

    def meet(store: Store) -> int:
        together.wait(PATIENCE_S)
        return id(store)

    async with asyncio.timeout(PATIENCE_S):
        asked = await asyncio.gather(*(ledger.read(meet) for _ in range(READERS_MAX)))
    assert len(set(asked)) == READERS_MAX


async def test_one_more_waits_for_its_turn(ledger: Ledger) -> None:
    slow = Slow()
    async with asyncio.timeout(PATIENCE_S):
        waiting = asyncio.gather(*(ledger.read(slow) for _ in range(READERS_MAX + 1)))
        slow.go_on.set()
        asked = await waiting
    assert len({id(store) for store in asked}) <= READERS_MAX


async def test_where_nothing_waits_one_connection_is_enough(ledger: Ledger) -> None:
    slow = Slow()
    slow.go_on.set()
    for _ in range(READERS_MAX):
        await ledger.read(slow)
    assert len({id(store) for store in slow.asked}) == 1


async def test_a_question_that_was_given_up_before_its_turn_is_never_asked(
    open_here: OpenHere,
) -> None:
    writing = open_here()
    readers = LedgerReaders(open_here(read_only=True), wait_s=0.05)
    slow, never = Slow(), Slow()
    asked = [asyncio.create_task(readers.ask(question)) for question in (slow, never)]
    async with asyncio.timeout(PATIENCE_S):
        told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told] == [TimeoutError, TimeoutError]
    slow.go_on.set()
    await readers.close()
    writing.close()
    assert (len(slow.asked), never.asked) == (1, [])
