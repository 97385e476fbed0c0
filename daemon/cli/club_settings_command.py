"""``tillcard club settings``: the few values of a status that an owner changes."""

from typing import Annotated, Any, Literal

import msgspec
import typer

from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    failed,
    new_request_id,
    print_json,
    whoever,
)
from daemon.programme.club_settings import settings_of
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import SPAN_DAYS_MAX

Amount = Annotated[int | None, typer.Option(min=1, help="Minor units, or what the meter counts.")]
Days = Annotated[int | None, typer.Option(min=1, max=SPAN_DAYS_MAX, help="Whole days.")]


@at_daemon
def settings_club(
    where: Where,
    status: Annotated[str, typer.Argument(help="The status's id in the programme: club.")],
    percent: Annotated[str | None, typer.Option(help="What members get: 7, or 7.5.")] = None,
    enter_amount: Amount = None,
    enter_days: Days = None,
    keep_amount: Amount = None,
    keep_days: Days = None,
    decide: Annotated[
        Literal["owner", "auto"] | None, typer.Option(help="Who decides: the owner, or the sum.")
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Show the settings of a status; or change those that are named, in force at once.

    Only these values change in the programme's text; its comments stay.

    Example: tillcard club settings club --percent 7.5 --keep-amount 300000 --keep-days 60
    """
    named = {
        "percent": percent,
        "enter_amount": enter_amount,
        "enter_days": enter_days,
        "keep_amount": keep_amount,
        "keep_days": keep_days,
        "decide": decide,
    }
    changes = {name: value for name, value in named.items() if value is not None}
    done: dict[str, Any] = {}
    if changes:
        terms = {"request_id": new_request_id(), "status": status, "by": whoever(by)}
        done = asked("club.settings", terms | changes, where)
    try:
        now = settings_of(asked("programme.show", {}, where)["text"], status)
    except ProgrammeError as error:
        raise failed(f"{error.path}: {error.message}") from error
    settings = msgspec.to_builtins(now)
    if as_json:
        print_json({"settings": settings} | done)
        return
    for name, value in settings.items():
        typer.echo(f"{name.replace('_', ' '):<13} {'-' if value is None else value}")
    if done:
        typer.echo(f"in force: {done['programme']} {done['version']}")
    for doubt in done.get("warnings", ()):
        typer.echo(f"warning: {doubt['path']}: {doubt['message']}")
