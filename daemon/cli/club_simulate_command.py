"""``tillcard club simulate``: what a status would do, without a daemon and without a ledger."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.base.regular_files import read_file, without_mark
from daemon.cli.daemon_call import AsJson, failed, print_json
from daemon.programme.errors import ProgrammeError
from daemon.programme.status_simulation import SimulatedEvent, Simulation, Step, simulate

FileArgument = Annotated[Path, typer.Argument(help="JSON: status, events, ask.")]


def simulate_club(file: FileArgument, as_json: AsJson = False) -> None:
    """Play purchases, returns and decisions; show the status after each, and on days asked for.

    No daemon is needed. The file has the settings of a status, events in the order of their days
    with amounts in minor units, and days to ask about, each at its end:

    {"status": {"enter": {"at_least": 500000, "within": "30d"}, "decide": "owner"},
     "events": [{"at": "2026-09-01", "sale": 600000}, {"at": "2026-09-02", "grant": true},
     {"at": "2026-09-03", "return": 20000, "of": "2026-09-01"}], "ask": ["2026-09-30"]}

    Example: tillcard club simulate docs/club-simulation.json
    """
    try:
        text = without_mark(read_file(file))
        steps = list(simulate(msgspec.json.decode(text, type=Simulation)))
    except OSError as error:
        raise failed(f"{file}: {error.strerror}; name a file that can be read") from error
    except ProgrammeError as error:
        raise failed(f"{file}: {error.path}: {error.message}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise failed(f"{file}: {error}") from error
    if as_json:
        print_json({"steps": steps})
        return
    typer.echo(_line("day", "event", "state", "window", "total", "list"))
    for step in steps:
        said = _said(step.event), step.state, _window(step), str(step.total), step.list
        typer.echo(_line(str(step.at), *said))


def _said(event: SimulatedEvent | None) -> str:
    if event is None:
        return "asked"
    if event.sale is not None:
        return f"sale {event.sale}"
    if event.back is not None:
        return f"return {event.back} of {event.of}"
    return "granted" if event.grant else "refused"


def _window(step: Step) -> str:
    return f"{step.window_from} to {step.window_to}" if step.window_to else "-"


def _line(day: str, event: str, state: str, window: str, total: str, listed: str) -> str:
    line = f"{day:<10}  {event:<28}  {state:<9}  {window:<24}  {total:>9}  {listed}"
    return line.rstrip()
