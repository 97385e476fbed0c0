"""``tillcard operators``: who works in the shop, as what, and what proves that it is them."""

import base64
import secrets
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from daemon.base.permissions import OperatorRole
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    all_pages,
    asked,
    at_daemon,
    new_request_id,
    print_json,
    secret,
    whoever,
)

TOTP_BYTES = 20
ISSUER = "tillcard"
operators = typer.Typer(no_args_is_help=True, help="Who works in the shop, and as what.")
Name = Annotated[str, typer.Argument(help="The word that the POS sends as the cashier.")]
RoleOption = Annotated[OperatorRole, typer.Option("--role", help="What they are in the shop.")]
StoreOption = Annotated[
    list[str] | None,
    typer.Option("--store", help="Where they act; may be given several times. None: everywhere."),
]
LanguageOption = Annotated[str | None, typer.Option(help="Of the console: en or uk.")]
AccountOption = Annotated[
    str | None, typer.Option(help="Their own as a customer: a card's number, or the account.")
]
OffOption = Annotated[bool, typer.Option("--off", help="Take it away.")]


@operators.callback()
def operators_() -> None:
    """Say who works in the shop. It speaks to the running daemon, as root or as its own user."""


@operators.command()
@at_daemon
def add(
    where: Where,
    name: Name,
    role: RoleOption,
    by: By = "",
    store: StoreOption = None,
    language: LanguageOption = None,
    account: AccountOption = None,
    as_json: AsJson = False,
) -> None:
    """Add somebody, or take somebody back who was closed.

    Example: tillcard operators add olha --role senior --store 1 --store 7 --by maria
    """
    terms = {"name": name, "role": role.value, "stores": store, "language": language}
    _change("add", terms | {"account": account, "by": whoever(by)}, where, as_json)


@operators.command("list")
@at_daemon
def list_operators(
    where: Where,
    closed: Annotated[bool, typer.Option("--closed", help="Also those who are closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who works here.

    Example: tillcard operators list --json
    """
    found = all_pages("operator.list", {"closed": closed}, where, "operators")
    if as_json:
        print_json({"operators": found})
    else:
        _print_table(found)


@operators.command("role")
@at_daemon
def set_role(
    where: Where,
    name: Name,
    role: Annotated[OperatorRole, typer.Argument(help="What they are from now on.")],
    by: By = "",
    store: StoreOption = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="They act in every store from now on.")
    ] = False,
    language: LanguageOption = None,
    account: AccountOption = None,
    as_json: AsJson = False,
) -> None:
    """Give somebody another role; what is not named stays as it is.

    Example: tillcard operators role olha manager --store 1 --by maria
    """
    stores = [] if everywhere else store
    terms = {"name": name, "role": role.value, "stores": stores, "language": language}
    _change("role", terms | {"account": account, "by": whoever(by)}, where, as_json)


@operators.command()
@at_daemon
def close(
    where: Where,
    name: Name,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Let somebody go: nothing is done in that name any more, and no secret of theirs is kept.

    Example: tillcard operators close olha --by maria
    """
    _change("close", {"name": name, "by": whoever(by)}, where, as_json)


@operators.command()
@at_daemon
def pin(
    where: Where,
    name: Name,
    by: By = "",
    off: OffOption = False,
    as_json: AsJson = False,
) -> None:
    """Set the PIN (4 to 8 digits) with which somebody approves what a cashier may not do alone.

    It is asked for, or read from standard input: never an argument, which others could see.

    Example: tillcard operators pin olha --by maria
    """
    terms = {"name": name, "pin": "" if off else secret("PIN", twice=True), "by": whoever(by)}
    _change("pin", terms, where, as_json)


@operators.command()
@at_daemon
def password(
    where: Where,
    name: Name,
    by: By = "",
    off: OffOption = False,
    as_json: AsJson = False,
) -> None:
    """Set somebody's password for the console: at least 10 characters, hard to guess.

    It is asked for, or read from standard input: never an argument, which others could see.

    Example: tillcard operators password maria --by maria
    """
    terms = {
        "name": name,
        "password": "" if off else secret("Password", twice=True),
        "by": whoever(by),
    }
    _change("password", terms, where, as_json)


@operators.command()
@at_daemon
def totp(
    where: Where,
    name: Name,
    by: By = "",
    off: OffOption = False,
    as_json: AsJson = False,
) -> None:
    """Give somebody's phone a second factor: it is shown once, and proved by a code.

    The secret goes to standard error, for the phone's authenticator; the code that the phone shows
    is asked for, or read from standard input.

    Example: tillcard operators totp maria --by maria
    """
    terms = {"name": name, "secret": "", "by": whoever(by)}
    if not off:
        secret = base64.b32encode(secrets.token_bytes(TOTP_BYTES)).decode()
        uri = f"otpauth://totp/{ISSUER}:{quote(name, safe='')}?secret={secret}&issuer={ISSUER}"
        typer.echo(f"For the phone's authenticator, once:\n{uri}", err=True)
        terms |= {"secret": secret, "code": _line("The code that it shows")}
    _change("totp", terms, where, as_json)


def _line(what: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    line: str = typer.prompt(what, err=True)
    return line.strip()


def _change(event: str, terms: dict[str, Any], where: Where, as_json: bool) -> None:
    said = {key: value for key, value in terms.items() if value is not None}
    done = asked(f"operator.{event}", {"request_id": new_request_id()} | said, where)
    if as_json:
        print_json(done)
    else:
        _print_table([done])


def _print_table(found: list[dict[str, Any]]) -> None:
    table = Table("name", "role", "stores", "state", "proved by")
    for one in found:
        proofs = [what for what in ("pin", "password", "totp") if one[f"has_{what}"]]
        stores = ", ".join(one["stores"]) or "all"
        table.add_row(one["name"], one["role"], stores, one["state"], ", ".join(proofs) or "-")
    Console(markup=False).print(table)
