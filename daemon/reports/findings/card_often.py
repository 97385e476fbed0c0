"""``card_often``: an account has more than 2 sale rows on a day."""

from collections.abc import Sequence

from daemon.reports.findings.detector import Detector, Found, Looking, Note

SALES_MAX = 2


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        f"SELECT account, count(*) FROM {looking.facts} WHERE day = ? AND kind = 'sale'"
        f" AND account <> '' GROUP BY account HAVING count(*) > {SALES_MAX} ORDER BY account",
        looking.day,
    )
    return [
        Found(
            subject=account,
            value=count,
            threshold=SALES_MAX,
            evidence=looking.evidence(1, "kind = 'sale' AND account = ?", account),
        )
        for account, count in rows
    ]


CARD_OFTEN = Detector(
    name="card_often",
    about="account",
    unit="count",
    days=1,
    means=Note(
        "A card was shown with more sales of one day than a customer makes.",
        "Картку показано з більшою кількістю продажів за день, ніж робить покупець.",
    ),
    innocent=Note("A family shares the card; a bar.", "Картка сімейна; бар."),
    find=_find,
)
