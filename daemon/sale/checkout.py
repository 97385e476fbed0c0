"""One card at the checkout, from what a reader saw to the answer the POS gets. Read this first.

identify   Shown -> Reading -> Credential -> Account -> Presentation
quote      basket + facts -> Quote
commit     Quote, or a hold -> Posting -> answer, exactly once
give_back  a posted sale -> what was burned returns, what was earned leaves
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from card_formats import registry
from card_formats.credential import Credential, Medium, Shown, Trust, mask
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from daemon.accounts import typed_numbers
from daemon.accounts.cards import Account, Cards
from daemon.accounts.live_codes import LiveCodes
from daemon.accounts.phones import LINK_TTL_S, Phones
from daemon.base.clock import Clock, rfc3339
from daemon.base.expiring import ExpiringMap
from daemon.base.money import format_minor
from daemon.base.refusals import ErrorCode, RefusedError, refusal_of
from daemon.chip.purses import ChipPurses
from daemon.ledger import chip_sales, returns, sales, status_moves
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.chip_sales import WAITING
from daemon.ledger.ledger import Ledger, RequestKey, nothing_more, refusal_in
from daemon.ledger.sale_answers import Held, Posted, Returned, SaleStatus, Voided
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.sales import Return, ReturnedLine, Sale
from daemon.ledger.storage.rows import CODES_OF, MEMBERS_OF
from daemon.ledger.storage.store import Change, SaleRow, Store, View
from daemon.programme.basket import LineId
from daemon.programme.programme import local_day
from daemon.sale.answers import Identified, Quoted
from daemon.sale.draft import Draft, credit_of
from daemon.sale.presentations import Presentation, Presentations
from daemon.sale.pricing import Priced, Pricing, repriced
from daemon.sale.terms import Override, SaleTerms
from daemon.shop.programme_versions import ProgrammeVersions

QUOTE_TTL_S = 900
QUOTES_MAX = 1_000
_TRUST_ORDER = tuple(Trust)


class CheckoutPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop allows at this till."""

    terminal: str
    ranges: tuple[NumberRange, ...]
    spend_from: Trust
    hold_ttl_s: int
    typed_spend_max: int | None = None


class Checkout:
    """The till's four questions: whose card, what price, commit, take back."""

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        live_codes: LiveCodes,
        phones: Phones,
        pricing: Pricing,
        versions: ProgrammeVersions,
        clock: Clock,
        policy: CheckoutPolicy,
        chips: ChipPurses | None = None,
    ) -> None:
        self._ledger = ledger
        self._cards = cards
        self._live_codes = live_codes
        self._phones = phones
        self._pricing = pricing
        self._versions = versions
        self._clock = clock
        self._policy = policy
        self._chips = chips
        self._presentations = Presentations(clock)
        self._quotes: ExpiringMap[Priced] = ExpiringMap(
            clock, ttl_s=QUOTE_TTL_S, size_max=QUOTES_MAX
        )

    # Whose card is this?

    def recognise(self, shown: Shown) -> Credential:
        """Decode and recognise. Raises CardFormatError and its kinds."""
        return registry.recognise(registry.decode(shown), self._policy.ranges)

    async def identify(
        self, shown: Shown, reader: str = "", *, by: str = "", reason: str = ""
    ) -> Identified:
        """Say whose card was shown; ``by`` and ``reason`` are kept where its number was typed.

        What lies at a reader may be asked about again: it was typed once by each who is named.
        Raises: RefusedError with what the cashier should do.
        """
        if self._chips is not None and reader and shown.medium is Medium.CHIP:
            proven = await self._chips.prove(shown, reader)
            if proven is not None:
                return _identified(
                    self._presentations.add(proven.account, proven.credential, proven.balance)
                )
        credential = self._credential(shown)
        found = self._presentations.add(await self._account(credential, reader), credential)
        if shown.medium is Medium.TYPED:
            await self._count_typed(found, by, reason, once=bool(reader))
        return _identified(found)

    def _credential(self, shown: Shown) -> Credential:
        try:
            return self.recognise(shown)
        except CardFormatError as error:
            raise refusal_of(error) from None  # a bank card's number must not travel in a cause

    async def _count_typed(
        self, found: Presentation, by: str, reason: str = "", *, once: bool
    ) -> None:
        """Write down who typed a number; ``once`` for each sale and cashier, or each time."""
        if once and self._presentations.is_typed_by(found.presentation, by):
            return
        now = self._clock.now()
        today = local_day(self._versions.active, now)
        await typed_numbers.count(
            self._ledger, found.account, rfc3339(now), today, by=by, reason=reason
        )
        self._presentations.note_typed(found.presentation, by)

    async def _account(self, credential: Credential, reader: str) -> Account:
        if credential.trust is not Trust.ROTATING:
            return await self._cards.resolve(credential, reader)
        # A nervous second scan of the same code, before its sale, is no second use of it.
        shown_before = self._presentations.unused(credential)
        if shown_before is not None:
            return shown_before.account
        return await self._live_codes.verify(credential, reader)

    async def offer_phone(self, presentation: str, override: Override | None) -> tuple[str, str]:
        """Return the code of a link that gives the card to a phone, and until when it is good."""
        shown = self._presentations.get(presentation)
        if override is None and not self._may_spend(shown):
            raise RefusedError(
                ErrorCode.NEEDS_OVERRIDE,
                "Anybody can have copied this number. Make sure whose card it is; then a cashier"
                " answers for the link with a reason.",
            )
        by, reason = (override.by, override.reason) if override else ("", "")
        until = self._clock.now() + timedelta(seconds=LINK_TTL_S)
        return await self._phones.offer(shown.account, by=by, reason=reason), rfc3339(until)

    def is_used(self, presentation: str) -> bool:
        """Whether a presentation has had its sale."""
        return self._presentations.is_used(presentation)

    async def revoke_phone(self, presentation: str, by: str, reason: str) -> int:
        """Make a lost phone worthless; return how many phones the card has been taken from."""
        account = self._presentations.get(presentation).account
        generation = await self._phones.revoke(account, by=by, reason=reason)
        self._presentations.drop_live(account.account)
        return generation

    # What does this basket cost with it?

    async def quote(self, terms: SaleTerms) -> Quoted:
        """Price a basket and freeze the price for a quarter of an hour."""
        priced = await self._price(terms)
        quote_id = "q" + secrets.token_hex(8)
        self._quotes.put(quote_id, priced)
        return Quoted.of(quote_id, priced.quote)

    async def _price(self, terms: SaleTerms, sale_id: str = "") -> Priced:
        presentation = await self._presented(terms, sale_id)
        priced = await self._pricing.price(terms, presentation)
        self._check_may_spend(priced, terms.override)
        return priced

    async def _presented(self, terms: SaleTerms, sale_id: str) -> Presentation | None:
        if terms.presentation:
            return self._presentations.get(terms.presentation)
        if terms.card:
            credential = self._credential(Shown(Medium.TYPED, terms.card.encode()))
            account = await self._account(credential, "")
            found = self._presentations.add(account, credential, sale_id=sale_id)
            await self._count_typed(found, terms.cashier, once=True)
            return found
        return None

    def _check_may_spend(self, priced: Priced, override: Override | None) -> None:
        if not priced.card_pays or override is not None:
            return
        shown = self._presentations.get(priced.presentation)
        most = self._policy.typed_spend_max
        if most is not None and shown.is_typed:
            if priced.paid_by_card > most:
                raise RefusedError(
                    ErrorCode.NEEDS_LIVE_CARD,
                    f"A typed number pays up to {format_minor(most)}: ask for the card itself,"
                    " or let a senior cashier override with a reason.",
                )
        elif not self._may_spend(shown):
            raise RefusedError(
                ErrorCode.NEEDS_LIVE_CARD,
                "This card collects but does not spend: ask for the chip or the phone's live code,"
                " or let a senior cashier override with a reason.",
            )

    def _may_spend(self, shown: Presentation) -> bool:
        trust = shown.credential.trust
        return _TRUST_ORDER.index(trust) >= _TRUST_ORDER.index(self._policy.spend_from)

    # Commit this sale.

    async def hold(
        self, key: RequestKey, sale_id: str, terms: SaleTerms, ttl_s: int | None
    ) -> msgspec.Raw:
        """Reserve what the sale will burn and use up; the total is frozen until the hold ends."""

        async def attempt(now: datetime, row: SaleRow | None) -> msgspec.Raw:
            draft = await self._draft(sale_id, terms, now, row, SaleEvent.HOLD)
            until = rfc3339(now + timedelta(seconds=ttl_s or self._policy.hold_ttl_s))

            def decide(view: View) -> tuple[Change, Held]:
                sale = draft.settled(view)
                decision = sales.hold(view, sale, until)
                return decision.change, Held.of(sale, until, decision)

            return await self._post(key, draft, decide)

        return await self._once(key, sale_id, attempt)

    async def commit(
        self, key: RequestKey, sale_id: str, terms: SaleTerms, expect_total: int | None
    ) -> msgspec.Raw:
        """Post the sale: from its hold, from a quote, or priced now."""

        async def attempt(now: datetime, row: SaleRow | None) -> msgspec.Raw:
            if self._chips is not None and row is not None and row.state in WAITING:
                resumed = await self._chips.resume(key, row)
                if resumed is not None:
                    return resumed
                _, row = await self._ledger.look(key, sale_id)
            draft = await self._draft(sale_id, terms, now, row, SaleEvent.COMMIT)
            shown = draft.sale.quote.total if terms.quote_id else None
            expected = shown if expect_total is None else expect_total

            def settle(view: View) -> Sale:
                sale = draft.settled(view)
                _check_total(sale, expected)
                return draft.issuing(sales.counted(sale, self._versions.counting))

            if self._chips is not None and draft.sale.chip_purse:
                written = await self._chips.sell(draft.for_chip(key.content, settle))
                if written is not None:
                    return written

            def decide(view: View) -> tuple[Change, Posted]:
                sale = settle(view)
                # What the chip does not take now it is owed; with the card here that is nothing.
                sale = msgspec.structs.replace(sale, owed=sale.chip_net)
                decision = sales.commit(view, sale, self._versions.active.statuses)
                return decision.change, Posted.of(sale, decision)

            return await self._post(key, draft, decide)

        return await self._once(key, sale_id, attempt)

    async def void(self, key: RequestKey, sale_id: str, reason: str) -> msgspec.Raw:
        """Release a hold. A voided id stays voided, even one that was never seen before."""

        async def attempt(now: datetime, row: SaleRow | None) -> msgspec.Raw:
            at = rfc3339(now)

            def decide(view: View) -> tuple[Change, Voided]:
                state = sales.state_of(view)
                if state is SaleState.NEW:
                    decision = sales.forestall(view, sale_id, at, reason)
                elif state in WAITING:
                    decision = chip_sales.void(view, at, reason)
                else:
                    decision = sales.release(view, at, SaleEvent.VOID, reason)
                return decision.change, Voided.of(decision)

            return await self._ledger.perform(
                key, at=at, sale_id=sale_id, accounts=sales.accounts_of(row), decide=decide
            )

        return await self._once(key, sale_id, attempt)

    # Take this sale back.

    async def give_back(
        self,
        key: RequestKey,
        sale_id: str,
        lines: Mapping[LineId, int],
        cashier: str,
        reason: str,
        *,
        in_cash: bool = False,
    ) -> msgspec.Raw:
        """Return lines of a posted sale (thousandths of a unit by line), or all that is left.

        in_cash: pay out what the card's chip would get back.
        """

        async def attempt(now: datetime, row: SaleRow | None) -> msgspec.Raw:
            asked = tuple(ReturnedLine(line, qty_milli) for line, qty_milli in lines.items())
            ask = Return(
                return_id=key.request_id,
                sale_id=sale_id,
                at=rfc3339(now),
                today=local_day(self._versions.active, now).toordinal(),
                cashier=cashier,
                reason=reason,
                lines=asked,
                cash_worth=self._pricing.chip_worth() if in_cash else 0,
            )
            sale = sales.decode_record(row.body).sale if row is not None and row.body else None
            version = sale.frozen.programme if sale else self._versions.active.version
            priced_by = await self._versions.version(version)

            def decide(view: View) -> tuple[Change, Returned]:
                decision, back = returns.take_back(view, ask, priced_by, self._versions.active)
                return decision.change, Returned.of(ask.return_id, back, decision)

            answer = await self._ledger.perform(
                key,
                at=ask.at,
                sale_id=sale_id,
                accounts=sales.accounts_of(row),
                counters=[code.counter for code in sale.issued] if sale else (),
                also=_members_and_codes,
                decide=decide,
            )
            if self._chips is not None and row is not None and row.body:
                sold = sales.decode_record(row.body).sale
                await self._chips.pay_owed(sold.card_uid, sold.account)
            return answer

        return await self._once(key, sale_id, attempt)

    async def status(self, sale_id: str) -> SaleStatus:
        """Say what happened to a sale."""

        def read(store: Store) -> tuple[SaleRow | None, RefusedError | None]:
            rows = (store.request(method, sale_id) for method in ("sale.commit", "sale.hold"))
            refusals = (refusal_in(row) for row in rows if row is not None)
            return store.sale(sale_id), next((one for one in refusals if one), None)

        row, refusal = await self._ledger.read(read)
        return SaleStatus.of(sale_id, row, refusal, rfc3339(self._clock.now()))

    # What they share.

    async def _once(
        self,
        key: RequestKey,
        sale_id: str,
        attempt: Callable[[datetime, SaleRow | None], Awaitable[msgspec.Raw]],
    ) -> msgspec.Raw:
        # The id is looked up before anything else is looked at: a replay is a replay even when
        # its quote is long forgotten and its card was blocked since.
        replayed, row = await self._ledger.look(key, sale_id)
        if replayed is not None:
            return replayed
        now = self._clock.now()
        try:
            return await attempt(now, row)
        except RefusedError as refusal:
            if refusal.code.retryable:
                raise
            return await self._ledger.refuse(key, rfc3339(now), refusal)

    async def _post(
        self, key: RequestKey, draft: Draft, decide: Callable[[View], tuple[Change, msgspec.Struct]]
    ) -> msgspec.Raw:
        decides_statuses = draft.sale.account and self._versions.active.statuses
        return await self._ledger.perform(
            key,
            at=draft.sale.at,
            sale_id=draft.sale.sale_id,
            accounts=draft.accounts,
            counters=draft.counters,
            also=draft.members if decides_statuses else nothing_more,
            decide=decide,
        )

    async def _draft(
        self, sale_id: str, terms: SaleTerms, now: datetime, row: SaleRow | None, event: SaleEvent
    ) -> Draft:
        after(row.state if row else SaleState.NEW, event)  # decided again inside the transaction
        if row is not None and row.state is SaleState.HELD:
            return await self._held_draft(row, terms, now)
        priced = await self._priced(terms, sale_id)
        if priced.presentation:
            self._presentations.use(priced.presentation, sale_id, said=bool(terms.card))
        sale = Sale(
            sale_id=sale_id,
            account=priced.account,
            terminal=self._policy.terminal,
            cashier=terms.cashier,
            at=rfc3339(now),
            today=priced.today,
            frozen=priced.frozen,
            quote=priced.quote,
            credit=credit_of(priced.programme),
            gifts=priced.gifts,
            card_pays=priced.card_pays,
            ordinals=priced.ordinals,
            chip_purse=chip_purse(priced.programme),
            card_uid=priced.card_uid,
            tenders=terms.tenders,
        )
        return Draft(sale, priced.programme, priced)

    async def _priced(self, terms: SaleTerms, sale_id: str) -> Priced:
        if terms.quote_id is None:
            return await self._price(terms, sale_id)
        priced = self._quotes.get(terms.quote_id)
        if priced is None:
            raise RefusedError(
                ErrorCode.QUOTE_UNKNOWN, "This quote is not known any more; quote again."
            )
        priced = await self._pricing.with_burn(priced, terms.burn)
        self._check_may_spend(priced, terms.override)
        return priced

    async def _held_draft(self, row: SaleRow, terms: SaleTerms, now: datetime) -> Draft:
        held = sales.decode_record(row.body).sale
        quoted = self._quotes.get(terms.quote_id) if terms.quote_id else None
        lines = quoted.frozen.basket.lines if quoted else terms.lines
        if lines is not None and lines != held.frozen.basket.lines:
            raise RefusedError(
                ErrorCode.EXCEEDS_HOLD, "The basket is not the one on hold; void it and sell anew."
            )
        programme = await self._versions.version(held.frozen.programme)
        frozen, quote = held.frozen, held.quote
        if terms.burn is not None:
            frozen, quote = await repriced(programme, frozen, terms.burn)
        sale = msgspec.structs.replace(
            held,
            at=rfc3339(now),
            cashier=terms.cashier or held.cashier,
            frozen=frozen,
            quote=quote,
            tenders=terms.tenders,
        )
        return Draft(sale, programme)


def _members_and_codes(store: Store, view: View) -> View:
    if view.sale is None or not view.sale.body:
        return view
    states = status_moves.states_of(store.ask(MEMBERS_OF, view.sale.account))
    issued = tuple(store.ask(CODES_OF, view.sale.sale_id))
    return msgspec.structs.replace(view, members=states, codes=issued)


def _check_total(sale: Sale, expected: int | None) -> None:
    if expected not in (None, sale.quote.total):
        raise RefusedError(
            ErrorCode.TOTAL_CHANGED,
            f"The total is {sale.quote.total}, not {expected}; nothing was posted."
            " Quote again with a new sale id; void this one if it is on hold.",
            extra={"total": sale.quote.total},
        )


def _identified(presentation: Presentation) -> Identified:
    account, credential = presentation.account, presentation.credential
    name = account.profile.name
    return Identified(
        presentation=presentation.presentation,
        card=mask(account.card.number or credential.value),
        account=account.account,
        name=name,
        trust=credential.trust,
        medium=credential.medium,
        status=account.card.state,
        message=f"Good day, {name}!" if name else "Card accepted.",
        balance=msgspec.UNSET if presentation.balance is None else presentation.balance,
    )
