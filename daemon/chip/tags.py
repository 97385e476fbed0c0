"""Tags with a rolling link (NTAG 424 DNA, SUN): proved by their key, each link good once."""

from card_formats.chip.identify import ChipKind, identify
from card_formats.chip.ndef import read_link
from card_formats.chip.sun import decrypt_tap, parse_link, verify_tap
from card_formats.credential import Credential, Medium, Shown, Trust
from card_formats.errors import CardFormatError
from daemon.chip.terminal import ChipTerminal
from daemon.errors import ErrorCode, RefusedError
from daemon.ledger.ledger import Ledger
from daemon.ledger.store import Change, ChipRow, Store


class Tags:
    """Reads rolling links and remembers the newest of every tag."""

    def __init__(self, terminal: ChipTerminal, ledger: Ledger) -> None:
        self._terminal = terminal
        self._ledger = ledger

    async def prove(self, reader: str, shown: Shown) -> Credential | None:
        """Return whose tag it is, or None for a chip that shows no such link of this shop.

        Raises: RefusedError CARD_FORGED for a link that is altered or was used before; the
                readers' refusals.
        """
        if self._terminal.keys.sun_meta is None:
            return None
        # Asked first, so that nothing is read of a phone's or somebody else's card.
        chip = await self._terminal.listen(reader, identify(shown.atr))
        if chip.kind is not ChipKind.NTAG_424:
            return None
        try:
            url = await self._terminal.listen(reader, read_link())
            link = parse_link(url)
            tap = link.tap or decrypt_tap(self._terminal.keys.sun_meta, link.picc)
        except CardFormatError:
            return None
        if len(shown.raw) == len(tap.uid) and shown.raw != tap.uid:
            raise forged("its link is another tag's")
        file_key, uid = self._terminal.keys.sun_file(tap.uid), tap.uid.hex().upper()

        def job(store: Store) -> None:
            known = store.chip(uid)
            last_count = known.seq if known else -1
            try:
                verify_tap(file_key, tap, link.mac, covered=link.covered, last_count=last_count)
            except CardFormatError as error:
                raise forged(error.message) from error
            store.write(Change(chip=ChipRow(uid, tap.read_count)))

        await self._ledger.update(job)
        return Credential("uid", uid, Medium.CHIP, Trust.SUN)


def forged(why: str) -> RefusedError:
    """Refuse a card that is a copy, or somebody's own work."""
    return RefusedError(ErrorCode.CARD_FORGED, f"This card is not what it says: {why}.")
