"""``burn_then_return``: money comes back for a sale that was paid with points days before."""

from collections import defaultdict
from collections.abc import Sequence

from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

WITHIN_DAYS = 3


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        "WITH back AS MATERIALIZED (SELECT account, cashier, store, day, ledger_id, seq, sale_id"
        f" FROM {looking.facts} WHERE day = ? AND kind = 'return' AND paid < 0),"
        " sold AS MATERIALIZED (SELECT day, ledger_id, seq, sale_id FROM fact"
        " WHERE day BETWEEN ? AND ? AND kind = 'sale' AND burned > 0)"
        " SELECT back.account, back.cashier, back.store, back.day - sold.day, back.ledger_id,"
        " back.seq, sold.ledger_id, sold.seq FROM back JOIN sold ON sold.sale_id = back.sale_id"
        " ORDER BY back.account, back.seq",
        looking.day,
        looking.day - WITHIN_DAYS,
        looking.day,
    )
    places: defaultdict[str, set[Place]] = defaultdict(set)
    soonest: dict[str, tuple[int, str, str]] = {}
    for account, cashier, store, days, back_id, back_seq, sold_id, sold_seq in rows:
        places[account] |= {(back_id, back_seq), (sold_id, sold_seq)}
        soonest[account] = min(soonest.get(account, (days, cashier, store)), (days, cashier, store))
    return [
        Found(
            subject=account,
            other=cashier,
            value=days,
            threshold=WITHIN_DAYS,
            evidence=cut(places[account], (store,)),
        )
        for account, (days, cashier, store) in sorted(soonest.items())
    ]


BURN_THEN_RETURN = Detector(
    name="burn_then_return",
    about="account",
    unit="days",
    days=1,
    means=Note(
        "Money came back for goods that points had paid for, some days before.",
        "За товар, оплачений балами кілька днів тому, повернули гроші.",
    ),
    innocent=Note("The wrong size.", "Не той розмір."),
    find=_find,
)
