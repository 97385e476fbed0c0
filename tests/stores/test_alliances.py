"""What another company's cards cost, and who owes whom, on every store and from the shell."""

import asyncio
import json
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.base.currency import Currency
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from daemon.partners.alliance_paper import alliance_paper
from daemon.partners.alliance_statements import AllianceContents, AllianceSums
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from tests.faults.dying_till import process
from tests.scenarios.shops import FRIEND, HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.postgres import PostgresServer
from tests.support.till import (
    PATIENCE_S,
    PLASTIC,
    Pos,
    RefusedByTillError,
    audited,
    lay_out,
    open_till,
)

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
        words = ("alliance", "show", "acme", "--from", DAY, "--to", DAY)
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


OCTOBER = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
BY = {"by": "olha"}
L1, L2 = "L-2026-000001", "L-2026-000002"
Answer = dict[str, Any]


class Ally:
    """A till whose alliance with acme is told, in months."""

    def __init__(self, pos: Pos, clock: HandClock, socket: Path) -> None:
        self.pos, self.clock, self._socket = pos, clock, socket
        self._count = 0

    def asked(self, terms: Answer) -> Answer:
        self._count += 1
        return {"request_id": f"r{self._count}", **BY} | terms

    async def write(self, method: str, /, **terms: Any) -> Answer:
        answer: Answer = await self.pos.call(f"alliance.{method}", **self.asked(terms))
        return answer

    async def error(self, method: str, /, **terms: Any) -> RefusedByTillError:
        return await refused(self.pos, f"alliance.{method}", **self.asked(terms))

    async def settle(self, first: str, last: str) -> Answer:
        return await self.write("statement", issuer="acme", **{"from": first, "to": last})

    async def pay(self, amount: int, statement: str) -> Answer:
        return await self.write("pay", statement=statement, amount=amount, method="bank")

    async def shell(self, *words: str, status: int = 0) -> str:
        line = ("alliance", *words, "--socket", str(self._socket))
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(tillcard, *line)
        assert result.exit_code == status, result.output
        return result.output

    async def told(self, *words: str) -> Any:
        return json.loads(await self.shell(*words, "--json"))


@pytest.fixture
async def acme(location: str, tmp_path: Path) -> AsyncIterator[Ally]:
    """Two sales of October: 1,000.00 off, 30,000.00 net. It is November; all is audited."""
    lay_out_on(location, tmp_path)
    clock = HandClock(OCTOBER)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await sell(pos)
        clock.move(days=30)
        yield Ally(pos, clock, till.socket)
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


def sums(statement: Answer) -> Answer:
    return {name: n for name, n in statement["sums"].items() if n} | {"left": statement["left"]}


RATES = {"pays_bp": 5_000, "fee_bp": 100}


async def test_a_period_is_told_and_paid_and_the_next_goes_on_from_it(acme: Ally) -> None:
    """500.00 and 300.00: 200.00 are paid to us; then a return takes more than is bought."""
    october = await acme.settle("2026-10-01", "2026-10-31")
    told = {"sales": 2, "discount": 100_000, "net": 3_000_000, "they_owe": 50_000}
    told |= {"we_owe": 30_000, "closing": 20_000, **RATES}
    assert (october["statement"], october["state"]) == (L1, "issued")
    assert sums(october) == told | {"left": 20_000}
    part = await acme.pay(5_000, L1)
    assert (part["state"], part["left"], part["payable"]) == ("part_paid", 15_000, 20_000)
    assert (await acme.pay(15_000, "l-2026-000001"))["state"] == "paid"
    back = {"return_id": "r1", "sale_id": "s0", "whole": True, "cashier": "anna"}
    await acme.pos.call("sale.return", **back)
    acme.clock.move(days=30)
    november = await acme.settle("2026-11-01", "2026-11-30")
    assert (november["statement"], november["payable"]) == (L2, -10_000)
    assert sums(november) == {
        **{"discount": -50_000, "net": -1_500_000, "they_owe": -25_000, "we_owe": -15_000},
        **{"opening": 20_000, "paid": 20_000, "closing": -10_000, "left": -10_000, **RATES},
    }
    shown = await acme.pos.call("alliance.statement_show", statement=L2)
    assert shown["statement"] == november
    [line] = shown["lines"]
    assert (line["day"], line["discount"], line["net"]) == ("2026-11-04", -50_000, -1_500_000)
    assert line["customer"].endswith("0025")
    paid = await acme.pay(10_000, L2)
    assert (paid["state"], paid["left"]) == ("paid", 0)


async def test_what_cannot_be_told_or_paid_is_refused(acme: Ally) -> None:
    async def problem(method: str, /, **terms: Any) -> str:
        return (await acme.error(method, **terms)).message

    period = {"issuer": "acme", "from": "2026-10-01", "to": "2026-10-31"}
    nobody = await problem("statement", **period | {"issuer": "nobody"})
    assert nobody.endswith("is no alliance of the programme; there are: acme")
    turned = await problem("statement", **period | {"from": "2026-11-01"})
    assert turned.endswith("2026-10-31 is before 2026-11-01; turn them round")
    today = await problem("statement", **period | {"to": "2026-11-04"})
    assert today.endswith("2026-11-04 is not over yet; say a day before 2026-11-04")
    await acme.settle("2026-10-01", "2026-10-31")
    twice = await problem("statement", **period | {"from": "2026-10-31", "to": "2026-11-02"})
    assert twice.endswith(f"{L1} tells of 2026-10-01 to 2026-10-31 already")
    how = {"method": "bank", "statement": L1}
    more = await problem("pay", amount=20_001, **how)
    assert more.endswith(f"only 200.00 is left to pay of {L1}")
    other = await problem("pay", amount=1, **how | {"statement": "S-2026-000001"})
    assert other.endswith("'S-2026-000001' is none; write such as L-2026-000007")
    partner = await refusal(acme.pos, "partner.statement_show", statement=L1)
    assert partner == (-32602, "invalid_params"), "it is no partner's"
    await acme.pay(20_000, L1)
    assert (await problem("pay", amount=1, **how)).endswith(f"{L1} is paid already")


async def test_a_statement_is_void_once_unpaid_and_from_the_newest_on(acme: Ally) -> None:
    await acme.settle("2026-10-01", "2026-10-31")
    await acme.settle("2026-11-01", "2026-11-02")
    why = {"reason": "the wrong month"}
    error = await acme.error("statement_void", statement=L1, **why)
    assert (error.code, error.data["statement"]) == (1029, L2)
    assert (await acme.write("statement_void", statement=L2, **why))["state"] == "void"
    voided = await acme.write("statement_void", statement=L1, **why)
    assert (voided["state"], voided["left"]) == ("void", 0)
    again = await acme.error("statement_void", statement=L1, **why)
    assert again.message.endswith(f"{L1} is void already")
    how = {"amount": 1, "method": "bank", "statement": L1}
    assert (await acme.error("pay", **how)).message.endswith(f"{L1} is void")
    anew = await acme.settle("2026-10-01", "2026-11-02")
    assert (anew["statement"], anew["payable"]) == ("L-2026-000003", 20_000), "no gap"
    await acme.pay(1, "L-2026-000003")
    paid = await acme.error("statement_void", statement="L-2026-000003", **why)
    assert (paid.code, paid.data["name"]) == (1029, "not_undoable")


async def test_what_two_statements_tell_is_paid_once(acme: Ally) -> None:
    """October's 200.00 are in November's opening: paid there, they are not owed any more."""
    await acme.settle("2026-10-01", "2026-10-31")
    november = await acme.settle("2026-11-01", "2026-11-02")
    assert november["sums"]["opening"] == november["payable"] == 20_000
    assert (await acme.pay(15_000, L2))["left"] == 5_000
    error = await acme.error("pay", statement=L1, amount=5_001, method="bank")
    assert (error.data["name"], error.data["available"]) == ("not_enough", 5_000)
    assert (await acme.pay(5_000, L1))["state"] == "part_paid"


async def test_a_request_is_answered_once(acme: Ally) -> None:
    terms = {"request_id": "q1", "issuer": "acme", "from": "2026-10-01", "to": "2026-10-31", **BY}
    first = await acme.pos.call("alliance.statement", **terms)
    assert await acme.pos.call("alliance.statement", **terms) == first | {"replayed": True}
    pay = {"request_id": "q2", "statement": L1, "amount": 5_000, "method": "bank", **BY}
    paid = await acme.pos.call("alliance.pay", **pay)
    assert await acme.pos.call("alliance.pay", **pay) == paid | {"replayed": True}
    listed = await acme.pos.call("alliance.statements", issuer="acme")
    assert [one["left"] for one in listed["statements"]] == [15_000]


async def test_an_alliance_is_settled_paid_and_printed_from_the_shell(
    acme: Ally, tmp_path: Path
) -> None:
    october = ("--from", "2026-10-01", "--to", "2026-10-31")
    said = await acme.shell("settle", "acme", *october, "--by", "olha")
    assert said.startswith(f"{L1}  acme  2026-10-01 to 2026-10-31  issued\n")
    assert "they_owe 500.00  we_owe 300.00  paid 0.00  closing 200.00  left 200.00 to us" in said
    files = [tmp_path / f"l{n}.pdf" for n in range(3)]
    tables = [tmp_path / f"l{n}.csv" for n in range(2)]
    show = ("statement", L1)
    await acme.shell(*show, "--pdf", str(files[0]), "--csv", str(tables[0]))
    how = ("--method", "bank", "--document", "order 17", "--by", "olha")
    paid = await acme.told("pay", L1, "200.00", *how)
    assert (paid["state"], paid["left"]) == ("paid", 0)
    acme.clock.move(days=1)
    await acme.shell(*show, "--pdf", str(files[1]), "--csv", str(tables[1]))
    await acme.shell(*show, "--pdf", str(files[2]), "--language", "uk")
    first, again, ukrainian = (file.read_bytes() for file in files)
    assert first.startswith(b"%PDF")
    assert first == again != ukrainian
    assert tables[0].read_bytes() == tables[1].read_bytes()
    head, *lines = tables[0].read_text("utf-8-sig").splitlines()
    assert head == "statement;day;store;customer;discount;net;ledger_id;seq"
    assert len(lines) == 2
    assert lines[0].startswith(f"{L1};2026-10-05;1;")
    assert ";500.00;15000.00;" in lines[0]
    assert [one["state"] for one in await acme.told("statements", "acme")] == ["paid"]
    assert f"{L1}  2026-10-01 to 2026-10-31  paid" in await acme.shell("statements", "acme")
    kept = await acme.shell("void", L1, "--reason", "wrong", "--by", "olha", status=1)
    assert "Something of this statement is paid; it stays as it is." in kept
    await acme.shell("pay", L1, "much", *how, status=2)
    assert (await acme.told(*show))["statement"]["state"] == "paid"


async def test_a_paper_says_who_pays_in_both_languages(acme: Ally) -> None:
    await acme.settle("2026-10-01", "2026-10-31")
    shown = await acme.pos.call("alliance.statement_show", statement=L1)
    uah = Currency("UAH", 2)
    english, ukrainian = (alliance_paper(shown, uah, language) for language in ("en", "uk"))
    assert english.title == f"Alliance statement No. {L1} of 2026-11-04"
    assert english.total[2] == "They owe 50.00 % of the discount: 500.00"
    assert english.total[-1] == "To be paid to us 200.00 UAH"
    assert ukrainian.total[-1] == "До сплати нам 200.00 UAH"
    head = shown["statement"]
    us = shown | {"statement": head | {"payable": -1, "state": "void"}}
    assert alliance_paper(us, uah, "en").total[-1] == "To be paid by us 0.01 UAH"
    assert alliance_paper(us, uah, "uk").total[-1] == "До сплати нами 0.01 UAH"
    assert alliance_paper(us, uah, "en").head[0] == "VOID"
    none = shown | {"statement": head | {"payable": 0}}
    assert alliance_paper(none, uah, "en").total[-1] == "Nothing is to be paid"


@pytest.mark.parametrize("burns_at", range(2, 30, 4))
async def test_a_till_that_dies_in_a_payment_has_paid_once_or_not_at_all(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out_on("tillcard.db", tmp_path)
    clock = HandClock(OCTOBER)
    async with process(tmp_path, clock=clock), Pos.connect(tmp_path / "pos.sock") as pos:
        await sell(pos)
    clock.move(days=30)
    period = {"issuer": "acme", "from": "2026-10-01", "to": "2026-10-31"}
    pay = {"request_id": "p", "statement": L1, "amount": 20_000, "method": "bank", **BY}
    async with process(tmp_path, burns_at, clock) as killed:
        with suppress(ConnectionError):
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await pos.call("alliance.statement", request_id="s", **period, **BY)
                await pos.call("alliance.pay", **pay)
    assert killed.process.exitcode in (0, -signal.SIGKILL)
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        issued = await pos.call("alliance.statement", request_id="s", **period, **BY)
        assert issued["statement"] == L1
        paid = await pos.call("alliance.pay", **pay)
        assert (paid["state"], paid["left"]) == ("paid", 0)
    assert audited(tmp_path).findings == ()


async def test_two_tills_that_pay_by_two_statements_pay_what_is_owed(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    clock = HandClock(OCTOBER)
    async with AsyncExitStack() as tills:
        tellers: list[Pos] = []
        for n in range(2):
            home = tmp_path / f"till-{n}"
            home.mkdir()
            lay_out(home, PROGRAMME, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
            till = await tills.enter_async_context(open_till(home, clock))
            tellers.append(await tills.enter_async_context(Pos.connect(till.socket)))
        await sell(tellers[0])
        clock.move(days=30)
        periods = [("2026-10-01", "2026-10-31"), ("2026-11-01", "2026-11-02")]
        for n, (first, last) in enumerate(periods):
            terms = {"request_id": f"s{n}", "issuer": "acme", "from": first, "to": last}
            await tellers[n].call("alliance.statement", **terms, **BY)

        async def pay(pos: Pos, statement: str) -> str:
            terms = {"request_id": f"p{statement}", "statement": statement, "amount": 20_000}
            try:
                await pos.call("alliance.pay", **terms, method="bank", **BY)
            except RefusedByTillError as error:
                return str(error.data["name"])
            return "paid"

        paid = await asyncio.gather(pay(tellers[0], L1), pay(tellers[1], L2))
        assert sorted(paid) == ["not_enough", "paid"]
    with closing(open_store(address, tmp_path / "till-0", read_only=True)) as store:
        assert audit(store).findings == ()


@pytest.mark.parametrize("command", ["show", "settle", "statement", "statements", "pay", "void"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = " ".join(tillcard("alliance", command, "--help").output.split())
    assert f"Example: tillcard alliance {command}" in said
    assert "--json" in said


def closing_wrong() -> bytes:
    sums = dict.fromkeys(AllianceSums.__struct_fields__, 0) | {"closing": 1}
    contents = dict.fromkeys(AllianceContents.__struct_fields__, "") | {"sums": sums, "lines": []}
    return json.dumps(contents).encode()


async def test_a_statement_that_a_newer_till_has_written_is_refused_with_a_sentence(
    tmp_path: Path,
) -> None:
    lay_out_on("tillcard.db", tmp_path)
    clock, draw = HandClock(OCTOBER), random.Random(7)
    noise = [draw.randbytes(draw.randrange(1, 60)) for _ in range(40)]
    contents = [b"", b"{}", b"[1]", b"}", closing_wrong(), *noise]
    paid = ["", "{", "[]", '{"tomorrow":5}', '{"2026-11-04":[]}', '{"2026-11-04":1.5}']
    foreign: list[tuple[str, bytes | str]] = [("contents", each) for each in contents]
    foreign += [("paid", each) for each in paid]
    pay = {"statement": L1, "amount": 1, "method": "bank", **BY}
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await sell(pos)
        clock.move(days=30)
        period = {"issuer": "acme", "from": "2026-10-01", "to": "2026-10-31"}
        await pos.call("alliance.statement", request_id="s", **period, **BY)
        with closing(sqlite3.connect(tmp_path / "tillcard.db")) as db:
            [kept] = db.execute("SELECT contents, paid FROM statement")
            for n, (column, value) in enumerate(foreign):
                db.execute(f"UPDATE statement SET {column} = ?", (value,))
                db.commit()
                for method, terms in (
                    ("alliance.statement_show", {"statement": L1}),
                    ("alliance.statements", {"issuer": "acme"}),
                    ("alliance.pay", pay | {"request_id": f"p{n}"}),
                ):
                    error = await refused(pos, method, **terms)
                    assert error.data["name"] == "too_new", (method, column, value)
                db.execute("UPDATE statement SET contents = ?, paid = ?", kept)
                db.commit()
        assert (await pos.call("alliance.pay", request_id="p", **pay))["left"] == 19_999
