"""``tillcard cards alliance``: what another company's cards cost here, and who owes whom."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from daemon.base.currency import currency_of
from daemon.cli.call_command import TOKEN_FILE, PortOption, SocketOption, TokenOption, connected
from daemon.cli.call_command import asked as asked_of
from daemon.cli.report_command import ANSWER_S_MAX, FromOption, JsonOption, ToOption


def alliance(
    issuer: Annotated[str, typer.Option(help="Whose cards, as [[alliance]] has it.")],
    first: FromOption,
    last: ToOption,
    as_json: JsonOption = False,
    socket: SocketOption = None,
    port: PortOption = None,
    token_file: TokenOption = TOKEN_FILE,
) -> None:
    """Say what an issuer's cards were given and bought in a period, and who owes whom.

    Example: tillcard cards alliance --issuer acme --from 2026-11-01 --to 2026-11-30
    """
    where = (socket, port, token_file)
    params = {"issuer": issuer, "from": first, "to": last}
    answer = asked_of("report.alliance", params, where, ANSWER_S_MAX)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
        return
    with connected(*where) as client:
        currency = currency_of(client.greeting["currency"])
    assert currency is not None
    table = Table(title=f"{issuer}, {first} to {last}: {answer['sales']} sales")
    table.add_column("")
    table.add_column(currency.code, justify="right")
    for name in ("discount", "net", "they_owe", "we_owe", "balance"):
        table.add_row(name.replace("_", " "), currency.text(answer[name]))
    Console().print(table)
