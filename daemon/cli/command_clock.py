"""The clock of a command: the entry point makes it, typer's context hands it on."""

import typer

from daemon.base.clock import Clock


def clock_of(context: typer.Context) -> Clock:
    """Return the clock that the command line was started with, as ``app(obj=clock)``."""
    clock: Clock | None = context.obj
    assert clock is not None
    return clock
