"""The ``tillcard`` command."""

import sys


def main() -> None:
    """Run the command line and exit."""
    sys.exit(2)
