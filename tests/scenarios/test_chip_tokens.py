"""Chips without a purse: what each is worth as an identifier, and that strangers are let alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from card_formats.atr import StorageCard, encode_contactless, encode_storage
from card_formats.chip.ntag import PassThrough
from card_formats.credential import Trust
from daemon.accounts.cards import NewCard, Profile
from daemon.base.ids import PresentationId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory
from daemon.readers.simulated.password_tag import PasswordTag
from daemon.readers.simulated.sample_cards import BANK, CardModel, TokenCard
from daemon.readers.simulated.sun_tag import SunTag
from tests.support.chip_till import READER, HandTill, Wallet, hand_till, make_home, make_keys
from tests.support.chip_till import Laid as LaidDown
from tests.support.clock import HandClock

TAG_UID = bytes.fromhex("04C1C2C3C4C580")
PLAIN_UID = bytes.fromhex("04D1A2B3C4E580")
CONTACTLESS = encode_contactless(b"\x80")
# What may be asked of a stranger: "have you our application?" and "what are you?"
QUESTIONS = {bytes.fromhex("905A000003544C4300"), bytes.fromhex("9060000000")}
QUESTIONS_MAX = 4  # 20 ms each on a slow reader: far within half a second


class Laid:
    """Any chip on the counter."""

    def __init__(self, uid: bytes, model: CardModel) -> None:
        self.uid, self.model = uid, model


class Replayed:
    """A copy of a tag: it says again what the tag has said at its first tap, word for word."""

    def __init__(self, tag: SunTag) -> None:
        self.atr = tag.atr
        self._tag = tag
        self._said: list[bytes] = []
        self._at = 0

    def reset(self) -> None:
        self._tag.reset()
        self._at = 0

    def transmit(self, command: bytes) -> bytes:
        if self._at == len(self._said):
            self._said.append(self._tag.transmit(command))
        self._at += 1
        return self._said[self._at - 1]


class Phone:
    """A phone: a new UID at every tap, and an application of somebody else's with a link in it."""

    atr = CONTACTLESS

    def __init__(self) -> None:
        self._tag = SunTag(PLAIN_UID, bytes(16), bytes(16))

    def reset(self) -> None:
        self._tag.reset()

    def transmit(self, command: bytes) -> bytes:
        return self._tag.transmit(command) if command[0] == 0 else b"\x6e\x00"


@pytest.fixture
def keys(tmp_path: Path) -> ChipKeys:
    return make_keys(tmp_path / "keys")


@pytest.fixture
async def till(tmp_path: Path, keys: ChipKeys) -> AsyncIterator[HandTill]:
    clock = HandClock()
    await make_home(tmp_path / "a", [], clock, tmp_path / "keys")
    async with hand_till(tmp_path / "a", clock) as till:
        yield till


async def issue(till: HandTill, uid: bytes) -> None:
    card = NewCard(kind="token", number="", identifiers=(("uid", uid.hex().upper()),))
    assert await till.cards.issue(card, Profile(name="Olena"))


@pytest.fixture
def tag(keys: ChipKeys) -> SunTag:
    assert keys.sun_meta is not None
    return SunTag(TAG_UID, keys.sun_meta, keys.sun_file(TAG_UID))


async def refused(till: HandTill, laid: LaidDown) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await till.tap(laid)
    return caught.value


# A tag with a rolling link.


async def test_a_rolling_link_proves_its_tag_at_every_tap(till: HandTill, tag: SunTag) -> None:
    await issue(till, TAG_UID)
    for _ in range(3):
        identified = await till.tap(Laid(TAG_UID, tag))
        assert (identified.name, identified.trust) == ("Olena", Trust.SUN)


async def test_a_link_that_was_used_before_is_refused_also_after_a_restart(
    tmp_path: Path, keys: ChipKeys, tag: SunTag
) -> None:
    clock = HandClock()
    await make_home(tmp_path / "a", [], clock, tmp_path / "keys")
    copy = Laid(TAG_UID, Replayed(tag))
    async with hand_till(tmp_path / "a", clock) as till:
        await issue(till, TAG_UID)
        await till.tap(copy)
        assert (await refused(till, copy)).code is ErrorCode.CARD_FORGED
        await till.tap(Laid(TAG_UID, tag))
    async with hand_till(tmp_path / "a", clock) as till:
        again = await refused(till, copy)
        assert (again.code, "used before" in again.detail) == (ErrorCode.CARD_FORGED, True)
        await till.tap(Laid(TAG_UID, tag))


async def test_a_tag_s_link_on_another_tag_is_refused(till: HandTill, tag: SunTag) -> None:
    await issue(till, TAG_UID)
    error = await refused(till, Laid(PLAIN_UID, tag))
    assert (error.code, "another tag" in error.detail) == (ErrorCode.CARD_FORGED, True)


class Played:
    """A link that was read off a tag in a pocket, played by a device with a UID of its choice."""

    atr = CONTACTLESS

    def __init__(self, tag: SunTag, uid: bytes) -> None:
        self.uid, self.model = uid, self
        self._tag = tag

    def reset(self) -> None:
        self._tag.reset()

    def transmit(self, command: bytes) -> bytes:
        if command[:2] == b"\xff\xca":
            return self.uid + b"\x90\x00"
        is_auth = command[:2] == b"\x90\x71"  # that takes the key, not what was read
        return b"\x91\xae" if is_auth else self._tag.transmit(command)


RANDOM_UID = bytes.fromhex("08112233")


async def spends(till: HandTill, presentation: str) -> bool:
    return bool(till.recognition.account_that_may_spend(PresentationId(presentation)))


async def test_a_link_that_was_read_off_a_pocket_identifies_and_does_not_spend(
    till: HandTill, tag: SunTag
) -> None:
    await issue(till, TAG_UID)
    played = await till.tap(Played(tag, RANDOM_UID))
    assert (played.name, played.trust) == ("Olena", Trust.STATIC)
    assert not await spends(till, played.presentation)
    own = await till.tap(Laid(TAG_UID, tag))
    assert (own.trust, await spends(till, own.presentation)) == (Trust.SUN, True)
    again = await till.tap(Played(tag, RANDOM_UID))
    assert not await spends(till, again.presentation), "nor right behind the tag itself"


@pytest.fixture
async def strict(tmp_path: Path, keys: ChipKeys) -> AsyncIterator[HandTill]:
    """A till whose tags are authenticated by their key number 1."""
    path, clock = tmp_path / "keys" / "chip.keys", HandClock()
    path.write_text(path.read_text("utf-8").replace("# number = 1", "number = 1"), "utf-8")
    await make_home(tmp_path / "a", [], clock, tmp_path / "keys")
    async with hand_till(tmp_path / "a", clock) as till:
        yield till


@pytest.mark.parametrize("uid", [TAG_UID, RANDOM_UID])
async def test_a_tag_that_authenticates_spends_with_whatever_uid_and_a_played_link_does_not(
    strict: HandTill, tag: SunTag, uid: bytes
) -> None:
    await issue(strict, TAG_UID)
    identified = await strict.tap(Laid(uid, tag))
    assert (identified.name, identified.trust) == ("Olena", Trust.MUTUAL_AUTH)
    assert await spends(strict, identified.presentation)
    error = await refused(strict, Played(tag, uid))
    assert (error.code, "its key" in error.detail) == (ErrorCode.CARD_FORGED, True)
    await strict.tap(Laid(uid, tag))


async def test_a_tag_whose_key_stands_elsewhere_is_refused(
    strict: HandTill, keys: ChipKeys
) -> None:
    assert keys.sun_meta is not None
    await issue(strict, TAG_UID)
    other = SunTag(TAG_UID, keys.sun_meta, keys.sun_file(TAG_UID), key_number=2)
    assert (await refused(strict, Laid(TAG_UID, other))).code is ErrorCode.CARD_FORGED


async def test_a_link_made_with_other_keys_is_refused(till: HandTill, keys: ChipKeys) -> None:
    assert keys.sun_meta is not None
    await issue(till, TAG_UID)
    error = await refused(till, Laid(TAG_UID, SunTag(TAG_UID, keys.sun_meta, bytes(16))))
    assert (error.code, "forged or altered" in error.detail) == (ErrorCode.CARD_FORGED, True)


@pytest.mark.parametrize("chip", ["tag", "purse"])
@pytest.mark.parametrize("atr", [b"", CONTACTLESS], ids=["memory", "processor"])
async def test_a_copied_uid_of_a_chip_that_proves_itself_is_worth_nothing(
    till: HandTill, keys: ChipKeys, tag: SunTag, chip: str, atr: bytes
) -> None:
    wallet = Wallet(keys, Random(1))
    original = Laid(TAG_UID, tag) if chip == "tag" else Laid(wallet.uid, wallet.model)
    await issue(till, original.uid)
    await till.tap(original)
    error = await refused(till, Laid(original.uid, TokenCard(original.uid, atr)))
    assert error.code is ErrorCode.CARD_FORGED
    await till.tap(original)


# A tag with a password.


@pytest.mark.parametrize("way", PassThrough)
async def test_a_password_proves_its_tag_and_a_copy_without_it_is_forged(
    till: HandTill, keys: ChipKeys, way: PassThrough
) -> None:
    till.pass_through[READER] = way
    proof = keys.tag_password(TAG_UID)
    assert proof is not None
    await issue(till, TAG_UID)
    identified = await till.tap(Laid(TAG_UID, PasswordTag(TAG_UID, *proof)))
    assert (identified.name, identified.trust) == ("Olena", Trust.PASSWORD)
    for wrong in (bytes(4), bytes(2)), (proof[0], bytes(2)):
        error = await refused(till, Laid(TAG_UID, PasswordTag(TAG_UID, *wrong)))
        assert error.code is ErrorCode.CARD_FORGED
    await till.tap(Laid(TAG_UID, PasswordTag(TAG_UID, *proof)))


async def test_a_tag_whose_reader_hands_nothing_through_tells_its_number(
    till: HandTill, keys: ChipKeys
) -> None:
    proof = keys.tag_password(TAG_UID)
    assert proof is not None
    await issue(till, TAG_UID)
    identified = await till.tap(Laid(TAG_UID, PasswordTag(TAG_UID, *proof)))
    assert identified.trust is Trust.UID


# Answers that are none.


class Leaving:
    """A card that leaves: from the exchange ``at`` on only its reader answers, with ``word``.

    remembers: the reader goes on telling the UID that it has read at first.
    """

    def __init__(self, laid: LaidDown, at: int, word: bytes, *, remembers: bool = False) -> None:
        self.uid, self.model = laid.uid, self
        self.atr = laid.model.atr
        self._laid, self._at, self._word, self._remembers = laid, at, word, remembers
        self.left = False

    def reset(self) -> None:
        self._laid.model.reset()

    def transmit(self, command: bytes) -> bytes:
        self._at -= 1
        self.left = self.left or self._at < 0
        if self.left and self._remembers and command[:2] == b"\xff\xca":
            return self.uid + b"\x90\x00"
        return self._word if self.left else self._laid.model.transmit(command)


@pytest.mark.parametrize("remembers", [True, False], ids=["cached", "asked"])
@pytest.mark.parametrize("word", ["6300", "6401", "6F00"])
@pytest.mark.parametrize("chip", ["tag", "purse"])
async def test_a_card_that_leaves_while_it_is_identified_is_never_forged(
    till: HandTill, keys: ChipKeys, tag: SunTag, chip: str, word: str, remembers: bool
) -> None:
    wallet = Wallet(keys, Random(1))
    original = Laid(TAG_UID, tag) if chip == "tag" else Laid(wallet.uid, wallet.model)
    await issue(till, original.uid)
    await till.tap(original)
    answers: list[tuple[ErrorCode, bool]] = []
    leaving = Leaving(original, 0, bytes.fromhex(word), remembers=remembers)
    while len(answers) < 20:
        leaving = Leaving(original, len(answers), bytes.fromhex(word), remembers=remembers)
        try:
            await till.tap(leaving)
            break
        except RefusedError as error:
            answers.append((error.code, "lay it down again" in error.detail))
    assert not leaving.left, "once it stays long enough it is identified"
    assert answers == [(ErrorCode.NO_CARD, True)] * len(answers)
    assert len(answers) > 4
    await till.tap(original)


@pytest.mark.parametrize("way", PassThrough)
async def test_a_tag_that_leaves_before_its_password_is_laid_down_again(
    till: HandTill, keys: ChipKeys, way: PassThrough
) -> None:
    till.pass_through[READER] = way
    proof = keys.tag_password(TAG_UID)
    assert proof is not None
    await issue(till, TAG_UID)
    original = Laid(TAG_UID, PasswordTag(TAG_UID, *proof))
    await till.tap(original)
    error = await refused(till, Leaving(original, 0, b"\x63\x00"))
    assert error.code is ErrorCode.NO_CARD
    await till.tap(original)


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_answer_of_one_byte_is_a_misread(
    till: HandTill, keys: ChipKeys, is_known: bool
) -> None:
    wallet = Wallet(keys, Random(1))
    await issue(till, wallet.uid)
    if is_known:
        await till.tap(wallet)
    for at in range(5):
        error = await refused(till, Leaving(wallet, at, b"\x90"))
        assert (error.code, at) == (ErrorCode.MISREAD, at)
    await till.tap(wallet)


@pytest.mark.parametrize("word", ["6300", "6401", "6F00"])
async def test_a_stranger_that_speaks_as_readers_do_is_a_stranger(
    till: HandTill, word: str
) -> None:
    speaks = Laid(PLAIN_UID, TokenCard(PLAIN_UID, CONTACTLESS))
    error = await refused(till, Leaving(speaks, 0, bytes.fromhex(word), remembers=True))
    assert error.code is ErrorCode.CARD_UNKNOWN
    await issue(till, PLAIN_UID)
    speaking = Leaving(speaks, 0, bytes.fromhex(word), remembers=True)
    assert (await till.tap(speaking)).trust is Trust.UID


async def test_a_tag_whose_reader_gets_the_check_of_its_atr_wrong_is_asked_all_the_same(
    till: HandTill, keys: ChipKeys
) -> None:
    till.pass_through[READER] = PassThrough.PCSC
    proof = keys.tag_password(TAG_UID)
    assert proof is not None
    await issue(till, TAG_UID)
    tag = PasswordTag(TAG_UID, *proof)
    tag.atr = tag.atr[:-1] + bytes((tag.atr[-1] ^ 0xFF,))
    assert (await till.tap(Laid(TAG_UID, tag))).trust is Trust.PASSWORD


# Chips that only have a number.


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        (0x0001, bytes.fromhex("A1B2C3D4")),
        (0x0002, bytes.fromhex("04A1B2C3D4E581")),
        (0x0003, bytes.fromhex("04A1B2C3D4E582")),
        (0x0026, bytes.fromhex("A1B2C3D5")),
        (0x003A, bytes.fromhex("04A1B2C3D4E583")),
        (0x003D, bytes.fromhex("04A1B2C3D4E584")),
        (None, bytes.fromhex("04A1B2C3D4E585")),
    ],
    ids=["classic-1k", "classic-4k", "ntag-or-ultralight", "mini", "ul-c", "ul-ev1", "processor"],
)
async def test_a_plain_number_identifies_and_proves_nothing(
    till: HandTill, name: int | None, uid: bytes
) -> None:
    await issue(till, uid)
    atr = CONTACTLESS if name is None else encode_storage(StorageCard(3, name))
    identified = await till.tap(Laid(uid, TokenCard(uid, atr)))
    assert (identified.name, identified.trust) == ("Olena", Trust.UID)
    assert till.readers.lying is not None
    assert name is None or not till.readers.lying.count, "a memory is not talked to"


async def test_a_number_that_changes_at_every_tap_is_nobody_s(till: HandTill) -> None:
    uid = bytes.fromhex("08A1B2C3")
    await issue(till, uid)  # even if somebody has written it down
    error = await refused(till, Laid(uid, TokenCard(uid, CONTACTLESS)))
    assert (error.code, error.detail) == (
        ErrorCode.CARD_UNKNOWN,
        "This is not one of our cards.",
    )


# Somebody else's.


def strangers() -> dict[str, Laid]:
    random = Random(4)
    desfires = {
        f"desfire-{generation.name.lower()}": DesfireCard(
            Memory(uid=bytes((4, generation)) + random.randbytes(5), generation=generation),
            random.randbytes,
        )
        for generation in Generation
    }
    return {
        "bank": Laid(BANK.uid, TokenCard(BANK.uid, BANK.atr)),
        "bank-with-a-fixed-uid": Laid(PLAIN_UID, TokenCard(PLAIN_UID, BANK.atr)),
        "phone": Laid(bytes.fromhex("08112233"), Phone()),
        "phone-with-a-fixed-uid": Laid(PLAIN_UID, Phone()),
        **{name: Laid(card.snapshot().uid, card) for name, card in desfires.items()},
    }


@pytest.mark.parametrize("kind", strangers())
async def test_a_stranger_is_sent_away_after_two_questions_with_nothing_read_or_kept(
    till: HandTill, kind: str
) -> None:
    stranger = strangers()[kind]
    error = await refused(till, stranger)
    assert error.code is ErrorCode.CARD_UNKNOWN
    assert till.readers.lying is not None
    asked = [exchange.command for exchange in till.readers.lying.exchanges]
    assert len(asked) <= QUESTIONS_MAX
    assert set(asked) <= QUESTIONS | {bytes.fromhex("90AF000000")}
    await till.ledger.update(lambda store: None)
    kept = b"".join(path.read_bytes() for path in till.home.glob("tillcard.db*"))
    assert stranger.uid.hex().upper().encode() not in kept
    assert stranger.uid not in kept
