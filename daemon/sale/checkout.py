"""One sale at the checkout, each question of the till a page. Read this first.

identify     Shown -> Reading -> Credential -> Account -> Presentation    (recognition)
quote        basket + facts -> Quote                                      (pricing, posting)
hold, commit Quote, or a hold -> Posting -> answer, exactly once          (posting, decisions)
void         a hold is released, an unseen id is closed for good
decide       a chip that cannot tell what it did: somebody says so
return_sale  a posted sale -> what was burned returns, what was earned leaves
"""

from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

import msgspec

from daemon.accounts.issue_conditions import check_cards_back
from daemon.accounts.operators import Operators
from daemon.base.approval import Signed
from daemon.base.clock import rfc3339
from daemon.base.config import LimitsSection
from daemon.base.ids import PosSaleId, SaleId, given_id
from daemon.base.permissions import Action, may
from daemon.base.receipt_codes import ReceiptCode
from daemon.chip.registry import Chips
from daemon.ledger import returns
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.chip_sales import WAITING
from daemon.ledger.chip_transfers import TRANSFER
from daemon.ledger.ledger import RequestKey
from daemon.ledger.receipts import sale_of
from daemon.ledger.returns import Return
from daemon.ledger.sale_answers import Held, Invited, SaleStatus
from daemon.ledger.sale_records import ReturnedLine, Sale
from daemon.ledger.sale_states import SaleEvent, SaleState
from daemon.ledger.storage.queries import SALE, UNSETTLED
from daemon.ledger.storage.store import Reads, Store, View
from daemon.programme.programme import local_day
from daemon.sale.answers import Quoted
from daemon.sale.decisions import (
    ToPost,
    decide_by_hand,
    decide_commit,
    decide_hold,
    decide_longer,
    decide_return,
    decide_void,
    sale_to_post,
)
from daemon.sale.draft import NO_LIMITS, SaleDraft
from daemon.sale.facts import LedgerFacts
from daemon.sale.posting import Posting
from daemon.sale.terms import DecideTerms, ReturnTerms, SaleTerms
from daemon.shop.shop import Shop

NamedSale: TypeAlias = PosSaleId | ReceiptCode
"""A sale of this till by its POS's id, or of any till of this ledger by its receipt."""


class Checkout:
    """The till's questions about one sale. ``hold_ttl_s`` is a hold's where the till says none."""

    def __init__(
        self,
        shop: Shop,
        posting: Posting,
        chips: Chips,
        operators: Operators,
        hold_ttl_s: int,
        limits: LimitsSection = NO_LIMITS,
    ) -> None:
        """limits: what is posted on a day, at most."""
        self._shop = shop
        self._posting = posting
        self._chips = chips
        self._operators = operators
        self._hold_ttl_s = hold_ttl_s
        self._limits = limits

    async def quote(self, terms: SaleTerms) -> Quoted:
        """Price a basket and freeze the price for a quarter of an hour."""
        quote_id, priced = await self._posting.quote(terms)
        invited = Invited.of(priced.standing.invite, priced.frozen.facts)
        return Quoted.of(quote_id, priced.quote, invited)

    async def hold(
        self, key: RequestKey, given: PosSaleId, terms: SaleTerms, ttl_s: int | None
    ) -> msgspec.Raw:
        """Reserve what the sale will burn and use up; the total is frozen until the hold ends.

        The same again, with another time, lets it end later.
        """
        sale_id = self._shop.ledger.sale_id(given)

        async def attempt(now: datetime, known: LedgerFacts) -> msgspec.Raw:
            draft, _ = await self._signed(
                await self._posting.draft(sale_id, terms, now, known, SaleEvent.HOLD), terms
            )
            ttl = timedelta(seconds=ttl_s or self._hold_ttl_s)
            ends, until = rfc3339(self._shop.lasting() + ttl), rfc3339(now + ttl)
            # Which sale it is, is settled here: a provisional total has promised nothing.
            quote = draft.sale.quote
            shown = quote.total if terms.quote_id and not quote.provisional else None
            decide = partial(decide_hold, draft=draft, shown_total=shown, ends=ends, until=until)
            return await self._posting.post(key, draft, decide)

        async def again(known: LedgerFacts, answered: msgspec.Raw) -> msgspec.Raw:
            row, request = known.view.sale, known.view.request
            if ttl_s is None or row is None or row.state is not SaleState.HELD:
                return answered
            assert request is not None, "it was answered"
            first_until = datetime.fromisoformat(msgspec.json.decode(answered, type=Held).until)
            longer = timedelta(seconds=ttl_s)
            if first_until - datetime.fromisoformat(request.at) == longer:
                return answered
            reads = Reads(sale_id=sale_id, accounts=row.accounts)
            now, passed = self._shop.now(), self._shop.lasting()
            decide = partial(decide_longer, now=now, passed=passed, longer=longer)
            return await self._posting.change(decide, reads)

        return await self._posting.once(key, sale_id, attempt, terms, again)

    async def commit(
        self, key: RequestKey, given: PosSaleId, terms: SaleTerms, expected_total: int | None
    ) -> msgspec.Raw:
        """Post the sale: from its hold, from a quote, or priced now."""
        sale_id = self._shop.ledger.sale_id(given)

        async def attempt(now: datetime, known: LedgerFacts) -> msgspec.Raw:
            row = known.view.sale
            if row is not None and row.state in WAITING:
                resumed = await self._chips.resume(key, row)
                if resumed is not None:
                    return resumed
                _, row = await self._shop.ledger.stored_answer(key, sale_id)
                known = known.with_sale(row)
            draft, signed = await self._signed(
                await self._posting.draft(sale_id, terms, now, known, SaleEvent.COMMIT), terms
            )
            draft = msgspec.structs.replace(draft, limits=self._limits)
            was_shown = terms.quote_id or draft.standing.is_held
            shown = draft.sale.quote.total if was_shown else None
            expected = shown if expected_total is None else expected_total
            wanted = ToPost(draft, expected, self._shop.versions, self._beyond_limits(signed))
            if draft.sale.chip_purse:
                settle = partial(sale_to_post, wanted=wanted)
                written = await self._chips.sell(draft.for_chip(key.content, settle))
                if written is not None:
                    return written
            decide = partial(decide_commit, wanted=wanted)
            return await self._posting.post(key, draft, decide, befriends=True)

        return await self._posting.once(key, sale_id, attempt, terms)

    def _beyond_limits(self, signed: Signed) -> bool:
        """Whether who has approved a sale, with a PIN, may let it pass the limits of its day."""
        role = self._operators.role_of(signed.approved_by)
        return bool(signed.approved_by) and may(role, Action.BEYOND_LIMIT)

    async def _signed(self, draft: SaleDraft, terms: SaleTerms) -> tuple[SaleDraft, Signed]:
        """Return a draft with who has approved it. Raises RefusedError as `Operators.check`."""
        signed = await self._operators.check(
            Action.SELL, draft.sale.cashier, terms.approval, override=terms.override
        )
        return draft.approved(signed), signed

    async def void(self, key: RequestKey, given: PosSaleId, reason: str) -> msgspec.Raw:
        """Release a hold. A voided id stays voided, even one that was never seen before."""
        sale_id = self._shop.ledger.sale_id(given)

        async def attempt(now: datetime, known: LedgerFacts) -> msgspec.Raw:
            row = known.view.sale
            at = rfc3339(now)
            decide = partial(decide_void, sale_id=sale_id, at=at, reason=reason)
            reads = Reads(sale_id=sale_id, accounts=row.accounts if row else ())
            return await self._posting.write(key, at, decide, reads)

        return await self._posting.once(key, sale_id, attempt)

    async def decide(self, key: RequestKey, named: NamedSale, terms: DecideTerms) -> msgspec.Raw:
        """Take a manager's word for what a chip did, where it cannot tell."""
        sale_id = await self._find_waiting(named)

        async def attempt(now: datetime, known: LedgerFacts) -> msgspec.Raw:
            row = known.view.sale
            at, record = rfc3339(now), row.record if row else None
            reads = Reads(
                sale_id=sale_id,
                accounts=row.accounts if row else (),
                members_of=record.sale.account if record else "",
            )
            decide = partial(decide_by_hand, terms=terms, at=at, programme=self._shop.programme)
            return await self._shop.ledger.once(key, at, decide, reads)

        return await self._posting.once(key, sale_id, attempt)

    async def return_sale(
        self, key: RequestKey, named: NamedSale, terms: ReturnTerms
    ) -> msgspec.Raw:
        """Return lines of a posted sale, or all that is left of it."""
        sale_id = await self._find(named)

        async def attempt(now: datetime, known: LedgerFacts) -> msgspec.Raw:
            row = known.view.sale
            record = row.record if row else None
            sale = record.sale if record else None
            ask = self._return_asked(key.request_id, sale_id, terms, now)
            if not terms.dry:
                signed = await self._operators.check(
                    self._return_action(sale, ask), terms.cashier, terms.approval
                )
                ask = msgspec.structs.replace(ask, approved_by=signed.approved_by)
            version = sale.frozen.programme if sale else self._shop.programme.version
            priced_by = await self._shop.versions.version(version)
            reads = Reads(
                sale_id=sale_id,
                accounts=row.accounts if row else (),
                counters=returns.counters_of(record),
                members_of=sale.account if sale else "",
                with_codes=True,
            )
            versions = self._shop.versions
            decide = partial(
                decide_return, ask=ask, priced_by=priced_by, versions=versions, dry=terms.dry
            )
            check = partial(_check_cards, ask=ask)
            if terms.dry:
                return await self._posting.would(decide, reads, check)
            answer = await self._posting.write(key, ask.at, decide, reads, check)
            if sale is not None:
                await self._chips.pay_owed(sale.card_uid, sale.account)
            return answer

        if terms.dry:  # no id is used, so none is looked up
            return await attempt(self._shop.now(), await self._posting.known(sale_id))
        return await self._posting.once(key, sale_id, attempt)

    def _return_action(self, sale: Sale | None, ask: Return) -> Action:
        """Return which action it is to take ``sale`` back; None is one that nobody knows."""
        here = sale is None or (sale.store, sale.today) == (ask.store, ask.today)
        return Action.RETURN_TODAY if here else Action.RETURN_OTHER

    def _return_asked(
        self, return_id: str, sale_id: SaleId, terms: ReturnTerms, now: datetime
    ) -> Return:
        programme = self._shop.programme
        purse = programme.purses.get(chip_purse(programme)) if terms.in_cash else None
        return Return(
            return_id=return_id,
            sale_id=sale_id,
            store=self._posting.till.store,
            terminal=self._posting.till.terminal,
            at=rfc3339(now),
            today=local_day(programme, now).toordinal(),
            minute=programme.days.minute_of(now),
            cashier=terms.cashier,
            reason=terms.reason,
            lines=tuple(ReturnedLine(line, qty_milli) for line, qty_milli in terms.lines.items()),
            cash_worth=purse.worth if purse else 0,
        )

    async def _find(self, named: NamedSale) -> SaleId:
        """Return a sale's id. Raises RefusedError NOT_RETURNABLE for an unknown receipt."""
        if isinstance(named, ReceiptCode):
            return await self._shop.ledger.read(partial(sale_of, code=named))
        return self._shop.ledger.sale_id(named)

    async def _find_waiting(self, named: NamedSale) -> SaleId:
        """Return a sale's id, or that of an amount on its way to a chip, whichever till planned it.

        Raises: RefusedError NOT_RETURNABLE for an unknown receipt.
        """
        if isinstance(named, ReceiptCode) or not named.startswith(TRANSFER):
            return await self._find(named)
        rows = await self._shop.ledger.read(lambda store: store.ask(UNSETTLED))
        waiting = (row.sale_id for row in rows if given_id(row.sale_id) == named)
        return next(waiting, self._shop.ledger.sale_id(named))

    async def status(self, named: NamedSale) -> SaleStatus:
        """Say what happened to a sale. Raises RefusedError for an unknown receipt."""
        sale_id = await self._find(named)
        row = await self._shop.ledger.read(lambda store: store.ask_one(SALE, sale_id))
        return SaleStatus.of(given_id(sale_id), row, self._shop.lasting(), self._shop.now())


def _check_cards(store: Store, view: View, *, ask: Return) -> None:
    """Let a line that a card was sold with come back only after the card."""
    check_cards_back(store, ask.sale_id, view.sale.record if view.sale else None, ask.lines)
