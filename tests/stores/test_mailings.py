"""Audiences and mailings on a till, by the socket and by the command line, on every store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.app.running import App
from daemon.base.ids import AccountId
from daemon.base.permissions import OperatorRole
from daemon.base.refusals import ErrorCode
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.mailing_rows import MessageRow
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change
from daemon.mailing.dry_count import REASONS
from tests.scenarios.staff import approval, hire
from tests.stores.test_reports_of_people import BEGIN, RULES, Shop, number, shop
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PATIENCE_S, Pos, RefusedByTillError, open_till

BONUS = """
[[rule]]
id = "points"
give = { earn = "reward", percent = 10 }
"""
EVERYBODY = {"report": "activity", "everybody": True}
ANN, BOB, CAT, DAN, EVE, FAY, GIL, HAL, IDA = (number(n) for n in range(20, 29))
SMS = "Hello {first_name}, {balance.reward} wait for you!"


@pytest.fixture
async def salon(tmp_path: Path, location: str) -> AsyncIterator[Shop]:
    async with shop(tmp_path, location, RULES + BONUS) as one:
        yield one
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


@asynccontextmanager
async def again(home: Path) -> AsyncIterator[tuple[App, Pos]]:
    """Start the till anew, with the settings as they stand."""
    async with (
        open_till(home, HandClock(BEGIN + timedelta(days=1))) as app,
        Pos.connect(app.socket) as pos,
    ):
        yield app, pos


async def no(answer: Awaitable[Any], code: int) -> RefusedByTillError:
    """Wait for an answer that must be a refusal; return it."""
    with pytest.raises(RefusedByTillError) as caught:
        await answer
    assert caught.value.code == code
    return caught.value


class Desk:
    """Somebody who writes mailings."""

    def __init__(self, pos: Pos, by: str = "olha") -> None:
        self.pos, self.by, self._count = pos, by, 0

    def terms(self, **more: Any) -> dict[str, Any]:
        self._count += 1
        return {"request_id": f"{self.by}{self._count}", "by": self.by, **more}

    async def audience(self, **more: Any) -> str:
        saved = await self.pos.call("mailing.audience", **self.terms(title="all", **more))
        return str(saved["audience"])

    async def draft(self, text: str = SMS, **more: Any) -> str:
        terms = {"channel": "sms", "texts": {"en": {"text": text}}, "cost": 85, **more}
        if "audience" not in terms:
            terms["audience"] = await self.audience(**EVERYBODY)
        return str((await self.pos.call("mailing.draft", **self.terms(**terms)))["mailing"])

    async def check(self, mailing: str) -> dict[str, Any]:
        return dict(await self.pos.call("mailing.check", **self.terms(mailing=mailing)))

    async def people(self, mailing: str, reason: str) -> list[str]:
        found = await self.pos.call("mailing.people", mailing=mailing, list=reason)
        assert found["count"] == len(found["people"])
        return sorted(one["name"] for one in found["people"])


def phone(n: int) -> str:
    return f"+38067123456{n}"


async def everybody(salon: Shop) -> dict[str, str]:
    """Make a customer for each reason but ``capped`` and ``bad_contact`` by a bounce."""
    accounts = {
        "Ann": await salon.issue(ANN, name="Ann Smith", phone=phone(1)),
        "Bob": await salon.issue(BOB, name="Bob", phone=phone(2), consents=("personal_data",)),
        "Cat": await salon.issue(CAT, name="Cat", email="cat@example.ua"),
        "Dan": await salon.issue(DAN, name="Dan", phone=phone(4)),
        "Eve": await salon.issue(EVE, name="Eve", phone=phone(4)),
        "Fay": await salon.issue(FAY, name="Fay", phone=phone(6)),
        "Gil": await salon.issue(GIL, name="Gil", phone=phone(7)),
        "Hal": await salon.issue(HAL, name="Hal", phone=phone(8)),
        "Ida": await salon.issue(IDA, name="Ida", phone=phone(9)),
    }
    for card in (ANN, BOB, CAT, DAN, GIL, HAL, IDA):
        await salon.sell(card, 1_000)
    salon.clock.move(days=1)
    await salon.sell(EVE, 2_000)
    merge = {"request_id": "m", "keep": accounts["Ann"], "drop": accounts["Ida"], "by": "olha"}
    await salon.pos.call("customer.merge", **merge, reason="the same person")
    return accounts


async def test_everybody_of_an_audience_has_one_reason(salon: Shop) -> None:
    await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await desk.draft()
    checked = await desk.check(mailing)
    assert list(checked["counts"]) == list(REASONS)
    assert sum(checked["counts"].values()) == checked["audience"]
    assert await desk.people(mailing, "no_consent") == ["Bob", "Iryna", "Olena", "Taras"]
    assert await desk.people(mailing, "no_contact") == ["Cat"]
    assert await desk.people(mailing, "duplicate") == ["Dan"]
    assert await desk.people(mailing, "empty_value") == ["Fay"]
    assert await desk.people(mailing, "ready") == ["Ann Smith", "Eve", "Gil", "Hal"]
    assert (checked["parts"], checked["cost"]) == (4, 340)


async def test_a_frozen_list_keeps_who_is_gone_since(salon: Shop) -> None:
    accounts = await everybody(salon)
    desk = Desk(salon.pos)
    frozen = await desk.audience(**EVERYBODY, frozen=True)
    asked = await desk.audience(**EVERYBODY)
    await salon.pos.call(
        "customer.erase", request_id="e", account=accounts["Hal"], by="olha", reason="asked",
        forfeit=True,
    )  # fmt: skip
    merge = {"request_id": "m2", "keep": accounts["Ann"], "drop": accounts["Gil"], "by": "olha"}
    await salon.pos.call("customer.merge", **merge, reason="the same person")
    counts = {}
    for audience in (frozen, asked):
        mailing = await desk.draft(audience=audience)
        counts[audience] = (await desk.check(mailing))["counts"]
    assert counts[frozen]["no_longer_a_customer"] == 2
    assert counts[asked]["no_longer_a_customer"] == 1, "who was erased has bought"
    assert counts[frozen]["ready"] == counts[asked]["ready"] == 2
    listed = (await salon.pos.call("mailing.audiences"))["audiences"]
    assert [(one["audience"], one["frozen"]) for one in listed] == [(asked, False), (frozen, True)]


async def test_what_went_out_lately_and_what_came_back_is_counted(
    tmp_path: Path, location: str
) -> None:
    async with shop(tmp_path, location, RULES + BONUS) as salon:
        accounts = await everybody(salon)
    old, new = "2026-07-01T00:00:00.000000Z", "2026-09-01T00:00:00.000000Z"

    def sent(n: int, who: str, contact: str, state: str, at: str) -> MessageRow:
        return MessageRow(f"m-2026-9{n:03d}", AccountId(accounts[who]), "sms", contact, state, at)

    rows = (
        *(sent(n, "Ann", phone(1), "accepted", new) for n in range(4)),
        *(sent(n, "Eve", phone(4), "accepted", new) for n in range(3)),
        *(sent(n, "Gil", phone(7), "accepted", old) for n in range(4)),
        sent(9, "Hal", phone(8), "bounced", old),
    )
    with closing(open_store(location, tmp_path)) as store:
        store.begin()
        store.write(Change(rows=rows))
        store.commit()
    async with shop(tmp_path, location, RULES + BONUS) as salon:
        desk = Desk(salon.pos)
        mailing = await desk.draft()
        await desk.check(mailing)
        assert await desk.people(mailing, "capped") == ["Ann Smith"]
        assert await desk.people(mailing, "bad_contact") == ["Hal"]
        assert await desk.people(mailing, "ready") == ["Eve", "Gil"]
        changed = {"account": accounts["Hal"], "answers": {"phone": phone(5)}, "by": "olha"}
        await salon.pos.call("customer.update", request_id="new", **changed)
        assert await desk.people(mailing, "bad_contact") == [], "a new contact is a good one"


async def test_a_control_group_gets_nothing(salon: Shop) -> None:
    await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await desk.draft(control_percent=99)
    counts = (await desk.check(mailing))["counts"]
    assert counts["control"] + counts["ready"] == 4
    assert counts["control"] >= 3


async def test_a_text_is_shown_as_one_customer_gets_it_and_at_its_longest(salon: Shop) -> None:
    accounts = await everybody(salon)
    desk = Desk(salon.pos)
    mailing = await desk.draft()
    await desk.check(mailing)
    shown = await salon.pos.call("mailing.preview", mailing=mailing, account=accounts["Eve"])
    assert (shown["text"], shown["reason"]) == ("Hello Eve, 2.00 wait for you!", "ready")
    assert (shown["contact"], shown["parts"], shown["cost"]) == (phone(4), 1, 85)
    empty = await salon.pos.call("mailing.preview", mailing=mailing, account=accounts["Fay"])
    assert empty["text"] == "Hello Fay, {balance.reward} wait for you!"
    assert (empty["reason"], empty["missing"]) == ("empty_value", ["balance.reward"])
    longest = await salon.pos.call("mailing.preview", mailing=mailing)
    assert longest["reason"] == "ready"
    assert len(longest["text"]) == len("Hello Eve, 2.00 wait for you!")


async def test_every_variable_is_filled_from_the_books(salon: Shop) -> None:
    ann = await salon.issue(ANN, name="Ann Smith", phone=phone(1), language="uk")
    await salon.sell(ANN, 60_000)
    await salon.pos.call(
        "club.decide", request_id="c", status="club", list="join", accounts=[ann], granted=True,
        by="olha",
    )  # fmt: skip
    salon.clock.move(days=1)
    await salon.sell(ANN, 10_000)
    desk = Desk(salon.pos)
    text = "{name}|{shop}|{card}|{balance.reward}|{club.missing}|{club.until}"
    mailing = await desk.draft(text, texts={"en": {"text": "Hi"}, "uk": {"text": text}})
    shown = await salon.pos.call("mailing.preview", mailing=mailing, account=ann)
    assert shown["language"] == "uk"
    name, its_shop, card, balance, missing, until = shown["text"].split("|")
    assert (name, balance) == ("Ann Smith", "70.00")
    assert card.endswith(ANN[-4:])
    assert ANN not in card
    assert its_shop == "Our shop"
    assert (missing, until) == ("200.00", "30.10.2026")


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ({"texts": {"en": {"text": "Hi {nmae}"}}}, "texts.en.text: 1:4: there is no {nmae}"),
        ({"texts": {"en": {"text": "Hi {"}}}, "texts.en.text: 1:4: a single '{'"),
        ({"texts": {"uk": {"text": "Hi", "subject": "x"}}}, "texts.uk.subject: only an e-mail"),
        ({"texts": {}}, "texts: say something"),
        (
            {"channel": "email", "texts": {"en": {"text": "Hi", "subject": "x"}}},
            "texts.en.text: an e-mail must hold {unsubscribe}",
        ),
        (
            {"channel": "email", "texts": {"en": {"text": "{unsubscribe}"}}},
            "texts.en.subject: says nothing",
        ),
        ({"not_before": "tomorrow"}, "not_before: is no time with an offset"),
    ],
)
async def test_a_text_that_cannot_be_sent_is_refused_when_it_is_saved(
    salon: Shop, terms: dict[str, Any], path: str
) -> None:
    desk = Desk(salon.pos)
    error = await no(desk.draft(**terms), -32602)
    assert error.message.startswith(path)


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ({"report": "cashiers"}, "report: has no customers in its rows; these have: activity"),
        ({"report": "activity", "from": "x"}, "from: 'x' is no day"),
        ({"report": "activity", "filters": {"status": ["x"]}}, "filters.status"),
    ],
)
async def test_a_question_without_customers_is_no_audience(
    salon: Shop, terms: dict[str, Any], path: str
) -> None:
    error = await no(Desk(salon.pos).audience(**terms), -32602)
    assert error.message.startswith(path)


def said_of_mailings(location: str, home: Path) -> list[dict[str, Any]]:
    """Return what the entries of mailings say, in order."""
    with closing(open_store(location, home, read_only=True)) as store:
        entries = [decode(one.body) for one in store.entries()]
    return [msgspec.json.decode(one.detail) for one in entries if one.kind == "mailing"]


async def test_a_mailing_goes_from_draft_to_approved_and_no_other_way(
    salon: Shop, location: str, tmp_path: Path
) -> None:
    await everybody(salon)
    desk, pos = Desk(salon.pos), salon.pos
    mailing = await desk.draft()
    approve = desk.terms(mailing=mailing)
    await no(pos.call("mailing.approve", **approve), ErrorCode.NOT_UNDOABLE)
    await desk.check(mailing)
    assert (await pos.call("mailing.show", mailing=mailing))["state"] == "checked"
    assert await desk.draft(mailing=mailing) == mailing
    shown = await pos.call("mailing.show", mailing=mailing)
    assert (shown["state"], shown["counts"]) == ("draft", {})
    await desk.check(mailing)
    done = await pos.call("mailing.approve", **approve)
    assert done == {"mailing": mailing, "state": "approved", "replayed": False}
    assert (await pos.call("mailing.approve", **approve))["replayed"]
    await no(desk.draft(mailing=mailing), ErrorCode.NOT_UNDOABLE)
    await no(desk.check(mailing), ErrorCode.NOT_UNDOABLE)
    stop = desk.terms(mailing=mailing, reason="the wrong price")
    assert (await pos.call("mailing.stop", **stop))["state"] == "stopped"
    again = desk.terms(mailing=mailing, reason="again")
    await no(pos.call("mailing.stop", **again), ErrorCode.NOT_UNDOABLE)
    said = [
        one
        for one in said_of_mailings(location, tmp_path)
        if one["event"] in ("approved", "stopped")
    ]
    assert [(one["event"], one["by"]) for one in said] == [
        ("approved", "olha"),
        ("stopped", "olha"),
    ]
    assert said[-1]["reason"] == "the wrong price"
    [listed] = (await pos.call("mailing.list"))["mailings"]
    assert (listed["mailing"], listed["state"], listed["ready"]) == (mailing, "stopped", 4)


async def test_a_mailing_that_nobody_would_get_is_not_approved(salon: Shop) -> None:
    desk = Desk(salon.pos)
    mailing = await desk.draft()
    assert (await desk.check(mailing))["counts"]["ready"] == 0
    terms = desk.terms(mailing=mailing)
    await no(salon.pos.call("mailing.approve", **terms), ErrorCode.CONDITION_UNMET)


async def test_what_is_not_there_is_unknown(salon: Shop) -> None:
    desk = Desk(salon.pos)
    for method in ("mailing.show", "mailing.preview"):
        await no(salon.pos.call(method, mailing="m-2026-0099"), ErrorCode.CARD_UNKNOWN)
    await no(desk.check("m-2026-0099"), ErrorCode.CARD_UNKNOWN)
    await no(desk.draft(audience="au-2026-0099"), ErrorCode.CARD_UNKNOWN)


async def test_whoever_wrote_it_is_not_alone_to_approve_many(tmp_path: Path, location: str) -> None:
    async with shop(tmp_path, location, RULES + BONUS) as salon:
        await everybody(salon)
        await hire(salon.pos)
    settings = tmp_path / "tillcard.toml"
    text = settings.read_text("utf-8")
    settings.write_text(f"{text}\n[mailing]\ntwo_above = 3\n", "utf-8")
    async with again(tmp_path) as (_, pos):
        desk = Desk(pos)
        mailing = await desk.draft()
        await desk.check(mailing)
        error = await no(
            pos.call("mailing.approve", **desk.terms(mailing=mailing)), ErrorCode.PERMISSION
        )
        assert "a second person" in error.message
        terms = desk.terms(mailing=mailing, **approval(OperatorRole.OWNER))
        await pos.call("mailing.approve", **terms)
        shown = await pos.call("mailing.show", mailing=mailing)
        assert shown["approved"] == ["olha", "owner"]
        other = await desk.draft()
        await desk.check(other)
        await pos.call("mailing.approve", **Desk(pos, "ivan").terms(mailing=other))


async def test_a_mailing_is_written_counted_and_approved_from_the_shell(
    tmp_path: Path, location: str
) -> None:
    async with shop(tmp_path, location, RULES + BONUS) as salon:
        await everybody(salon)
    (tmp_path / "spring.txt").write_text(f"{SMS}\n", "utf-8")
    async with again(tmp_path) as (app, _):
        await play(app.socket, tmp_path)


async def play(socket: Path, home: Path) -> None:
    async def run(*words: str) -> str:
        line = ("mailing", *words, "--socket", str(socket))
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(tillcard, *line)
        assert result.exit_code == 0, result.output
        return result.stdout

    chosen = ("--report", "activity", "--all", "--frozen", "--by", "olha")
    assert await run("audience", "all", *chosen) == "au-2026-0001: 11 customers\n"
    assert "a list, 11" in await run("audiences")
    said = ("--text", f"en={home / 'spring.txt'}", "--cost", "0.85", "--by", "olha")
    assert await run("draft", "--audience", "au-2026-0001", *said) == "m-2026-0001: draft\n"
    counted = (await run("check", "m-2026-0001")).splitlines()
    assert [line.split() for line in counted[:-1]] == [
        *(["no_longer_a_customer", "0"], ["no_consent", "4"], ["no_contact", "1"]),
        *(["bad_contact", "0"], ["duplicate", "1"], ["capped", "0"], ["empty_value", "1"]),
        *(["control", "0"], ["ready", "4"], ["audience", "11"]),
    ]
    assert counted[-1] == "4 paid messages, 3.40 UAH"
    assert "Cat" in await run("people", "m-2026-0001", "--list", "no_contact")
    none = await run(
        "people", "m-2026-0001", "--list", "no_consent", "--csv", str(home / "none.csv")
    )
    assert none.endswith("4 rows\n")
    assert (home / "none.csv").read_text("utf-8").splitlines()[0] == "account;name;card"
    assert "wait for you!" in await run("preview", "m-2026-0001")
    assert await run("approve", "m-2026-0001", "--by", "olha") == "m-2026-0001: approved\n"
    assert "approved by olha" in await run("show", "m-2026-0001")
    assert "approved  sms to au-2026-0001  4 ready" in await run("list")
    stopped = await run("stop", "m-2026-0001", "--reason", "the wrong price")
    assert stopped == "m-2026-0001: stopped\n"
    assert msgspec.json.decode(await run("show", "m-2026-0001", "--json"))["state"] == "stopped"
