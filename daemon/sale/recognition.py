"""Whose card is this? From what a reader saw to a presentation, which is good for one sale."""

from datetime import timedelta

import msgspec

from card_formats import registry
from card_formats.credential import Credential, Medium, Shown, Trust, mask
from card_formats.errors import CardFormatError
from daemon.accounts.cards import Account, Cards, account_in
from daemon.accounts.live_codes import LiveCodes
from daemon.accounts.look_ups import LookUps
from daemon.accounts.phones import LINK_TTL_S, Phones
from daemon.accounts.typed_numbers import TypedNumbers
from daemon.base.approval import Signed
from daemon.base.caller import caller
from daemon.base.clock import rfc3339
from daemon.base.currency import Currency
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
from daemon.base.refusals import ErrorCode, RefusedError, refusal_of
from daemon.base.text_limits import Override
from daemon.chip.registry import Chips
from daemon.customers.greeting import Greeter, greeted
from daemon.ledger.storage.store import View
from daemon.sale.answers import Identified
from daemon.sale.policy import CheckoutPolicy
from daemon.sale.presentations import NamedCard, Presentation, Presentations
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Shop

SECOND_SCAN_S = 120
"""Within which a live code may be scanned again at the same reader, before its sale."""
SCANNED_MAX = 1_000
ENGLISH = "en"


class Recognition:
    """Says whose a card is, remembers it until its sale, and moves cards between phones."""

    def __init__(
        self,
        shop: Shop,
        cards: Cards,
        live_codes: LiveCodes,
        phones: Phones,
        policy: CheckoutPolicy,
        chips: Chips,
    ) -> None:
        self._shop = shop
        self._cards = cards
        self._live_codes = live_codes
        self._phones = phones
        self._policy = policy
        self._chips = chips
        self._presentations = Presentations(shop.clock)
        self._scanned: ExpiringMap[str] = ExpiringMap(
            shop.clock, ttl_s=SECOND_SCAN_S, size_max=SCANNED_MAX
        )
        self.typed_numbers = TypedNumbers(shop.ledger)
        self.look_ups = LookUps(
            shop.ledger, shop.clock, lambda: shop.programme.days, policy.till.store
        )

    # What was shown.

    def recognise(self, shown: Shown) -> Credential:
        """Decode and recognise. Raises CardFormatError and its kinds."""
        return registry.recognise(registry.decode(shown), self._policy.ranges)

    async def identify(
        self,
        shown: Shown,
        reader: str = "",
        credential: Credential | None = None,
        *,
        by: str = "",
        reason: str = "",
        cashier: str = "",
        language: str = ENGLISH,
    ) -> Identified:
        """Say whose card was shown; ``by`` and ``reason`` are kept where its number was typed.

        cashier: who is told, whoever typed it; it is kept where nothing comes of it.
        credential: of ``shown``, where somebody has recognised it already.
        language: of the cashier, for what the shop says in its own words.
        What lies at a reader may be asked about again: it was typed once by each who is named.
        Raises: RefusedError with what the cashier should do.
        """
        if reader and shown.medium is Medium.CHIP:
            proven = await self._chips.prove(shown, reader)
            if proven is not None:
                found = self._presentations.add(proven.account, proven.credential, proven.balance)
                return await self._identified(found, language, cashier or by)
        found = await self.shown_at(shown, reader, credential)
        if shown.medium is Medium.TYPED:
            self._note_typed(found, by, reason, once=bool(reader))
            await self.typed_numbers.write()
        return await self._identified(found, language, cashier or by)

    async def shown_at(
        self, shown: Shown, reader: str = "", credential: Credential | None = None
    ) -> Presentation:
        """Return the presentation of a card that proves nothing by itself. Raises RefusedError."""
        credential = credential or self._credential(shown)
        return self._presentations.add(await self._account(credential, reader), credential)

    async def _identified(
        self, presentation: Presentation, language: str, cashier: str
    ) -> Identified:
        account, credential = presentation.account, presentation.credential
        self.look_ups.note(account.account, account.card.card_id, cashier)
        shop = self._shop
        today = shop.today()
        known = await shop.ledger.read(lambda store: greeted(store, account.account, today))
        greeter = Greeter(self._policy.greeting, shop.programme, today)
        return Identified(
            presentation=presentation.id,
            card=mask(account.card.number or credential.value),
            account=account.account,
            name=account.profile.name,
            trust=credential.trust,
            medium=credential.medium,
            status=account.card.state,
            message=greeter.message(account.profile, known, language),
            balance=msgspec.UNSET if presentation.balance is None else presentation.balance,
        )

    def _credential(self, shown: Shown) -> Credential:
        try:
            return self.recognise(shown)
        except CardFormatError as error:
            raise refusal_of(error) from None  # a bank card's number must not travel in a cause

    async def _account(self, credential: Credential, reader: str) -> Account:
        if credential.trust is not Trust.ROTATING:
            return await self._cards.resolve(credential, reader)
        # A nervous second scan of the same code, before its sale, is no second use of it. One that
        # comes later, or elsewhere, may be a photograph.
        where = reader or caller()
        shown_before = self._presentations.unused(credential)
        if shown_before is not None and self._scanned.get(credential.value) == where:
            return shown_before.account
        account = await self._live_codes.verify(credential, reader)
        self._scanned.put(credential.value, where)
        return account

    def _note_typed(self, found: Presentation, by: str, reason: str = "", *, once: bool) -> None:
        """Keep who typed a number; ``once`` for each sale and cashier, or each time."""
        if once and self._presentations.is_typed_by(found.id, by):
            return
        _, at, today = self._shop.moment()
        self.typed_numbers.note(found.account, at, today, by=by, reason=reason)
        self._presentations.note_typed(found.id, by)

    # What a sale does with it.

    def named(self, terms: SaleTerms, quoted: CardId = NO_CARD) -> NamedCard:
        """Return the card that a sale names, before the ledger was asked.

        quoted: the card of the quote that it names.
        """
        try:
            if terms.presentation:
                return NamedCard(presentation=self._presentations.get(terms.presentation))
            if terms.card:
                shown = Shown(Medium.TYPED, terms.card.encode())
                return NamedCard(number=self._credential(shown), quoted=quoted)
        except RefusedError as refusal:
            return NamedCard(refusal=refusal, quoted=quoted)
        return NamedCard(quoted=quoted)

    async def presented(
        self, named: NamedCard, view: View, cashier: str, sale_id: SaleId = NO_SALE
    ) -> Presentation | None:
        """Return the presentation that a sale names, or that of the number it was told, if any.

        view:    what the ledger has of it. cashier: who told the number; ``typed_numbers`` keeps it
                 until it is written.
        sale_id: the sale that is being written; a number that it has used may be told again.
        Raises:  RefusedError NO_CARD, and as `identify` for a number.
        """
        if named.refusal is not None:
            raise named.refusal
        number = named.number
        if number is None:
            return named.presentation
        if named.is_live:
            account = await self._account(number, "")
        else:
            account = self._cards.admitted(number, account_in(view))
        found = self._presentations.add(account, number, sale_id=sale_id)
        self._note_typed(found, cashier, once=True)
        return found

    def use(self, presentation: PresentationId, sale_id: SaleId, *, told: bool) -> None:
        """Bind a presentation to its one sale; see `Presentations.use`."""
        self._presentations.use(presentation, sale_id, told=told)

    def let_go(self, sale_id: SaleId) -> None:
        """Give back what `use` has bound to a sale that was refused."""
        self._presentations.let_go(sale_id)

    def forget(self, account: AccountId) -> None:
        """Forget every presentation of an account's cards: whoever has one shows it again."""
        self._presentations.forget(account)

    def is_used(self, presentation: PresentationId) -> bool:
        """Whether a presentation has had its sale."""
        return self._presentations.is_used(presentation)

    def check_spend(self, presentation: PresentationId, paid: int, currency: Currency) -> None:
        """Refuse a payment by a card that was shown in a way that does not spend.

        Raises: RefusedError NO_CARD, NEEDS_LIVE_CARD.
        """
        self._policy.check_spend(self._presentations.get(presentation), paid, currency)

    def account_that_may_spend(self, presentation: PresentationId) -> AccountId:
        """Return whose card was shown in a way that spends, and for no sale yet, or ""."""
        try:
            shown = self._presentations.get(presentation)
        except RefusedError:
            return NO_ACCOUNT
        return shown.account.account if self._vouches(shown) else NO_ACCOUNT

    def _vouches(self, shown: Presentation) -> bool:
        # After its sale the customer may have gone: whoever still has its id has no card.
        return self._policy.may_spend(shown) and not self.is_used(shown.id)

    # Which phone carries it.

    async def offer_phone(
        self, presentation: PresentationId, override: Override | None, approved_by: str = ""
    ) -> tuple[str, str]:
        """Return the code of a link that gives the card to a phone, and until when it is good."""
        shown = self._presentations.get(presentation)
        if override is None and not self._vouches(shown):
            raise RefusedError(
                ErrorCode.NEEDS_OVERRIDE,
                "Anybody can have copied this number. Make sure whose card it is; then a cashier"
                " answers for the link with a reason.",
            )
        by, reason = (override.by, override.reason) if override else ("", "")
        until = self._shop.now() + timedelta(seconds=LINK_TTL_S)
        who = {"by": by, "reason": reason, "approved_by": approved_by}
        return await self._phones.offer(shown.account, **who), rfc3339(until)

    async def revoke_phone(self, presentation: PresentationId, signed: Signed, reason: str) -> int:
        """Make a lost phone worthless; return how many phones the card has been taken from."""
        account = self._presentations.get(presentation).account
        generation = await self._phones.revoke(
            account, by=signed.by, reason=reason, approved_by=signed.approved_by
        )
        self._presentations.drop_live(account.account)
        return generation
