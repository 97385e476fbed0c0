"""kill -9 while messages are sent: each is delivered once or is unknown, and none twice."""

import signal
from contextlib import closing
from pathlib import Path

import pytest

from daemon.ledger.storage.mailing_queries import MESSAGES_BY_STATE
from daemon.ledger.storage.registry import open_store
from tests.faults.dying_till import process
from tests.scenarios.shops import HEAD
from tests.stores.test_mailings import EVERYBODY, Desk
from tests.stores.test_reports_of_people import QUESTIONNAIRE, RULES, number
from tests.stores.test_sending import EMAIL, settle, till
from tests.support.mail_server import Mailbox, mail_server
from tests.support.till import LEDGER, Pos, audited, lay_out

COUNT = 6
NUMBER = "m-2026-0001"
PROFILE = {"consents": ("personal_data", "marketing")}


async def prepare(pos: Pos) -> None:
    """Write a mailing to COUNT customers; it is checked and not approved."""
    await pos.call("questionnaire.activate", request_id="q", text=QUESTIONNAIRE, by="olha")
    for n in range(COUNT):
        profile = {"name": f"C{n}", "email": f"c{n}@example.ua", **PROFILE}
        await pos.call("card.issue", request_id=f"i{n}", number=number(20 + n), profile=profile)
    desk = Desk(pos)
    mailing = await desk.draft(**EMAIL, audience=await desk.audience(**EVERYBODY))
    assert (await desk.check(mailing))["counts"]["ready"] == COUNT


async def approve_and_follow(pos: Pos) -> None:
    approve = {"request_id": "approve", "mailing": NUMBER, "by": "olha"}
    await pos.call("mailing.approve", **approve)
    state = "approved"
    while state != "done":
        state = (await pos.call("mailing.status", mailing=NUMBER))["state"]


def states(home: Path) -> dict[str, int]:
    with closing(open_store(LEDGER, home, read_only=True)) as store:
        return dict(store.ask(MESSAGES_BY_STATE, NUMBER))


@pytest.mark.parametrize("burns_at", [1, 30, 60, 70, 80, 90, 100, 110, 120, 130])
async def test_each_message_is_delivered_once_or_unknown_whenever_the_till_is_killed(
    tmp_path: Path, burns_at: int
) -> None:
    box = Mailbox()
    lay_out(tmp_path, HEAD + RULES)
    async with mail_server(box) as port:
        settle(tmp_path, port, more='quiet = ""')
        async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
            await prepare(pos)
        async with process(tmp_path, burns_at) as killed:
            with pytest.raises(ConnectionError):
                async with Pos.connect(tmp_path / "pos.sock") as pos:
                    await approve_and_follow(pos)
        assert killed.process.exitcode == -signal.SIGKILL
        async with till(tmp_path) as shop:
            await approve_and_follow(shop.pos)  # where the approval was cut; else it is replayed
    told = states(tmp_path)
    assert sum(told.values()) == COUNT
    assert set(told) <= {"accepted", "unknown"}
    assert told.get("unknown", 0) <= 1
    assert set(box.ids.values()) == {1}, "nobody got it twice"
    assert told["accepted"] <= len(box.mails) <= COUNT
    assert audited(tmp_path).findings == ()
