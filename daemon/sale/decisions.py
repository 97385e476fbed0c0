"""What a hold, a commit, a void and a return write, decided from what the ledger read. Pure.

Each runs inside the transaction that writes its change: nothing it has seen can be different when
the change is durable. It gives the change and the answer, or raises RefusedError and nothing moves.
"""

from datetime import datetime, timedelta

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.ids import SaleId, given_id
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.friends import befriend_as_priced
from daemon.ledger import chip_sales, chip_transfers, returns, sales
from daemon.ledger.chip_sales import WAITING
from daemon.ledger.chip_transfers import ChipTransfer
from daemon.ledger.entries import Entry
from daemon.ledger.returns import Return
from daemon.ledger.sale_answers import Decided, Held, Posted, Returned, Voided
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_states import SaleEvent, SaleState
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import Programme
from daemon.sale import day_limits
from daemon.sale.draft import SaleDraft
from daemon.sale.terms import DecideTerms
from daemon.shop.programme_versions import ProgrammeVersions

_LOST = ("blocked", "replaced", "written_off")
"""States of a card whose chip is not waited for."""


def decide_hold(
    view: View, *, draft: SaleDraft, shown_total: int | None, ends: str, until: str
) -> tuple[Change, Held]:
    """Reserve what the sale burns and uses up.

    ends, until: when the hold runs out, RFC 3339, by the time that only passes and by the till's.
    shown_total: what the customer was shown, in minor units, or None.
    Raises: RefusedError TOTAL_CHANGED.
    """
    sale = draft.settled(view)
    _check_total(sale, shown_total, draft.standing.programme)
    decision = sales.hold(view, sale, ends)
    return decision.change, Held.of(sale, until, decision)


def decide_longer(
    view: View, *, now: datetime, passed: datetime, longer: timedelta
) -> tuple[Change, Held]:
    """Let a hold run out ``longer`` from now, or when it does, whichever is later.

    now, passed: the till's time, and the time that only passes, by which holds go.
    Raises: RefusedError HOLD_EXPIRED, and by its state where it is on hold no more.
    """
    ended = view.sale is not None and view.sale.until <= rfc3339(passed)
    if ended and sales.state_of(view) is SaleState.HELD:
        raise RefusedError(ErrorCode.HOLD_EXPIRED, "The hold has run out; use a new sale id.")
    decision = sales.prolong(view, rfc3339(now), rfc3339(passed + longer))
    sale = sales.record_of(view).sale
    left = datetime.fromisoformat(decision.sale.until) - passed
    until = rfc3339(now + left)
    return decision.change, Held.of(sale, until, decision)


class ToPost(msgspec.Struct, frozen=True):
    """A sale that is to be posted.

    expected_total: what the till, its quote or its hold says that it costs, in minor units, or
                    None.
    versions:       asked when it is written and not before: a programme that has come into force
                    since the price was made counts the sale too.
    beyond_limits:  whether a manager lets it pass the limits of its day.
    """

    draft: SaleDraft
    expected_total: int | None
    versions: ProgrammeVersions
    beyond_limits: bool = False


def sale_to_post(view: View, wanted: ToPost) -> Sale:
    """Return the sale as it is posted. Raises RefusedError TOTAL_CHANGED, LIMIT_REACHED."""
    draft = wanted.draft
    sale = draft.posted(view, wanted.versions.counting)
    _check_total(sale, wanted.expected_total, draft.standing.programme)
    if not wanted.beyond_limits:
        day_limits.check(draft.limits, view, sale, draft.standing.programme.currency)
    return sale


def _check_total(sale: Sale, expected: int | None, programme: Programme) -> None:
    if expected is not None and expected != sale.quote.total:
        total, shown = map(programme.currency.text, (sale.quote.total, expected))
        raise RefusedError(
            ErrorCode.TOTAL_CHANGED,
            f"The total is {total}, not {shown}; nothing was posted."
            " Quote again; where the sale is on hold, void it and take a new sale id.",
            extra={"total": sale.quote.total},
        )


def decide_commit(view: View, wanted: ToPost) -> tuple[Change, Posted]:
    """Post a sale that is not written on a chip."""
    sale = sale_to_post(view, wanted)
    # What the chip does not take now it is owed; with the card here that is nothing.
    sale = msgspec.structs.replace(sale, owed=sale.chip_net)
    decision = sales.commit(view, sale, wanted.versions.active.statuses)
    # A sale that is written on a chip is counted by its intent; there is no way back after that.
    counters = (*decision.entry.counters, *sale.day_counts)
    entry = msgspec.structs.replace(decision.entry, counters=counters)
    decision = msgspec.structs.replace(decision, entry=entry)
    return decision.change, Posted.of(sale, decision)


def decide_void(view: View, *, sale_id: SaleId, at: str, reason: str) -> tuple[Change, Voided]:
    """Release a hold, or see to it that an id which was never seen is never posted."""
    state = sales.state_of(view)
    if state is SaleState.NEW:
        decision = sales.forestall(view, sale_id, at, reason)
    elif state in WAITING:
        decision = chip_sales.void(view, at, reason)
    else:
        decision = sales.release(view, at, SaleEvent.VOID, reason)
    return decision.change, Voided.of(decision)


def decide_by_hand(
    store: Store, view: View, *, terms: DecideTerms, at: str, programme: Programme
) -> tuple[Change, Decided]:
    """Take a manager's word for what a chip did; who said it and why is an entry of its own.

    Raises: RefusedError as `chip_sales.check_undecided`.
    """
    uid = chip_sales.intent_of(view.sale).uid if view.sale and view.sale.state in WAITING else ""
    card = store.ask_one(CARD_BY_IDENTIFIER, "uid", uid)
    chip_sales.check_undecided(view, is_lost=card is None or card.state in _LOST)
    intent, written = chip_sales.intent_in(view), terms.outcome == "written"
    if ChipTransfer.of(intent.sale) is None:
        decision = chip_sales.by_word(view, at, written=written, statuses=programme.statuses)
    else:
        decision = chip_transfers.by_word(view, at, written=written)
    if decision.sale.state is SaleState.POSTED:
        befriend_as_priced(store, programme, intent.sale, at)
    said = msgspec.to_builtins(terms) | {"chip": uid, "txid": intent.txid.hex()}
    detail = msgspec.Raw(msgspec.json.encode(said))
    sale_id, account = decision.sale.sale_id, intent.sale.account
    entry = Entry(at=at, kind="decide", ref=sale_id, account=account, detail=detail)
    store.write(Change(entry=entry))
    state, given = decision.sale.state, given_id(sale_id)
    return decision.change, Decided(state=state, sale_id=given, outcome=terms.outcome)


def decide_return(
    view: View,
    *,
    ask: Return,
    priced_by: Programme,
    versions: ProgrammeVersions,
    dry: bool = False,
) -> tuple[Change, Returned]:
    """Take a sale back, wholly or in part, under the programme that priced it.

    dry: whether it is only asked what the return would give.
    """
    decision, back = returns.return_sale(view, ask, priced_by, versions.active)
    return decision.change, Returned.of(ask.return_id, back, decision, dry=dry)
