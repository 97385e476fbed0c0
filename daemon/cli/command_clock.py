"""The clock of a command: the entry point makes it, typer's context hands it on."""

from datetime import datetime

import typer

from daemon.base.clock import Clock


def clock_of(context: typer.Context) -> Clock:
    """Return the clock that the command line was started with, as ``app(obj=clock)``."""
    clock: Clock | None = context.obj
    assert clock is not None
    return clock


def moment_of(text: str, option: str) -> datetime:
    """Return a moment that was typed for ``option``. Raises BadParameter, with an example."""
    example = "write it with its offset, such as 2026-11-22T10:00+02:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; {example}", param_hint=option) from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no offset; {example}", param_hint=option)
    return moment
