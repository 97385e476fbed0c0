"""The worked examples of cards and partners, from the shell alone, on every store.

The same examples over the socket are in the modules of what they are about.
"""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import LEDGER, PATIENCE_S, PLASTIC, begin_ledger, lay_out, open_till

BY = ("--by", "olha")
CARDS = """
[[card]]
kind = "sold"
issue = { price = 1200 }
transferable = true
"""
GIVEN = """
[[card]]
kind = "plastic"
issue = { min_purchase = 40000 }
term = "365d"
per_account = 5
"""
LEVELS = """
[[purse]]
id = "reward"
unit = "UAH"
[[rule]]
id = "company"
give = { earn = "reward", percent = 3, to = "partner" }
[[rule]]
id = "employee"
give = { earn = "reward", percent = 2, to = "employee" }
"""
COMPANY = LEVELS.partition('[[rule]]\nid = "employee"')[0]


class Shell:
    """``tillcard …`` against a till that runs."""

    def __init__(self, socket: Path, clock: HandClock) -> None:
        self._socket = socket
        self.clock = clock

    async def run(self, *words: str, status: int = 0, stdin: str = "") -> Result:
        line = (*words, "--socket", str(self._socket))
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(tillcard, *line, stdin=stdin)
        assert result.exit_code == status, result.output
        return result

    async def told(self, *words: str, stdin: str = "") -> Any:
        return msgspec.json.decode((await self.run(*words, "--json", stdin=stdin)).stdout)

    async def call(self, method: str, /, **terms: Any) -> Any:
        said = (await self.run("call", method, msgspec.json.encode(terms).decode())).stdout
        return msgspec.json.decode(said)

    async def batch(self, home: Path) -> list[dict[str, str]]:
        """Make a batch of three for 10.00; return its cards as the CSV file has them."""
        out = home / "cards.csv"
        made = ("cards", "batch", "--count", "3", "--kind", "sold", "--total-cost", "10.00")
        await self.run(*made, "--vat", "20", "--supplier", "P", "--out", str(out))
        with out.open(newline="", encoding="utf-8") as opened:
            return list(csv.DictReader(opened))


OpenShell = Callable[..., AbstractAsyncContextManager[Shell]]


@pytest.fixture
def shell(location: str, tmp_path: Path) -> OpenShell:
    """Open a till with a programme; its ledger is audited when it is closed."""

    @asynccontextmanager
    async def opened(rules: str, at: datetime | None = None) -> AsyncIterator[Shell]:
        here = location == "ledger.db"
        more = {} if here else {f'ledger = "{LEDGER}"': f'ledger = "{location}"'}
        lay_out(tmp_path, HEAD + rules, **more)
        begin_ledger(tmp_path)
        clock = HandClock(at) if at else HandClock()
        async with open_till(tmp_path, clock) as till:
            yield Shell(till.socket, clock)
        with closing(open_store(LEDGER if here else location, tmp_path, read_only=True)) as store:
            assert audit(store).findings == ()

    return opened


async def test_three_cards_that_cost_10_00_are_in_the_books_as_the_table_says(
    shell: OpenShell, tmp_path: Path
) -> None:
    async with shell(CARDS) as till:
        cards = await till.batch(tmp_path)
        assert [one["cost"] for one in cards] == ["3.33", "3.33", "3.34"]
        first, second, third = [one["number"] for one in cards]
        free = ("--override", "olha", "--reason", "the first of all")
        await till.run("cards", "issue", first, "--kind", "sold", *free, "--by", "anna")
        line = {"line": 1, "sku": "card", "qty": 1, "unit_price": 1_200, "kind": "card"}
        await till.call("sale.commit", sale_id="s1", lines=[line])
        till.clock.move(minutes=1)
        sold = ("--kind", "sold", "--sale", "s1", "--by", "anna")
        assert (await till.told("cards", "issue", second, *sold))["state"] == "active"
        torn = await till.run("cards", "act", "make", "D", third, "--reason", "torn", *BY)
        assert torn.stdout == "D-2026-000001: 1 cards, 3.34, final\n"
        posted = await till.told("books", "--from", "2026-11-23", "--to", "2026-11-23")
    assert [(one["debit"], one["credit"], one["amount"]) for one in posted] == [
        ("10", "60", 1_000),
        ("19", "60", 200),
        ("44", "10", 333),
        ("62", "90.1", 1_200),
        ("90.3", "68", 200),
        ("90.2", "10", 333),
        ("94", "10", 334),
    ]


async def test_cards_go_out_and_come_back_and_what_was_issued_is_written_off(
    shell: OpenShell, tmp_path: Path
) -> None:
    async with shell("") as till:
        first, second, third = [one["number"] for one in await till.batch(tmp_path)]
        file = tmp_path / "two.txt"
        file.write_text(f"{second}\n{third}\n", "utf-8")
        out = await till.told("cards", "hand-out", first, "--numbers", str(file), "--to", "anna")
        assert (out["act"], out["count"], out["total"]) == ("A-2026-000001", 3, 1_000)
        taken = ("cards", "take-back", second, "--reason", "the kiosk closes", *BY)
        assert (await till.told(*taken))["state"] == "stock"
        back = ("cards", "hand-out", third, "--back", "--reason", "the kiosk closes", *BY)
        assert (await till.run(*back)).stdout == "A-2026-000002: 1 cards, 3.34, final\n"
        stuck = ("cards", "act", "void", "A-2026-000001", "--reason", "the wrong kiosk", *BY)
        assert "has changed since act A-2026-000001" in (await till.run(*stuck, status=1)).stderr
        await till.run("cards", "act", "void", "A-2026-000002", "--reason", "not yet", *BY)
        await till.run("cards", "issue", first, "--by", "anna", "--set", "name=Stefa")
        period = ("--from", "2026-11-23", "--to", "2026-11-23")
        written = await till.run("cards", "act", "make", "W", *period, *BY)
        assert written.stdout == "W-2026-000001: 1 cards, 3.33, final\n"
        nothing = await till.run("cards", "act", "make", "W", *period, *BY, status=1)
        assert "No card was issued then that is left." in nothing.stderr
        shown = await till.told("cards", "act", "W-2026-000001")
        assert [line["recipient"] for line in shown["lines"]] == ["Stefa"]
        acts = [(one["act"], one["state"]) for one in await till.told("cards", "act", "list")]
        listed = (await till.run("cards", "act", "list", "A")).stdout.splitlines()
    assert acts == [
        ("R-2026-000001", "final"),
        ("A-2026-000001", "final"),
        ("A-2026-000002", "void"),
        ("W-2026-000001", "final"),
    ]
    assert listed[0] == "A-2026-000001: 3 cards, 10.00, final  anna"


async def test_a_card_is_issued_blocked_found_extended_replaced_and_given_away(
    shell: OpenShell,
) -> None:
    async with shell(CARDS) as till:
        why = ("--reason", "lost", *BY)
        word = ("--override", "olha", "--reason", "a friend of the shop")
        card = await till.told("cards", "issue", "--kind", "sold", *word, "--until", "2027-12-31")
        number = card["number"]
        again = ("cards", "issue", "--with-card", number, "--holder", "Petro", "--kind", "sold")
        family = await till.told(*again, *word)
        assert family["account"] == card["account"]
        assert (await till.told("cards", "write-off", family["number"], *why))["state"] == (
            "written_off"
        )
        assert (await till.told("cards", "block", number, *why))["state"] == "blocked"
        assert (await till.told("cards", "unblock", number, *why))["state"] == "active"
        longer = ("cards", "extend", number, "--until", "2028-06-30", *why)
        assert (await till.told(*longer))["until"] > card["until"]
        new = await till.run("cards", "replace", number, "--reason", "it broke", *BY)
        fresh = new.stdout.split()[0]
        assert new.stdout.endswith(f"in place of {number}\n")
        said = ("--set", "name=Ivan", "--set", "birthday=1990-05-01", "--tag", "student")
        moved = ("cards", "transfer", fresh, *said, "--reason", "a present", *BY)
        account = (await till.told(*moved))["account"]
        known = await till.told("customers", "show", account)
    assert (known["answers"]["name"], known["answers"]["birthday"]) == ("Ivan", "1990-05-01")
    assert fresh in [one["number"] for one in known["cards"]]


async def test_a_card_is_given_for_a_purchase_of_400_00_for_365_days_to_five_of_a_family(
    shell: OpenShell,
) -> None:
    async with shell(GIVEN) as till:
        for sale_id, price in (("small", 39_999), *((f"s{n}", 40_000) for n in range(6))):
            await till.call("sale.commit", sale_id=sale_id, lines=goods(price))
        unmet = await till.run("cards", "issue", "--sale", "small", "--by", "anna", status=1)
        assert "(condition_unmet, 1027)" in unmet.stderr
        card = await till.told("cards", "issue", "--sale", "s0", "--by", "anna")
        assert card["until"].startswith("2027-11-23T22:00"), "365 days after that day, in Kyiv"
        again = await till.run("cards", "issue", "--sale", "s0", "--by", "anna", status=1)
        assert "(condition_unmet, 1027)" in again.stderr
        word = ("--override", "olha", "--reason", "one family")
        family = ("cards", "issue", "--with-card", card["number"], "--by", "anna", *word)
        for n in range(1, 5):
            await till.run(*family, "--sale", f"s{n}")
        sixth = await till.run(*family, "--sale", "s5", status=1)
        assert "(limit_reached, 1023)" in sixth.stderr
        await till.call("sale.return", return_id="r", sale_id="s5", whole=True, cashier="anna")
        came_back = await till.run("cards", "issue", "--sale", "s5", "--by", "anna", status=1)
        assert "(condition_unmet, 1027)" in came_back.stderr
        let = ("--override", "olha", "--reason", "she paid by another card")
        assert (await till.told("cards", "issue", *let))["state"] == "active"


async def test_whoever_may_not_do_it_is_let_through_by_a_name_and_a_pin(
    shell: OpenShell, tmp_path: Path
) -> None:
    async with shell("") as till:
        first, *_ = [one["number"] for one in await till.batch(tmp_path)]
        await till.run("operators", "add", "olha", "--role", "owner", *BY)
        await till.run("operators", "pin", "olha", *BY, stdin="4711\n")
        out = ("cards", "hand-out", first, "--to", "anna", "--by", "anna", "--approved-by", "olha")
        wrong = await till.run(*out, status=1, stdin="4712\n")
        assert "(permission, 1040)" in wrong.stderr
        assert (await till.told(*out, stdin="4711\n"))["act"] == "A-2026-000001"


async def test_what_is_said_wrong_is_told_before_anything_is_asked(shell: OpenShell) -> None:
    async with shell("") as till:
        await till.run("cards", "hand-out", PLASTIC, status=2)
        await till.run("cards", "hand-out", PLASTIC, "--back", "--to", "anna", status=2)
        await till.run("cards", "issue", "--set", "name", status=2)
        none = await till.run("cards", "act", "void", "A-2026-000009", "--reason", "x", status=1)
        assert "There is no act A-2026-000009" in none.stderr
        missing = ("cards", "hand-out", "--numbers", "none.txt", "--to", "anna")
        assert "none.txt" in (await till.run(*missing, status=1)).stderr


async def partner(till: Shell, **who: str) -> None:
    """Add a partner with an employee; the one customer was sent by ``who``."""
    await till.run("partners", "add", "Gym", *BY)
    await till.run("partners", "add", "Ann", "--of", "P0001", *BY)
    words = [word for name, code in who.items() for word in (f"--{name}", code)]
    await till.run("partners", "assign", PLASTIC, *words, "--reason", "a leaflet", *BY)


async def test_two_levels_earn_and_one_piece_that_comes_back_takes_its_part(
    shell: OpenShell,
) -> None:
    """3 % and 2 % of 3 x 100.01 (300.03): 9.00 and 6.00; one piece takes 3.00 and 2.00."""
    async with shell(LEVELS) as till:
        await partner(till, employee="P0001-01")
        accounts = [
            (await till.told("partners", "show", code))["account"] for code in ("P0001", "P0001-01")
        ]
        lines = [{"line": 1, "sku": "a", "qty": 3, "unit_price": 10_001}]
        await till.call("sale.commit", sale_id="s1", card=PLASTIC, lines=lines)

        async def balances() -> list[int]:
            known = [await till.told("customers", "show", account) for account in accounts]
            return [one["balances"]["reward"]["available"] for one in known]

        assert await balances() == [900, 600]
        lines = [{"line": 1, "qty": 1}]
        back = {"return_id": "r1", "sale_id": "s1", "cashier": "anna"}
        await till.call("sale.return", **back, lines=lines)
        assert await balances() == [600, 400]


async def test_october_is_paid_and_november_closes_with_what_came_back(shell: OpenShell) -> None:
    """October: 60.00 accrued and paid. November: a return takes 60.00, 90.00 are earned: 30.00."""
    async with shell(COMPANY, datetime(2026, 10, 5, 8, 0, tzinfo=UTC)) as till:
        await partner(till, partner="P0001")
        await till.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(200_000))
        till.clock.move(days=27)
        october = ("--from", "2026-10-01", "--to", "2026-10-31")
        await till.run("partners", "settle", "P0001", *october, *BY)
        pay = ("partners", "pay", "S-2026-000001", "60.00", "--method", "bank", *BY)
        assert (await till.told(*pay))["state"] == "paid"
        await till.call("sale.return", return_id="r1", sale_id="s1", whole=True, cashier="anna")
        await till.call("sale.commit", sale_id="s2", card=PLASTIC, lines=goods(300_000))
        till.clock.move(days=30)
        november = ("--from", "2026-11-01", "--to", "2026-11-30")
        told = await till.told("partners", "settle", "P0001", *november, *BY)
    [sums] = told["sums"]
    assert {name: n for name, n in sums.items() if n and isinstance(n, int)} == {
        **{"opening": 6_000, "accrued": 9_000, "reversed": 6_000, "paid": 6_000},
        **{"closing": 3_000, "payable": 3_000, "left": 3_000},
    }


@pytest.mark.parametrize(
    "command",
    [
        *("hand-out", "take-back", "issue", "replace", "transfer", "block", "unblock", "extend"),
        *("write-off", "act make", "act void", "act list"),
    ],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = " ".join(tillcard("cards", *command.split(), "--help").output.split())
    assert f"Example: tillcard cards {command}" in said
    assert "--json" in said
