"""``tillcard mailing``: messages to customers, from the audience to the approval."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.base.currency import Currency, MoneyTextError
from daemon.base.regular_files import read_text_file
from daemon.cli.check_command import refuse
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    all_pages,
    asked,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.mailing_files import write_labels, write_messages
from daemon.cli.progress_bars import progress_bars
from daemon.cli.report_command import ANSWER_S_MAX, FilterOption, ReaderOption, filters_said
from daemon.cli.report_files import as_text, hundredths
from daemon.cli.written_files import check_new, own_file
from daemon.mailing.dry_count import REASONS
from daemon.mailing.exports import FORMATS
from daemon.pos.client import CallError, Client, UnreachableError
from daemon.reports.kept_results import PAGE_ROWS

mailing = typer.Typer(
    help="Messages to customers: for whom, what is said, what it costs, who has approved it.",
    no_args_is_help=True,
)
Number = Annotated[str, typer.Argument(help="A mailing's number: m-2026-0007.")]
TextFiles = Annotated[
    list[str],
    typer.Option("--text", metavar="LANGUAGE=FILE", help="A text of UTF-8, as uk=spring.txt."),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option("--subject", metavar="LANGUAGE=TEXT", help="Of an e-mail, as uk=Весна."),
]
Cost = Annotated[str, typer.Option(help="What a message costs, or a part of an SMS, such as 0.85.")]
PEOPLE_COLUMNS = ("account", "name", "card")


@mailing.command()
@at_daemon
def audience(
    where: Where,
    title: Annotated[str, typer.Argument(help="What you call it.")],
    report: Annotated[str, typer.Option(help="The report that chooses: activity, dormant.")],
    first: Annotated[
        str, typer.Option("--from", help="The first day, as 2026-11-01, or 90d: 90 days ago.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="The last day; else today.")] = "",
    filters: FilterOption = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Of activity, also customers who bought nothing.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Keep the list as it is now; else it is asked anew.")
    ] = False,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Save whom a report chooses, for mailings.

    Example: tillcard mailing audience "Asleep" --report dormant --filter dormant_since=90d
    """
    terms = {"title": title, "report": report, "from": first, "to": last, "frozen": frozen}
    terms |= {"everybody": everybody, "by": whoever(by), "request_id": new_request_id()}
    currency = _currency(where)
    terms["filters"] = filters_said(filters or (), currency)
    saved = asked("mailing.audience", terms, where, ANSWER_S_MAX)
    if json:
        print_json(saved)
        return
    typer.echo(f"{saved['audience']}: {saved['count']:,} customers")


@mailing.command()
@at_daemon
def audiences(where: Where, json: AsJson = False) -> None:
    """List audiences, the newest first. Example: tillcard mailing audiences."""
    found = all_pages("mailing.audiences", {}, where, "audiences")
    if json:
        print_json(found)
        return
    for one in found:
        kind = "a list" if one["frozen"] else "asked anew"
        typer.echo(f"{one['audience']}  {one['title']}  {one['report']}, {kind}, {one['count']:,}")


@mailing.command()
@at_daemon
def draft(
    where: Where,
    audience: Annotated[str, typer.Option(help="For whom: au-2026-0001.")],
    texts: TextFiles,
    channel: Annotated[str, typer.Option(help="sms, viber, email or post.")] = "sms",
    subjects: Subjects = None,
    control: Annotated[
        int, typer.Option(min=0, max=99, help="Per cent who get nothing, to compare with.")
    ] = 0,
    cost: Cost = "",
    not_before: Annotated[str, typer.Option(help="RFC 3339 with offset; else at once.")] = "",
    mailing: Annotated[str, typer.Option(help="A draft that is written anew.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write a mailing.

    Example: tillcard mailing draft --audience au-2026-0001 --text uk=spring.txt --cost 0.85
    """
    said = {language: {"text": _file(path)} for language, path in _by_language(texts, "--text")}
    for language, subject in _by_language(subjects or [], "--subject"):
        said.setdefault(language, {"text": ""})["subject"] = subject
    terms: dict[str, Any] = {"audience": audience, "channel": channel, "texts": said}
    terms["mailing"] = mailing
    terms |= {"control_percent": control, "not_before": not_before}
    terms |= {"cost": _minor(cost, _currency(where)) if cost else 0}
    _change("draft", terms, where, by, as_json=json)


@mailing.command()
@at_daemon
def check(where: Where, number: Number, by: By = "", json: AsJson = False) -> None:
    """Count who gets it and who does not, each by one reason.

    Example: tillcard mailing check m-2026-0007
    """
    terms = {"mailing": number, "by": whoever(by), "request_id": new_request_id()}
    told = asked("mailing.check", terms, where, ANSWER_S_MAX)
    if json:
        print_json(told)
        return
    _tell_counts(told, _currency(where))


@mailing.command()
@at_daemon
def people(
    where: Where,
    number: Number,
    which: Annotated[str, typer.Option("--list", help=f"One of {', '.join(REASONS)}.")] = "ready",
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="A CSV file of all; not there yet.")
    ] = None,
    reader: ReaderOption = "",
    json: AsJson = False,
) -> None:
    """Show who stands at a reason now.

    Example: tillcard mailing people m-2026-0007 --list no_consent
    """
    terms = {"mailing": number, "list": which, "reader": reader}
    if csv_file is not None:
        check_new(csv_file)
    try:
        with connected(where, ANSWER_S_MAX) as client:
            found = client.call("mailing.people", terms)
            if csv_file is not None:
                _write(csv_file, client, found)
    except (CallError, UnreachableError, OSError) as error:
        raise failed(f"tillcard: {error}") from error
    if json:
        print_json(found)
        return
    if csv_file is not None:
        typer.echo(f"{csv_file}: {found['count']} rows")
        return
    for one in found["people"]:
        typer.echo("  ".join(one[name] for name in PEOPLE_COLUMNS))
    typer.echo(f"{len(found['people'])} of {found['count']:,}")


@mailing.command()
@at_daemon
def preview(
    where: Where,
    number: Number,
    account: Annotated[
        str, typer.Option(help="A customer's account; else whoever has the longest text.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Show the text as one customer would get it.

    Example: tillcard mailing preview m-2026-0007
    """
    told = asked("mailing.preview", {"mailing": number, "account": account}, where)
    if json:
        print_json(told)
        return
    if told["subject"]:
        typer.echo(told["subject"])
    typer.echo(told["text"])
    cost = _currency(where).text(told["cost"])
    typer.echo(f"-- {told['account']}: {told['reason']}, parts {told['parts']}, {cost}")
    if told["missing"]:
        typer.echo(f"-- says nothing for them: {', '.join(told['missing'])}")


@mailing.command()
@at_daemon
def approve(where: Where, number: Number, by: By = "", json: AsJson = False) -> None:
    """Say that a mailing may go out. Example: tillcard mailing approve m-2026-0007 --by olha."""
    _change("approve", {"mailing": number}, where, by, as_json=json)


@mailing.command()
@at_daemon
def stop(
    where: Where,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")],
    by: By = "",
    json: AsJson = False,
) -> None:
    """End a mailing. Example: tillcard mailing stop m-2026-0007 --reason "the wrong price"."""
    _change("stop", {"mailing": number, "reason": reason}, where, by, as_json=json)


@mailing.command()
@at_daemon
def export(
    where: Where,
    number: Number,
    how: Annotated[str, typer.Option("--format", help="turbosms, brevo, yespo, post or plain.")],
    out: Annotated[Path, typer.Option(help="The file; not there yet.")],
    labels: Annotated[
        Path | None, typer.Option(help="Of letters: a PDF of their addresses; not there yet.")
    ] = None,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write an approved mailing into a file for a gateway that the till does not speak to.

    Example: tillcard mailing export m-2026-0007 --format turbosms --out spring.xlsx

    It counts as sent. Of a mailing that was exported already the file is written again.
    """
    if how not in FORMATS:
        raise typer.BadParameter(f"there are: {', '.join(FORMATS)}", param_hint="--format")
    terms = {"mailing": number, "format": how, "by": whoever(by), "request_id": new_request_id()}
    try:
        with connected(where, ANSWER_S_MAX) as client:
            for file in (out, *([labels] if labels else [])):
                check_new(file)
            shown = client.call("mailing.show", {"mailing": number})
            fits = [name for name, channels in FORMATS.items() if shown["channel"] in channels]
            if how not in fits:
                problem = f"for {shown['channel']} there are: {', '.join(fits)}"
                raise typer.BadParameter(problem, param_hint="--format")
            if not (shown["state"] == "done" and client.call(*_exported(number))["messages"]):
                client.call("mailing.export", terms)
            first = client.call(*_exported(number))
            messages = _messages(client, number, first)
            count = write_messages(out, how, first["channel"], first["variables"], messages)
            if labels is not None:
                write_labels(labels, _messages(client, number, client.call(*_exported(number))))
    except (CallError, UnreachableError, OSError) as error:
        raise failed(f"tillcard: {error}") from error
    if json:
        print_json({"file": str(out), "count": count})
        return
    typer.echo(f"{out}: {count:,} messages")


def _exported(number: str, after: str = "") -> tuple[str, dict[str, Any]]:
    return "mailing.exported", {"mailing": number, "after": after}


def _messages(client: Client, number: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from page["messages"]
    while page["next"]:
        page = client.call(*_exported(number, page["next"]))
        yield from page["messages"]


@mailing.command()
@at_daemon
def effect(
    where: Where,
    number: Number,
    days: Annotated[int, typer.Option(min=1, max=365, help="After its beginning.")] = 30,
    json: AsJson = False,
) -> None:
    """Show what a mailing has brought, against its control group.

    Example: tillcard mailing effect m-2026-0007 --days 14
    """
    told = asked("mailing.effect", {"mailing": number, "days": days}, where, ANSWER_S_MAX)
    if json:
        print_json(told)
        return
    money = _currency(where)
    typer.echo(f"{number}, {told['from']} to {told['to']}, cost {money.text(told['cost'])}")
    for name in ("ready", "control"):
        group = told[name]
        typer.echo(f"{name:<12}{group['count']:>10,}  {_brought(group, money)}")
    if told["verdict"]:
        typer.echo(told["verdict"])
        return
    share, net = hundredths(told["share_difference_bp"]), money.text(told["net_difference"])
    typer.echo(f"{'difference':<12}{'':>10}  bought {share} %, net per head {net}")


def _brought(group: dict[str, Any], money: Currency) -> str:
    if not group["count"]:
        return "-"
    share, net = hundredths(group["share_bp"]), money.text(group["net_per_head"])
    return f"bought {share} %, net per head {net}"


@mailing.command()
@at_daemon
def follow(where: Where, number: Number, json: AsJson = False) -> None:
    """Follow a mailing that is sent, to its end. Example: tillcard mailing follow m-2026-0007.

    It is sent by the till, whether somebody follows it or not. What is not to go out now, for the
    hour or for a gateway that is down, is not waited for.
    """
    terms: dict[str, Any] = {"mailing": number}
    try:
        with connected(where, ANSWER_S_MAX) as client, progress_bars(is_quiet=json) as bars:
            told = client.call("mailing.status", terms)
            bar = bars.add_task(number, total=told["count"])
            done = -1
            while told["state"] in ("approved", "sending") and told["done"] > done:
                done = told["done"]
                bars.update(bar, completed=done, total=told["count"])
                told = client.call("mailing.status", terms | {"beyond": done})
            bars.update(bar, completed=told["done"], total=told["count"])
    except (CallError, UnreachableError) as error:
        raise failed(f"tillcard: {error}") from error
    if json:
        print_json(told)
        return
    messages = ", ".join(f"{count:,} {state}" for state, count in told["messages"].items())
    typer.echo(f"{number}: {told['state']}: {messages or 'no messages yet'}")


@mailing.command()
@at_daemon
def show(where: Where, number: Number, json: AsJson = False) -> None:
    """Show a mailing. Example: tillcard mailing show m-2026-0007."""
    told = asked("mailing.show", {"mailing": number}, where)
    if json:
        print_json(told)
        return
    by = f", approved by {', '.join(told['approved'])}" if told["approved"] else ""
    typer.echo(f"{number}: {told['state']}, {told['channel']} to {told['audience']}{by}")
    for language, said in told["texts"].items():
        if said is not None:
            typer.echo(f"[{language}] {said.get('subject', '')}".rstrip())
            typer.echo(said["text"])
    if told["counts"]:
        _tell_counts(told, _currency(where))


@mailing.command("list")
@at_daemon
def list_(where: Where, json: AsJson = False) -> None:
    """List mailings, the newest first. Example: tillcard mailing list."""
    found = all_pages("mailing.list", {}, where, "mailings")
    if json:
        print_json(found)
        return
    for one in found:
        typer.echo(
            f"{one['mailing']}  {one['state']}  {one['channel']} to {one['audience']}"
            f"  {one['ready']:,} ready"
        )


def _change(what: str, terms: dict[str, Any], where: Where, by: str, *, as_json: bool) -> None:
    terms = {**terms, "by": whoever(by), "request_id": new_request_id()}
    done = asked(f"mailing.{what}", terms, where)
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done['mailing']}: {done['state']}")


def _tell_counts(told: dict[str, Any], currency: Currency) -> None:
    for reason in REASONS:
        typer.echo(f"{reason:<22}{told['counts'][reason]:>10,}")
    total = sum(told["counts"].values())
    typer.echo(f"{'audience':<22}{total:>10,}")
    money = f"{currency.text(told['cost'])} {currency.code}"
    typer.echo(f"{told['parts']:,} paid messages, {money}")


def _currency(where: Where) -> Currency:
    try:
        with connected(where) as client:
            return till_currency(client.greeting)
    except (CallError, UnreachableError) as error:
        raise failed(f"tillcard: {error}") from error


def _minor(said: str, currency: Currency) -> int:
    try:
        return currency.minor(said)
    except MoneyTextError as error:
        raise typer.BadParameter(f"{said!r} {error}", param_hint="--cost") from error


def _by_language(said: list[str], option: str) -> Iterator[tuple[str, str]]:
    for one in said:
        language, equals, value = one.partition("=")
        if not equals or not value:
            raise typer.BadParameter(f"{one!r} is not LANGUAGE=…, as uk=…", param_hint=option)
        yield language, value


def _file(path: str) -> str:
    try:
        return read_text_file(Path(path)).removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{path}: {getattr(error, 'strerror', 'is no UTF-8 text')}")


def _write(file: Path, client: Client, found: dict[str, Any]) -> None:
    with own_file(file) as opened:
        rows = csv.writer(opened, delimiter=";")
        rows.writerow(PEOPLE_COLUMNS)
        for number in range(-(-found["count"] // PAGE_ROWS)):
            page = client.call("report.page", {"result": found["result"], "page": number})
            rows.writerows([as_text(cell) for cell in row] for row in page["rows"])
