"""A purse through a real pcscd: sold with by the daemon, torn, settled; counted at the card."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from daemon.keys.chip_keys import load_chip_keys
from daemon.readers.simulated.desfire.faults import Fault, FaultyCard
from daemon.readers.simulated.desfire.memory import Generation
from daemon.readers.simulated.vpcd import VpcdCard
from tests.scenarios.baskets import BASKET
from tests.support.chip_till import LOADED, Wallet
from tests.support.chips import lay_out_real
from tests.support.clock import HandClock
from tests.support.pcscd import Pcscd
from tests.support.till import Pos, RefusedByTillError, audited, open_till

OF_THE_READER = 0xFF
COMMIT_APDU_OF_SALE = 3


def apdus(card: FaultyCard) -> int:
    """Count what reached the chip itself: the reader answers for the UID."""
    return sum(exchange.command[0] != OF_THE_READER for exchange in card.exchanges)


async def wait_until_ready(pos: Pos) -> None:
    await pos.call("events.subscribe", from_seq=1)
    while True:
        event = await pos.event("reader.state")
        if (event["reader"], event["state"]) == ("chip", "ready"):
            return


async def issue(till: App, wallet: Wallet) -> None:
    identifier = ("uid", wallet.uid.hex().upper())
    card = NewCard(kind="chip", number="", identifiers=(identifier,))
    assert await till.cards.issue(card, Profile(name="Taras"))


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
async def test_a_purchase_on_a_real_pcscd_is_nine_apdus_and_settles_when_torn(
    pcscd: Pcscd, tmp_path: Path, generation: Generation
) -> None:
    lay_out_real(tmp_path)
    wallet = Wallet(load_chip_keys(tmp_path / "chip.keys"), Random(7), generation)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        await issue(till, wallet)
        await wait_until_ready(pos)
        first_sight = generation is Generation.EV1  # one APDU to find out what it speaks
        sale: dict[str, Any] = {"lines": BASKET}
        for number in range(2):
            faulty = FaultyCard(wallet.model)
            with VpcdCard(faulty):
                await pos.event("card.presented")
                identified = await pos.call("card.identify", reader="chip")
                assert identified["trust"] == "mutual_auth"
                sale["presentation"] = identified["presentation"]
                posted = await pos.call("sale.commit", sale_id=f"s{number}", **sale)
                assert apdus(faulty) == posted["chip"]["apdus"] == 9 + first_sight
            await pos.event("card.removed")
            first_sight = False

        faulty = FaultyCard(wallet.model)
        with VpcdCard(faulty):
            await pos.event("card.presented")
            sale["presentation"] = (await pos.call("card.identify", reader="chip"))["presentation"]
            faulty.plan(Fault.TORN_AFTER, after_exchanges=COMMIT_APDU_OF_SALE)
            with pytest.raises(RefusedByTillError) as torn:
                await pos.call("sale.commit", sale_id="s9", burn={"bonus": 3_500}, **sale)
            assert torn.value.data["state_unknown"] is True
            assert "same card again" in torn.value.data["detail"]
        await pos.event("card.removed")

        faulty = FaultyCard(wallet.model)
        with VpcdCard(faulty):
            await pos.event("card.presented")
            again = await pos.call("sale.commit", sale_id="s9", burn={"bonus": 3_500}, **sale)
            assert (again["state"], again["balances"]["bonus"]["available"]) == (
                "posted",
                wallet.balance,
            )
            assert (await pos.event("sale.settled"))["outcome"] == "written"
            assert apdus(faulty) + 9 - 5 <= 13
    assert wallet.balance == LOADED + 2 * 3_500 - 3_500 + 3_325
    assert audited(tmp_path).findings == ()
