"""Waiting for what the readers report."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from daemon.readers import ReaderEvent, ReaderState
from daemon.readers.supervisor import Supervisor

E = TypeVar("E")
PATIENCE_S = 30.0


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncIterator[Supervisor]:
    """Run ``supervisor`` for as long as the context lasts."""
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), "the supervisor ended by itself"


async def next_event(
    supervisor: Supervisor, kind: type[E], *, reader: str = "", patience_s: float = PATIENCE_S
) -> E:
    """Take events until one of ``kind`` (and of ``reader``) comes."""
    async with asyncio.timeout(patience_s):
        while True:
            event = await supervisor.events.get()
            of_reader = not reader or getattr(event, "reader", "") == reader
            if isinstance(event, kind) and of_reader:
                return event


async def until(supervisor: Supervisor, condition: Callable[[ReaderEvent], bool]) -> ReaderEvent:
    """Take events until ``condition`` holds for one."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = await supervisor.events.get()
            if condition(event):
                return event


async def until_state(supervisor: Supervisor, reader: str, state: ReaderState) -> None:
    """Take events until ``reader`` is in ``state``; at once if it is already."""
    async with asyncio.timeout(PATIENCE_S):
        while supervisor.states[reader] is not state:
            await supervisor.events.get()
