"""Findings of a till: found at night, found once, judged once; over the socket and by the shell."""

import asyncio
import hashlib
import re
import shlex
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from card_formats.check_digits import Check, append_check
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from daemon.reports.findings.detectors import DETECTORS
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import LEDGER, PATIENCE_S, PLASTIC, Pos, begin_ledger, lay_out, open_till

RULES = """
[[card]]
kind = "plastic"
invite = "friend"
[[purse]]
id = "bonus"
unit = "UAH"
[[meter]]
id = "visits"
of = "visits"
window = "life"
[[rule]]
id = "club"
when = { card = { kind = "plastic" } }
give = { percent = 5 }
[[rule]]
id = "boss"
give = { percent = { max = 10 } }
[[rule]]
id = "thanks"
when = { codes = ["friend"], meter = { visits = { below = 1 } } }
give = { earn = "bonus", percent = 5, to = "referrer" }
"""
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BY = {"by": "maria"}
INVALID = (-32602, "invalid_params")
Row = dict[str, Any]


class Shop:
    """A till whose days are looked at."""

    def __init__(self, pos: Pos, clock: HandClock, socket: Path) -> None:
        self.pos, self.clock, self._socket, self._count = pos, clock, socket, 0

    def id(self) -> str:
        self._count += 1
        return f"n{self._count}"

    async def issue(self, number: str, by: str = "") -> str:
        terms = {"request_id": self.id(), "number": number} | ({"by": by} if by else {})
        account: str = (await self.pos.call("card.issue", **terms))["account"]
        return account

    async def sell(self, card: str = "", **more: Any) -> None:
        terms: Row = {"cashier": "anna", "lines": goods(more.pop("price", 1_000))}
        terms |= ({"card": card} if card else {}) | more
        await self.pos.call("sale.commit", sale_id=self.id(), **terms)

    async def looked(self, **more: Any) -> Row:
        """Move on to the next day and look at what was until then."""
        self.clock.move(days=1)
        return await self.again(**more)

    async def again(self, **more: Any) -> Row:
        answer: Row = await self.pos.call("finding.run", request_id=self.id(), **BY, **more)
        return answer

    async def found(self, **more: Any) -> list[Row]:
        answer = await self.pos.call("finding.list", **more)
        rows: list[Row] = answer["findings"]
        return rows

    async def names(self) -> list[str]:
        return sorted(row["detector"] for row in await self.found())

    async def shell(self, *words: str, status: int = 0) -> str:
        line = ("findings", *words, "--socket", str(self._socket))
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(tillcard, *line)
        assert result.exit_code == status, result.output
        return result.output


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def open_shop(location: str, tmp_path: Path) -> OpenShop:
    """Open a till at a moment; its ledger is audited when it is closed."""

    @asynccontextmanager
    async def opened(at: datetime = MONDAY, rules: str = RULES) -> AsyncIterator[Shop]:
        here = location == "ledger.db"
        more = {} if here else {f'ledger = "{LEDGER}"': f'ledger = "{location}"'}
        lay_out(tmp_path, HEAD + rules, **more)
        begin_ledger(tmp_path)
        clock = HandClock(at)
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            yield Shop(pos, clock, app.socket)
        with closing(open_store(LEDGER if here else location, tmp_path, read_only=True)) as store:
            assert audit(store).findings == ()

    return opened


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    async with open_shop() as one:
        yield one


def number(n: int) -> str:
    return append_check(Check.EAN, f"29{100 + n:010d}")


async def a_card_too_often(shop: Shop) -> Row:
    """Let a finding arise, and return it."""
    for _ in range(3):
        await shop.sell(PLASTIC)
    assert (await shop.looked())["new"] == 1
    [found] = await shop.found()
    return found


async def test_a_finding_is_named_by_what_was_found_of_whom_and_when(shop: Shop) -> None:
    found = await a_card_too_often(shop)
    account = (await shop.pos.call("card.show", card=PLASTIC))["account"]
    said = f"card_often|{account}|2026-11-23|2026-11-23"
    assert found["finding"] == hashlib.sha256(said.encode()).hexdigest()[:16]
    of = ("detector", "about", "subject", "value", "threshold", "state", "entries", "store", "from")
    assert [found[name] for name in of] == [
        "card_often", "account", account, 3, 2, "new", 3, "1", "2026-11-23"
    ]  # fmt: skip
    shown = await shop.pos.call("finding.show", finding=found["finding"])
    assert [one["kind"] for one in shown["evidence"]] == ["sale"] * 3
    assert [one["net"] for one in shown["evidence"]] == [950] * 3
    assert shown["evidence"][0]["rules"] == {"club": 50}
    assert shown["more"] == 0


async def test_looking_twice_makes_nothing_new(shop: Shop) -> None:
    await a_card_too_often(shop)
    assert (await shop.again(day="2026-11-23"), await shop.again()) == (
        {"day": "2026-11-23", "new": 0, "known": 1, "replayed": False},
        {"day": "", "new": 0, "known": 0, "replayed": False},
    )
    assert len(await shop.found()) == 1


async def test_a_run_that_is_sent_again_is_answered_as_it_was(shop: Shop) -> None:
    await a_card_too_often(shop)
    terms = {"request_id": "again", "day": "2026-11-23", **BY}
    first = await shop.pos.call("finding.run", **terms)
    assert await shop.pos.call("finding.run", **terms) == first | {"replayed": True}


async def test_a_finding_is_judged_once_and_stays_judged(shop: Shop) -> None:
    found = await a_card_too_often(shop)
    terms = {"finding": found["finding"], "verdict": "fine", "note": "a family", **BY}
    judged = await shop.pos.call("finding.judge", request_id="j", **terms)
    assert judged == {
        "finding": found["finding"], "state": "fine", "by": "maria", "replayed": False
    }  # fmt: skip
    again = await shop.pos.call("finding.judge", request_id="j", **terms)
    assert again == judged | {"replayed": True}
    assert await refusal(shop.pos, "finding.judge", request_id="j2", **terms) == INVALID
    assert (await shop.again(day="2026-11-23"))["known"] == 1
    [row] = await shop.found(state="fine")
    assert (row["state"], row["by"], row["note"]) == ("fine", "maria", "a family")
    assert await shop.found(state="new") == []


async def test_what_is_found_of_a_customer_is_no_word_of_theirs(shop: Shop) -> None:
    before = (await a_card_too_often(shop))["finding"]
    dossier = await shop.pos.call("customer.show", card=PLASTIC)
    assert "finding" not in [one["kind"] for one in dossier["entries"]]
    [found] = await shop.found(subject=dossier["account"], state="new")
    assert found["finding"] == before
    assert await shop.found(subject=dossier["account"], state="case") == []
    assert await shop.found(subject="anna") == []


async def test_an_unknown_finding_and_a_day_that_is_not_over_are_refused(shop: Shop) -> None:
    for method, terms in (
        ("finding.show", {"finding": "0" * 16}),
        ("finding.list", {"after": "0" * 16}),
        ("finding.judge", {"request_id": "j", "finding": "x", "verdict": "case", **BY}),
        ("finding.run", {"request_id": "r", "day": "2026-11-23", **BY}),
        ("finding.run", {"request_id": "r", "day": "yesterday", **BY}),
    ):
        error = await refused(shop.pos, method, **terms)
        assert error.code == INVALID[0], method


async def test_a_till_that_was_off_looks_thirty_days_back_and_no_further(
    open_shop: OpenShop,
) -> None:
    async with open_shop() as shop:
        for _ in range(2):
            for _ in range(3):
                await shop.sell(PLASTIC)
            shop.clock.move(days=1)
        shop.clock.move(days=29)  # the first of both days is 31 days ago
        assert (await shop.again())["new"] == 1
        assert [row["from"] for row in await shop.found()] == ["2026-11-24"]
        assert (await shop.again(day="2026-11-23"))["new"] == 1


async def test_the_till_looks_by_itself_after_its_next_start(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    async with open_shop() as shop:
        for _ in range(3):
            await shop.sell(PLASTIC)
    async with open_shop(MONDAY.replace(day=24)) as shop:
        await shop.again()  # waits until the till has looked
        assert await shop.names() == ["card_often"]


async def test_a_clean_day_has_no_findings(shop: Shop) -> None:
    await shop.issue(number(1), by="anna")
    for card in (PLASTIC, number(1), ""):
        await shop.sell(card)
        await shop.sell(card, cashier="ivan")
    await shop.pos.call("sale.return", return_id="r", sale_id="n2", whole=True)
    assert (await shop.looked())["new"] == 0


async def test_a_merge_takes_findings_along_and_makes_none_anew(shop: Shop) -> None:
    keep = await shop.issue(number(1))
    found = await a_card_too_often(shop)
    who = {"by": "olha", "reason": "one person, two cards"}
    merged = {"keep": keep, "drop": found["subject"], **who}
    await shop.pos.call("customer.merge", request_id="m", **merged)
    assert (await shop.again(day="2026-11-23")) == {
        "day": "2026-11-23", "new": 0, "known": 1, "replayed": False
    }  # fmt: skip
    [row] = await shop.found()
    assert (row["subject"], row["now"]) == (found["subject"], keep)


async def test_a_finding_of_an_erased_customer_says_so_and_names_nobody(shop: Shop) -> None:
    found = await a_card_too_often(shop)
    why = {"by": "olha", "reason": "asked to be", "forfeit": True}
    await shop.pos.call("customer.erase", request_id="e", account=found["subject"], **why)
    [row] = await shop.found()
    assert row["notice"].startswith("This customer was erased on 2026-11-24")
    assert (await shop.again(day="2026-11-23"))["known"] == 1


async def test_the_shell_lists_shows_judges_and_looks_again(shop: Shop) -> None:
    assert await shop.shell("list") == "Nothing was found.\n"
    found = await a_card_too_often(shop)
    listed = await shop.shell("list", "--state", "new")
    assert f"{found['finding']}  new   card_often" in listed
    assert "3 (limit 2), 3 entries" in listed
    shown = await shop.shell("show", found["finding"])
    assert "No fraud when: A family shares the card; a bar." in shown
    assert len([line for line in shown.splitlines() if "T08:00  sale" in line]) == 3
    assert "0 new, 1 known" in await shop.shell("run", "--day", "2026-11-23", "--by", "maria")
    said = await shop.shell("judge", found["finding"], "case", "--note", "asked", "--by", "maria")
    assert said == f"{found['finding']}: case, says maria\n"
    assert "case, says maria: asked" in await shop.shell("show", found["finding"])
    [row] = msgspec.json.decode(await shop.shell("list", "--json"))
    assert row["state"] == "case"
    wrong = await shop.shell("judge", found["finding"], "fine", "--by", "maria", status=1)
    assert "maria has judged it already: case" in wrong


async def test_every_detector_says_in_both_languages_when_it_is_no_fraud(shop: Shop) -> None:
    for one in DETECTORS:
        for note in (one.means, one.innocent):
            assert note.en.endswith(".")
            assert note.uk.endswith(".")
            assert not note.uk.isascii()
    found = await a_card_too_often(shop)
    await shop.pos.call("hello", client="test", version="1", language="uk")
    shown = await shop.pos.call("finding.show", finding=found["finding"])
    assert shown["finding"]["innocent"] == DETECTORS[0].innocent.uk


async def test_a_finding_that_is_edited_in_the_file_is_found_by_the_audit(
    open_shop: OpenShop, tmp_path: Path, location: str
) -> None:
    async with open_shop() as shop:
        found = await a_card_too_often(shop)
    here = location == "ledger.db"
    edit = f"UPDATE finding SET state = 'fine' WHERE finding = '{found['finding']}'"
    if here:
        with closing(sqlite3.connect(tmp_path / LEDGER)) as db:
            db.execute(edit)
            db.commit()
    else:
        with psycopg.connect(location) as db:
            db.execute(edit.encode())
    with closing(open_store(LEDGER if here else location, tmp_path, read_only=True)) as store:
        [said] = audit(store).findings
    assert said.startswith(f"finding {found['finding']}")


COMMAND = re.compile(r"^\$ tillcard findings (.*)$", re.MULTILINE)
PAGE = (Path(__file__).parents[2] / "docs/fraud.md").read_text("utf-8")


async def test_the_commands_of_the_page_do_what_it_says(shop: Shop) -> None:
    found = await a_card_too_often(shop)
    lines = [shlex.split(line) for line in COMMAND.findall(PAGE)]
    assert [line[0] for line in lines] == ["list", "show", "judge", "run"]
    for line in lines:
        words = [found["finding"] if word == "5f0c3a9be1d24788" else word for word in line]
        if words[0] == "run":
            words[2] = "2026-11-23"
        await shop.shell(*words)
    [row] = await shop.found()
    assert (row["state"], row["note"]) == ("fine", "the pensioners' hour")


def test_the_page_tells_of_every_detector_and_of_no_other() -> None:
    told = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert told == [one.name for one in DETECTORS]
