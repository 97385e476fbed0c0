"""``favourite``: one cashier nearly always serves a card, and rings half of all sales or less."""

from collections.abc import Sequence

from daemon.base.money import BASIS_POINTS
from daemon.reports.findings.detector import Detector, Found, Looking, Note

DAYS = 30
SALES_MIN, SHARE_MIN_BP, OF_STORE_MAX_BP = 5, 8_000, 5_000


def _find(looking: Looking) -> Sequence[Found]:
    sold = "day BETWEEN ? AND ? AND kind = 'sale'"
    days = (looking.first(DAYS), looking.day)
    rows = looking.rows(
        f"WITH bought AS MATERIALIZED (SELECT account, count(*) AS n FROM {looking.facts}"
        f" WHERE {sold} AND account <> '' GROUP BY account HAVING count(*) >= {SALES_MIN}),"
        " served AS MATERIALIZED (SELECT f.account, f.store, f.cashier, count(*) AS n, bought.n AS"
        f" of_all FROM bought JOIN (SELECT * FROM {looking.facts}) AS f"
        f" ON f.account = bought.account WHERE {sold} AND f.cashier <> ''"
        " GROUP BY f.account, f.store, f.cashier, bought.n"
        f" HAVING count(*) * {BASIS_POINTS} >= bought.n * {SHARE_MIN_BP}),"
        " rang AS MATERIALIZED (SELECT store, cashier, count(*) AS n FROM fact"
        f" WHERE {sold} GROUP BY store, cashier)"
        " SELECT s.account, s.cashier, s.n, s.of_all FROM served AS s"
        f" WHERE {BASIS_POINTS} * (SELECT n FROM rang WHERE rang.store = s.store"
        " AND rang.cashier = s.cashier)"
        f" <= {OF_STORE_MAX_BP} * (SELECT sum(n) FROM rang WHERE rang.store = s.store)"
        " ORDER BY s.account",
        *days,
        *days,
        *days,
    )
    return [
        Found(
            subject=account,
            other=cashier,
            value=BASIS_POINTS * count // of,
            threshold=SHARE_MIN_BP,
            evidence=looking.evidence(
                DAYS, "kind = 'sale' AND account = ? AND cashier = ?", account, cashier
            ),
        )
        for account, cashier, count, of in rows
    ]


FAVOURITE = Detector(
    name="favourite",
    about="account",
    unit="bp",
    days=DAYS,
    means=Note(
        "A card is nearly always served by the same cashier.",
        "Картку майже завжди обслуговує той самий касир.",
    ),
    innocent=Note(
        "A regular with fixed hours.", "Постійний покупець, що приходить у той самий час."
    ),
    find=_find,
)
