"""An answer that a reader loses in the field, through a real pcscd: the card keeps its power."""

from pathlib import Path
from random import Random

import pytest

from card_formats.chip.purse import ChipPayment, pay
from daemon.chip.terminal import ChipTerminal
from daemon.readers import Presented
from daemon.readers.errors import CardLostError
from daemon.readers.pcsc import PcscReader, PcscWatch
from daemon.readers.reader_settings import PcscSettings
from daemon.readers.simulated.desfire.memory import Generation
from daemon.readers.simulated.sample_cards import PlayedCard
from daemon.readers.simulated.vpcd import VpcdCard
from daemon.readers.supervisor import Supervisor
from tests.support.chip_till import LOADED, READER, Wallet, make_keys
from tests.support.clock import HandClock
from tests.support.events import next_event, running
from tests.support.faulty_scard import FaultyScard
from tests.support.pcscd import Pcscd

WRITES = 3
"""The APDUs of a payment before its commit."""
REAL = "Virtual PCD 00 00"


def payment(txid: bytes) -> ChipPayment:
    return ChipPayment(txid=txid, amount=-700, shop=1, till=1, time_s=1)


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
async def test_what_a_card_wrote_before_its_answer_was_lost_never_comes_with_the_next_payment(
    pcscd: Pcscd, tmp_path: Path, generation: Generation
) -> None:
    keys, clock, calls = make_keys(tmp_path / "keys"), HandClock(), FaultyScard()
    calls.show(REAL, REAL)
    reader = PcscReader(PcscSettings(name=READER, device=""), clock, PcscWatch(calls))
    wallet = Wallet(keys, Random(7), generation)
    async with running(Supervisor([reader], clock)) as readers:
        terminal = ChipTerminal(readers, keys, clock)
        with VpcdCard(PlayedCard(wallet.model)):
            for number in range(WRITES):
                await next_event(readers, Presented)
                card = await terminal.open(READER)
                calls.answers_left = number
                with pytest.raises(CardLostError):
                    await terminal.ask(card, pay(card.purse, payment(b"lost-%03d" % number)))
            await next_event(readers, Presented)
            card = await terminal.open(READER)
            await terminal.ask(card, pay(card.purse, payment(b"good-one")))
    assert wallet.balance == LOADED - 700
