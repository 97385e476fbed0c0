"""Stored value: money or units that are put on a card, and what is on it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from daemon.accounts.cards import Cards, Profile, shown_state
from daemon.accounts.typed_numbers import times_typed
from daemon.base.currency import Currency
from daemon.base.ids import AccountId, given_id, scope_of
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import RequestId, SaidText, Tenders, Text, check_tables
from daemon.ledger import status_moves
from daemon.ledger.chip_owed import chip_purse, owed_purse, shift
from daemon.ledger.chip_sales import intent_of
from daemon.ledger.chip_transfers import ChipTransfer
from daemon.ledger.entries import FOREVER, Entry
from daemon.ledger.ledger import RequestKey
from daemon.ledger.lots import Lot, put
from daemon.ledger.moves import Balance, Moves
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.queries import CHIPS_OF, CUSTOMER, MEMBERS_OF, UNSETTLED_OF
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.state import Purse
from daemon.shop.shop import Shop

TOPUP_MAX = 1_000_000_000


class TopUpTerms(Params, frozen=True, kw_only=True):
    """What a customer paid in: ``amount`` in the purse's unit.

    tenders: what was taken; where each has an ``amount``, they sum up to what the amount is worth.
    """

    topup_id: RequestId
    card: Text
    amount: Annotated[int, msgspec.Meta(ge=1, le=TOPUP_MAX)]
    purse: Text = ""
    cashier: SaidText
    tenders: Tenders = ()

    def __post_init__(self) -> None:
        check_tables("tenders", *self.tenders)


class ToppedUp(msgspec.Struct, frozen=True, kw_only=True):
    """The purses after it. What goes to a chip is owed (``<purse>:owed``) until the chip has it."""

    state: str
    topup_id: str
    purse: str
    amount: int
    balances: dict[str, Balance]
    replayed: bool = False


class ShowTerms(Params, frozen=True, kw_only=True):
    """A card, by its number or its UID, whatever its state."""

    card: Text


class CardShown(msgspec.Struct, frozen=True, kw_only=True):
    """A card, its customer, its purses, its statuses and its life's meters. ``until``: RFC 3339.

    state:     ``expired`` is an active card past its day.
    typed:     how often its number was typed, by cashier.
    unsettled: what waits for what a chip says: this till's sales by their id, other tills' by their
               receipt, amounts that chips are owed as ``owed-…``.
    """

    number: str
    account: AccountId
    kind: str
    issuer: str
    state: str
    until: str
    name: str
    holder: str
    tags: tuple[str, ...]
    balances: dict[str, Balance]
    credit: dict[str, int]
    statuses: tuple[str, ...]
    meters: dict[str, int]
    typed: dict[str, int]
    unsettled: tuple[str, ...]


class TopUps:
    """Puts value on cards and shows it.

    pay_owed: writes what a chip (its UID, its account) is owed, if it lies on a reader.
    store:    of the till, for the entry.
    most:     of one top-up, in the purse's unit; None: TOPUP_MAX.
    """

    def __init__(
        self,
        shop: Shop,
        cards: Cards,
        pay_owed: Callable[[str, AccountId], Awaitable[None]],
        store: str,
        most: int | None = None,
    ) -> None:
        self._store = store
        self._most = most
        self._shop = shop
        self._cards = cards
        self._pay_owed = pay_owed

    async def top_up(self, key: RequestKey, terms: TopUpTerms) -> msgspec.Raw:
        """Put value on a card, once. A chip is owed it until it lies where it can be written.

        Raises: RefusedError CARD_UNKNOWN, CARD_BLOCKED, CARD_EXPIRED, LIMIT_REACHED; ParamError
                where it is not said which purse, and where tenders do not sum up.
        """
        programme, (_, at, day) = self._shop.programme, self._shop.moment()
        today = day.toordinal()

        def job(store: Store, view: View) -> tuple[Change, ToppedUp]:
            card = self._cards.usable(store, terms.card, at)
            name = terms.purse or next(iter(programme.purses), "")
            purse = programme.purses.get(name)
            if purse is None or (not terms.purse and len(programme.purses) > 1):
                known = ", ".join(programme.purses) or "none"
                raise ParamError("purse", f"say which purse: {known}")
            self._check_amount(terms, purse, programme.currency)
            moves = Moves({card.account: store.purses(card.account)})
            if purse.where == "chip":
                shift(moves, card.account, owed_purse(name), terms.amount)
            else:
                expires = today + purse.expire_days if purse.expire_days else FOREVER
                lot = Lot(expires=expires, amount=terms.amount)
                entering = put(moves.state(card.account, name), (lot,))
                moves.move(card.account, name, posted=terms.amount, lots=entering)
            detail = msgspec.to_builtins(terms) | {"store": self._store}
            entry = Entry(
                at=at,
                kind="topup",
                ref=terms.topup_id,
                account=card.account,
                postings=tuple(moves.postings),
                lots=tuple(moves.lots),
                detail=msgspec.Raw(msgspec.json.encode(detail)),
            )
            answer = ToppedUp(
                state="posted",
                topup_id=terms.topup_id,
                purse=name,
                amount=terms.amount,
                balances=moves.balances(card.account, today),
            )
            return Change(entry=entry), answer

        answer = await self._shop.ledger.once(key, at, job)
        if chip_purse(programme):
            for uid, account in await self._shop.ledger.read(
                lambda store: self._chips(store, terms)
            ):
                await self._pay_owed(uid, account)
        return answer

    def _check_amount(self, terms: TopUpTerms, purse: Purse, currency: Currency) -> None:
        if self._most is not None and terms.amount > self._most:
            raise RefusedError(
                ErrorCode.LIMIT_REACHED,
                f"At most {purse.text(self._most)} are put on a card at once.",
            )
        given = [tender.get("amount") for tender in terms.tenders]
        sums = [amount for amount in given if isinstance(amount, int)]
        worth = terms.amount * purse.worth
        if worth and given and len(sums) == len(given) and sum(sums) != worth:
            paid, due = currency.text(sum(sums)), currency.text(worth)
            raise ParamError("tenders", f"sum up to {paid}, the amount is worth {due}")

    def _chips(self, store: Store, terms: TopUpTerms) -> list[tuple[str, AccountId]]:
        card = self._cards.find(store, terms.card)
        return [(uid, card.account) for uid in store.ask(CHIPS_OF, card.card_id)]

    async def show(self, terms: ShowTerms) -> CardShown:
        """Show a card. Raises RefusedError CARD_UNKNOWN."""
        programme = self._shop.programme
        _, at, day = self._shop.moment()

        def read(store: Store) -> CardShown:
            card = self._cards.find(store, terms.card)
            row = store.ask_one(CUSTOMER, card.account)
            profile = msgspec.json.decode(row.profile, type=Profile) if row else Profile()
            states = status_moves.states_of(store.ask(MEMBERS_OF, card.account))
            lives: dict[str, tuple[int, int] | None] = dict.fromkeys(programme.meters)
            return CardShown(
                number=card.number,
                account=card.account,
                kind=card.kind,
                issuer=card.issuer,
                state=shown_state(card, at),
                until=card.until,
                name=profile.name,
                holder=card.holder,
                tags=profile.tags,
                balances=Moves({card.account: store.purses(card.account)}).balances(
                    card.account, day.toordinal()
                ),
                credit={p.id: p.credit_limit for p in programme.purses.values() if p.credit_limit},
                statuses=tuple(sorted(status_moves.begun(programme.statuses, states, day))),
                meters=store.meters(card.account, lives),
                typed=times_typed(store, card),
                unsettled=tuple(
                    _named(row, store) for row in store.ask(UNSETTLED_OF, card.account)
                ),
            )

        return await self._shop.ledger.read(read)


def _named(row: SaleRow, store: Store) -> str:
    """Return what this till calls a sale that waits for its chip."""
    sale = intent_of(row).sale
    is_ours = scope_of(row.sale_id) == store.ledger_id or ChipTransfer.of(sale) is not None
    return given_id(row.sale_id) if is_ours else sale.receipt
