"""What was shown at the till: whose it is, how far it is trusted, and for which sale."""

import secrets

import msgspec

from card_formats.credential import Credential, Medium, Trust
from daemon.accounts.cards import Account
from daemon.base.clock import Clock
from daemon.base.expiring import ExpiringMap
from daemon.base.ids import (
    NO_ACCOUNT,
    NO_CARD,
    NO_SALE,
    AccountId,
    CardId,
    PresentationId,
    SaleId,
)
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.store import OF_CARD, Reads

PRESENTATION_TTL_S = 900
PRESENTATIONS_MAX = 1_000


class Presentation(msgspec.Struct, frozen=True):
    """A credential that was shown and resolved; good for one sale.

    balance: what its chip held when it was shown, where it has a purse.
    """

    id: PresentationId
    account: Account
    credential: Credential
    balance: int | None = None

    @property
    def is_typed(self) -> bool:
        """Whether it is no more than a number that somebody typed."""
        credential = self.credential
        return credential.medium is Medium.TYPED and credential.trust is Trust.STATIC

    @property
    def purse_uid(self) -> str:
        """The UID of the chip whose purse this is, or ""."""
        return self.credential.value if self.balance is not None else ""


class NamedCard(msgspec.Struct, frozen=True):
    """The card that a sale names, before the ledger was asked: as it was shown, or its number.

    refusal: why there is none, for when it is needed; a replay needs none.
    quoted:  of the quote that the sale names beside or instead.
    """

    presentation: Presentation | None = None
    number: Credential | None = None
    refusal: RefusedError | None = None
    quoted: CardId = NO_CARD

    @property
    def is_live(self) -> bool:
        """Whether the number is a phone's code, which has to be verified first."""
        return self.number is not None and self.number.trust is Trust.ROTATING

    @property
    def account(self) -> AccountId:
        """Whose it is, as `Reads` says it."""
        if self.presentation is not None:
            return self.presentation.account.account
        return NO_ACCOUNT if self.number is None or self.is_live else OF_CARD

    @property
    def reads(self) -> Reads:
        """What finds it, and of a number whose card it is."""
        if self.presentation is not None:
            return Reads(card_id=self.presentation.account.card.card_id)
        if self.number is None or self.is_live:
            return Reads(card_id=self.quoted)
        return Reads(identifier=(self.number.scheme, self.number.value), profile_of=OF_CARD)


NO_CARD_NAMED = NamedCard()


class Presentations:
    """Presentations of one terminal. Showing a card again before its sale gives the same one."""

    def __init__(self, clock: Clock) -> None:
        self._by_id: ExpiringMap[Presentation] = ExpiringMap(
            clock, ttl_s=PRESENTATION_TTL_S, size_max=PRESENTATIONS_MAX
        )
        self._by_credential: ExpiringMap[str] = ExpiringMap(
            clock, ttl_s=PRESENTATION_TTL_S, size_max=PRESENTATIONS_MAX
        )
        self._sales: ExpiringMap[str] = ExpiringMap(
            clock, ttl_s=PRESENTATION_TTL_S, size_max=PRESENTATIONS_MAX
        )
        self._typed: ExpiringMap[bool] = ExpiringMap(
            clock, ttl_s=PRESENTATION_TTL_S, size_max=PRESENTATIONS_MAX
        )

    def add(
        self,
        account: Account,
        credential: Credential,
        balance: int | None = None,
        *,
        sale_id: SaleId = NO_SALE,
    ) -> Presentation:
        """Return the presentation of ``credential``: a new one, or the one not used yet.

        sale_id: the sale that it is for; then the one that this very sale has used.
        """
        known = self.unused(credential, sale_id)
        if known is not None and known.balance == balance:
            return known
        name = known.id if known else PresentationId("p" + secrets.token_hex(8))
        presentation = Presentation(name, account, credential, balance)
        self._by_id.put(presentation.id, presentation)
        self._by_credential.put(_key(credential), presentation.id)
        return presentation

    def unused(self, credential: Credential, sale_id: SaleId = NO_SALE) -> Presentation | None:
        """Return the presentation of ``credential`` that no sale but ``sale_id`` has used."""
        known = self._by_id.get(self._by_credential.get(_key(credential)) or "")
        if known is None or self._sales.get(known.id) not in (None, sale_id):
            return None
        return known

    def is_typed_by(self, presentation: PresentationId, cashier: str) -> bool:
        """Whether it has been written down that ``cashier`` typed this number for this sale."""
        return self._typed.get(f"{presentation}:{cashier}") is not None

    def note_typed(self, presentation: PresentationId, cashier: str) -> None:
        """Remember that it has been written down."""
        self._typed.put(f"{presentation}:{cashier}", True)

    def get(self, presentation: PresentationId) -> Presentation:
        """Return a presentation that is still good. Raises RefusedError NO_CARD."""
        found = self._by_id.get(presentation)
        if found is None:
            raise RefusedError(ErrorCode.NO_CARD, "Show the card again.")
        return found

    def forget(self, account: AccountId) -> None:
        """Forget all that was shown for ``account``."""
        self._by_id.drop_where(lambda shown: shown.account.account == account)

    def drop_live(self, account: AccountId) -> None:
        """Forget what phones showed for ``account``: none of them is its customer's any more."""
        for shown in self._by_id.values():
            if shown.account.account == account and shown.credential.trust is Trust.ROTATING:
                self._by_id.drop(shown.id)

    def is_used(self, presentation: PresentationId) -> bool:
        """Whether it is bound to a sale already."""
        return self._sales.get(presentation) is not None

    def use(self, presentation: PresentationId, sale_id: SaleId, *, told: bool = False) -> None:
        """Bind a presentation to its one sale. Raises RefusedError NO_CARD for a second one.

        told: the sale named a number, which may be told again at any time; no card was shown.
        """
        if not told and (self._sales.get(presentation) or sale_id) != sale_id:
            raise RefusedError(
                ErrorCode.NO_CARD, "This card was shown for another sale; show it again."
            )
        self._sales.put(presentation, sale_id)

    def let_go(self, sale_id: SaleId) -> None:
        """Unbind what is bound to a sale of which nothing was written."""
        for shown in self._by_id.values():
            if self._sales.get(shown.id) == sale_id:
                self._sales.drop(shown.id)


def _key(credential: Credential) -> str:
    """Return what tells presentations apart: a card that is trusted less is never its better."""
    return f"{credential.medium}:{credential.trust}:{credential.scheme}:{credential.value}"
