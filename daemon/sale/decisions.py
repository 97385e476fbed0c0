"""What a hold, a commit, a void and a return write, decided from what the ledger read. Pure.

Each runs inside the transaction that writes its change: nothing it has seen can be different when
the change is durable. It gives the change and the answer, or raises RefusedError and nothing moves.
"""

import msgspec

from daemon.base.ids import SaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger import chip_sales, returns, sales
from daemon.ledger.chip_sales import WAITING
from daemon.ledger.returns import Return
from daemon.ledger.sale_answers import Held, Posted, Returned, Voided
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_states import SaleEvent, SaleState
from daemon.ledger.storage.store import Change, View
from daemon.programme.programme import Programme
from daemon.sale.draft import SaleDraft
from daemon.shop.programme_versions import ProgrammeVersions


def decide_hold(
    view: View, *, draft: SaleDraft, shown_total: int | None, until: str
) -> tuple[Change, Held]:
    """Reserve what the sale burns and uses up, until ``until`` (RFC 3339).

    shown_total: what the customer was shown, in minor units, or None.
    Raises: RefusedError TOTAL_CHANGED.
    """
    sale = draft.settled(view)
    _check_total(sale, shown_total)
    decision = sales.hold(view, sale, until)
    return decision.change, Held.of(sale, until, decision)


class ToPost(msgspec.Struct, frozen=True):
    """A sale that is to be posted.

    expected_total: what the till, its quote or its hold says that it costs, in minor units, or
                    None.
    versions:       asked when it is written and not before: a programme that has come into force
                    since the price was made counts the sale too.
    """

    draft: SaleDraft
    expected_total: int | None
    versions: ProgrammeVersions


def sale_to_post(view: View, wanted: ToPost) -> Sale:
    """Return the sale as it is posted. Raises RefusedError TOTAL_CHANGED."""
    sale = wanted.draft.posted(view, wanted.versions.counting)
    _check_total(sale, wanted.expected_total)
    return sale


def _check_total(sale: Sale, expected: int | None) -> None:
    if expected not in (None, sale.quote.total):
        raise RefusedError(
            ErrorCode.TOTAL_CHANGED,
            f"The total is {sale.quote.total}, not {expected}; nothing was posted."
            " Quote again; where the sale is on hold, void it and take a new sale id.",
            extra={"total": sale.quote.total},
        )


def decide_commit(view: View, wanted: ToPost) -> tuple[Change, Posted]:
    """Post a sale that is not written on a chip."""
    sale = sale_to_post(view, wanted)
    # What the chip does not take now it is owed; with the card here that is nothing.
    sale = msgspec.structs.replace(sale, owed=sale.chip_net)
    decision = sales.commit(view, sale, wanted.versions.active.statuses)
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


def decide_return(
    view: View, *, ask: Return, priced_by: Programme, versions: ProgrammeVersions
) -> tuple[Change, Returned]:
    """Take a sale back, wholly or in part, under the programme that priced it."""
    decision, back = returns.return_sale(view, ask, priced_by, versions.active)
    return decision.change, Returned.of(ask.return_id, back, decision)
