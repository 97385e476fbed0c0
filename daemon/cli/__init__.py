"""The ``tillcard`` command. ``run`` starts without the libraries that only the others need."""

import sys


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["run"]:
        from daemon.cli.run_command import main as run_main

        sys.exit(run_main(sys.argv[2:]))
    from daemon.cli.command_table import app

    app()
