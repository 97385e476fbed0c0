"""Approved mailings are handed to other gateways in their own formats, on every store."""

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from daemon.base.refusals import ErrorCode
from daemon.cli.mailing_files import write_labels, write_messages
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.stores.test_mailings import BONUS, Desk, everybody, no, said_of_mailings
from tests.stores.test_reports_of_people import EVER, RULES, Shop, shop
from tests.support.till import PATIENCE_S

MESSAGES = [
    {
        "account": "a1",
        "name": "Olena Ivanenko",
        "contact": "+380671234567",
        "subject": "",
        "text": '=SUM("x"); Вітаємо',
        "values": {"balance.bonus": "12.00"},
    }
]


@pytest.fixture
async def salon(tmp_path: Path, location: str) -> AsyncIterator[Shop]:
    async with shop(tmp_path, location, RULES + BONUS) as one:
        yield one
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


async def approved(desk: Desk) -> str:
    mailing = await desk.draft()
    await desk.check(mailing)
    await desk.pos.call("mailing.approve", **desk.terms(mailing=mailing))
    return mailing


async def exported(desk: Desk, mailing: str, **more: Any) -> list[dict[str, Any]]:
    """Return every message of an export, page by page."""
    found, after = [], ""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            terms = {"mailing": mailing, "after": after, **more}
            page = await desk.pos.call("mailing.exported", **terms)
            found += page["messages"]
            if not (after := page["next"]):
                return found


async def test_what_is_exported_is_what_was_ready_and_counts_for_the_cap(
    salon: Shop, location: str, tmp_path: Path
) -> None:
    accounts = await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await approved(desk)
    terms = desk.terms(mailing=mailing, format="turbosms")
    done = await salon.pos.call("mailing.export", **terms)
    assert done == {"mailing": mailing, "state": "done", "count": 4, "replayed": False}
    assert (await salon.pos.call("mailing.export", **terms))["replayed"]
    messages = await exported(desk, mailing, limit=3)
    assert sorted(one["name"] for one in messages) == ["Ann Smith", "Eve", "Gil", "Hal"]
    [eve] = [one for one in messages if one["name"] == "Eve"]
    assert (eve["contact"], eve["text"]) == ("+380671234564", "Hello Eve, 2.00 wait for you!")
    assert eve["values"] == {"first_name": "Eve", "balance.reward": "2.00"}
    shown = await salon.pos.call("customer.show", account=accounts["Eve"], limit=0)
    [message] = shown["messages"]
    said_of = message["mailing"], message["channel"], message["state"]
    assert said_of == (mailing, "sms", "exported")
    costs = {row["what"]: row["amount"] for row in await salon.rows("cost", EVER)}
    assert costs["mailings"] == (await salon.pos.call("mailing.show", mailing=mailing))["cost"] > 0
    said = said_of_mailings(location, tmp_path)[-1]
    assert (said["event"], said["by"], said["format"]) == ("exported", "olha", "turbosms")
    for _ in range(3):
        other = desk.terms(mailing=await approved(desk), format="plain")
        await salon.pos.call("mailing.export", **other)
    fifth = await desk.check(await desk.draft())
    assert (fifth["counts"]["capped"], fifth["counts"]["ready"]) == (4, 0), "a fifth would be"


async def test_who_was_erased_since_is_in_no_file(salon: Shop) -> None:
    accounts = await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await approved(desk)
    await salon.pos.call("mailing.export", **desk.terms(mailing=mailing, format="plain"))
    erase = {"account": accounts["Eve"], "by": "olha", "reason": "asked", "forfeit": True}
    await salon.pos.call("customer.erase", request_id="e", **erase)
    names = [one["name"] for one in await exported(desk, mailing)]
    assert sorted(names) == ["Ann Smith", "Gil", "Hal"]


async def test_only_what_is_approved_is_exported_and_in_a_format_for_its_channel(
    salon: Shop,
) -> None:
    await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await desk.draft()
    export = desk.terms(mailing=mailing, format="plain")
    await no(salon.pos.call("mailing.export", **export), ErrorCode.NOT_UNDOABLE)
    post = await desk.draft(channel="post")
    wrong = desk.terms(mailing=post, format="brevo")
    error = await no(salon.pos.call("mailing.export", **wrong), -32602)
    assert error.message == "format: for post there are: post, plain"


def written(file: Path, how: str, channel: str) -> str:
    assert write_messages(file, how, channel, ["balance.bonus"], MESSAGES) == 1
    return file.read_text("utf-8") if file.suffix == ".csv" else ""


def test_brevo_wants_semicolons_and_digits_with_country(tmp_path: Path) -> None:
    assert written(tmp_path / "a.csv", "brevo", "sms").splitlines() == [
        "EMAIL;SMS;FIRSTNAME;LASTNAME;BALANCE_BONUS",
        ";380671234567;Olena;Ivanenko;12.00",
    ]


def test_yespo_wants_an_e_mail_a_phone_and_a_first_name(tmp_path: Path) -> None:
    assert written(tmp_path / "a.csv", "yespo", "viber").splitlines() == [
        "email,phone,firstName,balance.bonus",
        ",380671234567,Olena,12.00",
    ]


def test_a_plain_file_opens_in_a_spreadsheet_and_reckons_nothing(tmp_path: Path) -> None:
    text = written(tmp_path / "a.csv", "plain", "sms")
    assert text.startswith("\ufeff")
    [heading, row] = csv.reader(text.removeprefix("\ufeff").splitlines(), delimiter=";")
    assert heading == ["account", "name", "contact", "subject", "text"]
    assert row == ["a1", "Olena Ivanenko", "+380671234567", "", '\'=SUM("x"); Вітаємо']


def test_turbosms_wants_a_workbook_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    written(file, "turbosms", "sms")
    rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    assert rows == [["phone", "text"], ["380671234567", '=SUM("x"); Вітаємо']]
    assert file.stat().st_mode & 0o077 == 0


def pages(file: Path) -> int:
    return len(re.findall(rb"/Type /Page\b", file.read_bytes()))


def test_each_letter_has_pages_of_its_own_and_the_same_letters_are_the_same_bytes(
    tmp_path: Path,
) -> None:
    letter = {**MESSAGES[0], "contact": "вул. Хрещатик 1, Київ", "text": "Вітаємо!\n" * 3}
    long = {**letter, "text": "слово " * 2_000}
    for name in ("a.pdf", "b.pdf"):
        folder = tmp_path / name[0]
        folder.mkdir()
        assert write_messages(folder / "x.pdf", "post", "post", [], [letter, long, letter]) == 3
    first, second = (tmp_path / name / "x.pdf" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert pages(first) > 4, "a long one goes on on the next page"


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (24, 1), (25, 2)])
def test_labels_are_24_a_sheet(tmp_path: Path, count: int, sheets: int) -> None:
    write_labels(tmp_path / "labels.pdf", [MESSAGES[0]] * count)
    assert pages(tmp_path / "labels.pdf") == sheets
