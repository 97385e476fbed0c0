"""``discount_share``: a cashier gives a far greater share of discount than the others there."""

from collections.abc import Sequence

from daemon.reports.findings.by_store import DAYS, far_off_in_stores
from daemon.reports.findings.detector import Detector, Found, Looking, Note


def _find(looking: Looking) -> Sequence[Found]:
    figures = looking.rows(
        "SELECT store, cashier, CAST(sum(n) AS BIGINT), CAST(sum(discount) AS BIGINT),"
        " CAST(sum(list_total) AS BIGINT) FROM day_sum WHERE day BETWEEN ? AND ? AND rule = ''"
        " GROUP BY store, cashier ORDER BY store, cashier",
        looking.first(DAYS),
        looking.day,
    )
    return far_off_in_stores(looking, figures, "discount <> 0")


DISCOUNT_SHARE = Detector(
    name="discount_share",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "This cashier's sales have far more discount than those of the others in the store.",
        "У продажах цього касира знижок набагато більше, ніж в інших у магазині.",
    ),
    innocent=Note("Works the pensioners' hour.", "Працює в годину для пенсіонерів."),
    find=_find,
)
