"""``tillcard questionnaire``: check what customers are asked, bring it in force, and show it."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.base.regular_files import read_text_file
from daemon.cli.check_command import refuse
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    new_request_id,
    print_json,
    whoever,
)
from daemon.customers.questionnaire import Questionnaire, QuestionnaireError, doubts, load

questionnaire = typer.Typer(
    help="What customers are asked, and what they may allow: one TOML file.", no_args_is_help=True
)

FileArgument = Annotated[Path, typer.Argument(help="The questionnaire, TOML.")]


@questionnaire.command()
def check(file: FileArgument, json: AsJson = False) -> None:
    """Check a questionnaire: errors end with status 1, warnings do not.

    Example: tillcard questionnaire check questions.toml
    """
    made = _loaded(file)
    warnings = [{"path": path, "message": message} for path, message in doubts(made)]
    if json:
        print_json({"version": made.version, "warnings": warnings})
        return
    for warning in warnings:
        typer.echo(f"warning: {warning['path']}: {warning['message']}")
    questions, consents = len(made.questions), len(made.consents)
    typer.echo(f"{made.version}: questions: {questions}, consents: {consents}")


@questionnaire.command()
@at_daemon
def activate(
    where: Where,
    file: FileArgument,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Bring a questionnaire in force in the running daemon. What was answered before stays.

    Example: tillcard questionnaire activate questions.toml --by olha
    """
    made = _loaded(file)
    terms = {"request_id": new_request_id(), "text": made.text, "by": whoever(by)}
    done = asked("questionnaire.activate", terms, where)
    if json:
        print_json(done)
    else:
        typer.echo(f"{done['version']}: in force from {done['at']} on")


@questionnaire.command()
@at_daemon
def show(
    where: Where,
    json: AsJson = False,
) -> None:
    """Show the questionnaire in force, as it was written.

    Example: tillcard questionnaire show > questions.toml
    """
    known = asked("questionnaire.show", {}, where)
    if json:
        print_json(known)
    else:
        typer.echo(known["text"], nl=False)


def _loaded(file: Path) -> Questionnaire:
    """Return the questionnaire in a file, or say what is wrong with it and exit with status 1."""
    try:
        return load(read_text_file(file))
    except OSError as error:
        refuse(f"{file}: {error.strerror}; name a file that can be read")
    except UnicodeDecodeError:
        refuse(f"{file}: is not UTF-8 text; save it as UTF-8")
    except QuestionnaireError as error:
        refuse(f"{file}: {error}")
