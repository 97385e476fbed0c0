"""The ``tillcard`` command. ``run`` starts without the libraries that only the others need."""

import sys

from daemon.base.clock import SystemClock


def main() -> None:
    """Run the command line and exit."""
    clock = SystemClock()  # the only one: every command and every part is handed it
    if sys.argv[1:2] == ["run"]:
        from daemon.cli.run_command import main as run_main

        sys.exit(run_main(sys.argv[2:], clock))
    from daemon.cli.command_table import app

    app(obj=clock)
