"""``flags``: a cashier's till says a ``flag.*`` far more often than the others'."""

from collections import defaultdict
from collections.abc import Sequence

from daemon.ledger.posted_facts import SaleFlag
from daemon.reports.findings.by_store import DAYS
from daemon.reports.findings.detector import Detector, Found, Looking, Note
from daemon.reports.findings.others import CASHIERS_MIN, SALES_MIN, median, share_bp

SHARE_MAX_BP, TIMES = 2_000, 3
_FLAGGED = f"(flags & {int(SaleFlag.FLAG)}) <> 0"


def most_of(others: Sequence[int]) -> int:
    """Return the greatest share, in basis points, that is not noticed beside others'."""
    return max(SHARE_MAX_BP, TIMES * median(others))


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        f"SELECT store, cashier, CAST(sum(CASE WHEN {_FLAGGED} THEN 1 ELSE 0 END) AS BIGINT),"
        " count(*) FROM fact WHERE day BETWEEN ? AND ? AND kind = 'sale' AND cashier <> ''"
        f" GROUP BY store, cashier HAVING count(*) >= {SALES_MIN} ORDER BY store, cashier",
        looking.first(DAYS),
        looking.day,
    )
    stores: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for store, cashier, flagged, count in rows:
        stores[store][cashier] = share_bp(flagged, count)
    found: dict[str, Found] = {}
    for store, shares in stores.items():
        for cashier, share in shares.items() if len(shares) >= CASHIERS_MIN else ():
            most = most_of([one for other, one in shares.items() if other != cashier])
            known = found.get(cashier)
            if share > most and (known is None or share > known.value):
                its_own = ("kind = 'sale' AND store = ? AND cashier = ?", store, cashier)
                evidence = looking.evidence(DAYS, f"{_FLAGGED} AND {its_own[0]}", *its_own[1:])
                found[cashier] = Found(
                    subject=cashier, value=share, threshold=most, evidence=evidence
                )
    return list(found.values())


FLAGS = Detector(
    name="flags",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "This cashier's till gives discounts by a word of its own far more often than others.",
        "Каса цього касира дає знижки за власною ознакою набагато частіше, ніж інші.",
    ),
    innocent=Note("An action day.", "День акції."),
    find=_find,
)
