"""A customer ends messages by the link that stands in them, on every store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from daemon.app.running import App
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD
from tests.stores.test_mailings import EVERYBODY, Desk
from tests.stores.test_reports_of_people import BEGIN, QUESTIONNAIRE, RULES, Shop, number
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till

ANN = number(20)
EMAIL: dict[str, Any] = {
    "channel": "email",
    "texts": {"en": {"subject": "Hi", "text": "{unsubscribe}"}},
}


class Customer(Shop):
    """Ann, who gets e-mails."""

    def __init__(self, app: App, pos: Pos, clock: HandClock) -> None:
        super().__init__(pos, clock)
        self.app, self.account, self.mailing = app, "", ""

    async def link(self) -> str:
        """Return the link that stands in her e-mail."""
        self.account = await self.issue(ANN, name="Ann", email="ann@example.ua", phone="0671234567")
        desk = Desk(self.pos)
        self.mailing = await desk.draft(**EMAIL, audience=await desk.audience(**EVERYBODY))
        shown = await self.pos.call("mailing.preview", mailing=self.mailing, account=self.account)
        return str(shown["text"])

    async def reason(self) -> str:
        shown = await self.pos.call("mailing.preview", mailing=self.mailing, account=self.account)
        return str(shown["reason"])

    async def consents(self) -> dict[str, tuple[bool, str]]:
        shown = await self.pos.call("customer.show", account=self.account)
        return {
            one["channel"]: (one["given"], one["source"])
            for one in shown["consents"]
            if one["purpose"] == "marketing"
        }


@asynccontextmanager
async def customer(home: Path, location: str) -> AsyncIterator[Customer]:
    more = {'"tillcard.db"': f'"{location}"', 'country = ""': 'country = "UA"'}
    lay_out(home, HEAD + RULES, **more)
    clock = HandClock(BEGIN)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="olha")
        yield Customer(app, pos, clock)


@pytest.fixture
async def ann(tmp_path: Path, location: str) -> AsyncIterator[Customer]:
    async with customer(tmp_path, location) as one:
        yield one
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


def unsubscribed(location: str, home: Path) -> list[dict[str, Any]]:
    """Return the entries by which consents ended, in order."""
    with closing(open_store(location, home, read_only=True)) as store:
        entries = [decode(one.body) for one in store.entries()]
    said = [msgspec.json.decode(one.detail) for one in entries if one.kind == "consent"]
    return [one for one in said if one["source"] == "unsubscribe"]


async def test_opening_the_link_changes_nothing_and_its_button_ends_the_e_mails(
    ann: Customer, location: str, tmp_path: Path
) -> None:
    link = await ann.link()
    assert link.startswith(f"{ann.app.web_url}/u/")
    assert await ann.reason() == "ready"
    async with ClientSession() as session:
        for method in ("GET", "HEAD", "GET"):
            async with session.request(method, link) as answer:
                assert answer.status == HTTPStatus.OK
        async with session.get(link) as answer:
            assert "Send me no more" in await answer.text()
        assert await ann.reason() == "ready", "scanners of mail open every link"
        async with session.post(link) as answer:
            assert "we send you no more e-mails" in await answer.text()
    assert await ann.reason() == "no_consent"
    assert await ann.consents() == {"email": (False, "unsubscribe"), "sms": (True, "till")}
    [entry] = unsubscribed(location, tmp_path)
    assert (entry["channel"], entry["given"]) == ("email", False)


async def test_a_mail_program_ends_them_at_one_click_without_a_cookie_and_twice_is_harmless(
    ann: Customer, location: str, tmp_path: Path
) -> None:
    link = await ann.link()
    one_click = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        async with ClientSession() as session, session.post(link, data=one_click) as answer:
            assert answer.status == HTTPStatus.OK
    assert await ann.reason() == "no_consent"
    assert len(unsubscribed(location, tmp_path)) == 1


async def test_the_page_is_in_the_customer_s_language(ann: Customer) -> None:
    link = await ann.link()
    async with ClientSession(headers={"Accept-Language": "uk"}) as session:
        async with session.get(link) as answer:
            assert "Більше не надсилати" in await answer.text()
        async with session.post(f"{link}?lang=uk") as answer:
            assert "Готово" in await answer.text()


async def test_a_link_that_the_shop_has_not_made_ends_nothing(ann: Customer) -> None:
    link = await ann.link()
    site, _, token = link.rpartition("/")
    async with ClientSession() as session:
        for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), "A" * 60, token + "A"):
            for method in ("GET", "POST"):
                async with session.request(method, f"{site}/{wrong}") as answer:
                    assert answer.status == HTTPStatus.NOT_FOUND
    assert await ann.reason() == "ready"


async def test_the_link_of_somebody_who_was_merged_or_erased_does_no_harm(ann: Customer) -> None:
    link = await ann.link()
    bob = await ann.issue(number(21), name="Bob", email="bob@example.ua")
    merge = {"request_id": "m", "keep": bob, "drop": ann.account, "by": "olha", "reason": "one"}
    await ann.pos.call("customer.merge", **merge)
    async with ClientSession() as session, session.post(link) as answer:
        assert answer.status == HTTPStatus.OK
    ann.account = bob
    assert (await ann.consents())["email"] == (False, "unsubscribe"), "they are one person"
    erase = {"request_id": "e", "account": bob, "by": "olha", "reason": "asked"}
    await ann.pos.call("customer.erase", **erase)
    async with ClientSession() as session, session.post(link) as answer:
        assert answer.status == HTTPStatus.OK
