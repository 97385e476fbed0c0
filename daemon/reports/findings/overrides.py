"""``overrides``: a cashier's sales of one day were overridden more than three times."""

from collections.abc import Sequence

from daemon.ledger.posted_facts import SaleFlag
from daemon.reports.findings.detector import Detector, Found, Looking, Note

OVERRIDES_MAX = 3
_OVERRIDDEN = f"kind = 'sale' AND (flags & {int(SaleFlag.OVERRIDE)}) <> 0"


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        f"SELECT cashier, count(*) FROM fact WHERE day = ? AND {_OVERRIDDEN} AND cashier <> ''"
        f" GROUP BY cashier HAVING count(*) > {OVERRIDES_MAX} ORDER BY cashier",
        looking.day,
    )
    return [
        Found(
            subject=cashier,
            value=count,
            threshold=OVERRIDES_MAX,
            evidence=looking.evidence(1, f"{_OVERRIDDEN} AND cashier = ?", cashier),
        )
        for cashier, count in rows
    ]


OVERRIDES = Detector(
    name="overrides",
    about="cashier",
    unit="count",
    days=1,
    means=Note(
        "Cards that only identify have paid by override, again and again.",
        "Картки, що лише впізнають покупця, раз у раз платили за дозволом.",
    ),
    innocent=Note("The chip reader is down.", "Не працює зчитувач чипів."),
    find=_find,
)
