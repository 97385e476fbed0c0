"""All that is known of one customer, on one page: the person, the cards, the books.

Entries and sales come newest first, a page at a time; ``after`` is the place of the last one of a
page, ``2026-11-28T10:00:00.000000Z 5f0c… 1203``, and the next page begins behind it. What is
sensitive is named and not shown.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any

import msgspec

from daemon.accounts.cards import Answer
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId, SaleId, given_id
from daemon.base.refusals import ParamError
from daemon.base.text_limits import IdText, SaidText, Text
from daemon.customers.customers import Customers, WhoseTerms, customer_entry, everyone_in
from daemon.customers.dossier_parts import (
    ShownCard,
    ShownConsent,
    ShownEntry,
    ShownFriend,
    ShownInvite,
    ShownLot,
    ShownMessage,
    ShownPurse,
    ShownSale,
    ShownStatus,
)
from daemon.customers.photos import photo_kinds
from daemon.customers.profiles import person_of
from daemon.customers.search_keys import NAMES_ONE, WORD, keys_of, words
from daemon.customers.searching import FOUND_MAX, Found, shown_customer
from daemon.ledger import status_moves
from daemon.ledger.entries import FOREVER, decode
from daemon.ledger.erased import notice
from daemon.ledger.ledger import Ledger
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.storage.customer_queries import (
    ACCOUNTS_WITH_KEY,
    CONSENTS_OF,
    ENTRIES_OF,
    SALES_BEFORE,
    SoldRow,
)
from daemon.ledger.storage.friend_queries import FRIENDS_COUNTED, INVITES_OF, NEWEST_FRIENDS
from daemon.ledger.storage.mailing_queries import NEWEST_MESSAGES
from daemon.ledger.storage.queries import CARDS_OF, MEMBERS_OF
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import Programme
from daemon.programme.status import holds, tick, window_to
from daemon.reports.customer_figures import CustomerFigures, customer_figures, period_said
from daemon.reports.period import Period

PAGE_MAX = 100
FRIENDS_SHOWN_MAX = 100
MESSAGES_SHOWN_MAX = 100
_NEWEST = (str(FOREVER), "", 0)
"""Behind every time, and every day that a shop will see."""
SHOWN_DETAIL = ("event", "fields", "by", "approved_by", "reason", "cashier", "store", "terminal",
                "purpose", "channel", "given", "source")  # fmt: skip
"""What an entry's line says of its detail."""


class DossierTerms(WhoseTerms, frozen=True, kw_only=True):
    """Whose dossier, and which page of it.

    entries_after, sales_after: the place of the last one seen, or "" for the newest ones.
    limit: of entries, and of sales; 0 brings none.
    first, last: the local days of the figures, both included; "" is today, and a year before.
    """

    entries_after: Text = ""
    sales_after: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=0, le=PAGE_MAX)] = 20
    first: Text = msgspec.field(default="", name="from")
    last: Text = msgspec.field(default="", name="to")


class DuplicatesTerms(WhoseTerms, frozen=True, kw_only=True):
    """Of whom others are looked for with the same telephone, e-mail, or name and birthday."""


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """All of a customer. Days are local days.

    notice:    a sentence where the person was erased, or "".
    answers:   by question; sensitive: questions whose answers are kept apart.
    pictures:  of ``photo signature`` those that there are; they are shown on their own.
    units:     what each purse of the programme counts; amounts are in its smallest unit.
    figures:   what was bought in a period, as the report ``activity`` says it.
    more_entries, more_sales: whether another page follows.
    referrer:  who has brought them. friends: the newest FRIENDS_SHOWN_MAX of whom they have
               brought; friends_count: how many there are.
    messages:  of mailings, the newest MESSAGES_SHOWN_MAX; they are kept for a year.
    """

    account: AccountId
    notice: str
    answers: dict[str, Answer]
    sensitive: tuple[str, ...]
    pictures: tuple[str, ...]
    referrer: str
    partner: str
    employee: str
    invites: tuple[ShownInvite, ...]
    friends: tuple[ShownFriend, ...]
    friends_count: int
    consents: tuple[ShownConsent, ...]
    messages: tuple[ShownMessage, ...]
    cards: tuple[ShownCard, ...]
    balances: dict[str, ShownPurse]
    units: dict[str, str]
    statuses: dict[str, ShownStatus]
    figures: CustomerFigures
    entries: tuple[ShownEntry, ...]
    more_entries: bool
    sales: tuple[ShownSale, ...]
    more_sales: bool


class ExportTerms(DossierTerms, frozen=True, kw_only=True):
    """Whose data is given to them. ``by``: who hands it out.

    of: an account that was merged into this one, for its entries and sales; "" for its own.
    """

    by: SaidText
    of: IdText = ""


class Exported(Dossier, frozen=True, kw_only=True):
    """The dossier with what it does not show: the answers to sensitive questions.

    others: the accounts that were merged into this one.
    """

    private: dict[str, Answer]
    others: tuple[AccountId, ...]


class Dossiers:
    """Reads dossiers."""

    def __init__(
        self,
        ledger: Ledger,
        customers: Customers,
        clock: Clock,
        programme: Callable[[], Programme],
    ) -> None:
        self._ledger = ledger
        self._customers = customers
        self._clock = clock
        self._programme = programme

    async def show(self, terms: DossierTerms) -> Dossier:
        """Return a customer's dossier. Raises RefusedError CARD_UNKNOWN; ParamError for a place."""
        programme, today = self._programme(), self._today()
        page = _Page.of(terms, today)

        def read(store: Store) -> Dossier:
            account = self._customers.account(store, terms)
            return _dossier(store, account, account, page, (programme, today))

        return await self._ledger.read(read)

    async def export(self, terms: ExportTerms, signed: Signed = UNSIGNED) -> Exported:
        """Return what a person may ask for of themselves; who handed it out is an entry, once.

        Raises: as `show`.
        """
        programme, today = self._programme(), self._today()
        page = _Page.of(terms, today)

        def read(store: Store) -> Exported:
            account = self._customers.account(store, terms)
            others = tuple(sorted(everyone_in(store, account) - {account}))
            of = AccountId(terms.of or account)
            if of not in (account, *others):
                raise ParamError("of", "names none of the accounts that were merged into it")
            dossier = _dossier(store, account, of, page, (programme, today))
            return Exported(
                **msgspec.structs.asdict(dossier),
                private=person_of(store, account).private,
                others=others,
            )

        exported = await self._ledger.read(read)
        if not (terms.entries_after or terms.sales_after or terms.of):
            detail = {"event": "exported", "by": terms.by} | signed.approved
            entry = customer_entry(rfc3339(self._clock.now()), exported.account, detail)
            await self._ledger.write(Change(entry=entry))
        return exported

    def _today(self) -> date:
        return self._programme().days.day_of(self._clock.now())

    async def duplicates(self, terms: DuplicatesTerms) -> Found:
        """Return who may be the same person as a customer. Raises RefusedError CARD_UNKNOWN."""

        def read(store: Store) -> Found:
            account = self._customers.account(store, terms)
            others = list(dict.fromkeys(_likely(store, account)))
            people = tuple(shown_customer(store, other) for other in others[:FOUND_MAX])
            return Found(customers=people, more=len(others) > FOUND_MAX)

        return await self._ledger.read(read)


class _Page(msgspec.Struct, frozen=True):
    """Where a page of entries and one of sales begin, how many lines each has; of which days."""

    entries_before: tuple[str, str, int]
    sales_before: tuple[str, str, int]
    limit: int
    period: Period

    @classmethod
    def of(cls, terms: DossierTerms, today: date) -> "_Page":
        return cls(
            _place(terms.entries_after, "entries_after"),
            _place(terms.sales_after, "sales_after"),
            terms.limit,
            period_said(terms.first, terms.last, today),
        )


def _dossier(
    store: Store,
    account: AccountId,
    of: AccountId,
    page: _Page,
    now: tuple[Programme, date],
) -> Dossier:
    """Return a customer's dossier with a page of the entries and sales ``of`` an account."""
    programme, today = now
    person = person_of(store, account)
    profile = person.profile
    entries, more_entries = _entries(store, of, page.entries_before, page.limit)
    sales, more_sales = _sales(store, of, page.sales_before, page.limit)
    return Dossier(
        account=account,
        notice=notice(store, account),
        answers={n: a for n, a in person.answers.items() if n not in person.private},
        sensitive=tuple(person.private),
        pictures=photo_kinds(store, account),
        referrer=profile.referrer,
        partner=profile.partner,
        employee=profile.employee,
        invites=tuple(
            ShownInvite(row.code.upper(), row.campaign) for row in store.ask(INVITES_OF, account)
        ),
        friends=tuple(
            ShownFriend(row.account, row.at)
            for row in store.ask(NEWEST_FRIENDS, account, FRIENDS_SHOWN_MAX)
        ),
        friends_count=store.ask_one(FRIENDS_COUNTED, account) or 0,
        consents=tuple(_consents(store, account)),
        messages=tuple(
            ShownMessage(row.mailing, row.channel, row.state, row.at)
            for row in store.ask(NEWEST_MESSAGES, account, MESSAGES_SHOWN_MAX)
        ),
        cards=tuple(_cards(store, account)),
        balances={name: _purse(state, today) for name, state in store.purses(account).items()},
        units=programme.purse_units,
        statuses=_statuses(store, programme, account, today),
        figures=customer_figures(store, account, everyone_in(store, account), page.period, today),
        entries=entries,
        more_entries=more_entries,
        sales=sales,
        more_sales=more_sales,
    )


def _likely(store: Store, account: AccountId) -> Iterator[AccountId]:
    """Yield other accounts with the same telephone, e-mail, or name and birthday."""
    profile = person_of(store, account).profile
    same = sorted(words(profile.name)) if profile.birthday else []
    for kind, value in sorted(key for key in keys_of(profile) if key[0] in NAMES_ONE):
        if kind == WORD and value != max(same, key=len, default=""):
            continue  # one word finds all that have the whole name
        for other in store.ask(ACCOUNTS_WITH_KEY, kind, value):
            known = person_of(store, other).profile if kind == WORD else profile
            is_same = known.birthday == profile.birthday and sorted(words(known.name)) == same
            if other != account and (kind != WORD or is_same):
                yield other


def _place(text: str, path: str) -> tuple[str, str, int]:
    """Return the place of an entry or a sale; "" is behind all of them."""
    if not text:
        return _NEWEST
    first, _, rest = text.partition(" ")
    ledger_id, _, seq = rest.partition(" ")
    if not (seq.isascii() and seq.isdecimal() and len(seq) <= 18):
        raise ParamError(path, "is no place; send back the one of the last line that you have")
    return first, ledger_id, int(seq)


def _entries(
    store: Store, account: AccountId, before: tuple[str, str, int], limit: int
) -> tuple[tuple[ShownEntry, ...], bool]:
    rows = store.ask(ENTRIES_OF, account, *before, limit + 1)
    return tuple(_entry(account, *row) for row in rows[:limit]), len(rows) > limit


def _entry(account: AccountId, at: str, ledger_id: str, seq: int, body: bytes) -> ShownEntry:
    entry = decode(body)
    detail = msgspec.json.decode(entry.detail, type=dict[str, Any])
    moves: dict[str, int] = {}
    for posting in entry.postings:
        if posting.account == account:
            moves[posting.purse] = moves.get(posting.purse, 0) + posting.amount
    return ShownEntry(
        place=f"{at} {ledger_id} {seq}",
        at=at,
        kind=entry.kind,
        ref=_given(entry.ref),
        moves=moves,
        said={name: detail[name] for name in SHOWN_DETAIL if detail.get(name)},
    )


def _given(ref: str) -> str:
    """Return an id as its POS has given it; one of the till's own is as it is."""
    return given_id(SaleId(ref)) if "/" in ref else ref


def _sales(
    store: Store, account: AccountId, before: tuple[str, str, int], limit: int
) -> tuple[tuple[ShownSale, ...], bool]:
    day = int(before[0]) if before[0].isdecimal() else FOREVER
    rows = store.ask(SALES_BEFORE, account, day, *before[1:], limit + 1)
    return tuple(map(_sale, rows[:limit])), len(rows) > limit


def _sale(row: SoldRow) -> ShownSale:
    figures = {n: getattr(row, n) for n in ("list_total", "discount", "net", "paid")}
    where = {n: getattr(row, n) for n in ("kind", "store", "terminal", "cashier")}
    return ShownSale(
        place=f"{row.day} {row.ledger_id} {row.seq}",
        day=str(date.fromordinal(row.day)),
        sale_id=given_id(row.sale_id),
        **where,
        **figures,
        lines=tuple(_lines(msgspec.json.decode(decode(row.body).detail, type=dict[str, Any]))),
    )


def _lines(detail: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a sale's entry: what was bought and what it came to."""
    bought = detail.get("frozen", {}).get("basket", {}).get("lines", [])
    priced = {line.get("line"): line for line in detail.get("quote", {}).get("lines", [])}
    for line in bought:
        price = priced.get(line.get("line"), {})
        yield {
            "line": line.get("line"),
            "sku": line.get("sku", ""),
            "name": line.get("name", ""),
            "qty": line.get("qty"),
            "net": price.get("net"),
        }


def _consents(store: Store, account: AccountId) -> Iterator[ShownConsent]:
    for row in store.ask(CONSENTS_OF, account):
        yield ShownConsent(
            purpose=row.purpose,
            channel=row.channel,
            given=bool(row.given),
            at=row.at,
            source=row.source,
            by=row.operator,
            text_version=row.text_version,
            language=row.language,
        )


def _cards(store: Store, account: AccountId) -> Iterator[ShownCard]:
    for card in store.ask(CARDS_OF, account):
        yield ShownCard(
            number=card.number,
            kind=card.kind,
            state=card.state,
            issuer=card.issuer,
            until=card.until,
        )


def _purse(state: PurseLots, today: date) -> ShownPurse:
    day = today.toordinal()
    return ShownPurse(
        available=state.available(day),
        pending=state.pending(day),
        held=state.held,
        lots=tuple(_lot(lot) for lot in state.lots if lot.amount),
    )


def _lot(lot: Lot) -> ShownLot:
    return ShownLot(
        amount=lot.amount,
        usable_from=str(date.fromordinal(lot.usable_from)) if lot.usable_from else "",
        until=str(date.fromordinal(lot.expires)) if lot.expires < FOREVER else "",
    )


def _statuses(
    store: Store, programme: Programme, account: AccountId, today: date
) -> dict[str, ShownStatus]:
    known = {row.status: row for row in store.ask(MEMBERS_OF, account)}
    states = status_moves.states_of(known.values())
    shown = {}
    for name, status in programme.statuses.items():
        if name not in states:
            continue
        state = tick(status, states[name], today)
        end = window_to(status, state)
        shown[name] = ShownStatus(
            stage=state.stage,
            since=str(state.since) if state.since and holds(state) else "",
            window_from=str(state.window_from) if state.window_from else "",
            window_to=str(end) if end else "",
            total=state.total,
            listed=known[name].listed,
        )
    return shown
