"""The mailings of a period, what became of them and what they have brought, on every store."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId
from daemon.base.mailing_config import LOG_DAYS
from daemon.ledger.posted_facts import Fact
from daemon.ledger.storage.mailing_rows import MailingRow, MessageRow
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import load
from daemon.reports.asking import answer, sorting
from daemon.reports.by_mailing import MAILINGS
from daemon.reports.filters import Filters
from daemon.reports.mailing_effect import ENOUGH
from daemon.reports.period import Period
from daemon.reports.report import Asked
from tests.scenarios.shops import HEAD
from tests.stores.reported import reported
from tests.stores.test_mailing_effects import BEGAN, FIRST, LEDGER, MAILING, bought, groups
from tests.stores.test_mailings import Desk

PROGRAMME, TODAY = load(HEAD), date(2026, 12, 10)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))
EFFECTS = ("ready_bp", "control_bp", "difference_bp", "ready_head", "control_head", "difference")
COUNTS = '{"no_consent":7,"control":100,"ready":200}'


def mailing(number: int = 1, made_at: str = BEGAN, **more: Any) -> MailingRow:
    values = {name: getattr(MAILING, name) for name in MailingRow.__struct_fields__} | {
        "mailing": f"m-{made_at[:4]}-{number:04d}",
        "made_at": made_at,
        **more,
    }
    return MailingRow(**values)


def written(
    store: Store, mailings: list[MailingRow], messages: list[MessageRow], facts: list[Fact]
) -> None:
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(facts, start=1))
    store.begin()
    store.write(Change(rows=(*mailings, *messages), facts=placed))
    store.commit()


def told(store: Store, period: Period = NOVEMBER, today: date = TODAY) -> list[dict[str, Any]]:
    asked = Asked(period=period, filters=Filters(), today=today, programme=PROGRAMME)
    found = answer(store, MAILINGS, asked, sorting(MAILINGS, ""), (100, 0))
    names = [column.name for column in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def test_a_row_says_what_became_of_a_mailing_and_what_it_has_brought(store: Store) -> None:
    facts = [bought(f"r{n:03d}", FIRST + n % 30, 50_000) for n in range(36)]
    facts += [bought(f"c{n:03d}", FIRST, 40_000) for n in range(15)]
    facts += [bought("r199", FIRST - 1, 10**9), bought("c099", FIRST + 30, 10**9)]
    written(store, [mailing(counts=COUNTS)], groups(), facts)
    assert told(store) == [
        {
            "mailing": "m-2026-0001",
            "made": "2026-11-01",
            "state": "done",
            "channel": "sms",
            "audience": "au-2026-0001",
            "people": 307,
            "ready": 200,
            "queued": 0,
            "trying": 0,
            "accepted": 50,
            "delivered": 0,
            "exported": 0,
            "bounced": 50,
            "refused": 50,
            "unknown": 50,
            "control": 100,
            "cost": 150 * 2 * 85,
            "ready_bp": 1_800,
            "control_bp": 1_500,
            "difference_bp": 300,
            "ready_head": 9_000,
            "control_head": 6_000,
            "difference": 3_000,
            "note": "",
        }
    ]


@pytest.mark.parametrize("control", [0, 1, ENOUGH - 1])
def test_with_too_few_to_say_nothing_is_said_of_what_it_brought(store: Store, control: int) -> None:
    written(store, [mailing()], groups(control), [bought("r000", FIRST, 100)])
    [row] = told(store)
    assert (row["accepted"], row["control"]) == (50, control)
    assert [row[name] for name in EFFECTS] == [None] * 6
    assert row["note"] == "too few to say"


def test_what_is_not_checked_has_no_people_and_no_messages(store: Store) -> None:
    written(store, [mailing(state="draft")], [], [])
    [row] = told(store)
    assert (row["state"], row["people"], row["ready"]) == ("draft", None, None)
    assert (row["queued"], row["control"], row["cost"], row["difference"]) == (0, 0, 0, None)


def test_a_mailing_stands_on_the_day_of_the_shop_on_which_it_was_made(store: Store) -> None:
    days = PROGRAMME.days
    first, after = days.start_of(date(2026, 11, 1)), days.start_of(date(2026, 12, 1))
    moments = (first - timedelta(seconds=1), first, after - timedelta(seconds=1), after)
    rows = [mailing(n, rfc3339(at.astimezone(UTC))) for n, at in enumerate(moments, start=1)]
    written(store, rows, [], [])
    found = [(row["mailing"], row["made"]) for row in told(store)]
    assert found == [("m-2026-0002", "2026-11-01"), ("m-2026-0003", "2026-11-30")]


def test_a_period_may_be_of_many_years(store: Store) -> None:
    made = [f"{year}-06-01T08:00:00.000000Z" for year in (2024, 2025, 2026, 2027)]
    written(store, [mailing(1, at, state="draft") for at in made], [], [])
    some = told(store, Period(date(2025, 1, 1), date(2026, 12, 31)))
    assert [row["mailing"] for row in some] == ["m-2025-0001", "m-2026-0001"]
    assert len(told(store, Period(date.min, date.max))) == 4


def test_when_the_log_is_not_kept_any_more_nothing_is_said_of_messages(store: Store) -> None:
    made = datetime.fromisoformat(BEGAN).date()
    rows = [mailing(counts=COUNTS), mailing(2, state="draft")]
    written(store, rows, groups(), [bought("r000", FIRST, 100)])
    [kept, _] = told(store, today=made + timedelta(days=LOG_DAYS - 2))
    assert (kept["accepted"], kept["ready_bp"]) == (50, 50)
    [old, draft] = told(store, today=made + timedelta(days=LOG_DAYS - 1))
    assert (old["state"], old["people"], old["ready"]) == ("done", 307, 200)
    assert {old[name] for name in ("queued", "accepted", "control", "cost", *EFFECTS)} == {None}
    assert (old["note"], draft["note"]) == ("not kept any more", "")
    assert (draft["accepted"], draft["cost"]) == (0, 0), "it never had any"


def test_who_was_erased_is_counted_without_a_contact(store: Store) -> None:
    row = MessageRow("m-2026-0001", AccountId("r1"), "sms", "", "accepted", BEGAN, parts=1)
    written(store, [mailing(cost=100)], [row], [])
    [said] = told(store)
    assert (said["accepted"], said["cost"]) == (1, 100)


async def test_the_command_the_socket_and_both_files_say_the_same(
    tmp_path: Path, location: str
) -> None:
    async with reported(tmp_path, location) as till:
        desk = Desk(till.pos)
        number = await desk.draft("Hello {first_name}!")
        await desk.check(number)
        september = ("2026-09-01", "2026-09-30")
        [row] = await till.rows("mailings", september)
        assert (row["mailing"], row["state"], row["channel"]) == (number, "checked", "sms")
        assert (row["people"], row["ready"], row["made"]) == (3, 0, "2026-09-01")
        assert row["difference_bp"] is None
        assert await till.rows("mailings", ("2026-10-01", "2026-10-31")) == []
        period = ("--from", september[0], "--to", september[1])
        files = tmp_path / "m.csv", tmp_path / "m.xlsx"
        words = ("--csv", str(files[0]), "--xlsx", str(files[1]))
        done = await till.run("report", "mailings", *period, *words)
        assert done.exit_code == 0, done.output
        shown = await till.run("report", "mailings", *period)
        assert (number in shown.stdout, "checked" in shown.stdout) == (True, True)
        table = list(csv.reader(files[0].read_text("utf-8-sig").splitlines(), delimiter=";"))
        assert table[0][0] == "mailing"
        assert table[1][:4] == [number, "2026-09-01", "checked", "sms"]
        sheet = CalamineWorkbook.from_path(str(files[1])).get_sheet_by_index(0).to_python()
        assert sheet[1][0] == number
