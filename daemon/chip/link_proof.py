"""Tags that prove themselves: by a rolling link (NTAG 424 DNA, SUN) or a password (NTAG 21x)."""

from collections.abc import Mapping

from card_formats.chip.identify import ChipKind, identify
from card_formats.chip.ndef import read_link
from card_formats.chip.ntag import PassThrough, authenticate_password
from card_formats.chip.sun import decrypt_tap, parse_link, verify_tap
from card_formats.credential import Credential, Medium, Shown, Trust
from card_formats.errors import CardFormatError
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.terminal import ChipTerminal
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change, Store


class Tags:
    """Proves tags, and remembers those that did and the newest link of each.

    pass_through: by reader, how it hands a password on; those that cannot are left out.
    """

    def __init__(
        self, terminal: ChipTerminal, ledger: Ledger, pass_through: Mapping[str, PassThrough]
    ) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._pass_through = pass_through

    async def prove(self, reader: str, shown: Shown) -> Credential | None:
        """Return whose tag it is, or None for a chip that has nothing of this shop to show.

        Raises: RefusedError CARD_FORGED for a link that is altered or was used before; the
                readers' refusals.
        """
        # Asked first, so that nothing is read of a phone's or somebody else's card.
        chip = await self._terminal.listen(reader, identify(shown.atr))
        if chip.kind is ChipKind.TYPE_2:
            return await self._prove_password(reader, shown)
        if chip.kind is ChipKind.NTAG_424 and self._terminal.keys.sun_meta is not None:
            return await self._prove_link(reader, shown, self._terminal.keys.sun_meta)
        return None

    async def _prove_password(self, reader: str, shown: Shown) -> Credential | None:
        way, proof = self._pass_through.get(reader), self._terminal.keys.tag_password(shown.raw)
        if way is None or proof is None:
            return None
        try:
            await self._terminal.listen(reader, authenticate_password(way, *proof))
        except CardFormatError:
            return None  # it may be a tag without one
        uid = shown.raw.hex().upper()
        seen = Change(rows=(ChipRow(uid, 0),))
        await self._ledger.write(seen, unless=lambda store: store.ask_one(CHIP, uid) is not None)
        return Credential("uid", uid, Medium.CHIP, Trust.PASSWORD)

    async def _prove_link(self, reader: str, shown: Shown, meta_key: bytes) -> Credential | None:
        try:
            url = await self._terminal.listen(reader, read_link())
            link = parse_link(url)
            tap = link.tap or decrypt_tap(meta_key, link.picc)
        except CardFormatError:
            return None
        if len(shown.raw) == len(tap.uid) and shown.raw != tap.uid:
            raise forged("its link is another tag's")
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
        return Credential("uid", uid, Medium.CHIP, Trust.SUN)


def forged(why: str) -> RefusedError:
    """Refuse a card that is a copy, or somebody's own work."""
    return RefusedError(ErrorCode.CARD_FORGED, f"This card is not what it says: {why}.")
