"""What a price rests on in the ledger, read for the quote and again where the sale is written.

Between a price and its sale another till may sell to the same card: the welcome discount is due
once, and the hundredth customer is one. So what was read for the price is read again inside the
transaction that writes the sale, and compared. Only where a rule looks at what has changed is the
price made again. Two tills quote a card that has never bought, with 10 % off the first purchase:

    till 1    quote 90.00                commit: visits 0, as quoted    posted 90.00
    till 2    quote 90.00                commit: visits 1               100.00, not 90.00: refused

What is not looked at costs nothing: a programme whose rules ask for no meter has none read. What a
hold has reserved is given back to the purses first, so that a sale is not compared with itself.

A sale that waits for its chip has moved no meter yet, and cannot be refused any more: the chip may
be written. So rules see its meters as if it were posted. Should it be void in the end, the next
sale finds them as they were.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from daemon.accounts.cards import Profile, profile_in
from daemon.accounts.shown_codes import number
from daemon.base.ids import NO_ACCOUNT, AccountId, SaleId
from daemon.customers.friends import NO_END, misfit
from daemon.ledger import chip_sales, status_moves
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.sale_records import SaleRecord
from daemon.ledger.sales import whose
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.queries import UNSETTLED_OF
from daemon.ledger.storage.store import NO_REQUEST, Reads, Store, View
from daemon.programme.basket import Fact
from daemon.programme.names import (
    ANSWER,
    CARD_LANGUAGE,
    INVITE_FRIEND,
    INVITE_UNFIT,
    METER,
    PURSE,
    REFERRER_EMPLOYEE,
    REFERRER_PARTNER,
    STATUS,
    answer_fact,
    code_counter,
    code_fact,
    gift_fact,
    meter_fact,
    purse_fact,
    status_fact,
    used_fact,
    uses_fact,
)
from daemon.programme.programme import Programme
from daemon.programme.vocabulary import ORDINALS
from daemon.programme.windows import counters, windows

REFERRERS = {
    "card.referrer": "referrer",
    REFERRER_PARTNER: "partner",
    REFERRER_EMPLOYEE: "employee",
}
"""The facts that name who sent the customer, and where a profile says it."""
OF_THE_PROFILE = ("card.name", "card.birthday", "card.tags", CARD_LANGUAGE, *REFERRERS)
"""Facts of a profile; what customers answer to questions of the shop's own is beside them."""
MOVED = (METER, STATUS, PURSE, *ORDINALS)
"""How the facts begin that other sales change."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a card stands as a price sees it, on the local day of the price.

    codes:    those that were shown. gifts: the accounts of the gift cards among them.
    invite:   the code of a friend that was shown.
    ordinals: the counters that say which sale the next one is, where a rule asks.
    begun:    the statuses that the card has, each with the day it began.
    reserved: what the sale's own hold has taken from purses: lots by a key of SaleRecord; None
              before a hold.
    """

    programme: Programme
    account: AccountId
    today: date
    codes: tuple[str, ...] = ()
    gifts: dict[str, AccountId] = {}
    invite: InviteRow | None = None
    ordinals: tuple[str, ...] = ()
    begun: dict[str, date] = {}
    reserved: Mapping[str, tuple[Lot, ...]] | None = None

    @classmethod
    def of_hold(cls, record: SaleRecord, programme: Programme) -> "Standing":
        """Return that of a sale on hold: its uses and its ordinals are taken, and its own."""
        sale = record.sale
        return cls(
            programme=programme,
            account=sale.account,
            today=date.fromordinal(sale.today),
            gifts=sale.gifts,
            invite=sale.invite,
            reserved=record.burned,
        )

    @property
    def is_held(self) -> bool:
        """Whether the sale has a hold, which has taken its uses."""
        return self.reserved is not None

    # What is read.

    @property
    def limits(self) -> dict[str, int]:
        """Every counter of a limit that decides the price, with the limit."""
        return counters(self.programme, self.account or None, self.today, self.codes)

    def reads(self, sale_id: SaleId, accounts: Iterable[AccountId] = ()) -> Reads:
        """Return what is to be read. accounts: others whose purses the sale may move."""
        facts, account = self.programme.facts, self.account
        spans = self._windows(self.begun)
        by_status = any(name.startswith(STATUS) for name in facts)
        members = account if by_status or self._counts_since(spans) else NO_ACCOUNT
        friend = self.invite.account if self.invite else NO_ACCOUNT
        known = (account, *accounts, *self.gifts.values(), friend)
        return Reads(
            sale_id=sale_id,
            accounts=tuple(dict.fromkeys(one for one in known if one)),
            counters=(*self.limits, *map(code_counter, self.codes), *self.ordinals),
            members_of=members,
            meters_of=account if spans else NO_ACCOUNT,
            windows=spans,
            profile_of=account if self._minds_profile else NO_ACCOUNT,
        )

    def viewed(self, store: Store, view: View, reads: Reads) -> View:
        """Return ``view``, or another where what it shows says that more was to be read."""
        spans = self._windows(self._begun(view)) if reads.members_of else reads.windows
        profile = self._profile(view)
        named = (AccountId(str(profile[name])) for name in REFERRERS if name in profile)
        accounts = tuple(dict.fromkeys((*reads.accounts, *named)))
        again = msgspec.structs.replace(reads, windows=spans, accounts=accounts)
        if again != reads:
            view = msgspec.structs.replace(store.view(again, NO_REQUEST), request=view.request)
        if self.invite is not None:
            why = misfit(store, self.programme, self.invite, self.account, reads.sale_id)
            view = msgspec.structs.replace(view, misfit=why)
        return self._as_if_written(store, view, again)

    def _as_if_written(self, store: Store, view: View, reads: Reads) -> View:
        """Return ``view`` with the meters that other sales count once their chips have told."""
        # Without a purse on chips no sale waits, and nothing more is asked.
        if not (reads.meters_of and chip_purse(self.programme)):
            return view
        meters = dict(view.meters)
        for row in store.ask(UNSETTLED_OF, reads.meters_of):
            sale = chip_sales.intent_of(row).sale
            counted = sale.quote.meters if row.sale_id != reads.sale_id else {}
            for meter in counted.keys() & meters.keys():
                if _within(reads.windows[meter], sale.today):
                    meters[meter] += counted[meter]
        return msgspec.structs.replace(view, meters=meters)

    def of(self, account: AccountId) -> "Standing":
        """Return that of the account that a view has found."""
        return msgspec.structs.replace(self, account=account)

    def as_of(self, view: View) -> "Standing":
        """Return the standing that a view shows, whose windows are read at once the next time."""
        return msgspec.structs.replace(self, begun=self._begun(view))

    def _begun(self, view: View) -> dict[str, date]:
        return status_moves.begun(self.programme.statuses, view.members, self.today)

    def _windows(self, begun: Mapping[str, date]) -> dict[str, tuple[int, int] | None]:
        """Return the windows of the meters that a rule looks at."""
        if not self.account:
            return {}
        facts = self.programme.facts
        return {
            meter: (window[0].toordinal(), window[1].toordinal()) if window else None
            for meter, window in windows(self.programme, self.today, begun).items()
            if meter_fact(meter) in facts
        }

    def _counts_since(self, meters: Iterable[str]) -> bool:
        return any(self.programme.meters[meter].status for meter in meters)

    @property
    def _minds_profile(self) -> bool:
        return bool(self.account) and any(map(_is_of_profile, self.programme.facts))

    def _profile(self, view: View) -> dict[str, Fact]:
        if not self._minds_profile:
            return {}
        return profile_facts(profile_in(view.profile))

    # What it says.

    def facts(self, view: View) -> dict[str, Fact]:
        """Return what other sales, and the owner, may have changed by now."""
        today, begun = self.today.toordinal(), self._begun(view)
        used = view.counters
        facts: dict[str, Fact] = {used_fact(name): used.get(name, 0) for name in self.limits}
        facts |= self._profile(view)
        if self.account:
            facts |= {status_fact(name): name in begun for name in self.programme.statuses}
            facts |= {meter_fact(meter): n for meter, n in view.meters.items()}
        for purse, state in self._purses(view, self.account).items():
            facts[purse_fact(purse)] = state.available(today)
        for payer in dict.fromkeys(self.gifts.values()):
            for purse, state in self._purses(view, payer).items():
                for name in (gift_fact(purse), purse_fact(purse)):
                    facts[name] = number(facts, name) + max(0, state.available(today))
        return facts | ordinal_facts(self.ordinals, used) | self._invited(view)

    def _invited(self, view: View) -> dict[str, Fact]:
        """Return what the code of a friend makes of the sale: nothing where it does not count."""
        if self.invite is None:
            return {}
        if view.misfit:
            return {INVITE_UNFIT: view.misfit}
        code, friend = self.invite.code, self.invite.account
        facts: dict[str, Fact] = {code_fact(code): self.invite.campaign, uses_fact(code): NO_END}
        return facts | {INVITE_FRIEND: friend, "card.referrer": friend}

    def _purses(self, view: View, account: AccountId) -> dict[str, PurseLots]:
        """Return the purses of an account, with what the sale itself has reserved there."""
        purses = dict(view.purses.get(account, {}))
        for key, lots in (self.reserved or {}).items():
            purse, payer = whose(key, self.account)
            if payer == account and lots:
                had = purses[purse]
                back = sum(lot.amount for lot in lots)
                purses[purse] = PurseLots(had.posted, had.held - back, _joined(had.lots, lots))
        return purses

    def moved(self, priced: Mapping[str, Fact], view: View) -> dict[str, Fact] | None:
        """Return the facts of a price with what has changed since, or None where no rule minds.

        priced: the facts that the price was made from.
        """
        now = self.facts(view)
        watched = {n for n in self.programme.facts if n.startswith(MOVED) or _is_of_profile(n)}
        if chip := chip_purse(self.programme):  # it has told itself what it holds
            for name in (purse_fact(chip), gift_fact(chip)):
                now.pop(name, None)
                watched.discard(name)
        if self.invite is not None:
            code = self.invite.code
            watched |= {code_fact(code), uses_fact(code), INVITE_FRIEND, INVITE_UNFIT}
        # A counter below its limit gives the same price whatever it says.
        same = all(
            (number(priced, used_fact(name)) < most) == (number(now, used_fact(name)) < most)
            for name, most in self.limits.items()
        )
        if same and all((priced.get(name) or 0) == (now.get(name) or 0) for name in watched):
            return None
        return {name: fact for name, fact in priced.items() if name not in watched} | now


def _within(window: tuple[int, int] | None, day: int) -> bool:
    return window is None or window[0] <= day <= window[1]


def _is_of_profile(fact: str) -> bool:
    return fact in OF_THE_PROFILE or fact.startswith(ANSWER)


def profile_facts(profile: Profile) -> dict[str, Fact]:
    """Return what a customer's profile says."""
    facts: dict[str, Fact] = {
        "card.name": profile.name,
        "card.birthday": profile.birthday,
        "card.tags": profile.tags,
    }
    sent_by = ((name, getattr(profile, field)) for name, field in REFERRERS.items())
    if profile.language:
        facts[CARD_LANGUAGE] = profile.language
    answers = {answer_fact(name): said for name, said in profile.answers.items()}
    return facts | {name: who for name, who in sent_by if who} | answers


def ordinal_facts(ordinals: tuple[str, ...], used: Mapping[str, int]) -> dict[str, Fact]:
    """Return which sale the next one is, by the day's and by the life's counter."""
    return {name: used.get(key, 0) + 1 for name, key in zip(ORDINALS, ordinals, strict=False)}


def _joined(lots: tuple[Lot, ...], back: tuple[Lot, ...]) -> tuple[Lot, ...]:
    sums: dict[tuple[int, int], int] = {}
    for lot in (*lots, *back):
        key = (lot.expires, lot.usable_from)
        sums[key] = sums.get(key, 0) + lot.amount
    return tuple(Lot(*key, amount) for key, amount in sorted(sums.items()))
