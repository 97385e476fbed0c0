"""``tillcard check``: what is wrong with a programme file, and what is doubtful."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from daemon.programme.checks import check as doubts
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load


def check(
    file: Annotated[Path, typer.Argument(help="The programme file, TOML.")],
) -> None:
    """Check a programme file: errors end with status 1, warnings do not."""
    programme = load_file(file)
    warnings = doubts(programme)
    for warning in warnings:
        typer.echo(f"warning: {warning.path}: {warning.message}")
    counts = f"{len(programme.rules)} rules, {len(warnings)} warnings"
    typer.echo(f"{programme.id} {programme.version}: {counts}")


def load_file(file: Path) -> Programme:
    """Return the programme in a file, or say what is wrong with it and exit with status 1."""
    try:
        return load(file.read_text("utf-8"))
    except OSError as error:
        refuse(f"{file}: {error.strerror}; name a file that can be read")
    except UnicodeDecodeError:
        refuse(f"{file}: is not UTF-8 text; save it as UTF-8")
    except ProgrammeError as error:
        refuse(str(error))


def refuse(message: str) -> NoReturn:
    """Print what is wrong to the error stream and exit with status 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)
