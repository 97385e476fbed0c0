"""A blank card becomes the shop's: checked, taken over, given its purse, known, issued.

In this order, so that no key of a living card is ever written on something that only shows its UID,
and so that a card which is torn away is finished when it is laid down again:

1. A UID that the ledger knows is refused unless the card proves the keys that it has there. A fake
   blank with a customer's UID would else be given that customer's keys. What has proved a finished
   purse is given no key any more, for the proof may have come from a living card elsewhere, by
   relay, and what follows from the fake.
2. The maker's signature is looked at where the chip has one.
3. The card's own master key is changed before anything else is written: with the factory's, any
   phone formats the card. Inside that session the card tells its real UID: it is the one it shows.
4. The purse is made, with its four keys.
5. The ledger knows the chip, and from then on its UID alone is no card at any till.
6. The card is issued; its pseudonym is written.
"""

from enum import Enum
from pathlib import Path

import msgspec

from card_formats.chip.card_master import FACTORY_KEY, TransportKey, take_over
from card_formats.chip.originality import NXP_KEYS, maker_of, read_signature
from card_formats.chip.purse import ChipPurse, read_customer, understood, write_customer
from card_formats.chip.purse_contents import Customer
from card_formats.chip.purse_issue import done_unless, personalise
from card_formats.chip.purse_layout import PurseState
from card_formats.credential import Credential, Medium, Shown, Trust
from card_formats.crypto import KEY_BYTES
from card_formats.errors import CardFormatError
from daemon.accounts.cards import Cards, NewCard, Profile
from daemon.base.clock import rfc3339
from daemon.base.regular_files import read_text_file
from daemon.cli.card_bench import CardBench, fixed_uid, nonce
from daemon.keys.key_files import KeyFileError, check_mode
from daemon.ledger.entries import Entry
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change, Store

_NOT_ITS_KEYS = (
    "desfire.authentication",
    "desfire.not-the-card",
    "desfire.no-application",
    "desfire.no-such-key",
    "desfire.foreign",
)


class Proof(Enum):
    """What a card has proved of a purse with its UID, by its keys."""

    NONE = "none"
    UNFINISHED = "unfinished"
    WHOLE = "whole"


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How cards are made.

    by, reason: of somebody who insists on a UID that the ledger knows, or on a chip without a
                signature that is known; "" for nobody.
    transport:  how the cards are delivered.
    """

    by: str = ""
    reason: str = ""
    transport: TransportKey = FACTORY_KEY

    @property
    def insists(self) -> bool:
        """Whether somebody answers for what would be refused."""
        return bool(self.by and self.reason)


def read_transport_key(path: Path) -> TransportKey:
    """Read a maker's key: ``aes`` or ``des`` and 16 bytes in hex. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(f"There is no {path}: name the file with the maker's key.")
    check_mode(path)
    words = read_text_file(path, "ascii", "replace").split()
    try:
        kind, secret = words[0].lower(), bytes.fromhex(words[1])
    except (IndexError, ValueError):
        kind, secret = "", b""
    if len(words) != 2 or kind not in ("aes", "des") or len(secret) != KEY_BYTES:
        raise KeyFileError(f"{path}: write aes or des, a blank, and {KEY_BYTES} bytes in hex.")
    return TransportKey(secret, is_aes=kind == "aes")


async def make(bench: CardBench, reader: str, shown: Shown, how: Making) -> str:
    """Make what lies there one of the shop's cards; say what was done.

    Raises: CardFormatError with what is wrong with it, KeyFileError, ReaderError, RefusedError.
    """
    uid = fixed_uid(shown).hex().upper()
    is_known = await bench.ledger.read(lambda store: _is_known(store, uid))
    proof = await _proof_of(bench, reader, shown)
    if proof is Proof.NONE and is_known and not how.insists:
        raise CardFormatError("card.known", "the ledger knows this UID")
    maker = await _check_maker(bench, reader, shown, how)
    is_made = proof is Proof.WHOLE and not how.insists
    # A card was taken over before its purse was made: one that has a purse has no other key.
    is_ours = proof is not Proof.NONE and not how.insists
    await own(bench, reader, shown, None if is_ours else how.transport)
    is_new = not is_made and await _personalise(bench, reader, shown)
    purse = await bench.open(reader, shown)
    await _know(bench, uid, purse, how, is_new=is_new)
    registry = Cards(bench.ledger, bench.clock)
    card = NewCard(kind="chip", number="", identifiers=(("uid", uid),))
    is_issued = await registry.issue(card, Profile())
    account = await registry.resolve(Credential("uid", uid, Medium.CHIP, Trust.MUTUAL_AUTH))
    if not any((await bench.ask(reader, read_customer(purse))).customer_id):
        whose = Customer(bytes.fromhex(account.account.removeprefix("a")))
        await bench.ask(reader, write_customer(purse, whose))
    made = f"made{'' if is_new else ' before'}, issued{'' if is_issued else ' before'}"
    return f"{made} ({maker or 'no signature of a maker'})"


def _is_known(store: Store, uid: str) -> bool:
    card = store.ask_one(CARD_BY_IDENTIFIER, "uid", uid)
    return card is not None or store.ask_one(CHIP, uid) is not None


async def _proof_of(bench: CardBench, reader: str, shown: Shown) -> Proof:
    """Let a card prove the keys of a purse with its UID, if it has them.

    Raises: CardFormatError ``purse.newer-schema`` for one that must not be written; as `open`.
    """
    try:
        understood((await bench.open(reader, shown)).state)
    except CardFormatError as error:
        if error.code not in (*_NOT_ITS_KEYS, "purse.blank"):
            raise
        # Blank: it was torn before it was finished.
        return Proof.UNFINISHED if error.code == "purse.blank" else Proof.NONE
    return Proof.WHOLE


async def _check_maker(bench: CardBench, reader: str, shown: Shown, how: Making) -> str:
    """Return who signed the chip's UID, "" where it has no signature."""
    signature = await bench.ask(reader, read_signature())
    if not signature:
        return ""
    ours = {f"key {key[:8]}": bytes.fromhex(key) for key in bench.section.originality_keys}
    maker = maker_of(shown.raw, signature, {**NXP_KEYS, **ours})
    if not maker and not how.insists:
        raise CardFormatError("card.not-original", "nobody known has signed this UID")
    return maker or "a signature of nobody known"


async def own(bench: CardBench, reader: str, shown: Shown, transport: TransportKey | None) -> None:
    """Change the card's own master key to its newest, and have it tell its UID.

    transport: the key that it may be delivered with; None where only ours is good.
    Raises: CardFormatError ``card.master-unknown``, ``card.master-not-ours`` where only ours is
            good; ``card.hidden-uid``; as `CardBench.ask`.
    """
    uid, known = fixed_uid(shown), [transport] if transport else []
    for generation in bench.keys.versions[:-1]:
        old = bench.keys.card_master(uid, generation)
        known.insert(0, TransportKey(old.secret, is_aes=True))
    nonces = [nonce() for _ in range(len(known) + 2)]
    try:
        told = await bench.ask(reader, take_over(bench.keys.card_master(uid), known, nonces))
    except CardFormatError as error:
        if transport or error.code != "card.master-unknown":
            raise
        raise CardFormatError("card.master-not-ours", error.message) from error
    if told != uid:
        raise CardFormatError("card.hidden-uid", "it shows another UID than its own")


async def _personalise(bench: CardBench, reader: str, shown: Shown) -> bool:
    """Make a purse, or what an interruption left of making one; return whether it was needed."""
    keys, section, nonces = bench.card_keys(shown), bench.section, (nonce(), nonce(), nonce())
    making = personalise(keys, nonces, cap=section.cap, shop=section.shop, time_s=bench.now_s())
    old_keys = "desfire.authentication"
    if await bench.ask(reader, done_unless(making, "purse.exists", old_keys)):
        return True
    understood((await bench.open(reader, shown)).state)
    return False


async def _know(bench: CardBench, uid: str, purse: ChipPurse, how: Making, *, is_new: bool) -> None:
    """Write down the chip as it was made: from now on it has to prove itself at every till."""
    state: PurseState = understood(purse.state)
    speaks = purse.messaging.value
    row = ChipRow(uid, state.seq, state.last_txid.hex(), state.balance, speaks)
    said = {"by": how.by, "reason": how.reason} if how.insists else {}
    detail = msgspec.Raw(msgspec.json.encode(said))
    entry = Entry(at=rfc3339(bench.clock.now()), kind="chip_made", ref=uid, detail=detail)

    def is_known(store: Store) -> bool:
        return not is_new and store.ask_one(CHIP, uid) is not None

    await bench.ledger.write(Change(entry=entry, rows=(row,)), unless=is_known)
