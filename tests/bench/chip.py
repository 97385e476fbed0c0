"""A purchase with a purse on the chip: what the host adds to the card's own time.

``python -m tests.bench.chip``. A simulated card lies on each of pcscd's two virtual readers, in a
process of its own, and begins anew with the same random numbers at every SELECT; so the same nine
APDUs are a valid purchase again and again. On one reader they are the purse's dialogues, run as a
till runs them; on the other nothing but ``SCardTransmit``. They take turns.

The limit is held against a card that takes CARD_S an APDU, a third of what real ones take. Against
one that takes no time of its own the ratio says little: what the host adds is then set against the
cost of a socket. It is printed too.
"""

import asyncio
import os
import statistics
import sys
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from time import perf_counter, process_time, sleep

from smartcard import scard

from card_formats.chip.purse import ChipPayment, Messaging, TillKey, open_purse, pay
from card_formats.chip.purse_issue import CardKeys, personalise
from card_formats.chip.purse_layout import LOAD_KEY
from daemon.base.clock import SystemClock
from daemon.readers import Presented
from daemon.readers.channel import run_dialogue
from daemon.readers.pcsc import PcscReader, PcscWatch
from daemon.readers.reader_settings import PcscSettings
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory
from daemon.readers.simulated.sample_cards import PlayedCard
from daemon.readers.simulated.vpcd import VpcdCard
from daemon.readers.supervisor import Supervisor
from tests.check import namespaces
from tests.support.chip_till import Wallet, hand_till, make_home, make_keys
from tests.support.clock import HandClock
from tests.support.pcscd import Pcscd

PURCHASES = {0.0: 400, 0.005: 60}
CARD_S = max(PURCHASES)
APDUS, APDUS_LIMIT = 9, 10
RATIO_LIMIT, HOST_LIMIT_MS = 1.15, 5.0
OURS, BARE = "Virtual PCD 00 00", "Virtual PCD 00 01"
KEYS = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
KEY = TillKey(LOAD_KEY, {1: KEYS.secrets[LOAD_KEY]})
SPOKEN = {Generation.EV1: Messaging.EV1, Generation.EV2: Messaging.EV2}
NONCE = bytes(range(16))
PAYMENT = ChipPayment(b"txid-one", -300, shop=1, till=1, time_s=1_700_000_000)
SELECT = 0x5A
TIMEOUT_S = 5.0
INSIDE = "--inside"


class SameAgain:
    """A purse card that is as new, and as random as before, whenever it is selected."""

    def __init__(self, generation: Generation, apdu_s: float = 0.0) -> None:
        self._apdu_s = apdu_s
        self._random = Random(1)
        memory = Memory(uid=bytes((4, generation, 1, 2, 3, 4, 5)), generation=generation)
        self._card = DesfireCard(memory, lambda count: self._random.randbytes(count))
        nonces = bytes(16), bytes(16), bytes(16)
        run_dialogue(personalise(KEYS, nonces, cap=9_000, balance=1_000), self._card.transmit)
        self._first = self._card.snapshot()
        self.atr = self._card.atr

    def reset(self) -> None:
        self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        if command[:2] == bytes((0x90, SELECT)):
            self._random.seed(1)
            self._card.restore(self._first)
        sleep(self._apdu_s)
        return self._card.transmit(command)


def play_cards(generation: Generation, apdu_s: float, control: Connection) -> None:
    """Lie on both readers until told to end; a process of its own."""
    with (
        VpcdCard(PlayedCard(SameAgain(generation, apdu_s)), slot=0),
        VpcdCard(PlayedCard(SameAgain(generation, apdu_s)), slot=1),
    ):
        control.send("ready")
        control.recv()


def record(generation: Generation) -> list[bytes]:
    """Return the APDUs of the purchase."""
    card, said = SameAgain(generation), []

    def transmit(command: bytes) -> bytes:
        said.append(command)
        return card.transmit(command)

    opening = open_purse(KEY, NONCE, messaging=SPOKEN[generation])
    run_dialogue(pay(run_dialogue(opening, transmit), PAYMENT), transmit)
    return said


class Bare:
    """Nothing but SCardTransmit."""

    def __init__(self) -> None:
        _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        empty = [(BARE, scard.SCARD_STATE_EMPTY)]
        scard.SCardGetStatusChange(context, int(TIMEOUT_S * 1e3), empty)  # until its card is seen
        code, self._card, protocol = scard.SCardConnect(
            context, BARE, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_ANY
        )
        assert code == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(code)
        t1 = protocol == scard.SCARD_PROTOCOL_T1
        self._pci = scard.SCARD_PCI_T1 if t1 else scard.SCARD_PCI_T0

    def purchase(self, apdus: list[list[int]]) -> None:
        answer: list[int] = []
        for apdu in apdus:
            _, answer = scard.SCardTransmit(self._card, self._pci, apdu)
        assert answer[-2:] == [0x91, 0x00], "the same APDUs are a purchase no more"


async def ours(supervisor: Supervisor, generation: Generation) -> None:
    """Open the purse, as identify does; pay, as commit does."""
    opening = open_purse(KEY, NONCE, messaging=SPOKEN[generation])
    purse = await supervisor.converse("chip", opening, timeout_s=TIMEOUT_S)
    await supervisor.converse("chip", pay(purse, PAYMENT), timeout_s=TIMEOUT_S)


async def drain(supervisor: Supervisor) -> None:
    """Take the readers' events, as the till does."""
    while True:
        await supervisor.events.get()


async def compare(generation: Generation, apdu_s: float) -> bool:
    """Let both pay, by turns; print what each took; return whether the limits held."""
    clock = SystemClock()
    reader = PcscReader(PcscSettings(name="chip", device=OURS), clock, PcscWatch())
    supervisor = Supervisor([reader], clock)
    running = asyncio.create_task(supervisor.run())
    while not isinstance(await supervisor.events.get(), Presented):
        pass
    reading = asyncio.create_task(drain(supervisor))
    bare, apdus = Bare(), [list(apdu) for apdu in record(generation)]
    ours_ms, bare_ms, host_ms = [], [], []
    for _ in range(PURCHASES[apdu_s]):
        begun, worked = perf_counter(), process_time()
        await ours(supervisor, generation)
        ours_ms.append((perf_counter() - begun) * 1e3)
        host_ms.append((process_time() - worked) * 1e3)
        begun = perf_counter()
        bare.purchase(apdus)
        bare_ms.append((perf_counter() - begun) * 1e3)
    running.cancel()
    reading.cancel()
    p50, bare_p50, host = map(statistics.median, (ours_ms, bare_ms, host_ms))
    ratio, limit = p50 / bare_p50, f"limit {RATIO_LIMIT}" if apdu_s == CARD_S else "no limit"
    held = len(apdus) == APDUS and host <= HOST_LIMIT_MS
    held = held and (apdu_s != CARD_S or ratio <= RATIO_LIMIT)
    print(
        f"{generation.name}, {apdu_s * 1e3:.0f} ms an APDU: {len(apdus)} APDUs (limit"
        f" {APDUS_LIMIT}), p50 {p50:.2f} ms, {ratio:.2f} x bare SCardTransmit ({bare_p50:.2f} ms;"
        f" {limit}); host {host:.2f} ms (limit {HOST_LIMIT_MS}):"
        f" {'held' if held else 'NOT HELD'}; machine load {os.getloadavg()[0]:.1f}"
    )
    return held


async def whole_purchases() -> None:
    """Print the host's time with all that a sale is beside its chip: price, intent, post."""
    with tempfile.TemporaryDirectory() as folder:
        home, clock = Path(folder), HandClock()
        wallet = Wallet(make_keys(home / "keys"), Random(2))
        await make_home(home / "till", [wallet], clock, home / "keys")
        card_s = 0.0
        transmit = wallet.model.transmit

        def timed(command: bytes) -> bytes:
            nonlocal card_s
            begun = process_time()
            answer = transmit(command)
            card_s += process_time() - begun
            return answer

        wallet.model.transmit = timed  # type: ignore[method-assign]
        times_ms = []
        async with hand_till(home / "till", clock) as till:
            for number in range(PURCHASES[CARD_S]):
                begun, card_s = process_time(), 0.0
                await till.buy(f"s{number}", (await till.tap(wallet)).presentation, 10)
                times_ms.append((process_time() - begun - card_s) * 1e3)
    print(
        "from the tap to the posted sale, pricing and three ledger transactions included:"
        f" p50 {statistics.median(times_ms):.2f} ms processor time, the card left out (no limit)"
    )


def on_real_pcscd(generation: Generation, apdu_s: float) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        pcscd = Pcscd(Path(folder) / "pcscd.log")
        pcscd.start()
        ours_end, theirs = get_context("spawn").Pipe()
        cards = get_context("spawn").Process(target=play_cards, args=(generation, apdu_s, theirs))
        cards.start()
        try:
            ours_end.recv()
            return asyncio.run(compare(generation, apdu_s))
        finally:
            ours_end.send("end")
            cards.join(10)
            cards.kill()
            pcscd.kill()


def main() -> int:
    if INSIDE not in sys.argv and (words := namespaces()):
        os.execvp(words[0], [*words, sys.executable, "-m", "tests.bench.chip", INSIDE])
    held = [on_real_pcscd(card, apdu_s) for apdu_s in PURCHASES for card in Generation]
    asyncio.run(whole_purchases())
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
