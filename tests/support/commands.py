"""``tillcard …`` in the test's own process, by a clock of the test's."""

from collections.abc import Mapping

from typer.testing import CliRunner, Result

from daemon.base.clock import Clock
from daemon.cli.command_table import app
from tests.support.clock import HandClock


def tillcard(
    *words: str,
    clock: Clock | None = None,
    stdin: str = "",
    environ: Mapping[str, str] | None = None,
) -> Result:
    """Run a command as the shell does; ``clock`` stands at ``MORNING`` when none is given."""
    return CliRunner().invoke(app, words, obj=clock or HandClock(), input=stdin, env=environ)
