"""The purse at head office: make one on a blank DESFire, renew its keys, take it off again."""

import msgspec

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.wire import Channel, OpenChannel
from card_formats.chip.purse import Messaging, authenticate
from card_formats.chip.purse_layout import (
    AID,
    APPLICATION_SETTINGS,
    DEBIT_KEY,
    KEYS,
    LOAD_KEY,
    MASTER_KEY,
    MODE,
    READ_KEY,
    STATE_FILE,
    TXID_BYTES,
    PurseState,
    PurseStatus,
    encode_state,
    files,
)
from card_formats.crypto import KEY_BYTES
from card_formats.errors import CardFormatError


class CardKeys(msgspec.Struct, frozen=True):
    """The four keys of one card, by number, and the version byte they all have.

    version: 1 to 255; 0 is the factory's.
    """

    version: int
    secrets: tuple[bytes, bytes, bytes, bytes]

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"CardKeys(version {self.version})"


_FACTORY_KEYS = CardKeys(0, (bytes(KEY_BYTES),) * 4)


def personalise(
    keys: CardKeys,
    rnd_a: tuple[bytes, bytes],
    *,
    cap: int,
    balance: int = 0,
    shop: int = 0,
    time_s: int = 0,
    messaging: Messaging = Messaging.EV2,
) -> Dialogue[PurseState]:
    """Make the purse on a card whose applications anybody may make, as it comes from the factory.

    rnd_a:   two times 16 bytes that were never used before.
    Returns: the first state, proved by the card. STATE is written last: a card that was pulled
             away before says ``purse.blank`` or does not open, and `erase` takes it back.
    Raises:  CardFormatError ``desfire.duplicate`` when there is a purse already,
             ``desfire.permission`` when the card's master key is needed; what the channel raises.
    """
    assert 0 <= balance <= cap
    yield from commands.select_application(commands.PICC)
    yield from commands.create_application(OpenChannel(), AID, APPLICATION_SETTINGS, KEYS)
    yield from commands.select_application(AID)
    master, spoken = yield from authenticate(
        MASTER_KEY, _FACTORY_KEYS.secrets[MASTER_KEY], rnd_a[0], messaging
    )
    for number, file in files(cap, balance).items():
        yield from commands.create_file(master, number, file)
    yield from _change_keys(master, _FACTORY_KEYS, keys)
    load, _ = yield from authenticate(LOAD_KEY, keys.secrets[LOAD_KEY], rnd_a[1], spoken)
    state = PurseState(balance, PurseStatus.ACTIVE, 0, bytes(TXID_BYTES), shop, 0, 0, time_s)
    yield from commands.write_data(load, STATE_FILE, 0, encode_state(state), MODE)
    yield from commands.commit(load)
    return state


def renew_keys(
    old: CardKeys, new: CardKeys, rnd_a: bytes, *, messaging: Messaging = Messaging.EV2
) -> Dialogue[None]:
    """Bring a card's keys to the next generation; after an interruption, do it again.

    Raises: CardFormatError ``desfire.authentication`` when the master key is not ``old``'s, as on
            a card that is done; ``purse.key-generation`` for a key of neither generation.
    """
    yield from commands.select_application(AID)
    master, _ = yield from authenticate(MASTER_KEY, old.secrets[MASTER_KEY], rnd_a, messaging)
    yield from _change_keys(master, old, new)


def erase(
    master_key: bytes, rnd_a: bytes, *, messaging: Messaging = Messaging.EV2
) -> Dialogue[None]:
    """Delete the purse and all that is on it.

    master_key: the application's: this card's key 0, or sixteen zeros where `personalise` did not
                come that far.
    Raises:     CardFormatError ``desfire.no-application``, ``desfire.authentication``.
    """
    yield from commands.select_application(AID)
    master, _ = yield from authenticate(MASTER_KEY, master_key, rnd_a, messaging)
    yield from commands.delete_application(master, AID)


def _change_keys(master: Channel, old: CardKeys, new: CardKeys) -> Dialogue[None]:
    """Change every key that is still ``old``; the master key last, so that this can be resumed."""
    assert old.version != new.version
    for number in (READ_KEY, DEBIT_KEY, LOAD_KEY):
        version = yield from commands.get_key_version(master, number)
        if version not in (old.version, new.version):
            raise CardFormatError("purse.key-generation", f"key {number} has version {version}")
        if version == old.version:
            change = new.secrets[number], new.version
            yield from commands.change_key(master, number, *change, old=old.secrets[number])
    yield from commands.change_own_key(master, MASTER_KEY, new.secrets[MASTER_KEY], new.version)
