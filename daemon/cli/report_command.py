"""``tillcard report``: what the books say, by days."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from daemon.base.config import REPORT_S_MAX
from daemon.base.currency import Currency, MoneyTextError
from daemon.cli.daemon_call import (
    AsJson,
    Where,
    asked,
    at_daemon,
    connected,
    failed,
    print_json,
    till_currency,
)
from daemon.cli.report_files import DAY, TEXT, Sheet, cell, write_csv, write_xlsx
from daemon.cli.written_files import check_new
from daemon.pos.client import CallError, Client, UnreachableError
from daemon.reports.filters import Filters
from daemon.reports.kept_results import PAGE_ROWS

ANSWER_S_MAX = 6 * REPORT_S_MAX
"""How long an answer is waited for: eight reports may come before it, two at once."""
report = typer.Typer(no_args_is_help=True, help="What the books say, by days.")
FromOption = Annotated[str, typer.Option("--from", help="The first local day, as 2026-11-01.")]
ToOption = Annotated[str, typer.Option("--to", help="The last local day, included.")]
SHOWN = {
    "activity": "What customers have bought; filters choose sales, customers and rows.",
    "dormant": "Customers who no longer come: --filter dormant_since=90d.",
    "partners": "What partners and their employees have brought.",
    "cashiers": "What each cashier has sold and given.",
    "stores": "What each store has sold and given.",
    "rules": "What each rule has given, and how much more must be sold for it to pay.",
    "trend": "How the shop goes, --per day, week, month, weekday or hour.",
    "segments": "Customers by how lately, how often and for how much they bought within a year.",
    "cohorts": "Of who came in a month first, who still comes months later.",
    "thresholds": "From which purchase on to give a card, by the formulas of `plan threshold`.",
    "issued": "Cards that were issued, --per kind, batch, distributor, store, cashier, condition.",
    "effect": "What a status brings: members beside others, and before and after joining.",
    "points": "What is owed in points, and how much of it nobody will use: a forecast.",
    "mailings": "What was written to customers, what became of it, and what it has brought.",
    "staff": "What cashiers have done for the programme in a month, and what it brings them.",
    "cost": "What the programme takes of its members' net: discounts, points, rewards, cards.",
}
EXAMPLE = "Example: tillcard report {name} --from 2026-11-01 --to 2026-11-30 {more}"
MORE = {
    "issued": "--per distributor",
    "effect": "--status club",
    "activity": "--filter partner=P0007 --filter min_purchases=2 --csv activity.csv",
    "dormant": "--filter dormant_since=90d",
    "trend": "--per week --plot net",
    "thresholds": "--base-from 2024-11-01 --base-to 2024-11-30 --old 400.00 --income-growth 8",
}
BAR_CHARS = 40
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", help="NAME=VALUE; of a list NAME=A,B; answers as answer.ID=VALUE."),
]
SortOption = Annotated[str, typer.Option(help="A column; -COLUMN has the greatest first.")]
PerOption = Annotated[str, typer.Option(help="What a row of a trend, or of cards issued, is of.")]
LimitOption = Annotated[int, typer.Option(min=1, max=500, help="Rows on the screen.")]
AllOption = Annotated[bool, typer.Option("--all", help="Also customers who bought nothing.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="A CSV file; not there yet.")]
XlsxOption = Annotated[Path | None, typer.Option("--xlsx", help="A workbook; not there yet.")]
PlotOption = Annotated[str, typer.Option("--plot", help="A column that is drawn as bars.")]
BaseFromOption = Annotated[str, typer.Option(help="Of thresholds: compare with days from here.")]
BaseToOption = Annotated[str, typer.Option(help="Of thresholds: to here, included.")]
OldOption = Annotated[str, typer.Option(help="Of thresholds: the sum as it is, as 400.00.")]
GrowthOption = Annotated[
    str, typer.Option(help="Of thresholds: by how much incomes grew: 8, not the index 108.")
]
StatusOption = Annotated[str, typer.Option(help="Of effect: a status of the programme.")]
ReaderOption = Annotated[str, typer.Option(help="The operator who reads; seen is what they may.")]


@report.callback()
def report_() -> None:
    """Ask the books."""


@report.command()
@at_daemon
def reconcile(where: Where, first: FromOption, last: ToOption, as_json: AsJson = False) -> None:
    """Hold everything that reports read against the entries, to the last minor unit.

    Example: tillcard report reconcile --from 2026-11-01 --to 2026-11-30

    Exit status 0: all sums agree; 1: some differ, or the daemon could not be asked. `tillcard
    audit` then names the rows.
    """
    answer = asked("report.reconcile", {"from": first, "to": last}, where, ANSWER_S_MAX)
    if as_json:
        print_json(answer)
    else:
        _print_sums(answer)
    raise typer.Exit(1 if answer["differing"] else 0)


def _report_of(name: str) -> None:
    """Add the command of a report."""

    @report.command(name, help=f"{SHOWN[name]}\n\n{_example(name)}")
    @at_daemon
    def run(
        where: Where,
        first: FromOption,
        last: ToOption,
        filters: FilterOption = None,
        sort: SortOption = "",
        per: PerOption = "",
        everybody: AllOption = False,
        limit: LimitOption = 100,
        csv_file: CsvOption = None,
        xlsx_file: XlsxOption = None,
        plot: PlotOption = "",
        base_from: BaseFromOption = "",
        base_to: BaseToOption = "",
        old: OldOption = "",
        income_growth: GrowthOption = "",
        status: StatusOption = "",
        reader: ReaderOption = "",
        as_json: AsJson = False,
    ) -> None:
        params = {
            "report": name,
            "from": first,
            "to": last,
            "sort": sort,
            "per": per,
            "limit": limit,
        }
        params |= {"everybody": everybody, "reader": reader}
        terms = {"base_from": base_from, "base_to": base_to, "old": old}
        terms |= {"income_growth": income_growth, "status": status}
        wanted = _Wanted(params, tuple(filters or ()), terms, (csv_file, xlsx_file), plot, as_json)
        try:
            with connected(where, ANSWER_S_MAX) as client:
                _run(client, wanted)
        except (CallError, UnreachableError, OSError) as error:
            raise failed(f"tillcard: {error}") from error


def _example(name: str) -> str:
    return EXAMPLE.format(name=name, more=MORE.get(name, "")).rstrip()


class _Wanted(NamedTuple):
    params: dict[str, Any]
    filters: tuple[str, ...]
    terms: dict[str, str]
    files: tuple[Path | None, Path | None]
    plot: str
    as_json: bool


def _run(client: Client, wanted: _Wanted) -> None:
    currency = till_currency(client.greeting)
    params = wanted.params | {"filters": filters_said(wanted.filters, currency)}
    params |= {"terms": terms_said(wanted.terms, currency)}
    csv_file, xlsx_file = wanted.files
    files = [file for file in wanted.files if file is not None]
    for file in files:
        check_new(file)
    answer = client.call("report.run", params | {"keep": bool(files)})
    sheet = _sheet(answer, params, currency, client.greeting["language"])
    if csv_file is not None:
        count = write_csv(csv_file, sheet, _every_row(client, answer))
        typer.echo(f"{csv_file}: {count} rows")
    if xlsx_file is not None:
        count = write_xlsx(xlsx_file, sheet, _every_row(client, answer))
        typer.echo(f"{xlsx_file}: {count} rows")
    if wanted.as_json:
        print_json(answer)
    elif wanted.plot:
        _draw(answer, sheet, wanted.plot)
    elif not files:
        _print(answer, sheet)


def filters_said(said: Sequence[str], currency: Currency) -> dict[str, Any]:
    """Return the filters that options say. Raises BadParameter for one that there is not."""
    found: dict[str, Any] = {}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals:
            raise _bad(f"{one!r} is not NAME=VALUE")
        name, dot, question = name.strip().partition(".")
        kept = getattr(Filters(), name, found)
        if kept is found or (name == "answer") != bool(dot):
            known = ", ".join(n if n != "answer" else "answer.ID" for n in _NAMES)
            raise _bad(f"there is no filter {name!r}; there are: {known}")
        if name == "answer":
            found.setdefault("answer", {}).setdefault(question, []).extend(_list(value))
        elif name in found:
            raise _bad(f"{name} is said twice; write {name}=A,B for any of several")
        elif kept == ():
            found.setdefault(name, []).extend(_numbered(name, part) for part in _list(value))
        else:
            found[name] = value if isinstance(kept, str) else _number(name, value, currency)
    return found


def terms_said(said: Mapping[str, str], currency: Currency) -> dict[str, Any]:
    """Return the terms that options say. Raises BadParameter for what is no number."""
    found: dict[str, Any] = {name: text for name, text in said.items() if text}
    for name, read in (("old", currency.minor), ("income_growth", _bp)):
        if name in found:
            try:
                found[name] = read(found[name])
            except MoneyTextError as error:
                problem, hint = f"{found[name]!r} is no number ({error})", f"--{name}"
                raise typer.BadParameter(problem, param_hint=hint.replace("_", "-")) from None
    return found


def _bp(text: str) -> int:
    try:
        return int((Decimal(text) * 100).to_integral_value())
    except InvalidOperation:
        raise MoneyTextError("write per cent such as 5 or 5.5") from None


_NAMES = Filters.__struct_fields__


def _bad(problem: str) -> typer.BadParameter:
    return typer.BadParameter(problem, param_hint="--filter")


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _numbered(name: str, part: str) -> str | int:
    return _whole(name, part) if name in ("hour", "weekday") else part


def _number(name: str, value: str, currency: Currency) -> int:
    try:
        if name.startswith("net"):
            return currency.minor(value)
        if name.startswith(("discount", "standing")):
            return _bp(value)
    except MoneyTextError as error:
        raise _bad(f"{name}: {value!r} is no number ({error})") from None
    return _whole(name, value)


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _bad(f"{name}: {value!r} is no whole number") from None


def _sheet(
    answer: dict[str, Any], params: dict[str, Any], currency: Currency, language: str
) -> Sheet:
    asked_for = {name: str(value) for name, value in (params["filters"] | params["terms"]).items()}
    facts = {
        "report": answer["title"],
        "from": answer["from"],
        "to": answer["to"],
        **asked_for,
        "sort": params["sort"] or "-",
        "rows": str(answer["count"]),
        "as of": answer["as_of"],
        "head": answer["head"],
    }
    columns = [(column["name"], column["kind"]) for column in answer["columns"]]
    return Sheet(answer["report"], columns, currency, language, facts)


def _every_row(client: Client, answer: dict[str, Any]) -> Iterator[list[Any]]:
    pages = -(-answer["count"] // PAGE_ROWS)
    numbers = range(pages)
    shown = (
        track(numbers, "rows", console=Console(stderr=True)) if pages > SHOWS_PROGRESS else numbers
    )
    for number in shown:
        page = client.call("report.page", {"result": answer["result"], "page": number})
        yield from page["rows"]


WIDEST = 10_000
"""Characters, more than any table has."""
SHOWS_PROGRESS = 4
"""More pages than these are worth a bar."""


def _print(answer: dict[str, Any], sheet: Sheet) -> None:
    table = Table(title=f"{answer['title']}, {answer['from']} to {answer['to']}")
    for name, kind in sheet.columns:
        table.add_column(name, justify="left" if kind in (TEXT, DAY) else "right")
    for row in answer["rows"]:
        cells = [
            cell(sheet, kind, value) for (_, kind), value in zip(sheet.columns, row, strict=True)
        ]
        table.add_row(*map(escape, cells))
    if answer["totals"] and answer["count"]:
        table.add_section()
        totals = [cell(sheet, kind, answer["totals"].get(name)) for name, kind in sheet.columns]
        table.add_row(*["all" if not place else one for place, one in enumerate(totals)])
    _print_whole(table)
    typer.echo(f"{len(answer['rows'])} of {answer['count']} rows")
    _say_folding(answer["folded"])


def _print_whole(table: Table) -> None:
    """Print a table with every figure whole, wider than the screen where it must be."""
    console = Console()
    widest = console.measure(table, options=console.options.update(width=WIDEST)).maximum
    Console(width=max(console.width, widest)).print(table, crop=False)


def _say_folding(folded: dict[str, int]) -> None:
    if folded["done"] < folded["upto"]:
        share = 100 * folded["done"] // folded["upto"]
        typer.echo(f"Facts are being made of old entries, {share} %. Figures lack the rest.")


def _draw(answer: dict[str, Any], sheet: Sheet, column: str) -> None:
    """Draw a column as bars, one a row, with the number beside each."""
    names = [name for name, _ in sheet.columns]
    if column not in names or sheet.columns[names.index(column)][1] in (TEXT, DAY):
        drawn = ", ".join(name for name, kind in sheet.columns if kind not in (TEXT, DAY))
        raise typer.BadParameter(f"no bars of {column!r}; there are: {drawn}", param_hint="--plot")
    place = names.index(column)
    kind = sheet.columns[place][1]
    values = [row[place] or 0 for row in answer["rows"]]
    most = max((abs(value) for value in values), default=0) or 1
    table = Table(
        title=f"{answer['title']}: {column}, {answer['from']} to {answer['to']}", box=None
    )
    table.add_column(names[0])
    table.add_column(column, justify="right")
    table.add_column("")
    for row, value in zip(answer["rows"], values, strict=True):
        bar = "█" * round(BAR_CHARS * max(value, 0) / most)
        table.add_row(escape(str(row[0])), cell(sheet, kind, row[place]), bar)
    Console().print(table)


for _name in SHOWN:
    _report_of(_name)


def _print_sums(answer: dict[str, Any]) -> None:
    names = list(answer["sources"][0]["sums"])
    table = Table(title=f"{answer['from']} to {answer['to']}, minor units")
    table.add_column("figure")
    for source in answer["sources"]:
        table.add_column(f"{source['source']}\n{source['of']}", justify="right")
    for name in names:
        table.add_row(name, *(str(source["sums"].get(name, "")) for source in answer["sources"]))
    Console().print(table)
    folded = answer["folded"]
    if folded["done"] < folded["upto"]:
        done = f"{folded['done']:,} of {folded['upto']:,}"
        typer.echo(f"Facts are being made of old entries: {done}. Sums differ until then.")
    for one in answer["differing"]:
        typer.echo(f"DIFFERS: {one}")
    typer.echo("All sums agree." if not answer["differing"] else "Run tillcard audit.")
