"""From a price to a written sale: quotes that wait, drafts, and the one write of each request.

    terms ──> priced ──> draft ──> decision ──> change + answer
              quote_id   hold      (decisions)  (one transaction)

A request is looked up by its id with all that it may need, and its answer comes first: a replay is
a replay even when its quote is long forgotten and its card was blocked since. An id is bound by
what was written under it, and by nothing else: a refusal writes nothing, keeps nothing and lets go
of the card.
"""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.expiring import ExpiringMap
from daemon.base.ids import NO_CARD, NO_SALE, AccountId, QuoteId, SaleId, given_id
from daemon.base.receipt_codes import TillNames
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import ANSWER_BYTES_MAX, ENVELOPE_BYTES_MAX, Override
from daemon.customers.friends import befriend
from daemon.ledger.ledger import Job, RequestKey, repeated
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.storage.store import Change, Reads, Store, View
from daemon.programme.names import CARD_LANGUAGE
from daemon.programme.quote import Quote
from daemon.sale.draft import SaleDraft
from daemon.sale.facts import LedgerFacts, SaleQuestion
from daemon.sale.presentations import NO_CARD_NAMED, Presentation
from daemon.sale.pricing import PricedSale, Pricing, repriced
from daemon.sale.quoted_terms import check_same, is_same
from daemon.sale.recognition import Recognition
from daemon.sale.standing import Standing
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Shop

QUOTE_TTL_S = 900
QUOTES_MAX = 1_000
"""Quotes of one client that wait for their sale; one more and its oldest is forgotten."""
QUOTES_BYTES_MAX = 4 * 1024 * 1024
"""Of them, as JSON (in memory about three times as much): 40 of a thousand lines, or all the
QUOTES_MAX of a usual sale. Then the oldest is forgotten, too."""

RESULT_BYTES_MAX = ANSWER_BYTES_MAX - ENVELOPE_BYTES_MAX
PARTS_LOOKED_AT = 500
"""Lines and discounts of a quote that certainly fit an answer."""

_LEDGER_FAILED = (ErrorCode.BUSY, ErrorCode.STORAGE_FULL, ErrorCode.LEDGER_DAMAGED)

Attempt = Callable[[datetime, LedgerFacts], Awaitable[msgspec.Raw]]
Again = Callable[[LedgerFacts, msgspec.Raw], Awaitable[msgspec.Raw]]
Decide = Callable[[View], tuple[Change, msgspec.Struct]]
Check = Callable[[Store, View], None]


def nothing_else(store: Store, view: View) -> None:
    """Refuse nothing."""


class _Served(NamedTuple):
    quote_id: QuoteId
    sale_id: SaleId


class Posting:
    """Prices, drafts and writes sales."""

    def __init__(
        self,
        shop: Shop,
        recognition: Recognition,
        pricing: Pricing,
        till: TillNames,
        thanks: Callable[[str], str] = lambda language: "",
    ) -> None:
        """thanks: what a receipt says in a customer's language, "" for one that is not known."""
        self._shop = shop
        self._recognition = recognition
        self._pricing = pricing
        self.till = till
        self._thanks = thanks
        self._quotes: ExpiringMap[PricedSale] = ExpiringMap(
            shop.clock, ttl_s=QUOTE_TTL_S, size_max=QUOTES_MAX, weight_max=QUOTES_BYTES_MAX
        )
        self._served: ExpiringMap[_Served] = ExpiringMap(
            shop.clock, ttl_s=QUOTE_TTL_S, size_max=QUOTES_MAX
        )

    # The price.

    async def quote(self, terms: SaleTerms) -> tuple[QuoteId, PricedSale]:
        """Price a basket and keep the price for QUOTE_TTL_S; return its id and it."""
        self._check_currency(terms)
        question = self._question(terms)
        known = await self._shop.ledger.read(question.asked)
        try:
            priced = await self._price(terms, known)
        finally:
            await self._recognition.typed_numbers.write()
        self._recognition.look_ups.followed(priced.standing.account)
        quote_id = QuoteId("q" + secrets.token_hex(8))
        self._quotes.put(quote_id, priced, _bytes_of(priced))
        return quote_id, priced

    def _question(self, terms: SaleTerms | None) -> SaleQuestion:
        """Return what is asked of the ledger before a sale of these terms is looked at."""
        if terms is None:
            return self._pricing.question(NO_CARD_NAMED, priced=False)
        quoted = self._quotes.get(terms.quote_id) if terms.quote_id else None
        named = self._recognition.named(terms, quoted.card_id if quoted else NO_CARD)
        at_once = not (terms.quote_id or terms.codes or named.is_live)
        return self._pricing.question(named, priced=at_once)

    async def _price(
        self, terms: SaleTerms, known: LedgerFacts, sale_id: SaleId = NO_SALE
    ) -> PricedSale:
        presentation = await self._presented(terms, known, sale_id)
        priced = await self._pricing.price(terms, presentation, known)
        _check_answerable(priced.quote)
        self._check_spend(priced, terms.override)
        return priced

    async def _presented(
        self, terms: SaleTerms, known: LedgerFacts, sale_id: SaleId
    ) -> Presentation | None:
        return await self._recognition.presented(known.named, known.view, terms.cashier, sale_id)

    async def _quoted_price(
        self, quote_id: QuoteId, terms: SaleTerms, sale_id: SaleId, known: LedgerFacts
    ) -> PricedSale:
        priced = self._quotes.get(quote_id)
        if priced is None:
            raise RefusedError(
                ErrorCode.QUOTE_UNKNOWN, "This quote is not known any more; quote again."
            )
        check_same(terms, priced)
        self._serve(quote_id, sale_id)
        await self._pricing.check_still_good(priced, known.view)
        self._check_spend(priced, terms.override)
        return priced

    def _serve(self, quote_id: QuoteId, sale_id: SaleId) -> None:
        """Bind a quote to its one sale. Raises RefusedError QUOTE_UNKNOWN for a second one."""
        served = self._served.get(quote_id)
        if served is not None and served.sale_id != sale_id:
            used_by = given_id(served.sale_id)
            raise RefusedError(
                ErrorCode.QUOTE_UNKNOWN,
                f"This quote has served the sale {used_by!r}; quote again.",
                extra={"used_by": used_by},
            )
        self._served.put(quote_id, _Served(quote_id, sale_id))

    def _let_go(self, sale_id: SaleId) -> None:
        """Give back the card and the quote of a sale of which nothing was written."""
        self._recognition.let_go(sale_id)
        for served in self._served.values():
            if served.sale_id == sale_id:
                self._served.drop(served.quote_id)

    def _check_spend(self, priced: PricedSale, override: Override | None) -> None:
        if priced.card_pays and override is None:
            paid, currency = priced.paid_by_card, priced.programme.currency
            self._recognition.check_spend(priced.presentation, paid, currency)

    def forget(self, account: AccountId) -> None:
        """Forget what was shown and quoted of an account's customer, who was erased."""
        self._recognition.forget(account)
        self._quotes.drop_where(lambda priced: priced.standing.account == account)

    # The draft.

    async def draft(
        self,
        sale_id: SaleId,
        terms: SaleTerms,
        now: datetime,
        known: LedgerFacts,
        event: SaleEvent,
    ) -> SaleDraft:
        """Return the sale as it would be written at ``now``: from its hold, a quote, or its lines.

        known:  the sale's row, where there is one, and what it rests on. Whether ``event`` may
                happen to it is decided again inside the transaction; here it spares the work.
        Raises: RefusedError for states, quotes, cards, burns.
        """
        self._check_currency(terms)
        row = known.view.sale
        after(row.state if row else SaleState.NEW, event)
        if row is not None and row.state is SaleState.HELD:
            return await self._held_draft(row, terms, now, known)
        if terms.quote_id is None:
            priced = await self._price(terms, known, sale_id)
        else:
            priced = await self._quoted_price(terms.quote_id, terms, sale_id, known)
        if priced.presentation:
            self._recognition.use(priced.presentation, sale_id, told=bool(terms.card))
        thanks = self._thanks(str(priced.frozen.facts.get(CARD_LANGUAGE, "")))
        return SaleDraft.of(sale_id, priced, terms, rfc3339(now), self.till, thanks)

    async def _held_draft(
        self, row: SaleRow, terms: SaleTerms, now: datetime, known: LedgerFacts
    ) -> SaleDraft:
        assert row.record is not None, "it is on hold"
        held = row.record.sale
        if row.until <= rfc3339(self._shop.lasting()):  # whether or not the sweep has come by
            raise RefusedError(ErrorCode.HOLD_EXPIRED, "The hold has run out; use a new sale id.")
        quoted = self._quotes.get(terms.quote_id) if terms.quote_id else None
        if quoted is not None:
            check_same(terms, quoted)
        lines = quoted.frozen.basket.lines if quoted else terms.lines
        if lines is not None and not is_same(lines, held.frozen.basket.lines):
            raise RefusedError(
                ErrorCode.EXCEEDS_HOLD, "The basket is not the one on hold; void it and sell anew."
            )
        await self._check_held(held, terms, known)
        programme = await self._shop.versions.version(held.frozen.programme)
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
            override=terms.override or held.override,
        )
        return SaleDraft(sale, Standing.of_hold(row.record, programme))

    async def _check_held(self, held: Sale, terms: SaleTerms, known: LedgerFacts) -> None:
        """Refuse a card, codes or a payment that are not those on hold; what is left out passes."""
        presentation = await self._presented(terms, known, held.sale_id)
        codes = {*held.frozen.basket.codes, *held.gifts}
        other = [
            name
            for name, differs in (
                ("card", presentation and presentation.account.account != held.account),
                ("codes", terms.codes and {*terms.codes} != codes),
                ("payment", terms.payment and terms.payment != held.frozen.basket.payment),
            )
            if differs
        ]
        if other:
            raise RefusedError(
                ErrorCode.EXCEEDS_HOLD,
                f"The {other[0]} of the sale on hold is another; void it and sell anew.",
            )

    def _check_currency(self, terms: SaleTerms) -> None:
        ours = self._shop.programme.currency.code
        if terms.currency not in ("", ours):
            problem = f"the programme counts in {ours}, not in {terms.currency}"
            raise ParamError("currency", problem)

    # The write.

    async def once(
        self,
        key: RequestKey,
        sale_id: SaleId,
        attempt: Attempt,
        terms: SaleTerms | None = None,
        again: Again | None = None,
    ) -> msgspec.Raw:
        """Answer a request from what is stored, or let ``attempt`` answer it now.

        again: asked about a request that was answered before, with that answer.
        attempt: takes the time, and what the ledger said: the sale's row, and of ``terms`` what
                 they rest on.
        """
        place = key.place(self._shop.ledger.ledger_id)
        question = msgspec.structs.replace(self._question(terms), request=place, sale_id=sale_id)
        known = await self._shop.ledger.read(question.asked)
        replayed = repeated(key, known.view)
        if replayed is not None:
            return replayed if again is None else await again(known, replayed)
        try:
            return await attempt(self._shop.now(), known)
        except RefusedError as refusal:
            # The same call, made twice at once, may have been answered the first time meanwhile.
            # Where the ledger itself failed, what is read now need not be on the disk.
            replayed, row = await self._shop.ledger.stored_answer(key, sale_id)
            if replayed is not None and refusal.code not in _LEDGER_FAILED:
                return replayed
            is_new = row is None or row.state is SaleState.NEW
            if is_new and not refusal.state_unknown:
                self._let_go(sale_id)
            raise
        finally:  # what no sale has taken along
            await self._recognition.typed_numbers.write()

    async def post(
        self, key: RequestKey, draft: SaleDraft, decide: Decide, *, befriends: bool = False
    ) -> msgspec.Raw:
        """Write a draft, with whatever else its decision reads in the same transaction.

        befriends: whether the code of a friend that it shows is written down with it.
        """
        reads = draft.reads
        if self._shop.programme.statuses:  # which the sale counts in
            reads = msgspec.structs.replace(reads, members_of=draft.sale.account)

        def job(store: Store, view: View) -> tuple[Change, msgspec.Struct]:
            view = draft.standing.viewed(store, view, reads)
            made = decide(view)
            if befriends and not view.misfit:
                befriend(store, draft.standing.programme, draft.sale)
            typed.write(store)
            return made

        with self._recognition.typed_numbers.taken() as typed:
            return await _once(self._shop, key, draft.sale.at, job, reads)

    async def write(
        self, key: RequestKey, at: str, decide: Decide, reads: Reads, check: Check = nothing_else
    ) -> msgspec.Raw:
        """Write what ``decide`` makes of what ``reads`` names, exactly once; return the answer.

        check: asked before, in the same transaction; it raises what is refused.
        """

        def job(store: Store, view: View) -> tuple[Change, msgspec.Struct]:
            check(store, view)
            return decide(view)

        return await _once(self._shop, key, at, job, reads)

    async def known(self, sale_id: SaleId) -> LedgerFacts:
        """Return what the ledger says of a sale."""
        question = msgspec.structs.replace(self._question(None), sale_id=sale_id)
        return await self._shop.ledger.read(question.asked)

    async def would(self, decide: Decide, reads: Reads, check: Check = nothing_else) -> msgspec.Raw:
        """Return what ``decide`` would answer; nothing is written."""

        def asked(store: Store) -> View:
            view = store.view(reads)
            check(store, view)
            return view

        return msgspec.Raw(msgspec.json.encode(decide(await self._shop.ledger.read(asked))[1]))

    async def change(self, decide: Decide, reads: Reads) -> msgspec.Raw:
        """Write what ``decide`` makes of what ``reads`` names; return the answer, kept nowhere."""

        def job(store: Store) -> msgspec.Raw:
            change, answer = decide(store.view(reads))
            store.write(change)
            return msgspec.Raw(msgspec.json.encode(answer))

        return await self._shop.ledger.update(job)


async def _once(shop: Shop, key: RequestKey, at: str, job: Job, reads: Reads) -> msgspec.Raw:
    return await shop.ledger.once(key, at, job, reads, answer_bytes_max=RESULT_BYTES_MAX)


def _bytes_of(priced: PricedSale) -> int:
    return len(msgspec.json.encode(priced.terms)) + len(msgspec.json.encode(priced.quote))


def _check_answerable(quote: Quote) -> None:
    """Refuse a sale whose answer could not be sent, before a chip or the ledger is written."""
    parts = len(quote.lines) + sum(len(line.applied) for line in quote.lines)
    # An encoding is spared where it is certain to be small: texts of rules are short.
    if parts > PARTS_LOOKED_AT and len(msgspec.json.encode(quote)) > RESULT_BYTES_MAX:
        raise ParamError(
            "lines",
            f"the answer would have more than {RESULT_BYTES_MAX} bytes; nothing was written;"
            " send fewer lines at once",
        )
