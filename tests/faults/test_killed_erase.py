"""A till that is killed while it erases a customer has erased all or nothing, to the last byte."""

import signal
from contextlib import closing
from pathlib import Path

import pytest

from daemon.ledger.erased import not_overwritten
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.faults.dying_till import process
from tests.scenarios.shops import FRIEND, goods
from tests.scenarios.test_erase_customer import PERSON, WHO
from tests.scenarios.test_greeting_language import CLUB
from tests.support.clock import HandClock
from tests.support.till import Pos, audited, lay_out, open_till

WORDS = [word.encode() for word in (*PERSON.values(), "Zofia", "zofia", "765432176083")]


def left_in(home: Path) -> set[bytes]:
    """Return what the files of a ledger say of the person."""
    data = [path.read_bytes() for path in home.glob("tillcard.db*")]
    return {word for word in WORDS if any(word in one for one in data)}


async def erase(pos: Pos, account: str) -> None:
    await pos.call("customer.erase", request_id="e", account=account, **WHO)


@pytest.mark.parametrize("burns_at", [*range(2, 90, 3), *range(90, 140, 10)])
async def test_a_till_that_dies_while_it_erases_has_erased_all_or_nothing(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path, CLUB)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        issue = {"request_id": "i", "number": FRIEND, "profile": PERSON}
        account = (await pos.call("card.issue", **issue))["account"]
        await pos.call("sale.commit", sale_id="s1", card=FRIEND, lines=goods(100_000))
    async with process(tmp_path, burns_at) as killed:
        try:
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await erase(pos, account)
        except ConnectionError:
            pass
    assert killed.process.exitcode in (0, -signal.SIGKILL)
    async with open_till(tmp_path, HandClock()):
        pass  # a start goes on with what was cut
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        is_known = bool(store.ask(CUSTOMER, account))
        assert not_overwritten(store) == 0
    assert bool(left_in(tmp_path)) == is_known
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await erase(pos, account)
        shown = await pos.call("card.show", card=FRIEND)
        assert (shown["state"], shown["balances"]["bonus"]["available"]) == ("blocked", 0)
        assert left_in(tmp_path) == set()
    assert audited(tmp_path).findings == ()
