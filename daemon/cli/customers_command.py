"""``tillcard customers``: what is known of the people behind the cards."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.app.startup import in_words
from daemon.base.currency import Currency
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.report_files import hundredths
from daemon.cli.screen_amounts import purse_text
from daemon.cli.written_files import write_own
from daemon.customers.dossiers import PAGE_MAX
from daemon.customers.searching import FOUND_MAX

customers = typer.Typer(
    help="The people behind the cards: find, change, consent. The daemon must run.",
    no_args_is_help=True,
)

Whom = Annotated[
    str, typer.Argument(help="The customer: a card's number or UID, or an account's id (a…).")
]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]
MONEY_FIGURES = frozenset(
    ("list", "discount", "net", "paid", "burned", "earned", "average", "margin")
)
_ACCOUNT = re.compile(r"a[0-9a-f]{16}")


def whose(whom: str) -> dict[str, str]:
    """Return how the daemon is told whose it is: by account, or by a card."""
    return {"account" if _ACCOUNT.fullmatch(whom) else "card": whom}


def answers_of(settings: list[str]) -> dict[str, Any]:
    """Return answers by their ids; one that is named several times is a list."""
    answers: dict[str, Any] = {}
    for setting in settings:
        name, sign, said = setting.partition("=")
        if not sign:
            raise typer.BadParameter(f"{setting!r} is not ID=ANSWER", param_hint="--set")
        known = answers.get(name)
        several = [*known, said] if isinstance(known, list) else [known, said]
        answers[name] = said if known is None else several
    return answers


@customers.command()
@at_daemon
def find(
    where: Where,
    text: Annotated[
        list[str],
        typer.Argument(help="A card's number, the end of a telephone, an e-mail, a name."),
    ],
    limit: Annotated[int, typer.Option(min=1, max=FOUND_MAX, help="How many at most.")] = 20,
    json: AsJson = False,
) -> None:
    """Find customers: by beginnings of their names, whatever case, accents and apostrophes.

    Example: tillcard customers find olha dem
    """
    terms = {"text": " ".join(text), "limit": limit}
    found = asked("customer.find", terms, where)
    if json:
        print_json(found)
        return
    for one in found["customers"]:
        known = (one["account"], one["name"], one["phone"], one["birthday"], *one["cards"])
        typer.echo("  ".join(filter(None, (*known, one["notice"]))))
    if found["more"]:
        typer.echo("There may be more: say more of whom you look for.")


@customers.command()
@at_daemon
def show(
    where: Where,
    whom: Whom,
    limit: Annotated[int, typer.Option(min=0, max=PAGE_MAX, help="Of entries, of sales.")] = 20,
    since: Annotated[str, typer.Option("--from", help="First day of the figures.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last day of the figures; else today.")] = "",
    json: AsJson = False,
) -> None:
    """Show all that is known of a customer: the person, the cards, balances, figures and entries.

    Figures are of the twelve months until --to, or from --from on.

    Example: tillcard customers show 2900000000018 --from 2026-11-01 --to 2026-11-30
    """
    params = whose(whom) | {"limit": limit, "from": since, "to": until}
    known = asked("customer.show", params, where)
    if json:
        print_json(known)
        return
    with connected(where) as client:
        currency = till_currency(client.greeting)
    for line in _dossier_lines(known, currency):
        typer.echo(line)


@customers.command()
@at_daemon
def update(
    where: Where,
    whom: Whom,
    answer: Annotated[
        list[str] | None,
        typer.Option("--set", help="ID=ANSWER; again for more. ID= takes an answer away."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help='All tags from now on; --tag "" for none.')
    ] = None,
    consent: Annotated[
        list[str] | None, typer.Option(help="What was ticked: personal_data, marketing:sms …")
    ] = None,
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")] = "",
    json: AsJson = False,
) -> None:
    """Change what is known of a customer; what is not named stays.

    Example: tillcard customers update 2900000000018 --set phone="067 123 45 67" --by anna
    """
    terms = whose(whom) | {"by": whoever(by), "reason": reason, "request_id": new_request_id()}
    params: dict[str, Any] = {
        **terms,
        "answers": answers_of(answer or []),
        "consents": consent or [],
    }
    if tag is not None:
        params["tags"] = [word for word in tag if word]
    done = asked("customer.update", params, where)
    if json:
        print_json(done)
    else:
        typer.echo(f"{done['account']}: changed: {', '.join(done['fields']) or 'nothing'}")


@customers.command()
@at_daemon
def consent(
    where: Where,
    whom: Whom,
    purpose: Annotated[str, typer.Argument(help="Such as marketing, or marketing:sms for one.")],
    given: Annotated[bool, typer.Option("--given/--taken-back", help="Which of the two.")],
    source: Annotated[
        str, typer.Option(help="form, till, console, import, unsubscribe or bounce.")
    ] = "till",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Keep what a customer allows, or does not allow any more.

    Example: tillcard customers consent 2900000000018 marketing:sms --taken-back --by anna
    """
    name, _, channel = purpose.partition(":")
    terms = {"purpose": name, "channel": channel, "given": given, "source": source}
    params = whose(whom) | terms | {"by": whoever(by), "request_id": new_request_id()}
    done = asked("customer.consent", params, where)
    if json:
        print_json(done)
    else:
        channels = ", ".join(filter(None, done["channels"]))
        said = "given" if done["given"] else "taken back"
        typer.echo(f"{done['account']}: {done['purpose']} {channels}".rstrip() + f": {said}")


@customers.command()
@at_daemon
def export(
    where: Where,
    whom: Whom,
    out: Annotated[Path, typer.Option(help="The folder to write into; it is there already.")],
    by: By = "",
) -> None:
    """Write all that is known of a person into ACCOUNT.json, for the person.

    Answers to sensitive questions are in it too, and every entry and sale, of accounts that were
    merged into this one as well. photo.jpg and signature.jpg stand beside it, where there are such.
    The files are for their owner alone (mode 0600).

    Example: tillcard customers export 2900000000018 --out /media/usb
    """
    if not out.is_dir():  # before anybody is told to have handed it out
        raise failed(f"there is no folder {out}; make it first")
    params = whose(whom) | {"by": whoever(by), "limit": PAGE_MAX}
    known = asked("customer.export", params, where)
    for what in ("entries", "sales"):
        known[what] += _further_pages(params, known, what, where)
        for of in known["others"]:
            theirs = params | {"of": of}
            page = asked("customer.export", theirs, where)
            known[what] += page[what] + _further_pages(theirs, page, what, where)
    kept = {name: said for name, said in known.items() if not name.startswith("more_")}
    json = msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n"
    files = {out / f"{known['account']}.json": json}
    for kind in known["pictures"]:
        asks = {"account": known["account"], "kind": kind, "by": whoever(by)}
        image = asked("customer.photo_show", asks, where)["image"]
        files[out / f"{kind}.jpg"] = base64.b64decode(image)
    for file in files:
        if file.exists():  # of somebody else, perhaps: nothing is written beside it
            raise failed(f"{file} is there already; name another folder")
    for file, content in files.items():
        try:
            write_own(file, content)
        except OSError as error:
            raise failed(in_words(error)) from error
        typer.echo(str(file))


@customers.command()
@at_daemon
def duplicates(
    where: Where,
    whom: Whom,
    json: AsJson = False,
) -> None:
    """Show who may be the same person: by telephone, by e-mail, or by name and birthday.

    Example: tillcard customers duplicates 2900000000018
    """
    found = asked("customer.duplicates", whose(whom), where)
    if json:
        print_json(found)
        return
    for one in found["customers"]:
        typer.echo("  ".join(filter(None, (one["account"], one["name"], one["phone"]))))


@customers.command()
@at_daemon
def merge(
    where: Where,
    keep: Annotated[str, typer.Option(help="The customer that stays: a card or an account.")],
    drop: Annotated[str, typer.Option(help="The customer that goes into it.")],
    reason: Reason,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Make two accounts of one person one: cards, balances, meters, statuses, sales.

    Example: tillcard customers merge --keep 2900000000018 --drop 2900000000025 --reason "two cards"
    """
    accounts = {
        name: asked("customer.show", whose(whom) | {"limit": 0}, where)["account"]
        for name, whom in (("keep", keep), ("drop", drop))
    }
    terms = {"request_id": new_request_id(), "by": whoever(by), "reason": reason}
    done = asked("customer.merge", terms | accounts, where)
    if json:
        print_json(done)
    else:
        moved = ", ".join(f"{what} {count}" for what, count in done["moved"].items())
        typer.echo(f"{done['drop']} is {done['keep']} now: {moved}")


@customers.command()
@at_daemon
def unmerge(
    where: Where,
    drop: Annotated[str, typer.Argument(help="The account that was merged, as merge printed it.")],
    reason: Reason,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Take a merge back: for 30 days, while nothing has moved since.

    Example: tillcard customers unmerge ab9d0c6a7e14f3d85 --reason "they are sisters"
    """
    terms = {"request_id": new_request_id(), "by": whoever(by), "reason": reason, "drop": drop}
    done = asked("customer.unmerge", terms, where)
    if json:
        print_json(done)
    else:
        typer.echo(f"{done['drop']} is an account of its own again")


@customers.command()
@at_daemon
def invite(
    where: Where,
    whom: Whom,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Tell the code by which a customer brings others; one who has none gets one.

    Example: tillcard customers invite 2900000000018
    """
    terms = whose(whom) | {"request_id": new_request_id(), "by": whoever(by)}
    done = asked("customer.invite", terms, where)
    if json:
        print_json(done)
    else:
        typer.echo(f"{done['account']}  {done['code']}  {done['campaign']}")


@customers.command()
@at_daemon
def friends(
    where: Where,
    whom: Whom,
    json: AsJson = False,
) -> None:
    """Show who has brought a customer, and whom they have brought, the newest first.

    Example: tillcard customers friends 2900000000018
    """
    known = asked("customer.show", whose(whom) | {"limit": 0}, where)
    if json:
        names = ("account", "referrer", "invites", "friends", "friends_count")
        print_json({name: known[name] for name in names})
        return
    for line in _friend_lines(known):
        typer.echo(line.strip())


def _further_pages(
    params: dict[str, Any], page: dict[str, Any], what: str, where: Any
) -> list[dict[str, Any]]:
    """Return the entries, or the sales, that come behind a page."""
    lines: list[dict[str, Any]] = []
    while page[f"more_{what}"]:
        after = {f"{what}_after": page[what][-1]["place"]}
        page = asked("customer.export", params | after, where)
        lines += page[what]
    return lines


def _friend_lines(known: dict[str, Any]) -> Iterator[str]:
    for one in known["invites"]:
        yield f"  code {one['code']}  {one['campaign']}"
    if known["referrer"]:
        yield f"  brought by {known['referrer']}"
    for one in known["friends"]:
        yield f"  has brought {one['account']}  {one['since']}".rstrip()
    if (more := known["friends_count"] - len(known["friends"])) > 0:
        yield f"  and has brought {more} before them"


def _dossier_lines(known: dict[str, Any], currency: Currency) -> Iterator[str]:
    yield known["account"]
    if known["notice"]:
        yield f"  {known['notice']}"
    for name, said in known["answers"].items():
        yield f"  {name}: {', '.join(said) if isinstance(said, list) else said}"
    for name in (*known["sensitive"], *known["pictures"]):
        yield f"  {name}: kept apart"
    yield from _friend_lines(known)
    for card in known["cards"]:
        yield f"  card {card['number']}  {card['kind']}  {card['state']}  {card['until']}".rstrip()
    for one in known["consents"]:
        where = ":".join(filter(None, (one["purpose"], one["channel"])))
        yield f"  {where}: {'given' if one['given'] else 'taken back'}  {one['at']}"
    for one in known["messages"]:
        yield f"  {one['mailing']}  {one['channel']}  {one['state']}  {one['at']}"
    yield from _balance_lines(known)
    yield from _figure_lines(known["figures"], currency)
    for status, state in known["statuses"].items():
        yield f"  {status}: {state['stage']}  {state['since']}".rstrip()
    for entry in known["entries"]:
        moved = "".join(
            f"  {purse} {'+' if amount > 0 else ''}{purse_text(amount, purse, known)}"
            for purse, amount in entry["moves"].items()
        )
        said = entry["said"].get("event", "")
        yield f"  {entry['at']}  {entry['kind']} {said}".rstrip() + moved


def _balance_lines(known: dict[str, Any]) -> Iterator[str]:
    for purse, state in known["balances"].items():
        available, pending = (purse_text(state[n], purse, known) for n in ("available", "pending"))
        yield f"  {purse}: {available}, pending {pending}"
        for lot in state["lots"]:
            amount = purse_text(lot["amount"], purse, known)
            yield f"    {amount}  until {lot['until'] or 'for ever'}"


def _figure(name: str, said: Any, currency: Currency) -> str:
    if said is None:
        return "-"
    if name.endswith("_bp"):
        return f"{hundredths(said)} %"
    return currency.text(said) if name in MONEY_FIGURES else str(said)


def _figure_lines(figures: dict[str, Any], currency: Currency) -> Iterator[str]:
    """Yield the figures that there are, as people read them; "-" is none."""
    yield f"  {figures['from']} to {figures['to']}:"
    for name, said in figures.items():
        if name not in ("from", "to", "folded"):
            yield f"    {name.replace('_bp', '_rate')} {_figure(name, said, currency)}"
    folded = figures["folded"]
    if folded["done"] < folded["upto"]:
        yield f"    {folded['done']} of {folded['upto']} older entries are among them"
