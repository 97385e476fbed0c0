"""E-mails go out by a real mail server on this machine, on every store."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.audit import audit
from daemon.ledger.storage.mailing_queries import MESSAGE
from daemon.ledger.storage.mailing_rows import MessageRow
from daemon.ledger.storage.registry import open_store
from daemon.mailing.sending import LATER_MINUTES
from tests.scenarios.shops import HEAD
from tests.stores.test_mailings import EVERYBODY, Desk
from tests.stores.test_reports_of_people import BEGIN, QUESTIONNAIRE, RULES, Shop, number
from tests.support.clock import HandClock
from tests.support.mail_server import Mailbox, Point, mail_server
from tests.support.till import PATIENCE_S, Pos, lay_out, open_till
from tests.web.test_tls import write_tls_files

TEXT = "Hello {first_name}!\nNo more: {unsubscribe}\n"
EMAIL: dict[str, Any] = {
    "channel": "email",
    "texts": {"en": {"subject": "Spring, {first_name}", "text": TEXT}},
}
PLAIN = 'security = "none"'


class Sender(Shop):
    """A till that sends, and who reads along."""

    def __init__(self, app: App, pos: Pos, clock: HandClock) -> None:
        super().__init__(pos, clock)
        self.app, self.desk = app, Desk(pos)

    async def customers(self, count: int) -> list[str]:
        return [
            await self.issue(number(20 + n), name=f"C{n}", email=f"c{n}@example.ua")
            for n in range(count)
        ]

    async def approved(self, **more: Any) -> str:
        mailing = await self.desk.draft(
            **EMAIL, audience=await self.desk.audience(**EVERYBODY), **more
        )
        await self.desk.check(mailing)
        await self.pos.call("mailing.approve", **self.desk.terms(mailing=mailing))
        return mailing

    async def followed(self, mailing: str, *, until: str = "done") -> dict[str, Any]:
        """Wait until a mailing is done, by what the till says of it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                shown: dict[str, Any] = await self.pos.call("mailing.status", mailing=mailing)
                if shown["state"] == until:
                    return shown

    async def later(self, **delta: float) -> None:
        self.clock.move(**delta)
        await self.app.look_after()


def settle(home: Path, port: int, mail: str = PLAIN, more: str = "") -> None:
    """Add what the till sends by to its settings."""
    file = home / "tillcard.toml"
    text = file.read_text("utf-8")
    file.write_text(
        f"{text}\n[mailing]\nper_second = 1000\n{more}\n[mailing.email]\nport = {port}\n"
        f'host = "127.0.0.1"\nsender = "Our shop <news@shop.example>"\n{mail}\n',
        "utf-8",
    )


@asynccontextmanager
async def till(home: Path) -> AsyncIterator[Sender]:
    clock = HandClock(BEGIN)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="olha")
        yield Sender(app, pos, clock)


@asynccontextmanager
async def sender(home: Path, location: str, box: Mailbox, more: str = "") -> AsyncIterator[Sender]:
    lay_out(home, HEAD + RULES, **{'"tillcard.db"': f'"{location}"'})
    async with mail_server(box) as port:
        settle(home, port, more=more)
        async with till(home) as one:
            yield one
    with closing(open_store(location, home, read_only=True)) as store:
        assert audit(store).findings == ()


def message(location: str, home: Path, mailing: str, account: str) -> MessageRow:
    with closing(open_store(location, home, read_only=True)) as store:
        row = store.ask_one(MESSAGE, mailing, account)
    assert row is not None
    return row


async def test_everybody_who_is_ready_gets_one_by_one_connection(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    async with sender(tmp_path, location, box) as shop:
        accounts = await shop.customers(5)
        mailing = await shop.approved()
        shown = await shop.followed(mailing)
        assert (shown["messages"], shown["done"], shown["count"]) == ({"accepted": 5}, 5, 5)
        row = message(location, tmp_path, mailing, accounts[0])
    assert box.connections == 1
    assert box.recipients == {f"c{n}@example.ua": 1 for n in range(5)}
    [mail] = [one for one in box.mails if one["To"] == "c0@example.ua"]
    assert mail["From"] == "Our shop <news@shop.example>"
    assert mail["Subject"] == "Spring, C0"
    assert mail["Message-ID"] == row.provider_id
    link = str(mail["List-Unsubscribe"]).strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content().replace("\r\n", "\n") == f"Hello C0!\nNo more: {link}\n"
    assert (row.state, row.contact, row.tries) == ("accepted", "c0@example.ua", 1)


async def test_no_such_recipient_is_a_bounce_and_others_get_theirs(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    box.refuses["c1@example.ua"] = "550 5.1.1 no such user"
    box.says = ["250 ok", "554 spam"]
    async with sender(tmp_path, location, box) as shop:
        accounts = await shop.customers(4)
        mailing = await shop.approved()
        shown = await shop.followed(mailing)
        assert shown["messages"] == {"accepted": 2, "bounced": 1, "refused": 1}
        row = message(location, tmp_path, mailing, accounts[1])
        assert (row.state, row.error) == ("bounced", "550 5.1.1 no such user")
        other = await shop.desk.draft(**EMAIL, audience="au-2026-0001")
        counts = (await shop.desk.check(other))["counts"]
        assert (counts["bad_contact"], counts["ready"]) == (1, 3)


async def test_not_now_is_tried_again_after_5_30_and_120_minutes_and_then_given_up(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    box.refuses["c0@example.ua"] = "451 4.7.1 greylisted"
    async with sender(tmp_path, location, box, 'quiet = ""') as shop:
        [account] = await shop.customers(1)
        mailing = await shop.approved()
        queued = partial(message, location, tmp_path, mailing, account)
        await shop.followed(mailing, until="sending")
        for tries, minutes in enumerate(LATER_MINUTES, start=1):
            await tried(shop, queued, tries)
            await shop.later(minutes=minutes - 1)
            row = queued()
            assert (row.state, row.tries, row.error) == ("queued", tries, "451 4.7.1 greylisted")
            await shop.later(minutes=1)
        shown = await shop.followed(mailing)
        assert shown["messages"] == {"refused": 1}


async def tried(shop: Sender, row: Callable[[], MessageRow], times: int) -> MessageRow:
    """Wait until the till has written down what came of a try."""
    async with asyncio.timeout(PATIENCE_S):
        while (now := row()).tries < times or now.state == "trying":
            await shop.pos.call("mailing.status", mailing=now.mailing)
    return now


async def test_greylisting_ends_and_the_message_is_the_same(tmp_path: Path, location: str) -> None:
    box = Mailbox()
    box.says = ["451 come back", "250 ok"]
    async with sender(tmp_path, location, box) as shop:
        [account] = await shop.customers(1)
        mailing = await shop.approved()
        await shop.followed(mailing, until="sending")
        await tried(shop, partial(message, location, tmp_path, mailing, account), 1)
        await shop.later(minutes=5)
        assert (await shop.followed(mailing))["messages"] == {"accepted": 1}
    assert len(box.mails) == 1


@pytest.mark.parametrize("point", ["CONNECT", "MAIL", "RCPT", "DATA", "ANSWER"])
async def test_a_line_that_is_cut_anywhere_delivers_once_or_says_unknown(
    tmp_path: Path, location: str, point: Point
) -> None:
    box = Mailbox()
    box.cuts = [point]
    async with sender(tmp_path, location, box) as shop:
        await shop.customers(3)
        mailing = await shop.approved()
        async with asyncio.timeout(PATIENCE_S):
            shown = await shop.pos.call("mailing.status", mailing=mailing)
            while shown["state"] != "done":
                await shop.later(minutes=1)
                shown = await shop.pos.call("mailing.status", mailing=mailing)
    assert not box.cuts, "it was cut"
    sent_whole = point in ("DATA", "ANSWER")
    assert shown["messages"] == ({"accepted": 2, "unknown": 1} if sent_whole else {"accepted": 3})
    assert set(box.ids.values()) == {1}, "nobody got it twice"
    assert len(box.mails) == (2 if point == "DATA" else 3)


async def test_a_stop_ends_it_at_the_next_message(tmp_path: Path, location: str) -> None:
    box = Mailbox()
    box.says = ["250 ok", "451 later", "451 later", "451 later"]
    async with sender(tmp_path, location, box) as shop:
        accounts = await shop.customers(4)
        mailing = await shop.approved()
        await shop.followed(mailing, until="sending")
        first = min(accounts)
        await tried(shop, partial(message, location, tmp_path, mailing, first), 1)
        stop = shop.desk.terms(mailing=mailing, reason="the wrong price")
        await shop.pos.call("mailing.stop", **stop)
        await shop.later(minutes=5)
        await shop.later(minutes=30)
        shown = await shop.followed(mailing, until="stopped")
    assert shown["messages"]["queued"] == 4 - shown["messages"].get("accepted", 0)
    assert len(box.mails) <= 1


async def test_a_consent_that_ends_while_it_waits_is_heard(tmp_path: Path, location: str) -> None:
    box = Mailbox()
    async with sender(tmp_path, location, box, 'quiet = "00:00..12:00"') as shop:
        accounts = await shop.customers(3)
        mailing = await shop.approved()
        await shop.followed(mailing, until="sending")
        off = {"purpose": "marketing", "channel": "email", "given": False}
        await shop.pos.call("customer.consent", request_id="c", account=accounts[0], **off)
        erase = {"account": accounts[1], "by": "olha", "reason": "asked"}
        await shop.pos.call("customer.erase", request_id="e", **erase)
        await shop.later(hours=2)
        shown = await shop.followed(mailing)
        assert shown["messages"] == {"accepted": 1, "refused": 2}
        row = message(location, tmp_path, mailing, accounts[0])
        assert (row.error, row.contact) == ("no_consent", "")
    assert box.recipients == {"c2@example.ua": 1}


async def test_nothing_goes_out_in_quiet_hours_before_its_time_and_beyond_a_day_s_limit(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    async with sender(tmp_path, location, box, "per_day = 2") as shop:
        await shop.customers(3)
        shop.clock.move(hours=10)  # 21:00 in the shop
        mailing = await shop.approved(not_before="2026-09-02T10:00:00+03:00")
        await shop.later(hours=11)
        assert (await shop.pos.call("mailing.show", mailing=mailing))["state"] == "approved"
        assert not box.mails
        await shop.later(hours=13, minutes=30)  # 21:30: quiet again
        await shop.followed(mailing, until="sending")
        assert not box.mails
        await shop.later(hours=12)
        shown = await shop.pos.call("mailing.status", mailing=mailing, beyond=1)
        assert shown["messages"] == {"accepted": 2, "queued": 1}
        await shop.later(days=1)
        assert (await shop.followed(mailing))["messages"] == {"accepted": 3}


async def test_a_control_group_is_kept_and_gets_nothing(tmp_path: Path, location: str) -> None:
    box = Mailbox()
    async with sender(tmp_path, location, box) as shop:
        await shop.customers(12)
        mailing = await shop.approved(control_percent=50)
        shown = await shop.followed(mailing)
        messages = shown["messages"]
        assert messages["accepted"] + messages.get("control", 0) == 12
        assert shown["count"] == messages["accepted"] == len(box.mails)


async def test_the_log_is_kept_for_a_year_and_a_bad_contact_longer(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    box.refuses["c1@example.ua"] = "550 no such user"
    async with sender(tmp_path, location, box) as shop:
        await shop.customers(3)
        mailing = await shop.approved()
        await shop.followed(mailing)
        await shop.later(days=365)
        shown = await shop.pos.call("mailing.status", mailing=mailing)
        assert shown["messages"] == {"accepted": 2, "bounced": 1}
        await shop.later(days=1)
        shown = await shop.pos.call("mailing.status", mailing=mailing)
        assert shown["messages"] == {"bounced": 1}
        other = await shop.desk.draft(**EMAIL, audience="au-2026-0001")
        assert (await shop.desk.check(other))["counts"]["bad_contact"] == 1


@pytest.mark.parametrize("at_once", [False, True])
async def test_the_server_is_asked_for_tls_and_signed_in_to(
    tmp_path: Path, *, at_once: bool
) -> None:
    box = Mailbox()
    write_tls_files(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "web.pem", tmp_path / "web.key")
    secret = tmp_path / "mail.secret"
    secret.write_text("secret\n", "utf-8")
    secret.chmod(0o600)
    security = "tls" if at_once else "starttls"
    mail = (
        f'security = "{security}"\nauthority = "web.pem"\n'
        'user = "shop"\npassword_file = "mail.secret"'
    )
    lay_out(tmp_path, HEAD + RULES)
    async with mail_server(box, tls, at_once=at_once) as port:
        settle(tmp_path, port, mail)
        async with till(tmp_path) as shop:
            await shop.customers(1)
            assert (await shop.followed(await shop.approved()))["messages"] == {"accepted": 1}


async def test_a_server_without_tls_or_with_another_certificate_gets_nothing(
    tmp_path: Path, location: str
) -> None:
    box = Mailbox()
    lay_out(tmp_path, HEAD + RULES)
    async with mail_server(box) as port:
        settle(tmp_path, port, 'security = "starttls"')
        async with till(tmp_path) as shop:
            await shop.customers(1)
            mailing = await shop.approved()
            await shop.followed(mailing, until="sending")
            assert (await shop.pos.call("mailing.status", mailing=mailing))["done"] == 0
    assert not box.mails
