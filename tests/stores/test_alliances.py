"""What another company's cards cost, and who owes whom, on every store and from the shell."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from tests.scenarios.shops import FRIEND, HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PATIENCE_S, PLASTIC, Pos, lay_out, open_till

PROGRAMME = (
    HEAD
    + """
[[alliance]]
issuer = "acme"
pays_bp = 5000
fee_bp = 100
[[lane]]
id = "card"
[[rule]]
id = "theirs"
lane = "card"
when = { card = { issuer = "acme" } }
give = { amount = 50000 }
"""
)
DAY = str(HandClock().now().date())


def lay_out_on(location: str, home: Path) -> None:
    lay_out(home, PROGRAMME, **{'"tillcard.db"': f'"{location}"'})


async def sell(pos: Pos) -> None:
    """Sell twice to a card of theirs, with 500.00 off each, and once to another."""
    await pos.call("card.issue", request_id="i1", number=FRIEND, issuer="acme")
    for n in range(2):
        await pos.call("sale.commit", sale_id=f"s{n}", card=FRIEND, lines=goods(1_550_000))
    await pos.call("sale.commit", sale_id="other", card=PLASTIC, lines=goods(900_000))


async def test_they_owe_half_of_the_discount_and_we_a_fee_of_the_net(
    location: str, tmp_path: Path
) -> None:
    lay_out_on(location, tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        await sell(pos)
        period: dict[str, Any] = {"issuer": "acme", "from": DAY, "to": DAY}
        said = await pos.call("report.alliance", **period)
        assert said == period | {
            **{"sales": 2, "discount": 100_000, "net": 3_000_000},
            **{"they_owe": 50_000, "we_owe": 30_000, "balance": 20_000},
        }
        words = ("cards", "alliance", "--issuer", "acme", "--from", DAY, "--to", DAY)
        where = ("--socket", str(till.socket))
        async with asyncio.timeout(PATIENCE_S):
            plain = await asyncio.to_thread(tillcard, *words, *where)
            as_json = await asyncio.to_thread(tillcard, *words, "--json", *where)
        assert "200.00" in plain.stdout
        assert json.loads(as_json.stdout) == said
        await pos.call("sale.return", return_id="r1", sale_id="s0", whole=True)
        after = await pos.call("report.alliance", **period)
        assert (after["discount"], after["net"], after["balance"]) == (50_000, 1_500_000, 10_000)
        none = period | {"from": "2026-01-01", "to": "2026-01-31"}
        assert (await pos.call("report.alliance", **none))["balance"] == 0
        unknown = period | {"issuer": "nobody"}
        assert await refusal(pos, "report.alliance", **unknown) == (-32602, "invalid_params")


@pytest.mark.parametrize("wrong", ["pays_bp = 10001", "fee_bp = -1"])
def test_more_than_all_of_it_is_refused(wrong: str) -> None:
    with pytest.raises(ProgrammeError, match=r"^alliance\[0\]"):
        load(f'{HEAD}[[alliance]]\nissuer = "acme"\n{wrong}\n')
