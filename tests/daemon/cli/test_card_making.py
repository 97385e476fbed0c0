"""Cards are made so that no key of a living card is given away, and no phone can format them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from card_formats.chip.card_master import TransportKey
from card_formats.credential import Shown
from card_formats.errors import CardFormatError
from daemon.accounts.cards import NewCard, Profile
from daemon.base.chip_section import ChipSection
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.cli.card_bench import CardBench
from daemon.cli.card_making import Making, make, read_transport_key
from daemon.cli.cards_command import migrate_card
from daemon.keys.chip_keys import load_chip_keys
from daemon.keys.key_files import KeyFileError
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.readers import ReaderEvent
from daemon.readers.errors import CardLostError
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.cipher import Key, KeyKind
from daemon.readers.simulated.desfire.faults import Fault
from daemon.readers.simulated.desfire.memory import Application, Generation, Memory
from daemon.readers.simulated.sample_cards import TokenCard
from tests.card_formats.chip.test_originality import MAKER_POINT, signed
from tests.support.chip_till import READER, HandReaders, Wallet, chip_moves, hand_till, make_keys
from tests.support.clock import HandClock

UID = bytes.fromhex("04A1B2C3D4E580")
HEX = UID.hex().upper()
INSISTING = Making(by="olha", reason="its purse was deleted by mistake")
PLAIN = Making()
BOTH = pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())


class BenchReaders(HandReaders):
    """Hands that lay cards on the bench."""

    def __init__(self) -> None:
        super().__init__()
        self.events: asyncio.Queue[ReaderEvent] = asyncio.Queue()


class Blank:
    """A card as it is delivered."""

    def __init__(self, uid: bytes = UID, **memory: Any) -> None:
        self.uid = uid
        self.model = DesfireCard(Memory(uid=uid, **memory), Random(uid).randbytes)


class Desk:
    """The desk where cards are made, and the till that they are shown at later."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock, self.readers = home / "a", HandClock(), BenchReaders()
        make_keys(self.home)

    @asynccontextmanager
    async def bench(self, **section: Any) -> AsyncIterator[CardBench]:
        file = self.home / "tillcard.db"
        ledger = Ledger(SQLiteStore(file), SQLiteStore(file, read_only=True))
        chip = ChipSection(**{"cap": 100_000} | section)
        keys = load_chip_keys(self.home / "chip.keys")
        try:
            yield CardBench(self.readers, keys, chip, ledger, self.clock, str)
        finally:
            await ledger.close()

    async def make(
        self, card: Any, how: Making = PLAIN, faults: dict[int, Fault] | None = None, **section: Any
    ) -> str:
        async with self.bench(**section) as bench:
            return await make(bench, READER, self.readers.lay(card, faults), how)

    async def chip(self) -> ChipRow | None:
        async with self.bench() as bench:
            return await bench.ledger.read(lambda store: store.ask_one(CHIP, HEX))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def refused(making: Any) -> str:
    with pytest.raises(CardFormatError) as caught:
        await making
    return caught.value.code


@BOTH
async def test_a_blank_card_is_made_and_once_more_nothing_is_done(
    desk: Desk, generation: Generation
) -> None:
    card = Blank(generation=generation)
    assert await desk.make(card) == "made, issued (no signature of a maker)"
    before = card.model.snapshot()
    assert before.master_key.kind is KeyKind.AES
    assert (
        before.master_key.value == load_chip_keys(desk.home / "chip.keys").card_master(UID).secret
    )
    said = await desk.make(card)
    assert said == "made before, issued before (no signature of a maker)"
    assert card.model.snapshot() == before


async def test_a_bare_uid_of_a_card_just_made_is_no_card(desk: Desk) -> None:
    await desk.make(Blank())
    assert await desk.chip() == ChipRow(HEX, 0, bytes(8).hex(), 0, "ev2")
    copy: Any = Blank()
    copy.model = TokenCard(UID)
    async with hand_till(desk.home, desk.clock) as till:
        with pytest.raises(RefusedError) as caught:
            await till.tap(copy)
        assert caught.value.code is ErrorCode.CARD_FORGED


async def test_a_card_that_was_made_pays_at_once(desk: Desk) -> None:
    card = Blank()
    await desk.make(card)
    async with hand_till(desk.home, desk.clock) as till:
        await till.top_up(card, "t1", 900)
        identified = await till.tap(card)
        await till.buy("s1", identified.presentation, 400)
        assert (await till.tap(card)).balance == 500
    assert sum(move.amount for move in chip_moves(desk.home)) == 500


@BOTH
@pytest.mark.parametrize("balance", [18, 133, 316, 427])
async def test_a_balance_whose_checksum_begins_with_a_zero_is_read_too(
    desk: Desk, generation: Generation, balance: int
) -> None:
    card = Blank(generation=generation)
    await desk.make(card)
    async with hand_till(desk.home, desk.clock) as till:
        await till.top_up(card, "t1", balance)
        assert (await till.tap(card)).balance == balance


async def test_a_fake_blank_with_a_living_card_s_uid_is_given_none_of_its_keys(desk: Desk) -> None:
    await desk.make(Blank())
    fake = Blank()
    before = fake.model.snapshot()
    assert await refused(desk.make(fake)) == "card.known"
    assert fake.model.snapshot() == before


class Relay:
    """It lets a living card elsewhere answer so many APDUs, then is a blank one with its UID."""

    def __init__(self, living: Blank, fake: Blank, answers: int) -> None:
        self.uid, self.atr, self.left = living.uid, living.model.atr, answers
        self._living, self._fake = living.model, fake.model
        self.model: Any = self

    def reset(self) -> None:
        self._living.reset()
        self._fake.reset()

    def transmit(self, command: bytes) -> bytes:
        self.left -= 1
        return (self._fake if self.left < 0 else self._living).transmit(command)


@BOTH
async def test_a_fake_blank_that_lets_the_living_card_prove_its_keys_is_given_none_of_them(
    desk: Desk, generation: Generation
) -> None:
    living = Blank(generation=generation)
    await desk.make(living)
    for answers in range(4, 12):
        for work in (make_plainly, migrate_card):
            fake = Blank(generation=generation)
            before = fake.model.snapshot()
            async with desk.bench() as bench:
                shown = desk.readers.lay(Relay(living, fake, answers))
                with suppress(CardFormatError):  # to the end, and it was the living card
                    await work(bench, READER, shown)
            assert fake.model.snapshot() == before, f"{work.__name__} after {answers}"


async def make_plainly(bench: CardBench, reader: str, shown: Shown) -> str:
    return await make(bench, reader, shown, PLAIN)


async def test_a_card_whose_own_key_is_still_the_factory_s_is_taken_over_by_who_insists(
    desk: Desk,
) -> None:
    card: Any = Wallet(load_chip_keys(desk.home / "chip.keys"), Random(5))
    assert await refused(desk.make(card)) == "card.master-not-ours"
    assert (await desk.make(card, INSISTING)).startswith("made before, issued")
    assert (await desk.make(card)).startswith("made before, issued before")


async def test_a_card_with_as_many_applications_as_it_can_hold_is_refused_by_name(
    desk: Desk,
) -> None:
    other = Application(0x0F, (Key(KeyKind.AES, bytes(16)),))
    card = Blank(applications=dict.fromkeys(range(1, 29), other))
    assert await refused(desk.make(card)) == "desfire.too-many"


async def test_a_uid_that_was_only_issued_is_known_too(desk: Desk) -> None:
    async with hand_till(desk.home, desk.clock) as till:
        tag = NewCard(kind="tag", number="", identifiers=(("uid", HEX),))
        assert await till.cards.issue(tag, Profile())
    assert await refused(desk.make(Blank())) == "card.known"


async def test_whoever_insists_is_kept_and_the_card_is_good_again(desk: Desk) -> None:
    await desk.make(Blank())
    card = Blank()
    assert await desk.make(card, INSISTING) == "made, issued before (no signature of a maker)"
    async with desk.bench() as bench:
        bodies = await bench.ledger.read(lambda store: [one.body for one in store.entries()])
    kept = [msgspec.json.decode(body) for body in bodies if b'"kind":"chip_made"' in body]
    assert [entry["detail"] for entry in kept] == [
        {},
        {"by": INSISTING.by, "reason": INSISTING.reason},
    ]
    async with hand_till(desk.home, desk.clock) as till:
        assert (await till.tap(card)).balance == 0


@BOTH
@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER])
async def test_torn_at_any_apdu_it_is_made_when_it_is_laid_down_again(
    desk: Desk, generation: Generation, fault: Fault
) -> None:
    for number in range(1, 80):
        uid = b"\x04" + number.to_bytes(6, "big")
        card = Blank(uid, generation=generation)
        try:
            await desk.make(card, faults={number: fault})
        except CardLostError:
            said = await desk.make(card)
            assert said.startswith("made")
            assert card.model.snapshot().master_key.kind is KeyKind.AES
            async with hand_till(desk.home, desk.clock) as till:
                assert (await till.tap(card)).balance == 0
            continue
        assert number > 40, "so many APDUs can be torn"
        return
    raise AssertionError("it never ended")


async def test_nothing_else_is_written_before_the_master_key_is_changed(desk: Desk) -> None:
    card = Blank()
    await desk.make(card)
    assert desk.readers.lying is not None
    heard = [one.command[1] for one in desk.readers.lying.exchanges if one.command[0] == 0x90]
    writing = [ins for ins in heard if ins in (0xC4, 0xCA, 0xCB, 0xCC, 0xCD, 0xC0, 0x3D)]
    assert writing[0] == 0xC4


async def test_a_card_with_a_maker_s_transport_key_needs_it(desk: Desk, tmp_path: Path) -> None:
    secret = b"maker's AES key."
    delivered = Blank(master_key=Key(KeyKind.AES, secret, 1))
    assert await refused(desk.make(delivered)) == "card.master-unknown"
    file = tmp_path / "transport.key"
    file.write_text(f"aes {secret.hex()}\n", "ascii")
    file.chmod(0o600)
    how = Making(transport=read_transport_key(file))
    assert (await desk.make(delivered, how)).startswith("made, issued")


def test_a_transport_key_is_read_from_a_file_of_its_own_and_nobody_else_s(tmp_path: Path) -> None:
    file = tmp_path / "transport.key"
    file.write_text("des " + "0F" * 16, "ascii")
    file.chmod(0o600)
    assert read_transport_key(file) == TransportKey(b"\x0f" * 16)
    file.chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by others"):
        read_transport_key(file)
    file.chmod(0o600)
    for wrong in ("", "aes", "0F" * 16, "aes 0F0F", "rsa " + "0F" * 16, "aes " + "0F" * 16 + " x"):
        file.write_text(wrong, "ascii")
        with pytest.raises(KeyFileError, match="write aes or des"):
            read_transport_key(file)


async def test_a_card_that_hides_its_uid_is_refused(desk: Desk) -> None:
    hiding = Blank(random_uid=True)
    hiding.uid = b"\x08\x01\x02\x03"
    assert await refused(desk.make(hiding)) == "uid.bad-length"
    hiding.uid = b"\x04" + bytes(6)  # what a reader says, not what the card says of itself
    assert await refused(desk.make(hiding)) == "card.hidden-uid"
    assert await desk.chip() is None


async def test_the_maker_s_signature_is_checked_where_the_chip_has_one(desk: Desk) -> None:
    ours: dict[str, Any] = {"originality_keys": (MAKER_POINT.hex(),)}
    good = Blank(signature=signed(UID))
    assert await refused(desk.make(good)) == "card.not-original"
    assert await desk.make(good, **ours) == f"made, issued (key {MAKER_POINT.hex()[:8]})"
    other = b"\x04" + bytes(6)
    copied = Blank(other, signature=signed(UID))
    before = copied.model.snapshot()
    assert await refused(desk.make(copied, **ours)) == "card.not-original"
    assert copied.model.snapshot() == before, "it was given nothing"
    said = await desk.make(copied, INSISTING, **ours)
    assert said == "made, issued (a signature of nobody known)"
