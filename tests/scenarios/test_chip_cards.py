"""``tillcard cards`` as the shop runs it: its own process, a real pcscd, cards laid on by hand."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Timer

import pytest

from card_formats.chip.card_master import FACTORY_KEY, take_over
from card_formats.chip.purse import ChipPayment, Messaging, open_purse, pay
from card_formats.chip.purse_layout import STATE_FILE, VALUE_FILE
from daemon.keys.chip_keys import add_chip_keys, load_chip_keys
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.faults import Fault, FaultyCard
from daemon.readers.simulated.desfire.memory import Generation, Memory
from daemon.readers.simulated.sample_cards import BANK, CardModel, PlayedCard, TokenCard
from daemon.readers.simulated.vpcd import VpcdCard
from tests.support.chip_till import LOADED, Wallet, falsified, of_the_old_layout
from tests.support.chips import lay_out_real
from tests.support.commands import tillcard
from tests.support.pcscd import Pcscd
from tests.support.till import PATIENCE_S


def blank(seed: int, generation: Generation = Generation.EV2) -> DesfireCard:
    random = Random(seed)
    memory = Memory(uid=b"\x04" + random.randbytes(6), generation=generation)
    return DesfireCard(memory, random.randbytes)


class Command:
    """``tillcard cards …``, running."""

    def __init__(self, home: Path, *words: str) -> None:
        line = [sys.executable, "-m", "daemon", "cards", *words, "--config"]
        self._process = subprocess.Popen(
            [*line, str(home / "tillcard.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._deadline = Timer(PATIENCE_S, self._process.kill)
        self._deadline.start()

    def said(self, *sentence: str) -> str:
        """Read on until a line has all of ``sentence``; return it. Fails where none has in time."""
        assert self._process.stdout is not None
        heard = ""
        for line in self._process.stdout:
            if all(word in line for word in sentence):
                return line
            heard += line
        raise AssertionError(f"never said {sentence}: {heard}")

    def ended(self) -> int:
        """Wait for its end, which comes at the deadline at last; return its exit status."""
        return self._process.wait()

    def kill(self) -> None:
        """End it, if it has not ended."""
        self._deadline.cancel()
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def command(home: Path, *words: str) -> Iterator[Command]:
    running = Command(home, *words)
    try:
        yield running
    finally:
        running.kill()


def done(home: Path, word: str, model: CardModel, *sentence: str) -> None:
    """Run a command for one card and hold it to what it says of it."""
    with command(home, word) as running, VpcdCard(PlayedCard(model)):
        running.said(*sentence)
        assert running.ended() == 0


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
def test_a_blank_card_is_made_shown_and_moved_to_new_keys(
    pcscd: Pcscd, tmp_path: Path, generation: Generation
) -> None:
    lay_out_real(tmp_path)
    card = blank(1, generation)
    spoken = Messaging.EV1 if generation is Generation.EV1 else Messaging.EV2
    done(tmp_path, "personalise", card, "made, issued")
    add_chip_keys(tmp_path / "chip.keys")
    done(tmp_path, "migrate", card, "layout 2, keys 2")
    done(tmp_path, "show", card, f"0.00, active, payment 0, layout 2, keys 2, {spoken}")


def taken_over(home: Path, wallet: Wallet) -> None:
    """Give a card its own master key, as it gets it where it is made."""
    master = load_chip_keys(home / "chip.keys").card_master(wallet.uid)
    nonces = [bytes([number]) * 16 for number in range(3)]
    run_dialogue(take_over(master, [FACTORY_KEY], nonces), wallet.model.transmit)


def test_a_card_of_the_old_layout_is_shown_as_such_and_moved(pcscd: Pcscd, tmp_path: Path) -> None:
    lay_out_real(tmp_path)
    wallet = Wallet(load_chip_keys(tmp_path / "chip.keys"), Random(2))
    of_the_old_layout(wallet.model)
    taken_over(tmp_path, wallet)
    done(tmp_path, "show", wallet.model, f"{LOADED // 100}.00, active, payment 0, layout 1, keys 1")
    done(tmp_path, "migrate", wallet.model, "layout 2, keys 1")
    done(tmp_path, "show", wallet.model, f"{LOADED // 100}.00, active, payment 0, layout 2, keys 1")


def test_what_is_done_already_is_not_done_again(pcscd: Pcscd, tmp_path: Path) -> None:
    lay_out_real(tmp_path)
    card = blank(2)
    done(tmp_path, "personalise", card, "made, issued")
    before = card.snapshot()
    done(tmp_path, "personalise", card, "made before, issued before")
    done(tmp_path, "migrate", card, "layout 2, keys 1, as before")
    assert card.snapshot() == before


def test_a_card_that_was_torn_while_it_was_made_is_made_when_it_comes_back(
    pcscd: Pcscd, tmp_path: Path
) -> None:
    lay_out_real(tmp_path, readers=2)
    files_are_made, keys_are_new, state_is_written = 10, 19, 25
    for number in (files_are_made, keys_are_new, state_is_written):
        card = blank(number)
        torn = FaultyCard(card, {number: Fault.TORN_AFTER})
        with command(tmp_path, "personalise") as running:
            with VpcdCard(torn):
                running.said("not made", "lost")
            with VpcdCard(PlayedCard(card), slot=1):  # while the command waits for a good one
                running.said("made", "issued")
                assert running.ended() == 0


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        (TokenCard(bytes.fromhex("04D1A2B3C4E580")), "no DESFire"),
        (TokenCard(BANK.uid, BANK.atr), "a fixed UID of 7 bytes"),
    ],
    ids=["tag", "bank"],
)
def test_what_is_no_blank_card_is_refused_in_plain_words(
    pcscd: Pcscd, tmp_path: Path, stranger: TokenCard, reason: str
) -> None:
    lay_out_real(tmp_path, readers=2)
    for slot, (word, failed) in enumerate((("personalise", "not made"), ("show", "not shown"))):
        with command(tmp_path, word) as running, VpcdCard(PlayedCard(stranger), slot=slot):
            running.said(failed, reason)


def test_a_card_of_a_newer_program_is_shown_and_never_written(pcscd: Pcscd, tmp_path: Path) -> None:
    lay_out_real(tmp_path, readers=2)
    card = blank(3)
    done(tmp_path, "personalise", card, "made")
    falsified(card, STATE_FILE, content=b"\x03" + bytes(27))
    before = card.snapshot()
    done(tmp_path, "show", card, "of a newer program (layout 3)")
    add_chip_keys(tmp_path / "chip.keys")
    for slot, word in enumerate(("migrate", "personalise")):
        with command(tmp_path, word) as running, VpcdCard(PlayedCard(card), slot=slot):
            running.said("not ", "newer till program")
    assert card.snapshot() == before


def test_keys_are_made_once_and_renewed_one_generation_at_a_time(tmp_path: Path) -> None:
    lay_out_real(tmp_path)
    path = tmp_path / "chip.keys"
    path.unlink()

    def keys(*words: str) -> tuple[int, str]:
        line = ["cards", "keys", *words, "--config", str(tmp_path / "tillcard.toml")]
        done = tillcard(*line)
        return done.exit_code, done.output

    assert keys()[0] == 0
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text("utf-8")
    code, said = keys()
    assert (code, "--renew" in said, path.read_text("utf-8")) == (1, True, first)
    assert "Errno" not in said
    assert keys("--renew")[0] == 0
    assert path.read_text("utf-8").startswith(first)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_chip_keys(path).versions == (1, 2)
    code, said = keys("--renew")
    assert (code, "take the older out" in said) == (1, True)


def test_an_altered_history_is_an_alarm_where_a_card_is_shown(pcscd: Pcscd, tmp_path: Path) -> None:
    lay_out_real(tmp_path)
    wallet = Wallet(load_chip_keys(tmp_path / "chip.keys"), Random(1))
    key = load_chip_keys(tmp_path / "chip.keys").till_key(wallet.uid)
    purse = run_dialogue(open_purse(key, bytes(16)), wallet.model.transmit)
    for number in range(3):
        payment = ChipPayment(bytes((number,)) * 8, -100, shop=1, till=1, time_s=1_700_000_000)
        run_dialogue(pay(purse, payment), wallet.model.transmit)
    done(tmp_path, "show", wallet.model, "payment 3")
    falsified(wallet.model, VALUE_FILE, value=LOADED)
    done(tmp_path, "show", wallet.model, "ALARM")
