"""Tags that prove themselves by a rolling link (NTAG 424 DNA, SUN): never the same link twice."""

from card_formats.chip.identify import ChipKind
from card_formats.chip.ndef import read_link
from card_formats.chip.sun import SunLink, Tap, decrypt_tap, parse_link, verify_tap
from card_formats.credential import Credential, Medium, Trust
from card_formats.errors import CardFormatError
from daemon.accounts.cards import Cards
from daemon.chip.proof import LaidChip, ProvenCard, forged
from daemon.chip.terminal import ChipTerminal
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change, Store


class LinkProof:
    """Reads a tag's link, verifies it, and remembers the newest of each tag."""

    def __init__(self, terminal: ChipTerminal, ledger: Ledger, cards: Cards) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._cards = cards

    async def prove(self, laid: LaidChip) -> ProvenCard | None:
        """Return whose tag it is, or None for one that has no link of this shop.

        Raises: RefusedError CARD_FORGED for a link that is altered or was used before; the
                readers' refusals; for its card.
        """
        meta_key = self._terminal.keys.sun_meta
        if meta_key is None or await laid.kind() is not ChipKind.NTAG_424:
            return None
        try:
            link = parse_link(await laid.ask(read_link()))
            tap = link.tap or decrypt_tap(meta_key, link.picc)
        except CardFormatError:
            return None
        if len(laid.shown.raw) == len(tap.uid) and laid.shown.raw != tap.uid:
            raise forged("its link is another tag's")
        await self._take(link, tap)
        credential = Credential("uid", tap.uid.hex().upper(), Medium.CHIP, Trust.SUN)
        return ProvenCard(await self._cards.resolve(credential), credential)

    async def _take(self, link: SunLink, tap: Tap) -> None:
        """Verify a link and remember it, in one transaction: two tills cannot both take it."""
        file_key, uid = self._terminal.keys.sun_file(tap.uid), tap.uid.hex().upper()

        def job(store: Store) -> None:
            known = store.ask_one(CHIP, uid)
            last_count = known.seq if known else -1
            try:
                verify_tap(file_key, tap, link.mac, covered=link.covered, last_count=last_count)
            except CardFormatError as error:
                raise forged(error.message) from error
            store.write(Change(rows=(ChipRow(uid, tap.read_count),)))

        await self._ledger.update(job)
