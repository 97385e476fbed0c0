"""What each key of a purse can do is what docs/chip.md says, and a debit key makes no money."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.wire import Channel
from card_formats.chip.purse import Messaging, authenticate
from card_formats.chip.purse_issue import CardKeys, personalise
from card_formats.chip.purse_layout import (
    AID,
    CUSTOMER_FILE,
    DEBIT_KEY,
    HISTORY_FILE,
    KEYS,
    LOAD_KEY,
    MASTER_KEY,
    MODE,
    PRIZE_FILE,
    READ_KEY,
    STATE_FILE,
    VALUE_FILE,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory

PAGE = (Path(__file__).parents[3] / "docs" / "chip.md").read_text("utf-8")
SECRETS = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
NAMES = {"debit": DEBIT_KEY, "load": LOAD_KEY, "read": READ_KEY, "master": MASTER_KEY}
ACTIONS: dict[str, tuple[Callable[[Channel], Dialogue[Any]], ...]] = {
    "read the balance, the state and the history": (
        lambda channel: commands.get_value(channel, VALUE_FILE, MODE),
        lambda channel: commands.read_data(channel, STATE_FILE, 0, 28, MODE),
        lambda channel: commands.read_records(channel, HISTORY_FILE, 0, 1, 28, MODE),
    ),
    "take from the balance": (lambda channel: commands.debit(channel, VALUE_FILE, 1, MODE),),
    "give back what was taken": (
        lambda channel: commands.limited_credit(channel, VALUE_FILE, 1, MODE),
    ),
    "add to the balance": (lambda channel: commands.credit(channel, VALUE_FILE, 1, MODE),),
    "write the state: the count, the last payment, blocked or not": (
        lambda channel: commands.write_data(channel, STATE_FILE, 0, bytes(28), MODE),
    ),
    "add to the history": (
        lambda channel: commands.write_record(channel, HISTORY_FILE, 0, bytes(28), MODE),
    ),
    "write prizes": (lambda channel: commands.write_data(channel, PRIZE_FILE, 0, bytes(5), MODE),),
    "read the customer": (lambda channel: commands.read_data(channel, CUSTOMER_FILE, 0, 64, MODE),),
    "write the customer": (
        lambda channel: commands.write_data(channel, CUSTOMER_FILE, 0, bytes(64), MODE),
    ),
    "change rights and keys, delete the purse": (
        lambda channel: commands.change_file_settings(channel, VALUE_FILE, b"\x03\x30\x22"),
        lambda channel: commands.change_key(channel, READ_KEY, bytes(16), 2, old=b"1" * 16),
        lambda channel: commands.delete_application(channel, AID),
    ),
}
BOTH = pytest.mark.parametrize("messaging", Messaging)


def told() -> dict[str, set[str]]:
    """Return what the page's table says: by action, the keys that may."""
    header, rows = "", {}
    for line in PAGE.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if cells[0] == "what a key lets do on the chip":
            header = line
            names = cells[1:]
        elif header and set(line) <= set("|-"):
            continue
        elif header and line.startswith("|"):
            rows[cells[0]] = {
                name for name, may in zip(names, cells[1:], strict=True) if may == "yes"
            }
        elif header:
            break
    return rows


def card_with_a_payment(messaging: Messaging) -> DesfireCard:
    random = Random(3)
    blank = Memory(uid=bytes.fromhex("04A1B2C3D4E580"), generation=Generation.EV2)
    card = DesfireCard(blank, random.randbytes)
    one, two, three = (random.randbytes(16) for _ in range(3))
    making = personalise(SECRETS, (one, two, three), cap=1_000, balance=100, messaging=messaging)
    run_dialogue(making, card.transmit)
    channel = session(card, LOAD_KEY, messaging)
    for action in ("take from the balance", "add to the history"):
        (call,) = ACTIONS[action]
        run_dialogue(call(channel), card.transmit)
    run_dialogue(commands.commit(channel), card.transmit)
    return card


def session(card: DesfireCard, key: int, messaging: Messaging) -> Channel:
    run_dialogue(commands.select_application(AID), card.transmit)
    proof = authenticate(key, SECRETS.secrets[key], bytes(range(16)), messaging)
    channel, _ = run_dialogue(proof, card.transmit)
    return channel


@BOTH
def test_what_each_key_can_do_is_what_the_page_says(messaging: Messaging) -> None:
    assert set(told()) == set(ACTIONS)
    whole = card_with_a_payment(messaging).snapshot()
    for action, calls in ACTIONS.items():
        may: set[str] = set()
        for name, key in NAMES.items():
            done = []
            for call in calls:
                card = DesfireCard(whole, Random(4).randbytes)
                try:
                    run_dialogue(call(session(card, key, messaging)), card.transmit)
                    done.append(True)
                except CardFormatError as error:
                    assert re.fullmatch(r"desfire\.(permission|authentication)", error.code)  # noqa: PT017
                    done.append(False)
            assert len(set(done)) == 1, (action, name, done)
            may |= {name} if all(done) else set()
        assert may == told()[action], action


@BOTH
def test_no_commands_of_the_debit_key_leave_more_on_a_card_than_there_was(
    messaging: Messaging,
) -> None:
    random, whole = Random(5), card_with_a_payment(messaging).snapshot()
    codes = (0x0C, 0x1C, 0xDC, 0xC7, 0xA7)
    for _ in range(150):
        card = DesfireCard(whole, random.randbytes)
        most = 99
        for _ in range(8):
            channel = session(card, DEBIT_KEY, messaging)
            for code in random.choices(codes, k=3):
                try:
                    run_dialogue(_any_command(channel, code, random), card.transmit)
                except CardFormatError:
                    break
            value = card.snapshot().applications[int.from_bytes(AID, "little")].files[VALUE_FILE]
            assert value.value <= most  # type: ignore[union-attr]
            most = value.value  # type: ignore[union-attr]


def _any_command(channel: Channel, code: int, random: Random) -> Dialogue[None]:
    amount = random.randrange(1, 60)
    match code:
        case 0x0C:
            return commands.credit(channel, VALUE_FILE, amount, MODE)
        case 0x1C:
            return commands.limited_credit(channel, VALUE_FILE, amount, MODE)
        case 0xDC:
            return commands.debit(channel, VALUE_FILE, amount, MODE)
        case 0xC7:
            return commands.commit(channel)
        case _:
            return commands.abort(channel)


def test_every_key_of_a_purse_is_in_the_page_s_table() -> None:
    assert sorted(NAMES.values()) == list(range(KEYS))
