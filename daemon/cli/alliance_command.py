"""``tillcard cards alliance``: what another company's cards cost here, and who owes whom."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from daemon.cli.daemon_call import (
    AsJson,
    Where,
    asked,
    at_daemon,
    connected,
    print_json,
    till_currency,
)
from daemon.cli.report_command import ANSWER_S_MAX, FromOption, ToOption


@at_daemon
def alliance(
    where: Where,
    issuer: Annotated[str, typer.Option(help="Whose cards, as [[alliance]] has it.")],
    first: FromOption,
    last: ToOption,
    as_json: AsJson = False,
) -> None:
    """Say what an issuer's cards were given and bought in a period, and who owes whom.

    Example: tillcard cards alliance --issuer acme --from 2026-11-01 --to 2026-11-30
    """
    params = {"issuer": issuer, "from": first, "to": last}
    answer = asked("report.alliance", params, where, ANSWER_S_MAX)
    if as_json:
        print_json(answer)
        return
    with connected(where) as client:
        currency = till_currency(client.greeting)
    table = Table(title=f"{issuer}, {first} to {last}: {answer['sales']} sales")
    table.add_column("")
    table.add_column(currency.code, justify="right")
    for name in ("discount", "net", "they_owe", "we_owe", "balance"):
        table.add_row(name.replace("_", " "), currency.text(answer[name]))
    Console().print(table)
