"""The purse at head office: make one on a blank DESFire, renew its keys, take it off again."""

import msgspec

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.wire import Channel, OpenChannel
from card_formats.chip.purse import (
    Messaging,
    authenticate,
    decode_key_version,
    encode_key_version,
    understood,
)
from card_formats.chip.purse_layout import (
    AID,
    APPLICATION_SETTINGS,
    DEBIT_KEY,
    KEYS,
    LOAD_KEY,
    MASTER_KEY,
    MODE,
    READ_KEY,
    SCHEMA,
    STATE_BYTES,
    STATE_FILE,
    TXID_BYTES,
    VALUE_FILE,
    VALUE_RIGHTS,
    PurseState,
    PurseStatus,
    decode_state,
    encode_state,
    files,
)
from card_formats.crypto import KEY_BYTES
from card_formats.errors import CardFormatError


class CardKeys(msgspec.Struct, frozen=True):
    """The four keys of one card, by number, and the generation they all are of.

    generation: 1 to GENERATION_MAX; 0 is the factory's.
    """

    generation: int
    secrets: tuple[bytes, bytes, bytes, bytes]

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"CardKeys(generation {self.generation})"


_FACTORY_KEYS = CardKeys(0, (bytes(KEY_BYTES),) * 4)


def personalise(
    keys: CardKeys,
    rnd_a: tuple[bytes, bytes, bytes],
    *,
    cap: int,
    balance: int = 0,
    shop: int = 0,
    time_s: int = 0,
    messaging: Messaging = Messaging.EV2,
) -> Dialogue[PurseState]:
    """Make the purse on a card whose applications anybody may make, as it comes from the factory.

    What an earlier try left behind when its card was pulled away is taken up: before the master
    key was changed it is made anew, after that `finish` writes what is missing.

    rnd_a:   three times 16 bytes that were never used before.
    Returns: the first state, proved by the card.
    Raises:  CardFormatError ``purse.exists`` when there is a purse already,
             ``desfire.authentication`` when it is of other keys, ``desfire.permission`` when the
             card's master key is needed; what the channel raises.
    """
    assert 0 <= balance <= cap
    if not (yield from done_unless(_create_application(), "desfire.duplicate")):
        factory_key = _FACTORY_KEYS.secrets[MASTER_KEY]
        erasing = erase(factory_key, rnd_a[0], messaging=messaging)
        if not (yield from done_unless(erasing, "desfire.authentication")):
            finishing = finish(keys, rnd_a[1], shop=shop, time_s=time_s, messaging=messaging)
            return (yield from finishing)
        yield from _create_application()
    yield from commands.select_application(AID)
    master, spoken = yield from authenticate(
        MASTER_KEY, _FACTORY_KEYS.secrets[MASTER_KEY], rnd_a[1], messaging
    )
    for number, file in files(cap, balance).items():
        yield from commands.create_file(master, number, file)
    yield from _change_keys(master, spoken, _FACTORY_KEYS, keys)
    return (yield from finish(keys, rnd_a[2], shop=shop, time_s=time_s, messaging=spoken))


def done_unless(dialogue: Dialogue[object], *codes: str) -> Dialogue[bool]:
    """Run ``dialogue``; return False where it raises a CardFormatError with one of ``codes``."""
    try:
        yield from dialogue
    except CardFormatError as error:
        if error.code not in codes:
            raise
        return False
    return True


def _create_application() -> Dialogue[None]:
    yield from commands.select_application(commands.PICC)
    yield from commands.create_application(OpenChannel(), AID, APPLICATION_SETTINGS, KEYS)


def finish(
    keys: CardKeys,
    rnd_a: bytes,
    *,
    shop: int = 0,
    time_s: int = 0,
    messaging: Messaging = Messaging.EV2,
) -> Dialogue[PurseState]:
    """Give a purse its first STATE: all else is made.

    Raises: CardFormatError ``purse.exists`` for one that has a STATE;
            ``desfire.authentication`` for keys that are not ``keys``; what the channel raises.
    """
    yield from commands.select_application(AID)
    load, _ = yield from authenticate(LOAD_KEY, keys.secrets[LOAD_KEY], rnd_a, messaging)
    raw = yield from commands.read_data(load, STATE_FILE, 0, STATE_BYTES, MODE)
    if any(raw):  # once written it is never all zeros again
        raise CardFormatError("purse.exists", "there is a purse on this card already")
    balance = yield from commands.get_value(load, VALUE_FILE, MODE)
    state = PurseState(balance, PurseStatus.ACTIVE, 0, bytes(TXID_BYTES), shop, 0, 0, time_s)
    yield from commands.write_data(load, STATE_FILE, 0, encode_state(state), MODE)
    yield from commands.commit(load)
    return state


def renew_layout(
    keys: CardKeys, rnd_a: tuple[bytes, bytes], *, messaging: Messaging = Messaging.EV2
) -> Dialogue[bool]:
    """Bring a purse of an older schema to SCHEMA; after an interruption, do it again.

    The rights first, then the schema that promises them. What the card holds stays as it is:
    limited credit stays switched on, and nobody has the right to it but who may add anyway.

    Returns: whether it was needed.
    Raises:  CardFormatError ``purse.bad-layout`` where the card does not say that the rights are
             changed; as `decode_state`; ``purse.newer-schema``; what the channel raises.
    """
    yield from commands.select_application(AID)
    master_key, load_key = keys.secrets[MASTER_KEY], keys.secrets[LOAD_KEY]
    master, spoken = yield from authenticate(MASTER_KEY, master_key, rnd_a[0], messaging)
    changed = bytes((MODE,)) + VALUE_RIGHTS.encode()
    yield from commands.change_file_settings(master, VALUE_FILE, changed)
    file = yield from commands.get_file_settings(master, VALUE_FILE)
    if (file.mode, file.rights) != (MODE, VALUE_RIGHTS):
        raise CardFormatError("purse.bad-layout", "the card did not change the rights of its value")
    load, _ = yield from authenticate(LOAD_KEY, load_key, rnd_a[1], spoken)
    raw = yield from commands.read_data(load, STATE_FILE, 0, STATE_BYTES, MODE)
    balance = yield from commands.get_value(load, VALUE_FILE, MODE)
    state = understood(decode_state(raw, balance))
    if state.schema == SCHEMA:
        return False
    moved = msgspec.structs.replace(state, schema=SCHEMA)
    yield from commands.write_data(load, STATE_FILE, 0, encode_state(moved), MODE)
    yield from commands.commit(load)
    return True


def renew_keys(
    old: CardKeys, new: CardKeys, rnd_a: bytes, *, messaging: Messaging = Messaging.EV2
) -> Dialogue[None]:
    """Bring a card's keys to the next generation; after an interruption, do it again.

    Raises: CardFormatError ``desfire.authentication`` when the master key is not ``old``'s, as on
            a card that is done; ``purse.key-generation`` for a key of neither generation.
    """
    yield from commands.select_application(AID)
    old_master = old.secrets[MASTER_KEY]
    master, spoken = yield from authenticate(MASTER_KEY, old_master, rnd_a, messaging)
    yield from _change_keys(master, spoken, old, new)


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


def _change_keys(
    master: Channel, spoken: Messaging, old: CardKeys, new: CardKeys
) -> Dialogue[None]:
    """Change every key that is still ``old``; the master key last, so that this can be resumed."""
    assert old.generation != new.generation
    new_version = encode_key_version(new.generation, spoken)
    for number in (READ_KEY, DEBIT_KEY, LOAD_KEY):
        version = yield from commands.get_key_version(master, number)
        generation, _ = decode_key_version(version)
        if generation not in (old.generation, new.generation):
            raise CardFormatError("purse.key-generation", f"key {number} has version {version}")
        if generation == old.generation:
            change = new.secrets[number], new_version
            yield from commands.change_key(master, number, *change, old=old.secrets[number])
    yield from commands.change_own_key(master, MASTER_KEY, new.secrets[MASTER_KEY], new_version)
