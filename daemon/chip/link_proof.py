"""Tags that prove themselves by a rolling link (NTAG 424 DNA, SUN): never the same link twice.

A link that nobody has used yet can be read off a tag in a pocket, by anybody within a few
centimetres, and played later. So the link says whose tag it is, and how far that is trusted is a
question of what lies on the reader:

- the tag has authenticated itself by its key, where the shop has said which: ``mutual_auth``;
- the reader tells the tag's own UID: ``sun``;
- the reader tells a random UID: ``static``, as of a number that can be copied.
"""

import secrets

from card_formats.chip.desfire.ev2 import authenticate_ev2
from card_formats.chip.identify import ChipKind
from card_formats.chip.ndef import read_link
from card_formats.chip.sun import SunLink, Tap, decrypt_tap, parse_link, verify_tap
from card_formats.credential import Credential, Medium, Trust
from card_formats.crypto import BLOCK_BYTES
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
        is_its_own = laid.shown.raw == tap.uid
        if len(laid.shown.raw) == len(tap.uid) and not is_its_own:
            raise forged("its link is another tag's")
        await self._take(link, tap)
        trust = Trust.SUN if is_its_own else Trust.STATIC
        if await self._is_authentic(laid, tap):
            trust = Trust.MUTUAL_AUTH
        credential = Credential("uid", tap.uid.hex().upper(), Medium.CHIP, trust)
        return ProvenCard(await self._cards.resolve(credential), credential)

    async def _is_authentic(self, laid: LaidChip, tap: Tap) -> bool:
        """Whether the tag has shown that it knows its key; False where the shop says no number.

        Raises: RefusedError CARD_FORGED for one that does not know it, and as `LaidChip.ask`.
        """
        keys = self._terminal.keys
        if keys.sun_number is None:
            return False
        nonce = secrets.token_bytes(BLOCK_BYTES)
        try:
            await laid.ask(authenticate_ev2(keys.sun_number, keys.sun_file(tap.uid), nonce))
        except CardFormatError as error:
            await self._terminal.check_same_card(laid.reader, laid.shown)
            raise forged("it does not know its key") from error
        return True

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
