"""The sample year: sold at a real till, whole when it was cut off, and the same for a seed."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.base.config import Config, ConfigError, parse
from daemon.cli.demo_command import CONFIG_FILE, sample
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from daemon.reports.findings.detectors import DETECTOR
from daemon.sample_year.drawn_people import DAYS, PARTNERS, STAFF_OF_PARTNERS, draw_people
from daemon.sample_year.trade import draw_days
from daemon.sample_year.year import BEGUN_FILE, SEED, make_year
from tests.support.clock import HandClock
from tests.support.till import Pos, open_till

PEOPLE, SALES = 60, 400
YEAR = {"from": "2025-11-01", "to": "2026-11-30"}


class CutError(Exception):
    """The machine stops."""


def laid_out(home: Path) -> Config:
    for name in (CONFIG_FILE, "programme.toml"):
        text = sample(name, has_club=True).replace("port = 8480", "port = 0")  # any free one
        (home / name).write_text(text, "utf-8")
    return parse(sample(CONFIG_FILE))


async def made(
    home: Path,
    tell: Callable[[int], None] = lambda days: None,
    *,
    people: int = PEOPLE,
    sales: int = SALES,
) -> bool:
    clock = HandClock()
    return await make_year(laid_out(home), home, clock, tell, people=people, sales=sales)


async def looked_at(home: Path) -> dict[str, Any]:
    """Return what the till's reports say of the year."""
    async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
        said = await pos.call("report.reconcile", **YEAR)
        assert said["differing"] == []
        activity = await pos.call("report.run", report="activity", **YEAR, limit=1)
        partners = await pos.call("report.run", report="partners", **YEAR, limit=100)
        mailings = await pos.call("mailing.list")
        statements = await pos.call("partner.statements", partner="P0001")
        return {
            "all": activity["totals"],
            "buyers": activity["count"],
            "partners": [row[1:] for row in partners["rows"]],
            "mailings": [(one["state"], one["ready"] > 0) for one in mailings["mailings"]],
            "statements": [one["state"] for one in statements["statements"]],
        }


def whole(home: Path) -> Counter[str]:
    """Audit the ledger; return how many entries of each kind it has."""
    with closing(open_store("tillcard.db", home, read_only=True)) as store:
        found = audit(store)
        kinds = Counter(decode(chained.body).kind for chained in store.entries())
    assert found.findings == ()
    return kinds


async def test_a_year_is_sold_at_a_till_and_everything_agrees(tmp_path: Path) -> None:
    days: list[int] = []
    assert await made(tmp_path, days.append)
    assert days == list(range(1, DAYS + 1))
    assert whole(tmp_path)["sale"] > SALES, "and what is odd"
    said = await looked_at(tmp_path)
    assert 0 < said["buyers"] <= PEOPLE
    assert said["all"]["discount"] > 0
    assert len(said["partners"]) == PARTNERS * (1 + STAFF_OF_PARTNERS)
    assert "paid" in said["statements"]
    assert said["mailings"] == [("done", True), ("done", True)]
    assert not await made(tmp_path), "it has its year"


async def test_a_year_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    at_once, cut = tmp_path / "a", tmp_path / "b"
    at_once.mkdir()
    cut.mkdir()

    def stop(days: int) -> None:
        if days in (50, 200) and days not in stopped:
            stopped.append(days)
            raise CutError

    stopped: list[int] = []
    for _ in range(2):
        with pytest.raises(CutError):
            await made(cut, stop)
    assert await made(cut, stop)
    await made(at_once)
    assert stopped == [50, 200]
    assert await looked_at(cut) == await looked_at(at_once)
    assert whole(cut) == whole(at_once)


async def test_somebody_does_what_each_detector_looks_for(tmp_path: Path) -> None:
    assert await made(tmp_path, people=300, sales=5_000)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        pages = [await pos.call("finding.list")]
        while after := pages[-1]["next"]:
            pages.append(await pos.call("finding.list", after=after))
    found = {(one["detector"], one["subject"]) for page in pages for one in page["findings"]}
    assert {detector for detector, _ in found} == set(DETECTOR)
    assert {
        ("discount_share", "taras"),
        ("asked_share", "vira"),
        ("return_share", "yaryna"),
        ("voids", "nadia"),
        ("own_card", "maria"),
    } <= found


async def test_a_file_that_says_no_time_is_named(tmp_path: Path) -> None:
    (tmp_path / BEGUN_FILE).write_text("yesterday", "ascii")
    with pytest.raises(ConfigError, match="sample-year: says no time"):
        await made(tmp_path)


async def test_a_ledger_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    laid_out(tmp_path)
    async with open_till(tmp_path, HandClock()):
        pass
    before = whole(tmp_path)
    assert not await made(tmp_path)
    assert whole(tmp_path) == before


def test_a_seed_draws_the_same_year() -> None:
    first, second = (draw_people(Random(SEED)) for _ in range(2))
    assert first == second
    assert len({one.number for one in first}) == len(first) == 3_000
    months = [1 + day // 31 for day in range(DAYS)]
    days = [list(draw_days(Random(SEED), first, 0, months, 2_000)) for _ in range(2)]
    assert days[0] == days[1]
    assert sum(len(day.purchases) for day in days[0]) == 2_000
    assert sum(len(day.people) for day in days[0]) == 3_000
