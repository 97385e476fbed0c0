"""Cards with a purse prove themselves by their keys: the chip and the till, each to the other."""

from daemon.chip.owed_credit import OwedCredit
from daemon.chip.proof import LaidChip, ProvenCard
from daemon.chip.purse_care import PurseCare, credential_of


class PurseProof:
    """Opens the purse, looks after it, and pays what it is owed while it lies there."""

    def __init__(self, care: PurseCare, owed: OwedCredit) -> None:
        self._care = care
        self._owed = owed

    async def prove(self, laid: LaidChip) -> ProvenCard | None:
        """Return the card with its balance; None for a chip without a purse.

        Raises: RefusedError for a forged, blocked, torn or silent card.
        """
        card = await self._care.open(laid.reader, laid.shown, laid.known)
        if card is None:
            return None
        account = await self._care.look_after(card, laid.known)
        await self._owed.pay(card, account.account)
        card.looked_after = True
        return ProvenCard(account, credential_of(card), card.purse.state.balance)
