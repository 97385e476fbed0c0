"""What a card is given for: a purchase of the day, a price, a questionnaire; see `card_kinds`.

    sale s1 of today, net 412.00, nothing came back    min_purchase 400.00 is met, for one card
    a line of kind "card", 2 pieces for 70.00 each     pays for two cards of price 70.00

A card that was written off counts no more: it has come back, and so its line may be returned.
"""

from collections.abc import Callable, Iterator

import msgspec

from daemon.accounts.cards import Profile, shown_state
from daemon.base.ids import AccountId, PosSaleId, SaleId, scoped
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_records import ReturnedLine, SaleRecord
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.card_queries import CARDS_FOR_SALE, CARDS_OF_ACCOUNT
from daemon.ledger.storage.queries import SALE
from daemon.ledger.storage.store import Store
from daemon.programme.basket import LineId
from daemon.programme.card_kinds import CardKind

CARD_LINE = "card"
"""The kind of a line that sells cards."""
FREE, MIN_PURCHASE, PRICE, QUESTIONNAIRE, APPROVED = (
    *("free", "min_purchase", "price"),
    *("questionnaire", "approved"),
)
MILLI = 1_000
Lacking = Callable[[Store, AccountId, Profile], str]
"""Says what is missing of a questionnaire that is filled whole, or ""; the account may be new."""


class HowIssued(msgspec.Struct, frozen=True):
    """What a card was given for. ``price`` in minor units."""

    condition: str = FREE
    price: int = 0
    sale_id: str = ""


def how_issued(
    store: Store,
    kind: CardKind | None,
    cost: int,
    sale: tuple[PosSaleId, int],
    lacking: str,
) -> HowIssued:
    """Return what a card is given for.

    cost:    of the card. sale: its id, and today (ordinal).
    lacking: what is missing of the questionnaire.
    Raises:  RefusedError CONDITION_UNMET, with ``condition`` and ``missing``.
    """
    if kind is None:
        return HowIssued()
    if kind.questionnaire and lacking:
        raise unmet(QUESTIONNAIRE, lacking, f"The questionnaire is not filled: {lacking}.")
    if kind.min_purchase or kind.is_sold:
        sale_id = SaleId(scoped(store.ledger_id, sale[0]))
        record = _record(store, sale_id, sale[1]) if sale[0] else None
        given = sum(1 for _ in store.ask(CARDS_FOR_SALE, sale_id))
        if kind.min_purchase:
            return _bought(kind.min_purchase, record, sale_id, given)
        return _paid(cost if kind.by_cost else kind.price or 0, record, sale_id, given)
    return HowIssued(QUESTIONNAIRE) if kind.questionnaire else HowIssued()


def nothing_lacks(store: Store, account: AccountId, profile: Profile) -> str:
    """Say of every customer that nothing is missing: where nobody asks."""
    return ""


def check_room(store: Store, kind: CardKind | None, account: AccountId, now: str) -> None:
    """Raise RefusedError LIMIT_REACHED where an account has all the cards of a kind it may have."""
    if kind is None or kind.per_account is None:
        return
    cards = store.ask(CARDS_OF_ACCOUNT, account)
    if (
        sum(one.kind == kind.kind and shown_state(one, now) == "active" for one in cards)
        >= kind.per_account
    ):
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, f"An account has at most {kind.per_account} such cards."
        )


def unmet(condition: str, missing: int | str, detail: str) -> RefusedError:
    """Return the refusal of a card whose condition is not met."""
    extra: dict[str, int | str] = {"condition": condition, "missing": missing}
    return RefusedError(ErrorCode.CONDITION_UNMET, detail, extra=extra)


def check_cards_back(
    store: Store, sale_id: SaleId, record: SaleRecord | None, back: tuple[ReturnedLine, ...]
) -> None:
    """Let a line that has paid for a card come back only after the card.

    back: the lines that come back; none are all.
    Raises: RefusedError NOT_RETURNABLE, which names a card.
    """
    lines = tuple(_card_lines(record)) if record else ()
    if not lines:
        return
    cards = [one for one in store.ask(CARDS_FOR_SALE, sale_id) if one.issue.price]
    asked = {line.line: line.qty_milli for line in back}
    left = sum(
        (milli - (asked.get(line, 0) if back else milli)) // MILLI for line, milli, _ in lines
    )
    if len(cards) > left:
        raise RefusedError(
            ErrorCode.NOT_RETURNABLE,
            f"Card {cards[-1].number} was sold with this line: write it off first.",
        )


def _record(store: Store, sale_id: SaleId, today: int) -> SaleRecord | None:
    """Return a sale of today of which nothing came back."""
    row = store.ask_one(SALE, sale_id)
    record = row.record if row is not None and row.state is SaleState.POSTED else None
    is_good = record is not None and record.sale.today == today and not record.returned
    return record if is_good else None


def _bought(least: int, record: SaleRecord | None, sale_id: SaleId, given: int) -> HowIssued:
    net = record.sale.quote.net if record and not given else 0
    if net < least:
        detail = "The card needs a purchase of today that is large enough and has brought no card."
        raise unmet(MIN_PURCHASE, least - net, detail)
    return HowIssued(MIN_PURCHASE, sale_id=sale_id)


def _paid(price: int, record: SaleRecord | None, sale_id: SaleId, given: int) -> HowIssued:
    lines = _card_lines(record) if record else ()
    paid = sum(milli // MILLI for _, milli, net in lines if net * MILLI == price * milli)
    if paid <= given:
        raise unmet(PRICE, price, "The card is sold: its price is on no line of a sale of today.")
    return HowIssued(PRICE, price, sale_id)


def _card_lines(record: SaleRecord) -> Iterator[tuple[LineId, int, int]]:
    """Yield the lines that sell cards: which, what is left of it in thousandths, its net."""
    gone = {line.line: line.qty_milli for line in record.returned}
    kinds = {line.line: line.kind for line in record.sale.frozen.basket.lines}
    for line in record.sale.quote.lines:
        if kinds[line.line] == CARD_LINE:
            yield line.line, line.qty_milli - gone.get(line.line, 0), line.net
