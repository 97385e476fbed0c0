"""Tags that prove themselves by a password (NTAG 21x), where the reader can hand one on."""

from collections.abc import Mapping

from card_formats.chip.identify import ChipKind
from card_formats.chip.ntag import PassThrough, authenticate_password
from card_formats.credential import Credential, Medium, Trust
from card_formats.errors import CardFormatError
from daemon.accounts.cards import Cards
from daemon.chip.proof import LaidChip, ProvenCard
from daemon.chip.terminal import ChipTerminal
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change


class PasswordProof:
    """Tries a tag's own password, and remembers the tags that have one: each must prove it again.

    pass_through: by reader, how it hands a password on; those that cannot are left out.
    """

    def __init__(
        self,
        terminal: ChipTerminal,
        ledger: Ledger,
        cards: Cards,
        pass_through: Mapping[str, PassThrough],
    ) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._cards = cards
        self._pass_through = pass_through

    async def prove(self, laid: LaidChip) -> ProvenCard | None:
        """Return whose tag it is, or None for one without this shop's password."""
        way = self._pass_through.get(laid.reader)
        password = self._terminal.keys.tag_password(laid.shown.raw)
        if way is None or password is None or await laid.kind() is not ChipKind.TYPE_2:
            return None
        try:
            await laid.ask(authenticate_password(way, *password))
        except CardFormatError:
            return None  # it may be a tag without one
        uid = laid.shown.raw.hex().upper()
        seen = Change(rows=(ChipRow(uid, 0),))
        await self._ledger.write(seen, unless=lambda store: store.ask_one(CHIP, uid) is not None)
        credential = Credential("uid", uid, Medium.CHIP, Trust.PASSWORD)
        return ProvenCard(await self._cards.resolve(credential), credential)
