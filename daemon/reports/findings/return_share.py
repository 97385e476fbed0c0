"""``return_share``: a cashier takes a far greater share of sales back than the others there."""

from collections.abc import Sequence

from daemon.reports.findings.by_store import DAYS, far_off_in_stores
from daemon.reports.findings.detector import Detector, Found, Looking, Note


def _find(looking: Looking) -> Sequence[Found]:
    figures = looking.rows(
        "SELECT store, cashier, CAST(sum(CASE WHEN kind = 'sale' THEN 1 ELSE 0 END) AS BIGINT),"
        " CAST(sum(CASE WHEN kind = 'return' THEN -net ELSE 0 END) AS BIGINT),"
        " CAST(sum(CASE WHEN kind = 'sale' THEN net ELSE 0 END) AS BIGINT)"
        " FROM fact WHERE day BETWEEN ? AND ? GROUP BY store, cashier ORDER BY store, cashier",
        looking.first(DAYS),
        looking.day,
    )
    return far_off_in_stores(looking, figures, "kind = 'return'")


RETURN_SHARE = Detector(
    name="return_share",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "This cashier takes back far more of what was sold than the others in the store.",
        "Цей касир приймає назад набагато більше проданого, ніж інші в магазині.",
    ),
    innocent=Note("Works at the returns desk.", "Працює на видачі повернень."),
    find=_find,
)
