"""Text messages go out by a gateway over HTTP on this machine, on every store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from daemon.mailing.http_gateway import filled, found_at
from tests.scenarios.shops import HEAD
from tests.stores.test_mailings import EVERYBODY
from tests.stores.test_reports_of_people import RULES, number
from tests.stores.test_sending import Sender, message, till
from tests.support.message_gateway import Gateway, message_gateway
from tests.support.till import PATIENCE_S, lay_out

TEXT = 'Hello "{first_name}"!'


class Texter(Sender):
    """A till that sends text messages."""

    async def customers(self, count: int) -> list[str]:
        return [
            await self.issue(number(20 + n), name=f"C{n}", phone=f"+38067123456{n}")
            for n in range(count)
        ]

    async def approved(self, **more: Any) -> str:
        audience = await self.desk.audience(**EVERYBODY)
        mailing = await self.desk.draft(TEXT, audience=audience, **more)
        await self.desk.check(mailing)
        await self.pos.call("mailing.approve", **self.desk.terms(mailing=mailing))
        return mailing


@asynccontextmanager
async def texter(
    home: Path, location: str, gateway: Gateway, more: str = ""
) -> AsyncIterator[Texter]:
    lay_out(home, HEAD + RULES, **{'"tillcard.db"': f'"{location}"'})
    secret = home / "sms.secret"
    secret.write_text("token\n", "utf-8")
    secret.chmod(0o600)
    async with message_gateway(gateway) as port:
        file = home / "tillcard.toml"
        file.write_text(
            f'{file.read_text("utf-8")}\n[mailing]\nper_second = 1000\nquiet = ""\n'
            f'[mailing.sms]\npreset = "turbosms"\nurl = "http://127.0.0.1:{port}/send"\n'
            f'sender = "Shop"\nsecret_file = "sms.secret"\n{more}\n',
            "utf-8",
        )
        async with till(home) as one:
            yield Texter(one.app, one.pos, one.clock)
    with closing(open_store(location, home, read_only=True)) as store:
        assert audit(store).findings == ()


async def done(shop: Texter, mailing: str) -> dict[str, int]:
    """Move the clock on until a mailing is done; return its messages by state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = await shop.pos.call("mailing.status", mailing=mailing)
            if shown["state"] == "done":
                return dict(shown["messages"])
            await shop.later(minutes=1)


async def test_a_text_message_is_sent_as_the_gateway_wants_it(
    tmp_path: Path, location: str
) -> None:
    gateway = Gateway()
    async with texter(tmp_path, location, gateway) as shop:
        accounts = await shop.customers(3)
        mailing = await shop.approved()
        assert await done(shop, mailing) == {"accepted": 3}
        row = message(location, tmp_path, mailing, accounts[0])
    assert gateway.recipients == {f"38067123456{n}": 1 for n in range(3)}
    [sent] = [one for one in gateway.taken if one["recipients"] == ["380671234560"]]
    assert sent["sms"] == {"sender": "Shop", "text": 'Hello "C0"!'}
    assert len({one["sequence_id"] for one in gateway.taken}) == 3
    assert {one["Authorization"] for one in gateway.headers} == {"Bearer token"}
    assert (row.state, row.provider_id) == ("accepted", "id-380671234560")


async def test_what_the_gateway_does_not_take_says_why(tmp_path: Path, location: str) -> None:
    gateway = Gateway()
    gateway.bad = {"380671234561"}
    async with texter(tmp_path, location, gateway) as shop:
        accounts = await shop.customers(2)
        mailing = await shop.approved()
        assert await done(shop, mailing) == {"accepted": 1, "refused": 1}
        row = message(location, tmp_path, mailing, accounts[1])
        assert row.error == "200 INVALID_PHONE"


@pytest.mark.parametrize(
    ("status", "came"),
    [(429, "accepted"), (503, "accepted"), (500, "unknown"), (502, "unknown"), (401, "refused")],
)
async def test_a_status_says_whether_it_is_tried_again(
    tmp_path: Path, location: str, status: int, came: str
) -> None:
    gateway = Gateway()
    gateway.statuses = [status]
    async with texter(tmp_path, location, gateway) as shop:
        await shop.customers(1)
        assert await done(shop, await shop.approved()) == {came: 1}


async def test_a_line_that_is_cut_after_the_message_leaves_it_unknown(
    tmp_path: Path, location: str
) -> None:
    gateway = Gateway()
    gateway.drops = 1
    async with texter(tmp_path, location, gateway) as shop:
        await shop.customers(3)
        assert await done(shop, await shop.approved()) == {"accepted": 2, "unknown": 1}
    assert set(gateway.recipients.values()) == {1}, "nobody got it twice"


async def test_a_gateway_that_takes_no_key_twice_is_asked_again_and_sends_once(
    tmp_path: Path, location: str
) -> None:
    gateway = Gateway()
    gateway.drops, gateway.keys = 2, set()
    async with texter(tmp_path, location, gateway, "keys = true") as shop:
        await shop.customers(3)
        assert await done(shop, await shop.approved()) == {"accepted": 3}
    assert set(gateway.recipients.values()) == {1}


async def test_a_gateway_that_is_not_there_gets_it_when_it_is(
    tmp_path: Path, location: str
) -> None:
    """Nothing was sent, so nothing is unknown and no try is counted."""
    async with texter(tmp_path, location, Gateway()) as shop:
        [account] = await shop.customers(1)
        settings = tmp_path / "tillcard.toml"
        text = settings.read_text("utf-8")
    closed = text.replace("http://127.0.0.1:", "http://127.0.0.1:1/?")
    settings.write_text(closed, "utf-8")
    async with till(tmp_path) as one:
        shop = Texter(one.app, one.pos, one.clock)
        mailing = await shop.approved()
        await shop.followed(mailing, until="sending")
        async with asyncio.timeout(PATIENCE_S):
            while not (row := message(location, tmp_path, mailing, account)).again_at:
                await shop.pos.call("mailing.status", mailing=mailing)
        assert (row.state, row.tries) == ("queued", 0)


def test_a_value_cannot_change_the_shape_of_what_is_sent() -> None:
    template = {"to": ["{digits}"], "text": "{text} {unknown} {", "n": 1}
    values = {"digits": '1", "x": "', "text": "{digits}"}
    assert filled(template, values) == {
        "to": ['1", "x": "'],
        "text": "{digits} {unknown} {",
        "n": 1,
    }


@pytest.mark.parametrize(
    ("answer", "path", "found"),
    [
        ({"a": [{"b": "x"}]}, "a.0.b", "x"),
        ({"a": 7}, "a", 7),
        ({"a": [1]}, "a.1", None),
        ({"a": {}}, "a.b.c", None),
        ([], "a", None),
        (None, "a", None),
        ({"a": 1}, "", None),
    ],
)
def test_an_answer_is_looked_into_wherever_it_leads(answer: Any, path: str, found: Any) -> None:
    assert found_at(answer, path) == found
