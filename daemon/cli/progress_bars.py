"""Bars on stderr for what takes long; nothing where JSON is printed."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bars(*, is_quiet: bool) -> Progress:
    """Return bars with what is done, how much of it, and how long it will take."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=is_quiet)
