"""A chip is laid down: each proof of the registry is tried until one says whose card it is."""

from collections.abc import Sequence

from card_formats.credential import Shown
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.proof import LaidChip, Proof, ProvenCard, forged, known_chip
from daemon.chip.terminal import ChipTerminal
from daemon.ledger.ledger import Ledger


class Taps:
    """Lets chips prove themselves, by ``proofs`` in their order."""

    def __init__(self, terminal: ChipTerminal, ledger: Ledger, proofs: Sequence[Proof]) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._proofs = proofs

    async def prove(self, shown: Shown, reader: str) -> ProvenCard | None:
        """Let the chip on ``reader`` prove itself; None for one that has nothing to prove with.

        Raises: RefusedError for a forged, blocked, torn or silent card; CARD_FORGED also for a
                chip that shows the UID of one that has proved itself here, and cannot.
        """
        if not shown.raw:
            return None
        async with self._terminal.turn(reader):
            if self._terminal.shown_at(reader) != shown:
                raise RefusedError(ErrorCode.NO_CARD, "Show the card again.", reader=reader)
            uid = shown.raw.hex().upper()
            known = await self._ledger.read(lambda store: known_chip(store, uid))
            laid = LaidChip(self._terminal, reader, shown, known)
            for proof in self._proofs:
                if (proven := await proof.prove(laid)) is not None:
                    return proven
            if known.chip is not None:
                await self._terminal.check_same_card(reader, shown)
                raise forged("it does not prove what it proved before")
        return None
