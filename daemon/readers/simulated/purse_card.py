"""A simulated DESFire with a purse, made with the shop's keys and kept in a file between starts."""

import os
import secrets
from pathlib import Path

import msgspec

from card_formats.chip.purse_issue import CardKeys, personalise
from daemon.base.regular_files import read_file
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory

NONCE_BYTES = 16


class KeptCard:
    """``card``, whose memory is written to ``path`` whenever a command has changed it."""

    def __init__(self, card: DesfireCard, path: Path) -> None:
        self.atr = card.atr
        self._card = card
        self._path = path

    def reset(self) -> None:
        """Take the power away and give it back."""
        self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """Answer any bytes at all, status word last."""
        before = self._card.snapshot()
        answer = self._card.transmit(command)
        if self._card.snapshot() is not before:
            self.keep()
        return answer

    def keep(self) -> None:
        """Write the memory down, whole or not at all."""
        written = self._path.with_name(self._path.name + ".new")
        written.write_bytes(msgspec.json.encode(self._card.snapshot()))
        os.replace(written, self._path)


def purse_card(path: Path, uid: bytes, keys: CardKeys, *, cap: int) -> KeptCard:
    """Take the card up as ``path`` left it, or make it. Raises OSError, ValueError."""
    if path.exists():
        memory = msgspec.json.decode(read_file(path), type=Memory)
        return KeptCard(DesfireCard(memory, secrets.token_bytes), path)
    card = DesfireCard(Memory(uid=uid, generation=Generation.EV2), secrets.token_bytes)
    one, two, three = (secrets.token_bytes(NONCE_BYTES) for _ in range(3))
    run_dialogue(personalise(keys, (one, two, three), cap=cap), card.transmit)
    kept = KeptCard(card, path)
    kept.keep()
    return kept
