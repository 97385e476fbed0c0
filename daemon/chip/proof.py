"""What a chip that was laid on a reader is asked to prove, and what a proof says of it."""

from typing import Protocol, TypeVar

import msgspec

from card_formats.apdu import Dialogue
from card_formats.chip.identify import ChipKind, identify
from card_formats.credential import Credential, Shown
from card_formats.errors import CardFormatError
from daemon.accounts.card_lifecycle import LIFTS, lift_counter
from daemon.accounts.cards import Account
from daemon.base.ids import NO_CARD, CardId
from daemon.base.refusals import ErrorCode, RefusedError, misread
from daemon.chip.terminal import NO_ANSWER, ChipTerminal
from daemon.ledger.chip_sales import waits_for
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CHIP, UNSETTLED_OF
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Store

T = TypeVar("T")


class ProvenCard(msgspec.Struct, frozen=True):
    """A card that proved itself. ``balance`` is its purse's, or None for a tag."""

    account: Account
    credential: Credential
    balance: int | None = None


class KnownChip(msgspec.Struct, frozen=True):
    """What the ledger knows of a chip, as of this tap.

    chip:      as it was last seen, or None.
    unsettled: sales that wait for what it says.
    lifts:     by their counters: how often its card was unblocked or extended since it was seen
               good.
    """

    chip: ChipRow | None
    unsettled: tuple[SaleRow, ...]
    lifts: dict[str, int]
    card_id: CardId = NO_CARD


def known_chip(store: Store, uid: str) -> KnownChip:
    """Read what is known of a chip (UID in hex, upper case)."""
    card = store.ask_one(CARD_BY_IDENTIFIER, "uid", uid)
    rows = store.ask(UNSETTLED_OF, card.account) if card is not None else []
    waiting = tuple(row for row in rows if waits_for(row, uid))
    card_id = card.card_id if card is not None else NO_CARD
    lifts = store.counters([lift_counter(card_id, event) for event in LIFTS])
    return KnownChip(store.ask_one(CHIP, uid), waiting, lifts, card_id)


class LaidChip:
    """A chip on ``reader``, for the proofs that are tried one after the other.

    shown: as the reader presented it. known: to the ledger, before this tap.
    """

    def __init__(self, terminal: ChipTerminal, reader: str, shown: Shown, known: KnownChip) -> None:
        self.reader, self.shown, self.known = reader, shown, known
        self._terminal = terminal
        self._kind: ChipKind | None = None

    async def kind(self) -> ChipKind:
        """Return what the chip is; it is asked once. Raises RefusedError as `ask`."""
        if self._kind is None:
            try:
                self._kind = (await self.ask(identify(self.shown.atr))).kind
            except CardFormatError:  # of a stranger that answers as readers do
                self._kind = ChipKind.FOREIGN
        return self._kind

    async def ask(self, dialogue: Dialogue[T]) -> T:
        """Run a dialogue with the chip. What is no answer of the chip's is no proof against it.

        Raises: RefusedError for a lost reader, NO_CARD for a chip that is leaving, MISREAD for an
                answer that is none; CardFormatError as the dialogue.
        """
        try:
            return await self._terminal.listen(self.reader, dialogue)
        except CardFormatError as error:
            if error.code == "apdu.short":
                raise misread(error.code) from error
            if error.code == NO_ANSWER:
                is_known = self.known.chip is not None
                await self._terminal.doubt(self.reader, self.shown, is_known=is_known)
            raise


class Proof(Protocol):
    """One way in which a chip or a phone proves whose it is. Whoever calls has the reader's turn.

    What it does with a stranger's chip or phone is as good as nothing: it asks ``laid.kind()``
    before it reads anything.
    """

    async def prove(self, laid: LaidChip) -> ProvenCard | None:
        """Return the card, or None for a chip that has nothing of this kind to show.

        Raises: RefusedError for a forged, blocked, torn or silent card.
        """
        ...


def forged(why: str) -> RefusedError:
    """Refuse a card that is a copy, or somebody's own work."""
    return RefusedError(ErrorCode.CARD_FORGED, f"This card is not what it says: {why}.")
