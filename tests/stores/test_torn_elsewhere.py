"""A card torn away at one till of a house and laid down at another: whose sale it settles."""

import shutil
from pathlib import Path
from random import Random

import msgspec
import pytest

from daemon.accounts.cards import NewCard, Profile
from daemon.base.ids import PosSaleId
from daemon.base.refusals import RefusedError
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import DecideTerms
from tests.support.chip_till import LOADED, Wallet, hand_till, make_keys
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer

COMMIT_APDU = 9


@pytest.mark.cluster
async def test_a_sale_torn_at_one_till_is_settled_at_another_and_stays_the_first_one_s(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address, clock = postgres.new_database(postgres_template), HandClock()
    wallet = Wallet(make_keys(tmp_path / "keys"), Random(5))
    for name in ("north", "south"):
        shutil.copytree(tmp_path / "keys", tmp_path / name)
    async with (
        hand_till(tmp_path / "north", clock, location=address) as north,
        hand_till(tmp_path / "south", clock, location=address) as south,
    ):
        identifier = ("uid", wallet.uid.hex().upper())
        assert await north.cards.issue(
            NewCard(kind="chip", number="", identifiers=(identifier,)), Profile()
        )
        presentation = (await north.tap(wallet, {COMMIT_APDU: Fault.TORN_AFTER})).presentation
        with pytest.raises(RefusedError):
            await north.buy("0001", presentation, 700)
        north.readers.take_away()
        assert await south.state("0001") == "new"
        shown = await south.tap(wallet)
        (event,) = south.events
        # South's own 0001 is another sale: the event must not be taken for it.
        assert (event["type"], event["sale_id"], event["state"]) == ("sale.settled", "", "posted")
        mine = await south.buy("0001", shown.presentation, 0)
        assert mine["replayed"] is False
        south.readers.take_away()
        posted = await north.buy("0001", presentation, 700)
        assert (posted["sale_id"], posted["replayed"]) == ("0001", True)
        assert posted["receipt"]["code"] == event["receipt"]
        assert posted["receipt"]["burn"] == {"bonus": 700}


@pytest.mark.cluster
async def test_an_amount_that_one_till_has_in_the_air_is_given_at_no_other_and_can_be_closed_there(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address, clock = postgres.new_database(postgres_template), HandClock()
    keys = make_keys(tmp_path / "keys")
    first, second = Wallet(keys, Random(5)), Wallet(keys, Random(6))
    for name in ("north", "south"):
        shutil.copytree(tmp_path / "keys", tmp_path / name)
    async with (
        hand_till(tmp_path / "north", clock, location=address) as north,
        hand_till(tmp_path / "south", clock, location=address) as south,
    ):
        uids = [("uid", wallet.uid.hex().upper()) for wallet in (first, second)]
        card = NewCard(kind="chip", number="", identifiers=tuple(uids))
        assert await north.cards.issue(card, Profile())
        await north.top_up(first, "t1", 300)
        with pytest.raises(RefusedError):
            await north.tap(first, {COMMIT_APDU: Fault.TORN_AFTER})
        north.readers.take_away()
        assert (await south.tap(second)).balance == LOADED
        (transfer,) = (await south.show(first)).unsettled
        await south.change("block", first, "b1")
        terms = DecideTerms(outcome="not_written", by="olha", reason="the card is lost")
        key = RequestKey.of("sale.decide", "d1", terms)
        decided = msgspec.json.decode(await south.checkout.decide(key, PosSaleId(transfer), terms))
        assert (decided["sale_id"], decided["state"]) == (transfer, "new")
        shown = await south.show(first)
        assert (shown.unsettled, shown.balances["bonus:owed"].available) == ((), 300)
