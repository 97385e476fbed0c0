"""The shop's side of wallet passes, over the ledger's cards."""

import hmac
from collections.abc import Collection
from datetime import datetime

import msgspec

from daemon.accounts.cards import Account, account_by_token, account_of
from daemon.base.ids import CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import decode
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CARD, CARDS_ON_DEVICE, DEVICES_OF, HISTORY
from daemon.ledger.storage.rows import DeviceRow
from daemon.ledger.storage.store import Change, Gone, Store
from daemon.shop.phone_card_views import WalletCard
from daemon.shop.phone_cards import PhoneCards

DEVICES_PER_CARD_MAX = 10
"""Devices that hold one card's pass. The next is refused: nobody has so many, a flood does."""


class WalletCards:
    """Finds cards for wallets. A card's id is its serial; ``secret`` makes its pass's token."""

    def __init__(
        self, ledger: Ledger, desk: PhoneCards, secret: bytes, languages: Collection[str]
    ) -> None:
        """languages: those that a pass can be made in."""
        self._ledger = ledger
        self._desk = desk
        self._secret = secret
        self._languages = languages

    async def card_of(self, token: str) -> WalletCard | None:
        """Return the card whose page ``token`` opens."""
        return await self._ledger.read(
            lambda store: self._wallet_card(store, account_by_token(store, token))
        )

    async def card(self, serial: CardId) -> WalletCard | None:
        """Return the card with this serial."""
        return await self._ledger.read(
            lambda store: self._wallet_card(store, account_of(store, store.ask_one(CARD, serial)))
        )

    def pass_token(self, serial: CardId) -> str:
        """Return what a device proves itself with: the same for the pass's whole life."""
        return hmac.digest(self._secret, f"apple pass {serial}".encode(), "sha256").hex()

    async def register(self, device: str, serial: CardId, push_token: str) -> bool:
        """Remember a device that holds a pass; return whether it is new."""

        def job(store: Store) -> bool:
            known = {row.device for row in store.ask(DEVICES_OF, serial)}
            if device not in known and len(known) >= DEVICES_PER_CARD_MAX:
                raise RefusedError(
                    ErrorCode.LIMIT_REACHED, "Too many devices hold this card's pass."
                )
            store.write(Change(rows=(DeviceRow(device, serial, push_token),)))
            return device not in known

        return await self._ledger.update(job)

    async def unregister(self, device: str, serial: CardId) -> None:
        """Forget a device."""
        await self._ledger.write(Change(gone=(Gone(DeviceRow, (device, serial)),)))

    async def held_by(self, device: str) -> list[WalletCard]:
        """Return the cards whose passes a device holds."""

        def read(store: Store) -> list[WalletCard]:
            accounts = (account_of(store, card) for card in store.ask(CARDS_ON_DEVICE, device))
            cards = (self._wallet_card(store, account) for account in accounts)
            return [card for card in cards if card is not None]

        return await self._ledger.read(read)

    def _wallet_card(self, store: Store, account: Account | None) -> WalletCard | None:
        if account is None:
            return None
        [newest] = store.ask(HISTORY, account.account, 1)
        language = account.profile.language
        card = WalletCard(
            serial=account.card.card_id,
            view=self._desk.view(store, account),
            updated_at=datetime.fromisoformat(decode(newest).at),
        )
        return (
            msgspec.structs.replace(card, language=language)
            if language in self._languages
            else card
        )
