"""``tillcard check``: what is wrong with a programme file; and it comes into force if asked."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from daemon.base.regular_files import read_text_file
from daemon.cli.command_clock import clock_of, moment_of
from daemon.cli.daemon_call import (
    By,
    Where,
    advice,
    at_daemon,
    connected,
    new_request_id,
    whoever,
)
from daemon.pos.client import CallError, UnreachableError
from daemon.programme.checks import check as doubts
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load, local_day


@at_daemon
def check(
    where: Where,
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The programme file, TOML.")],
    by: By = "",
    activate: Annotated[
        bool, typer.Option("--activate", help="Bring it into force in the running daemon.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="With --activate: why it was not previewed; it is kept for ever.")
    ] = "",
    at: Annotated[
        str, typer.Option(help="With --activate: from when on, RFC 3339 with offset; else now.")
    ] = "",
) -> None:
    """Check a programme file: errors end with status 1, warnings do not.

    --activate asks for a preview (`tillcard programme preview`) not older than a day, or for a
    --reason. Sales that were priced before it are returned under the programme that priced them.
    """
    if at and not activate:
        raise typer.BadParameter("it goes with --activate", param_hint="--at")
    if at and moment_of(at, "--at") < clock_of(context).now():
        past = f"{at} is past; leave --at out to activate it now"
        raise typer.BadParameter(past, param_hint="--at")
    programme = load_file(file)
    warnings = doubts(programme, local_day(programme, clock_of(context).now()))
    for warning in warnings:
        typer.echo(f"warning: {warning.path}: {warning.message}")
    counts = f"{_counted(len(programme.rules), 'rule')}, {_counted(len(warnings), 'warning')}"
    typer.echo(f"{programme.id} {programme.version}: {counts}")
    if not activate:
        return
    terms = {"request_id": new_request_id(), "text": programme.text}
    terms |= {"by": whoever(by), "reason": reason}
    try:
        with connected(where) as client:
            done = client.call("programme.activate", terms | ({"at": at} if at else {}))
    except UnreachableError as error:
        refuse(str(error))
    except CallError as error:
        refuse(f"It is not in force. {advice(error, terms)}")
    since = datetime.fromisoformat(done["at"])
    local = since.astimezone(programme.zone).isoformat(" ", "seconds")
    typer.echo(f"in force from {local} ({programme.tz}) on")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def load_file(file: Path) -> Programme:
    """Return the programme in a file, or say what is wrong with it and exit with status 1."""
    try:
        return load(read_text_file(file))
    except OSError as error:
        refuse(f"{file}: {error.strerror}; name a file that can be read")
    except UnicodeDecodeError:
        refuse(f"{file}: is not UTF-8 text; save it as UTF-8")
    except ProgrammeError as error:
        refuse(f"{file}: {error.message}" if error.path == "programme" else str(error))


def refuse(message: str) -> NoReturn:
    """Print what is wrong to the error stream and exit with status 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)
