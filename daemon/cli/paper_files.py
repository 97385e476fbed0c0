"""Papers with a table, as PDF and as CSV: what commands about acts and statements write."""

from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.base.paper import Paper, pdf
from daemon.cli.daemon_call import Where, asked, failed
from daemon.cli.report_files import as_text, csv_rows_of, decimal
from daemon.cli.written_files import write_own

PdfOption = Annotated[Path | None, typer.Option("--pdf", help="A PDF file to write.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="A CSV file to write.")]
LanguageOption = Annotated[
    str, typer.Option(help="Of the paper: en or uk; else the till's language.")
]

AMOUNTS = frozenset(("cost", "discount", "net", "base", "rate", "reward"))
"""Columns of numbers with a decimal point."""


def check_language(language: str, known: Container[str]) -> None:
    """Raise BadParameter for a language that no paper is written in."""
    if language and language not in known:
        raise typer.BadParameter("en or uk", param_hint="--language")


def write_paper(
    pdf_file: Path | None,
    csv_file: Path | None,
    language: str,
    paper: Callable[[], Paper],
    table: Callable[[], tuple[Sequence[str], Iterable[tuple[str, ...]]]],
) -> None:
    """Write what was asked for; what is there already is not written over.

    language: whose decimal point the CSV has. table: its columns and its rows.
    """
    try:
        if pdf_file is not None:
            write_own(pdf_file, pdf(paper()))
        if csv_file is not None:
            columns, lines = table()
            with csv_rows_of(csv_file, columns) as rows:
                for line in lines:
                    rows.writerow(
                        as_text(decimal(one, language) if name in AMOUNTS else one)
                        for name, one in zip(columns, line, strict=True)
                    )
    except OSError as error:
        raise failed(f"tillcard: {error}") from error


def whole_statement(method: str, number: str, where: Where) -> dict[str, Any]:
    """Return a statement with all its lines."""
    lines: list[dict[str, Any]] = []
    while True:
        page: dict[str, Any] = asked(method, {"statement": number, "start": len(lines)}, where)
        lines += page["lines"]
        if len(lines) >= page["statement"]["count"]:
            return page | {"lines": lines}
