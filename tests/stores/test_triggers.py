"""Messages that a till writes by itself: once for each occasion, on every store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.base.config import ConfigError
from daemon.ledger.audit import audit
from daemon.ledger.storage.mailing_queries import OCCASIONS_OF_ACCOUNT, TRIGGER_DAY
from daemon.ledger.storage.registry import open_store
from daemon.mailing.triggers import LATE_DAYS, OCCASIONS_KEPT_DAYS
from tests.scenarios.shops import HEAD
from tests.stores.test_mailings import said_of_mailings
from tests.stores.test_reports_of_people import BEGIN, QUESTIONNAIRE, RULES, number
from tests.stores.test_sending import Sender, settle
from tests.support.clock import HandClock
from tests.support.mail_server import Mailbox, mail_server
from tests.support.postgres import PostgresServer
from tests.support.till import Pos, lay_out, open_till

BORN = '[[question]]\nid = "birthday"\nkind = "date"\nrequired = false\n'
BIRTHDAY = """
[[trigger]]
on = "birthday"
days = 3
channel = "email"
cost = 7
[trigger.text]
en = { text = "Happy birthday, {first_name}! {unsubscribe}", subject = "For {first_name}" }
"""
SALE = """
[[trigger]]
on = "sale"
days = 1
channel = "sms"
text = { en = { text = "Thank you, {first_name}!" } }
"""
ANN, BOB, CAT = (number(n) for n in range(20, 23))
WHEN = "1990-09-14"
"""A birthday; its trigger is asked on the 11th."""


def lay(home: Path, location: str, triggers: str, port: int = 9) -> None:
    lay_out(home, HEAD + RULES, **{'"tillcard.db"': f'"{location}"'})
    settle(home, port, more='quiet = ""')
    file = home / "tillcard.toml"
    file.write_text(file.read_text("utf-8") + triggers, "utf-8")


@asynccontextmanager
async def till(home: Path, at: datetime = BEGIN) -> AsyncIterator[Sender]:
    clock = HandClock(at)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        if at == BEGIN:
            text = QUESTIONNAIRE.replace("[[consent]]", f"{BORN}[[consent]]", 1)
            await pos.call("questionnaire.activate", request_id="q", text=text, by="olha")
            await app.look_after()
        yield Sender(app, pos, clock)


@asynccontextmanager
async def sender(home: Path, location: str, triggers: str) -> AsyncIterator[tuple[Sender, Mailbox]]:
    """Open a till that sends, with these triggers; its books are whole at the end."""
    box = Mailbox()
    async with mail_server(box) as port:
        lay(home, location, triggers, port)
        async with till(home) as shop:
            yield shop, box
    with closing(open_store(location, home, read_only=True)) as store:
        assert audit(store).findings == ()


async def mailings(shop: Sender) -> list[dict[str, Any]]:
    return list((await shop.pos.call("mailing.list"))["mailings"])[::-1]


async def ready(shop: Sender, mailing: str) -> list[str]:
    return await shop.desk.people(mailing, "ready")


async def test_a_birthday_is_written_to_once_whatever_is_asked_again(
    tmp_path: Path, location: str
) -> None:
    async with sender(tmp_path, location, BIRTHDAY) as (shop, box):
        await shop.issue(ANN, name="Ann Smith", email="ann@example.ua", birthday=WHEN)
        await shop.issue(BOB, name="Bob", email="bob@example.ua", birthday="1990-09-15")
        await shop.later(days=9)
        assert await mailings(shop) == []
        await shop.later(days=1)
        [mailing] = await mailings(shop)
        assert (mailing["by"], mailing["audience"], mailing["ready"]) == ("trigger birthday", "", 1)
        await shop.followed(mailing["mailing"])
        shown = await shop.pos.call("mailing.show", mailing=mailing["mailing"])
        assert (shown["cost"], shown["approved"]) == (7, ["trigger birthday"])
        await shop.later(hours=1)
        assert len(await mailings(shop)) == 1, "the day was asked"
        changed = {"card": ANN, "answers": {"birthday": "1990-09-15"}, "by": "olha"}
        await shop.pos.call("customer.update", request_id="u", **changed)
        await shop.later(days=1)
        _, second = await mailings(shop)
        await shop.followed(second["mailing"])
        [row] = await shop.rows("mailings", {"from": "2026-09-11", "to": "2026-09-11"})
        assert (row["accepted"], row["cost"]) == (1, 7)
        now = shop.clock.now()
    [mail] = [one for one in box.mails if one["To"] == "ann@example.ua"]
    assert mail["Subject"] == "For Ann"
    assert box.recipients == {"ann@example.ua": 1, "bob@example.ua": 1}, "a year has one birthday"
    async with till(tmp_path, now) as shop:
        await shop.app.look_after()
        assert len(await mailings(shop)) == 2, "a restart asks no day again"
        await shop.later(days=364)
        assert len(await mailings(shop)) == 2, "so late nothing is asked for the days between"
    said = [one["event"] for one in said_of_mailings(location, tmp_path)]
    assert said.count("triggered") == 2


async def test_whoever_may_not_be_written_to_is_left_out_and_nobody_is_no_mailing(
    tmp_path: Path, location: str
) -> None:
    async with sender(tmp_path, location, SALE) as (shop, _):
        await shop.issue(ANN, name="Ann", phone="+380671234561")
        await shop.issue(BOB, name="Bob", phone="+380671234562", consents=("personal_data",))
        await shop.issue(CAT, name="Cat")
        await shop.sell(BOB, 1_000)
        await shop.later(days=1)
        assert await mailings(shop) == [], "nobody would get it"
        for card in (ANN, BOB, CAT):
            await shop.sell(card, 1_000)
        await shop.sell(ANN, 1_000)
        await shop.later(days=1)
        [mailing] = await mailings(shop)
        assert (mailing["state"], mailing["ready"]) == ("approved", 1), "no gateway for it"
        counts = (await shop.pos.call("mailing.show", mailing=mailing["mailing"]))["counts"]
        assert (counts["no_consent"], counts["no_contact"], counts["ready"]) == (1, 1, 1)
        assert sum(counts.values()) == 3
        assert await ready(shop, mailing["mailing"]) == ["Ann"]
        terms = shop.desk.terms(mailing=mailing["mailing"], format="turbosms")
        assert (await shop.pos.call("mailing.export", **terms))["count"] == 1


async def test_the_cap_holds_for_them_too(tmp_path: Path, location: str) -> None:
    async with sender(tmp_path, location, SALE) as (shop, _):
        await shop.issue(ANN, name="Ann", phone="+380671234561")
        for _ in range(5):
            await shop.sell(ANN, 1_000)
            await shop.later(days=1)
            for one in await mailings(shop):
                if one["state"] == "approved":
                    terms = shop.desk.terms(mailing=one["mailing"], format="turbosms")
                    await shop.pos.call("mailing.export", **terms)
        assert len(await mailings(shop)) == 4


async def test_days_on_which_no_till_ran_are_asked_later_but_not_too_late(
    tmp_path: Path, location: str
) -> None:
    async with sender(tmp_path, location, SALE) as (shop, _):
        await shop.issue(ANN, name="Ann", phone="+380671234561")
        await shop.issue(BOB, name="Bob", phone="+380671234562")
        await shop.sell(ANN, 1_000)
        await shop.later(days=LATE_DAYS)
        [mailing] = await mailings(shop)
        assert await ready(shop, mailing["mailing"]) == ["Ann"]
        await shop.sell(BOB, 1_000)
        await shop.later(days=LATE_DAYS + 1)
        assert len(await mailings(shop)) == 1, "nobody is thanked for a purchase of last week"


async def test_a_new_trigger_begins_with_its_day(tmp_path: Path, location: str) -> None:
    lay(tmp_path, location, "")
    async with till(tmp_path) as shop:
        await shop.issue(ANN, name="Ann", phone="+380671234561")
        await shop.sell(ANN, 1_000)
    file = tmp_path / "tillcard.toml"
    file.write_text(file.read_text("utf-8") + SALE, "utf-8")
    async with till(tmp_path, BEGIN + timedelta(days=2)) as shop:
        await shop.app.look_after()
        assert await mailings(shop) == []


async def test_what_was_seen_of_somebody_goes_with_them_and_with_time(
    tmp_path: Path, location: str
) -> None:
    def kept(account: str) -> int:
        with closing(open_store(location, tmp_path, read_only=True)) as store:
            return len(store.ask(OCCASIONS_OF_ACCOUNT, account))

    async with sender(tmp_path, location, SALE) as (shop, _):
        ann = await shop.issue(ANN, name="Ann", phone="+380671234561")
        bob = await shop.issue(BOB, name="Bob", phone="+380671234562")
        await shop.sell(ANN, 1_000)
        await shop.sell(BOB, 1_000)
        await shop.later(days=1)
        assert (kept(ann), kept(bob)) == (1, 1)
        erase = {"account": ann, "by": "olha", "reason": "asked", "forfeit": True}
        await shop.pos.call("customer.erase", request_id="e", **erase)
        assert (kept(ann), kept(bob)) == (0, 1)
        await shop.later(days=OCCASIONS_KEPT_DAYS)
        assert kept(bob) == 1
        await shop.later(days=1)
        assert kept(bob) == 0


@pytest.mark.cluster
async def test_two_tills_of_one_database_write_once(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    for name in ("one", "other"):
        lay(tmp_path / name, address, SALE)
    file = tmp_path / "other" / "tillcard.toml"
    file.write_text(file.read_text("utf-8").replace('"till-1"', '"till-2"'), "utf-8")
    async with till(tmp_path / "one") as shop, open_till(tmp_path / "other", shop.clock) as other:
        await shop.issue(ANN, name="Ann", phone="+380671234561")
        for day in range(1, 4):
            await shop.sell(ANN, 1_000)
            shop.clock.move(days=1)
            await asyncio.gather(other.look_after(), shop.app.look_after())
            assert len(await mailings(shop)) == day
    with closing(open_store(address, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()
        assert store.ask_one(TRIGGER_DAY, "sale") == (BEGIN + timedelta(days=3)).toordinal()


@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        (
            SALE.replace("{first_name}", "{frist_name}"),
            "trigger[0].text.en.text: 1:12: there",
        ),
        (BIRTHDAY.replace("{unsubscribe}", ""), "trigger[0].text.en.text"),
        (SALE.replace("days = 1", "days = 0"), "days: at least 1"),
        (SALE.replace('"sale"', '"sail"'), "trigger[0].on"),
        (SALE.replace("days = 1", "days = 3651"), "trigger[0].days"),
        (SALE + SALE, "trigger[1].id: sale stands twice"),
        (SALE.replace("en = { text", "de = { text"), "trigger[0].text"),
        (SALE.replace('{ en = { text = "Thank you, {first_name}!" } }', "{}"), "trigger[0].text"),
    ],
)
async def test_a_trigger_that_cannot_be_is_refused_at_the_start_with_its_place(
    tmp_path: Path, trigger: str, problem: str
) -> None:
    lay(tmp_path, "tillcard.db", trigger)
    with pytest.raises(ConfigError) as caught:
        async with till(tmp_path):
            pass
    assert problem in str(caught.value)
