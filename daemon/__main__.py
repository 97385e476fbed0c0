"""``python -m daemon`` is the ``tillcard`` command."""

from daemon.cli import main

main()
